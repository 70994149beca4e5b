"""Whole imports in this process: how they are started, and how what they left is read."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.flows import import_endpoints
from pipelines.settings import ImportSettings
from schemas.outcomes import Outcome


def run_import(folder: Path, url: str, *sources: Path | str, **settings: Any) -> dict[str, Any]:
    return import_endpoints(
        ImportSettings(
            sources=[str(source) for source in sources],
            endpoint_url=url,
            local=True,  # credentials that any server takes
            runs_dir=folder / "runs",
            **settings,
        )
    )


def require_balance(summary: Mapping[str, Any]) -> None:
    assert summary["balanced"] is True
    assert sum(summary[outcome.value] for outcome in Outcome) == summary["rows"]


def read_rows(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def write_rows(path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def people(count: int, first: int = 0) -> list[tuple[str, ...]]:
    return [(f"id-{n}", "EMAIL", f"p{n}@example.com") for n in range(first, first + count)]


def read_outcomes(run: Path) -> pl.DataFrame:
    return pl.read_parquet(run / "outcomes" / "part-*.parquet")
