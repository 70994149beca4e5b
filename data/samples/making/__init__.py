"""Makes the samples: `places` and `people` invent them, `audience` damages some, `troubles_*` are tables.

Nothing here imports the program: expectations come from DESIGN.md, not from what the code does.
"""
