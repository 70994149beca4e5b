"""The pure core: functions from polars frames to polars frames.

No files, no network, no clock, no Prefect. Order of use: `map_columns`, `normalize`, `validate`,
`encode` for one partition; `resolve` across partitions; `pack` and `outcomes` around delivery.
"""
