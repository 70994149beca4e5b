"""A byte that does not decode: its record is told and given back, all others are imported."""

from pathlib import Path

import polars as pl
import pytest
from import_support import read_json, read_rows, require_balance, run_check

from schemas.issues import UNDECODABLE

pytestmark = pytest.mark.usefixtures("prefect_api")


def test_a_stray_byte_costs_its_own_record_only(tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    lines = ["Id;ChannelType;Address;Location.City", "1;EMAIL;a@example.com;Köln"]
    lines += ["2;EMAIL;b@example.com;M\udcfcnchen", "3;EMAIL;c@example.com;Łódź", "4;\udcff"]
    source.write_bytes("\r\n".join(lines).encode(errors="surrogateescape"))

    summary = run_check(tmp_path, source, run_id="one")

    require_balance(summary)
    assert (summary["rows"], summary["invalid"]) == (4, 2)
    run = tmp_path / "runs/one"
    reading = read_json(run / "manifest.json")["inputs"][0]["reading"]
    assert reading["encoding"] == "utf-8"
    assert reading["delimiter"] == ";"
    header, *rows = read_rows(run / "errors.csv")
    assert [row[:4] for row in rows] == [["2", "EMAIL", "b@example.com", "M\ufffdnchen"], [""] * 4]
    messages = [row[header.index("_error_messages")] for row in rows]
    assert "Location.City" in messages[0]
    assert r"The line: 4;\xFF" in messages[1]
    issues = pl.read_parquet(run / "issues.parquet").filter(pl.col("code") == UNDECODABLE.code)
    assert issues.select("source_row", "column", "value").rows() == [
        (2, "Location.City", r"M\xFCnchen")
    ]
