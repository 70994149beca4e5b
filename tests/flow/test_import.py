"""Whole imports over real HTTP: every row accounted for, and nothing sent that is not an endpoint.

The flow runs in this process; the service is `fakes.HttpSink` or the local server.
"""

import csv
import hashlib
import io
import json
import sqlite3
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import polars as pl
import pytest
from botocore.validate import ParamValidator
from defects import HEADER, MALFORMED, Export, make_export
from fakes import HttpSink, Reply
from processes import CommandLine

from pipelines.errors import DestinationError
from pipelines.flows import import_endpoints
from pipelines.local_server.process import LocalServer
from pipelines.settings import ImportSettings
from schemas.columns import RESULT_COLUMNS
from schemas.outcomes import Outcome

pytestmark = pytest.mark.usefixtures("prefect_api")

ROWS = 20_000
EVERY = 50
"""Records from one defect to the next: 2 % are defective."""
PARTITION_ROWS = 6_000
ACCEPTED = Reply(202, b'{"Message": "Accepted", "RequestID": "scripted"}')
SERVERS_OWN = ("effective_date", "request_id", "creation_date", "cohort_id")
"""What the server writes into a record by itself, or anew at each request."""


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


def read_store(database: Path) -> list[dict[str, Any]]:
    """Read all endpoints of the local server's database, without what it writes by itself."""
    with sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute("SELECT * FROM endpoints ORDER BY key").fetchall()
    return [{k: row[k] for k in row.keys() if k not in SERVERS_OWN} for row in rows]  # noqa: SIM118


# A large export with defects, imported once for the tests below, corrected, and imported again.


class Imported:
    """The export, its import, and the import of the corrected errors.csv."""

    def __init__(self, folder: Path) -> None:
        self.export: Export = make_export(ROWS, EVERY)
        self.source = folder / "audience.csv"
        self.source.write_text(self.export.text, encoding="utf-8")
        self.run = folder / "runs" / "first"
        with HttpSink() as self.sink:
            self.summary = run_import(
                folder, self.sink.url, self.source, run_id="first", partition_rows=PARTITION_ROWS
            )
        self.errors = read_rows(self.run / "errors.csv")
        fixed = folder / "fixed.csv"
        place = self.errors[0].index("_source_row")
        rows = [
            (*self.export.correct(int(row[place]), row[: len(HEADER)]), *row[len(HEADER) :])
            for row in self.errors[1:]
        ]
        write_rows(fixed, tuple(self.errors[0]), rows)
        with HttpSink() as self.second_sink:
            self.second = run_import(folder, self.second_sink.url, fixed)

    @property
    def error_rows(self) -> dict[int, list[str]]:
        """The rows of errors.csv by the record that they came from."""
        place = self.errors[0].index("_source_row")
        return {int(row[place]): row for row in self.errors[1:]}


@pytest.fixture(scope="module")
def imported(prefect_api: None, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    return Imported(tmp_path_factory.mktemp("large"))


def test_books_balance(imported: Imported) -> None:
    summary = imported.summary
    require_balance(summary)
    defects, duplicates = len(imported.export.defects), imported.export.duplicates
    expected = {"rows": ROWS, "invalid": defects, "duplicate": duplicates, "rejected": 0}
    assert {name: summary[name] for name in expected} == expected
    assert summary["accepted"] == ROWS - defects - duplicates
    assert summary["status"] == "completed_with_errors"


def test_service_has_exactly_the_accepted_rows(imported: Imported) -> None:
    sent = [item["Id"] for item in imported.sink.accepted]
    outcomes = read_outcomes(imported.run).filter(pl.col("outcome") == "accepted")
    assert len(sent) == len({endpoint_id.casefold() for endpoint_id in sent})
    assert sorted(sent) == sorted(outcomes["endpoint_id"])
    assert imported.summary["accepted"] == len(sent)


def test_requests_are_as_few_as_partitions_allow(imported: Imported) -> None:
    parts = sorted((imported.run / "outcomes").glob("part-*.parquet"))
    accepted = [pl.read_parquet(p).filter(pl.col("outcome") == "accepted").height for p in parts]
    assert len(parts) == 4
    assert imported.summary["requests"] == sum(-(-rows // 100) for rows in accepted)
    assert imported.summary["requests"] == len(imported.sink.requests)


def test_every_record_has_one_outcome_in_order(imported: Imported) -> None:
    outcomes = read_outcomes(imported.run)
    assert outcomes["source_row"].to_list() == list(range(1, ROWS + 1))
    assert outcomes["source_file"].unique().to_list() == [str(imported.source)]


def test_every_request_is_valid_for_the_service_model(imported: Imported) -> None:
    service = botocore.session.get_session().get_service_model("pinpoint")
    shape = service.operation_model("UpdateEndpointsBatch").input_shape
    requests = [*imported.sink.requests, *imported.second_sink.requests]
    for request in requests:
        assert request.path == "/v1/apps/local/endpoints"
        parameters = {"ApplicationId": "local", "EndpointBatchRequest": json.loads(request.body)}
        report = ParamValidator().validate(parameters, shape)
        assert not report.has_errors(), report.generate_report()
        assert 1 <= len(request.items) <= 100


def test_sent_endpoint_is_its_row(imported: Imported) -> None:
    """All 24 columns of one row, as the service got them."""
    item = next(item for item in imported.sink.accepted if item["Id"] == "id-000021")
    assert item == {
        "Id": "id-000021",
        "ChannelType": "SMS",
        "Address": "+12062000021",
        "EndpointStatus": "ACTIVE",
        "OptOut": "ALL",
        "EffectiveDate": item["EffectiveDate"],
        "Location": {
            "Latitude": -64.0,
            "Longitude": -154.5,
            "PostalCode": "10021",
            "City": 'Sea"ttle, north\nside',
            "Region": "WA",
            "Country": "US",
        },
        "Demographic": {
            "Make": "Synthetic",
            "Model": "model-3",
            "Platform": "ios",
            "AppVersion": "1.21",
            "Timezone": "America/Los_Angeles",
            "Locale": "en_US",
        },
        "User": {"UserId": "user-000021", "UserAttributes": {"Tier": ["tier-1"]}},
        "Attributes": {"Interests": ["hiking", "<b>21</b>"], "Plan": ["plan-1"]},
        "Metrics": {"Score": 2.625},
    }
    assert item["EffectiveDate"].startswith("2026-01-22T09:30:00")


def test_errors_file_holds_exactly_the_defective_rows(imported: Imported) -> None:
    assert imported.errors[0] == [*HEADER, *RESULT_COLUMNS]
    assert list(imported.error_rows) == sorted(imported.export.defects)


def test_errors_file_holds_the_cells_as_they_came(imported: Imported) -> None:
    whole = {n for n, defect in imported.export.defects.items() if defect is not MALFORMED}
    found = {n: row[: len(HEADER)] for n, row in imported.error_rows.items() if n in whole}
    assert found == {n: imported.export.cells[n] for n in whole}


def test_errors_file_gives_the_text_of_malformed_records(imported: Imported) -> None:
    for n, defect in imported.export.defects.items():
        if defect is MALFORMED:
            row = imported.error_rows[n]
            assert set(row[: len(HEADER)]) == {""}
            assert f"person{n}@example.com" in row[-1] or f"+1206{2_000_000 + n}" in row[-1]


def test_errors_file_names_each_defect(imported: Imported) -> None:
    place = imported.errors[0].index("_error_codes")
    found = {n: row[place] for n, row in imported.error_rows.items()}
    assert found == {n: defect.code for n, defect in imported.export.defects.items()}


def test_issues_are_counted_by_code(imported: Imported) -> None:
    expected = Counter(defect.code for defect in imported.export.defects.values())
    errors = pl.read_parquet(imported.run / "issues.parquet").filter(pl.col("severity") == "error")
    assert dict(errors.group_by("code").len().rows()) == expected
    counted = imported.summary["issues_by_code"]
    assert {code: counted[code] for code in expected} == expected


def test_corrected_errors_file_is_imported_whole(imported: Imported) -> None:
    require_balance(imported.second)
    assert imported.second["accepted"] == imported.second["rows"] == len(imported.export.defects)
    assert imported.second["status"] == "completed"
    sent = {item["Id"] for item in imported.second_sink.accepted}
    assert sent == {f"id-{n:06d}" for n in imported.export.defects}


def test_manifest_names_the_input(imported: Imported) -> None:
    content = imported.source.read_bytes()
    (found,) = json.loads((imported.run / "manifest.json").read_bytes())["inputs"]
    assert found["path"] == str(imported.source)
    assert found["size_bytes"] == len(content)
    assert found["sha256"] == hashlib.sha256(content).hexdigest()


def test_run_is_for_its_owner_alone(imported: Imported) -> None:
    modes = {p.stat().st_mode & 0o777 for p in imported.run.rglob("*") if p.is_file()}
    folders = [imported.run, *(p for p in imported.run.rglob("*") if p.is_dir())]
    assert modes == {0o600}
    assert {p.stat().st_mode & 0o777 for p in folders} == {0o700}


# Smaller imports.


def test_same_file_twice_changes_nothing(local_server: LocalServer, tmp_path: Path) -> None:
    rows = [("" if n % 5 == 0 else i, c, a, f"{n}") for n, (i, c, a) in enumerate(people(500))]
    header = ("Id", "ChannelType", "Address", "Metrics.Score")
    source = write_rows(tmp_path / "audience.csv", header, rows)
    first = run_import(tmp_path, local_server.url, source)
    stored = read_store(tmp_path / "local_server.sqlite3")
    second = run_import(tmp_path, local_server.url, source)
    assert first["accepted"] == second["accepted"] == len(stored) == 500
    assert read_store(tmp_path / "local_server.sqlite3") == stored


def test_stored_endpoint_reads_back(local_server: LocalServer, tmp_path: Path) -> None:
    """A row without Id has the Id that the outcomes tell, now and at the next import."""
    source = write_rows(tmp_path / "a.csv", ("ChannelType", "Address"), [("SMS", "206 555 0100")])
    client = boto3.client(
        "pinpoint",
        region_name="us-east-1",
        endpoint_url=local_server.url,
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    ids = []
    for run_id in ("one", "two"):
        run_import(tmp_path, local_server.url, source, run_id=run_id, default_country="US")
        ids += read_outcomes(tmp_path / "runs" / run_id)["endpoint_id"].to_list()
    answer = client.get_endpoint(ApplicationId="local", EndpointId=ids[0])["EndpointResponse"]
    assert ids[0] == ids[1]
    assert (answer["ChannelType"], answer["Address"]) == ("SMS", "+12065550100")
    assert "OptOut" not in answer or answer["OptOut"] == "NONE"


def test_refused_row_does_not_hold_up_the_others(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "a.csv", ("Id", "ChannelType", "Address"), people(100))

    def refuse(item: dict[str, Any]) -> str | None:
        return "Poisoned, said the service." if item["Id"] == "id-37" else None

    with HttpSink(refuses=refuse) as sink:
        summary = run_import(tmp_path, sink.url, source, run_id="one")
    require_balance(summary)
    assert (summary["accepted"], summary["rejected"]) == (99, 1)
    assert len(sink.accepted) == 99
    outcomes = read_outcomes(tmp_path / "runs" / "one")
    (rejected,) = outcomes.filter(pl.col("outcome") == "rejected").to_dicts()
    assert (rejected["source_row"], rejected["code"]) == (38, "service.refused")
    assert rejected["message"] == "Poisoned, said the service."
    alone = int(rejected["request_id"].removeprefix("request-")) - 1
    assert [item["Id"] for item in sink.requests[alone].items] == ["id-37"]
    _, row = read_rows(tmp_path / "runs/one/errors.csv")
    assert row[:3] == ["id-37", "EMAIL", "p37@example.com"]
    assert row[5:] == ["rejected", "service.refused", "Poisoned, said the service."]


def test_access_denied_midway_stops_with_balanced_books(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "a.csv", ("Id", "ChannelType", "Address"), people(1_500))
    denied = Reply.failure(403, "AccessDeniedException", "You may not.")
    with HttpSink([*[ACCEPTED] * 5, *[denied] * 20]) as sink:
        with pytest.raises(DestinationError, match=r"403.*You may not.*Check the credentials"):
            run_import(tmp_path, sink.url, source, run_id="one")
        answered = len(sink.requests)
    run = tmp_path / "runs" / "one"
    summary = json.loads((run / "summary.json").read_bytes())
    require_balance(summary)
    assert (summary["status"], summary["accepted"], summary["unprocessed"]) == (
        "stopped",
        500,
        1_000,
    )
    assert summary["requests"] == answered <= 9  # five, and at most the four in flight
    accepted = set(read_outcomes(run).filter(pl.col("outcome") == "accepted")["endpoint_id"])
    header, *unprocessed = read_rows(run / "unprocessed.csv")
    assert header == ["Id", "ChannelType", "Address", *RESULT_COLUMNS]
    assert accepted | {row[0] for row in unprocessed} == {f"id-{n}" for n in range(1_500)}
    assert len(accepted) + len(unprocessed) == 1_500


def test_formats_and_headers_mix_in_one_run(tmp_path: Path) -> None:
    write_rows(tmp_path / "a-1.csv", ("Id", "ChannelType", "Address"), [*people(3), ("x", "", "")])
    write_rows(
        tmp_path / "a-2.csv",
        ("Address", "Attributes.Plan", "ChannelType", "Id"),
        [("p3@example.com", "gold", "EMAIL", "id-3"), ("bad", "gold", "EMAIL", "y")],
    )
    pl.DataFrame(
        {
            "Id": [4, 5],
            "ChannelType": ["EMAIL", "EMAIL"],
            "Address": ["p4@example.com", None],
            "Location": [{"Country": "US"}, {"Country": "DE"}],
            "Attributes.Likes": [["a", "b"], ["c"]],
        }
    ).write_parquet(tmp_path / "b.parquet")
    with HttpSink() as sink:
        summary = run_import(
            tmp_path, sink.url, tmp_path / "a-*.csv", tmp_path / "b.parquet", run_id="one"
        )
    require_balance(summary)
    assert (summary["rows"], summary["accepted"], summary["invalid"]) == (8, 5, 3)
    sent = {item["Id"]: item for item in sink.accepted}
    assert sorted(sent) == ["4", "id-0", "id-1", "id-2", "id-3"]
    assert sent["id-3"]["Attributes"] == {"Plan": ["gold"]}
    assert sent["4"]["Attributes"] == {"Likes": ["a", "b"]}
    assert sent["4"]["Location"] == {"Country": "US"}
    header, *rows = read_rows(tmp_path / "runs/one/errors.csv")
    assert header[: -len(RESULT_COLUMNS)] == [
        "Id",
        "ChannelType",
        "Address",
        "Attributes.Plan",
        "Location.Country",
        "Attributes.Likes",
    ]
    told = [(Path(row[-5]).name, row[-4], row[:6]) for row in rows]
    assert told == [
        ("a-1.csv", "4", ["x", "", "", "", "", ""]),
        ("a-2.csv", "2", ["y", "EMAIL", "bad", "gold", "", ""]),
        ("b.parquet", "2", ["5", "EMAIL", "", "", "DE", "c"]),
    ]


def test_no_address_is_told_where_others_read(
    run_cli: CommandLine, tmp_path: Path, prefect_server: Any
) -> None:
    """Neither in Prefect's logs, nor on the terminal, nor in the report."""
    rows = [*people(40), ("bad-1", "EMAIL", "confidential1@"), ("bad-2", "SMS", "+12065551")]
    rows += [("id-1", "EMAIL", "confidential2@example.com"), ("no", "EMAIL", "no@example.com")]
    write_rows(tmp_path / "a.csv", ("Id", "ChannelType", "Address"), rows)
    keys = {"AWS_ACCESS_KEY_ID": "synthetic", "AWS_SECRET_ACCESS_KEY": "synthetic"}
    arguments = ("--application-id", "local", "--run-id", "private-run", "--endpoint-url")
    with HttpSink(refuses=lambda i: f"Bad {i['Address']}" if i["Id"] == "no" else None) as sink:
        result = run_cli("run", "a.csv", *arguments, sink.url, **keys)
    assert result.code == 1, result
    request = urllib.request.Request(
        f"{prefect_server.api_url}/logs/filter", b'{"limit": 200, "sort": "TIMESTAMP_DESC"}'
    )
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as response:
        logs = " ".join(entry["message"] for entry in json.loads(response.read()))
    assert "run private-run begins" in logs
    page = (tmp_path / "runs/private-run/report.html").read_text()
    for text in (result.stdout, result.stderr, logs, page):
        for _, _, address in rows:
            assert address not in text
