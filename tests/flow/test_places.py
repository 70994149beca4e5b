"""One import from everywhere: standard input, a packed file, an archive, and objects of S3."""

import csv
import gzip
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass

import boto3
import polars as pl
import pytest
from cli_support import HEADER, read_manifest, stored_ids
from processes import CliResult, CommandLine
from s3_support import BUCKET, s3_server

KEY = "exports/country=US/plan=__HIVE_DEFAULT_PARTITION__/part-0.csv.gz"


def rows(name: str, count: int) -> bytes:
    """So many valid rows, and a bad one behind them."""
    valid = [f"{name}{n},EMAIL,{name}{n}@example.com\n" for n in range(count)]
    return HEADER + "".join(valid).encode() + f"{name}-bad,EMAIL,nobody\n".encode()


PIPED, PACKED, FIRST, SECOND, OBJECT = (rows(name, 3 + n) for n, name in enumerate("abcde"))
FILES = {
    "-": 4,
    "packed.csv.gz": 5,
    "two.zip:first.csv": 6,
    "two.zip:sub/second.csv": 7,
    f"s3://{BUCKET}/{KEY}": 8,
}
"""Rows of each source, by the name that reports use."""


@dataclass(frozen=True)
class Imported:
    cli: CommandLine
    result: CliResult


@pytest.fixture(scope="module")
def imported(prefect_server, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    folder = tmp_path_factory.mktemp("places")
    (folder / "piped.csv").write_bytes(PIPED)
    (folder / "packed.csv.gz").write_bytes(gzip.compress(PACKED))
    with zipfile.ZipFile(folder / "two.zip", "w") as archive:
        archive.writestr("sub/second.csv", SECOND)
        archive.writestr("first.csv", FIRST)
        archive.writestr("readme.md", "not an audience")
    with s3_server(tmp_path_factory.mktemp("s3")) as variables:
        client = boto3.client("s3", region_name="us-east-1")
        client.put_object(Bucket=BUCKET, Key=KEY, Body=gzip.compress(OBJECT))
        cli = CommandLine(
            folder,
            {**prefect_server.environment, **variables},
            ("sh", "-c", 'cat piped.csv | "$@"', "sh"),
        )
        sources = ["-", "packed.csv.gz", "two.zip", f"s3://{BUCKET}/exports/"]
        options = ["--local", "--db", "store.sqlite3", "--run-id", "one", "--json"]
        return Imported(cli, cli("run", *sources, *options))


def test_every_row_of_every_place_has_its_outcome(imported: Imported) -> None:
    assert imported.result.code == 1
    summary = json.loads(imported.result.stdout)
    assert summary["rows"] == sum(FILES.values())
    assert (summary["accepted"], summary["invalid"], summary["balanced"]) == (25, 5, True)
    outcomes = pl.read_parquet(imported.cli.cwd / "runs/one/outcomes/*.parquet")
    assert dict(outcomes.group_by("source_file").len().rows()) == FILES
    expected = [f"{name}{n}" for count, name in enumerate("abcde", 3) for n in range(count)]
    assert stored_ids(imported.cli.cwd / "store.sqlite3") == expected


def test_rows_to_fix_name_their_source_and_hold_the_columns_of_the_folders(
    imported: Imported,
) -> None:
    text = (imported.cli.cwd / "runs/one/errors.csv").read_text(encoding="utf-8-sig")
    found = list(csv.DictReader(io.StringIO(text)))
    assert {row["_source_file"]: int(row["_source_row"]) for row in found} == FILES
    assert [row["country"] for row in found] == ["", "", "", "", "US"]
    assert [row["plan"] for row in found] == ["", "", "", "", ""]


def test_the_manifest_says_what_was_read(imported: Imported) -> None:
    manifest = read_manifest(imported.cli.cwd / "runs", "one")
    inputs = {found["path"]: found for found in manifest["inputs"]}
    assert list(inputs) == list(FILES)
    piped, packed, first, second, part = inputs.values()
    assert piped["sha256"] == hashlib.sha256(PIPED).hexdigest()
    assert packed["size_bytes"] == (imported.cli.cwd / "packed.csv.gz").stat().st_size
    archive = (imported.cli.cwd / "two.zip").read_bytes()
    assert first["sha256"] == second["sha256"] == hashlib.sha256(archive).hexdigest()
    assert (first["size_bytes"], second["size_bytes"]) == (len(FIRST), len(SECOND))
    assert (part["sha256"], len(part["etag"])) == (None, 34)
    assert part["header"][-2:] == ["country", "plan"]


def test_what_came_by_standard_input_is_gone_with_the_process(imported: Imported) -> None:
    empty = CommandLine(imported.cli.cwd, imported.cli.environment)
    result = empty("check", "-")
    assert "Error: - is empty" in result.stderr
    assert result.code == 3
