"""How rows get from an export into the service, one step after the other.

`stage -> prepare -> resolve -> deliver -> report`; see `flows.py` for the order and `steps/` for
the pure functions that each phase is made of.
"""
