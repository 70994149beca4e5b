"""The samples: every file of data/samples is imported, and every row ends as it should.

What should happen stands beside the samples (`expected.json`, `troubles/*.expected.json`) and was
written from the contract; README.md repeats it for people and is checked as well.
"""

import csv
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipelines.errors import SourceError
from pipelines.flows import import_endpoints
from pipelines.local_server.process import LocalServer, ServerOptions
from pipelines.settings import ImportSettings
from schemas.columns import RESULT_COLUMNS
from schemas.issues import ISSUE_KINDS

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
EXPECTED = json.loads((SAMPLES / "expected.json").read_text(encoding="utf-8"))
TROUBLES = sorted((SAMPLES / "troubles").glob("*.expected.json"))

OF_MAPPINGS = ("mapping.", "opt_out.column_missing")
"""Codes that only a mapping gives, which samples do without."""
ONLY_TROUBLES = {
    "opt_out.kept",
    "endpoint.too_large",
    "attribute.too_many_names",
    "attribute.too_many_values",
    "record.swallowed_others",
    "address.zero_lost",
    "effective_date.epoch_time",
    "effective_date.serial_number",
    "id.scientific_notation",
    "location.postal_code_scientific_notation",
    "number.format",
    "text.invisible_character",
    "text.odd_space",
    "text.undecodable",
    "text.quotes_removed",
    "text.replacement_character",
    "text.spreadsheet_error",
    "user.id_scientific_notation",
}
"""Codes that need many columns or are accidents seen best alone, and so have files of their own."""
ONCE = {"attribute.name_too_long", "attribute.name_discouraged", "column.unmapped"}
"""Codes of whole columns, of which the audience has one each at least."""

FED_BACK = "fed-back"
"""Application that corrected rows are imported into."""

Row = dict[str, str]


@dataclass
class Imported:
    """What a run left: outcomes and codes by source row, counted from its files."""

    path: Path
    summary: dict[str, Any]
    outcomes: dict[str, str]
    codes: dict[str, list[str]] = field(default_factory=dict)
    header: list[str] = field(default_factory=list)

    @property
    def errors(self) -> list[Row]:
        """Records of errors.csv; of a repeated header the last value."""
        return list(
            csv.DictReader((self.path / "errors.csv").open(encoding="utf-8-sig", newline=""))
        )


def import_sample(path: Path, url: str, runs_dir: Path, app: str, **options: Any) -> Imported:
    """Import a file into an application of the server and read the run's results."""
    settings = ImportSettings(
        sources=[str(path)],
        local=True,
        endpoint_url=url,
        application_id=app,
        runs_dir=runs_dir,
        **options,
    )
    summary = import_endpoints(settings)
    run = runs_dir / summary["run_id"]
    outcomes = pl.concat(
        [pl.read_parquet(part) for part in (run / "outcomes").glob("*.parquet")]
        or [pl.DataFrame(schema={"source_row": pl.Int64, "outcome": pl.String})]
    )
    assert outcomes["source_row"].is_unique().all()
    imported = Imported(
        run, summary, {str(row): name for row, name in outcomes["source_row", "outcome"].rows()}
    )
    for row, code in pl.read_parquet(run / "issues.parquet")["source_row", "code"].rows():
        found = imported.header if row is None else imported.codes.setdefault(str(row), [])
        found.append(code)
        found.sort()
    return imported


def check_books(imported: Imported) -> None:
    """Each row has one outcome, the summary counts them, and errors.csv holds those to fix."""
    summary, counts = imported.summary, Counter(imported.outcomes.values())
    told = ("accepted", "unchanged", "invalid", "duplicate", "held", "rejected", "unprocessed")
    assert summary["balanced"]
    assert summary["rows"] == len(imported.outcomes)
    assert {name: summary[name] for name in told} == {name: counts[name] for name in told}
    codes = Counter(imported.header)
    codes.update(code for found in imported.codes.values() for code in found)
    assert summary["issues_by_code"] == dict(codes)
    refused = [row for row, name in imported.outcomes.items() if name in ("invalid", "rejected")]
    assert [row["_source_row"] for row in imported.errors] == sorted(refused, key=int)


def get_endpoint(url: str, app: str, endpoint_id: str) -> dict[str, Any]:
    """Ask the service for an endpoint."""
    path = f"{url}/v1/apps/{app}/endpoints/{quote(endpoint_id, safe='')}"
    with urllib.request.urlopen(path) as response:
        return json.load(response)


def find_member(endpoint: dict[str, Any], path: str) -> Any:
    """Find a member by its dotted path; None if there is none."""
    value: Any = endpoint
    for name in path.split("."):
        value = (value or {}).get(name)
    return value


def read_table(name: str) -> list[list[str]]:
    """Read the cells of one of the generated tables of README.md, without its head."""
    text = (SAMPLES / "README.md").read_text(encoding="utf-8")
    table = text.split(f"<!-- {name}: generated -->")[1].split(f"<!-- /{name} -->")[0]
    lines = table.strip().splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """One server with an application per file, as they must not see each other's endpoints."""
    db = tmp_path_factory.mktemp("samples") / "server.sqlite3"
    apps = (*EXPECTED, FED_BACK, *(stem(path) for path in TROUBLES))
    with LocalServer(ServerOptions(port=0, db=db, applications=apps)) as running:
        yield running


@pytest.fixture(scope="module")
def samples(
    prefect_api: None, server: LocalServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Imported]:
    """The larger samples, imported."""
    runs_dir = tmp_path_factory.mktemp("runs")
    return {name: import_sample(SAMPLES / name, server.url, runs_dir, name) for name in EXPECTED}


def stem(expectation: Path) -> str:
    return expectation.name.removesuffix(".expected.json")


@pytest.mark.parametrize("name", EXPECTED)
def test_every_row_of_a_sample_ends_as_expected(name: str, samples: dict[str, Imported]) -> None:
    expected, imported = EXPECTED[name], samples[name]
    check_books(imported)
    accepted = {str(row): "accepted" for row in range(1, expected["rows"] + 1)}
    assert imported.outcomes == accepted | expected["outcomes"]
    assert imported.codes == expected["codes"]
    assert imported.header == expected["header"]


@pytest.mark.parametrize("name", EXPECTED)
def test_readme_counts_are_those_of_the_run(name: str, samples: dict[str, Imported]) -> None:
    summary = samples[name].summary
    counts = {row[0]: [int(cell) for cell in row[1:]] for row in read_table("outcomes")}
    told = ("rows", "accepted", "invalid", "duplicate")
    assert counts[name] == [summary[column] for column in told]
    column = list(EXPECTED).index(name) + 1
    codes = {row[0].strip("`"): int(row[column]) for row in read_table("codes")}
    assert {code: n for code, n in codes.items() if n} == summary["issues_by_code"]


def test_clean_sample_needs_no_attention(samples: dict[str, Imported]) -> None:
    imported = samples["clean.csv"]
    assert imported.summary["status"] == "completed"
    assert imported.summary["accepted"] == imported.summary["rows"]
    assert imported.summary["issues_by_code"] == {}
    assert imported.errors == []


@pytest.mark.parametrize("expectation", TROUBLES, ids=stem)
def test_trouble_ends_as_expected(
    expectation: Path, prefect_api: None, server: LocalServer, tmp_path: Path
) -> None:
    expected = json.loads(expectation.read_text(encoding="utf-8"))
    app, url = stem(expectation), server.url
    [source] = [
        expectation.with_name(f"{app}{e}")
        for e in (".csv", ".parquet")
        if expectation.with_name(f"{app}{e}").exists()
    ]
    if "error" in expected:
        with pytest.raises(SourceError) as caught:
            import_sample(source, url, tmp_path, app)
        for text in (source.name, *expected["message_contains"]):
            assert text in caught.value.message
        return
    imported = import_sample(source, url, tmp_path, app, **expected.get("options", {}))
    check_books(imported)
    assert imported.outcomes == expected["outcomes"]
    assert imported.codes == expected["codes"]
    assert imported.header == expected.get("header", [])
    for endpoint_id, members in expected.get("stored", {}).items():
        endpoint = get_endpoint(url, app, endpoint_id)
        assert {path: find_member(endpoint, path) for path in members} == members


def test_readme_lists_every_trouble() -> None:
    listed = {row[0]: row[1:] for row in read_table("troubles")}
    sources = {path.name for path in (SAMPLES / "troubles").iterdir() if path.suffix != ".json"}
    assert set(listed) == sources
    for path in TROUBLES:
        expected = json.loads(path.read_text(encoding="utf-8"))
        [row] = [cells for file, cells in listed.items() if Path(file).stem == stem(path)]
        assert row[0].startswith(expected["what"])
        found = set(re.findall(r"`([^`]+)`", row[2]))
        codes = {code for codes in expected.get("codes", {}).values() for code in codes}
        assert found == codes | set(expected.get("header", []))


def test_every_issue_code_has_a_sample() -> None:
    audience = Counter(EXPECTED["audience.csv"]["header"])
    troubles: set[str] = set()
    for codes in EXPECTED["audience.csv"]["codes"].values():
        audience.update(codes)
    for path in TROUBLES:
        expected = json.loads(path.read_text(encoding="utf-8"))
        troubles.update(expected.get("header", []), *expected.get("codes", {}).values())
    kinds = {code for code in ISSUE_KINDS if not code.startswith(OF_MAPPINGS)}
    assert troubles == kinds
    assert set(audience) == kinds - ONLY_TROUBLES
    assert [code for code, count in audience.items() if count < 2 and code not in ONCE] == []


def test_generator_reproduces_the_samples(tmp_path: Path) -> None:
    command = [sys.executable, str(SAMPLES / "generate.py"), "--into", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    kept = {
        path.relative_to(SAMPLES)
        for path in (*SAMPLES.iterdir(), *(SAMPLES / "troubles").iterdir())
        if path.is_file() and path.suffix != ".py"
    }
    assert made == kept
    for name in sorted(made):
        if name.suffix == ".parquet" and (SAMPLES / name).read_bytes()[:4] == b"PAR1":
            assert_frame_equal(pl.read_parquet(tmp_path / name), pl.read_parquet(SAMPLES / name))
        else:
            assert (tmp_path / name).read_bytes() == (SAMPLES / name).read_bytes(), name


CORRECTIONS = {
    "address.email_invalid": ("Address", "corrected-{}@example.com"),
    "address.plus_lost": ("Address", "+{Address}"),
    "effective_date.invalid": ("EffectiveDate", "2026-01-31T09:30:00Z"),
    "endpoint_status.unknown": ("EndpointStatus", "INACTIVE"),
    "location.latitude_invalid": ("Location.Latitude", ""),
    "metric.not_a_number": ("Metrics.LifetimeValue", "1234.50"),
    "opt_out.unknown": ("OptOut", "ALL"),
}
"""What somebody would do about some kinds of errors: the column and its new value."""


def test_corrected_errors_are_accepted_when_fed_back(
    samples: dict[str, Imported], server: LocalServer, tmp_path: Path
) -> None:
    first = samples["audience.csv"]
    with (first.path / "errors.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *records = csv.reader(file)
    original = (SAMPLES / "audience.csv").read_text(encoding="utf-8").splitlines()[0].split(",")
    assert header == [*original, *RESULT_COLUMNS]
    corrected = []
    for number, cells in enumerate(records):
        codes = cells[header.index("_error_codes")].split("; ")
        if not set(codes) <= set(CORRECTIONS):
            continue
        for code in codes:
            column, value = CORRECTIONS[code]
            at = header.index(column)
            cells[at] = value.format(number, Address=cells[at])
        corrected.append(cells)
    again = tmp_path / "errors.csv"
    with again.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *corrected])
    second = import_sample(again, server.url, tmp_path / "runs", FED_BACK)
    assert len(corrected) > len(CORRECTIONS)
    assert second.summary["accepted"] == second.summary["rows"] == len(corrected)
    assert second.header == first.header
    assert second.codes == {}


def test_errors_file_holds_the_rows_as_they_came(samples: dict[str, Imported]) -> None:
    imported = samples["audience.csv"]
    with (SAMPLES / "audience.csv").open(encoding="utf-8", newline="") as file:
        header, *records = csv.reader(file)
    with (imported.path / "errors.csv").open(encoding="utf-8-sig", newline="") as file:
        told, *errors = csv.reader(file)
    row_at, codes_at = told.index("_source_row"), told.index("_error_codes")
    expected_codes = EXPECTED["audience.csv"]["codes"]
    for cells in errors:
        row = cells[row_at]
        assert set(cells[codes_at].split("; ")) <= set(expected_codes[row])
        record = records[int(row) - 1]
        if "record.malformed" not in expected_codes[row]:
            assert cells[: len(header)] == record
