"""Makes the samples: `places` and `people` invent them, `audience` damages some of them.

`troubles_*` are tables of tiny files. Nothing here imports the program: expectations come from
DESIGN.md, not from what the code does.
"""
