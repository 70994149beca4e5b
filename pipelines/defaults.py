"""Defaults that `--help` shows too, and so without anything that takes long to import."""

PARTITION_ROWS = 50_000
"""Rows per partition: about 30 MB of a wide export, and enough for polars to be at full speed."""
LOCAL_APPLICATION = "local"
"""Application of the embedded server when none is named."""
