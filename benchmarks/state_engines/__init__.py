"""What the sync state could be kept in: the same work done by delta-rs, DuckDB and our own store.

Each module has `create`, `diff`, `commit` and `count`; each of them runs in a process of its own.
"""
