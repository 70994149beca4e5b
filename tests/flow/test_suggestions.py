"""What errors.csv suggests can be put into the cells as it is: fed back in, the rows are taken."""

import csv
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from pipelines.flows import import_endpoints
from pipelines.local_server.process import LocalServer, ServerOptions
from pipelines.report.row_files import LEAVE_EMPTY
from pipelines.settings import ImportSettings
from schemas.columns import RESULT_COLUMNS

HEADER = [
    *("Id", "ChannelType", "Address", "EffectiveDate", "Location.City", "Location.PostalCode"),
    *("Location.Country", "Metrics.Spend", "User.UserId", "Attributes.Tag", "Attributes.Tag"),
    *("Demographic.Locale", "Demographic.Timezone", "EndpointStatus"),
]
MAIL = {"ChannelType": "EMAIL", "Address": "ana@example.com"}
SMS = {"ChannelType": "SMS"}
DAMAGED = {
    "plus": (SMS | {"Address": "12065550100"}, {"Address": "+12065550100"}),
    "exact": (SMS | {"Address": "1.2065550101E+10"}, {"Address": "+12065550101"}),
    "zero": (
        SMS | {"Address": "612345678", "Location.Country": "IT"},
        {"Address": "+390612345678"},
    ),
    "zero-kept": (
        SMS | {"Address": "123456789", "Location.Country": "CI"},
        {"Address": "+2250123456789"},
    ),
    "1.2345678E+07": (MAIL, {"Id": "12345678"}),
    "user": (MAIL | {"User.UserId": "1.2345678E+07"}, {"User.UserId": "12345678"}),
    "zip": (
        MAIL | {"Location.PostalCode": "2134", "Location.Country": "US"},
        {"Location.PostalCode": "02134"},
    ),
    "zip-no": (
        MAIL | {"Location.PostalCode": "150", "Location.Country": "Norway"},
        {"Location.PostalCode": "0150"},
    ),
    "date": (MAIL | {"EffectiveDate": "46053.5"}, {"EffectiveDate": "2026-01-31T12:00:00"}),
    "city": (MAIL | {"Location.City": "MÃ¼nchen"}, {"Location.City": "München"}),
    "number": (MAIL | {"Metrics.Spend": "1,200"}, {"Metrics.Spend": "1200"}),
    "formula": (
        MAIL | {"Location.City": "#N/A", "Metrics.Spend": "#REF!"},
        {"Location.City": "", "Metrics.Spend": ""},
    ),
    "mail": ({"ChannelType": "EMIAL", "Address": "ana@example.com"}, {"ChannelType": "EMAIL"}),
    "comma": (MAIL | {"Address": "ana@example,com"}, {"Address": "ana@example.com"}),
    "dialled": (SMS | {"Address": "0012065550103"}, {"Address": "+12065550103"}),
    "turned": (MAIL | {"EffectiveDate": "31.01.2026"}, {"EffectiveDate": "2026-01-31"}),
    "money": (MAIL | {"Metrics.Spend": "$12.50"}, {"Metrics.Spend": "12.50"}),
    "{braced}": (MAIL, {"Id": "braced"}),
    "nul": (MAIL | {"Location.City": "Ro\x0bme"}, {"Location.City": "Ro me"}),
    "words": (
        MAIL
        | {
            "Location.Country": "Germnay",
            "Demographic.Locale": "en_UK",
            "Demographic.Timezone": "New York",
            "EndpointStatus": "activ",
        },
        {
            "Location.Country": "DE",
            "Demographic.Locale": "en_GB",
            "Demographic.Timezone": "America/New_York",
            "EndpointStatus": "ACTIVE",
        },
    ),
    "two": (
        SMS | {"Address": "12065550102", "Location.City": "KÃ¶ln"},
        {"Address": "+12065550102", "Location.City": "Köln"},
    ),
}
"""Ids of damaged rows: their cells, and the cells that are suggested."""
HOPELESS = {
    "lost-digits": SMS | {"Address": "4.47946E+11"},
    "lost-byte": MAIL | {"Location.City": "M\ufffdnchen"},
    "opt": MAIL | {"Address": "#N/A"},
    "1.23457E+11": MAIL,
}
"""Rows of which nobody knows what they were."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    options = ServerOptions(port=0, db=tmp_path / "server.sqlite3", applications=("demo",))
    with LocalServer(options) as running:
        yield running


def run(source: Path, url: str, runs_dir: Path) -> tuple[dict, Path]:
    """Import a file; give the summary and the run's directory."""
    settings = ImportSettings(
        sources=[str(source)],
        local=True,
        endpoint_url=url,
        application_id="demo",
        runs_dir=runs_dir,
    )
    summary = import_endpoints(settings)
    return summary, runs_dir / summary["run_id"]


def write(path: Path, header: list[str], rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def take_suggestions(header: list[str], cells: list[str]) -> dict[str, str]:
    """Put what is suggested into the cells; give it by column."""
    taken = {}
    told = cells[header.index("_suggestion")]
    for suggestion in told.split(" | ") if told else []:
        column, value = suggestion.split(": ", 1)
        taken[column] = "" if value == LEAVE_EMPTY else value
        cells[header.index(column)] = taken[column]
    return taken


def test_suggestions_are_taken_when_fed_back(
    prefect_api: None, server: LocalServer, tmp_path: Path
) -> None:
    rows = {name: cells for name, (cells, _) in DAMAGED.items()} | HOPELESS
    source = write(
        tmp_path / "damaged.csv",
        HEADER,
        [
            [({"Id": name} | cells).get(column, "") for column in HEADER]
            for name, cells in rows.items()
        ],
    )
    summary, directory = run(source, server.url, tmp_path / "runs")
    assert summary["invalid"] == summary["rows"] == len(rows)

    with (directory / "errors.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *records = csv.reader(file)
    assert header == [*HEADER, *RESULT_COLUMNS]
    taken = {cells[0]: take_suggestions(header, cells) for cells in map(list, records)}
    expected = {name: told for name, (_, told) in DAMAGED.items()}
    assert taken == expected | {name: {} for name in HOPELESS}

    corrected = [cells for cells in records if take_suggestions(header, cells)]
    again, where = run(write(tmp_path / "errors.csv", header, corrected), server.url, tmp_path)
    assert again["accepted"] == again["rows"] == len(DAMAGED)
    warned = pl.read_parquet(where / "issues.parquet")
    assert set(warned["code"]) <= {"effective_date.zone_missing", "address.shared"}
    told = {name: again[name] for name in ("corrects", "corrected", "not_fed_back")}
    assert told == {
        "corrects": summary["run_id"],  # of another --runs-dir, so nothing is known of it
        "corrected": len(DAMAGED),
        "not_fed_back": 0,
    }


def test_suggestions_stand_in_issues_parquet(
    prefect_api: None, server: LocalServer, tmp_path: Path
) -> None:
    source = write(tmp_path / "a.csv", HEADER[:3], [["e1", "SMS", "12065550100"]])
    _, directory = run(source, server.url, tmp_path / "runs")
    issues = pl.read_parquet(directory / "issues.parquet")
    assert issues.columns[-1] == "suggestion"
    assert issues["suggestion"].to_list() == ["+12065550100"]
