"""Writes the samples: audience, clean file, troubles and their expectations.

    .venv/bin/python data/samples/generate.py [--into FOLDER]

The same every time: one seed, no clock. All people, numbers, addresses and tokens are made up.
"""

import argparse
import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from making import (
    audience,
    troubles_accidents,
    troubles_files,
    troubles_parquet,
    troubles_rows,
    troubles_values,
)
from making.people import Row
from making.tables import fill_tables
from making.trouble import Trouble
from making.typed import expected_codes, keep_typed, make_table

SEED = 20261122
HERE = Path(__file__).parent
TROUBLES = (
    *troubles_files.TROUBLES,
    *troubles_values.TROUBLES,
    *troubles_accidents.TROUBLES,
    *troubles_rows.TROUBLES,
    *troubles_parquet.TROUBLES,
)


def main() -> None:
    """Write everything into the folder that the command line names, by default this one."""
    parser = argparse.ArgumentParser(description="Write the samples.")
    parser.add_argument("--into", type=Path, default=HERE, help="folder to write to")
    into: Path = parser.parse_args().into
    (into / "troubles").mkdir(parents=True, exist_ok=True)
    expected = write_audiences(into)
    write_json(expected, into / "expected.json")
    for trouble in TROUBLES:
        write_trouble(trouble, into / "troubles")
    told = [{"file": each.file_name, **each.expectation} for each in TROUBLES]
    readme = fill_tables((HERE / "README.md").read_text(encoding="utf-8"), expected, told)
    (into / "README.md").write_text(readme, encoding="utf-8")


def write_audiences(into: Path) -> dict[str, Any]:
    """Write the three larger files; give what is expected of each."""
    rows = audience.make_audience(random.Random(SEED))  # noqa: S311 (invents people, not secrets)
    clean = audience.make_clean(random.Random(SEED + 1))  # noqa: S311 (as above)
    typed = keep_typed(rows)
    (into / "audience.csv").write_bytes(format_csv(audience.MESSY_HEADER, rows))
    (into / "clean.csv").write_bytes(format_csv(audience.HEADER, clean))
    write_parquet(make_table(typed), into / "audience.parquet")
    return {
        "audience.csv": expect(rows, [row.codes for row in rows], audience.HEADER_CODES),
        "audience.parquet": expect(
            typed, [expected_codes(row) for row in typed], audience.HEADER_CODES
        ),
        "clean.csv": expect(clean, [row.codes for row in clean], []),
    }


def expect(rows: list[Row], codes: list[list[str]], header: list[str]) -> dict[str, Any]:
    """Say what should become of rows; those not named are accepted without an issue."""
    return {
        "rows": len(rows),
        "outcomes": {str(n): r.outcome for n, r in enumerate(rows, 1) if r.outcome != "accepted"},
        "codes": {str(number): sorted(found) for number, found in enumerate(codes, 1) if found},
        "header": sorted(header),
    }


def format_csv(header: tuple[str, ...], rows: list[Row]) -> bytes:
    """Format rows as CSV, malformed records as they are."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        if row.text is not None:
            text.write(f"{row.text}\n")
            continue
        interests = iter(row.interests)
        writer.writerow(
            next(interests, "") if name == audience.INTEREST else row[name] for name in header
        )
    return text.getvalue().encode()


def write_trouble(trouble: Trouble, folder: Path) -> None:
    """Write one trouble and its expectation beside it."""
    path = folder / trouble.file_name
    if isinstance(trouble.content, bytes):
        path.write_bytes(trouble.content)
    else:
        write_parquet(trouble.content, path)
    write_json(trouble.expectation, path.with_name(f"{trouble.name}.expected.json"))


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write a table to a file."""
    pq.write_table(table, path, compression="zstd")


def write_json(value: dict[str, Any], path: Path) -> None:
    """Write JSON for people to read."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
