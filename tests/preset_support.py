"""Presets and their samples, as the tests of both need them."""

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.mapping_suggestion import load_presets

ROOT = Path(__file__).parents[1]
EXPORTS = ROOT / "data/samples/exports"
PRESETS = load_presets()
SAMPLES = sorted(EXPORTS.iterdir())


def flatten(members: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Write nested JSON as columns with dots."""
    flat: dict[str, str] = {}
    for name, value in members.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = str(value[0] if isinstance(value, list) else value)
    return flat


def read_records(path: Path) -> tuple[list[str], list[list[str]]]:
    """Give the header and the records of a sample."""
    with path.open(newline="", encoding="utf-8") as file:
        if path.suffix == ".csv":
            header, *records = csv.reader(file)
            return header, records
        flat = [flatten(json.loads(line)) for line in file]
    header = list(dict.fromkeys(name for record in flat for name in record))
    return header, [[record.get(name, "") for name in header] for record in flat]


def as_frame(width: int, records: list[list[str]]) -> pl.DataFrame:
    """Give records as the sample that a suggestion looks at."""
    columns = [f"c{position}" for position in range(width)]
    return pl.DataFrame(records, schema=dict.fromkeys(columns, pl.String), orient="row")
