"""Small imports over real HTTP, each about one thing.

The flow runs in this process; the service is `fakes.HttpSink` or the local server.
"""

import json
import sqlite3
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import polars as pl
import pytest
from fakes import HttpSink, Reply
from import_support import (
    HEADER,
    people,
    read_outcomes,
    read_rows,
    require_balance,
    run_import,
    write_rows,
)
from processes import CommandLine

from pipelines import reporting
from pipelines.errors import DestinationError
from pipelines.local_server.process import LocalServer
from schemas.columns import RESULT_COLUMNS

pytestmark = pytest.mark.usefixtures("prefect_api")

ACCEPTED = Reply(202, b'{"Message": "Accepted", "RequestID": "scripted"}')
SERVERS_OWN = ("effective_date", "request_id", "creation_date", "cohort_id")
"""What the server writes into a record by itself, or anew at each request."""


def read_store(database: Path) -> list[dict[str, Any]]:
    """Read all endpoints of the local server's database, without what it writes by itself."""
    with sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute("SELECT * FROM endpoints ORDER BY key").fetchall()
    return [{k: row[k] for k in row.keys() if k not in SERVERS_OWN} for row in rows]  # noqa: SIM118


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
    assert row[5:7] == ["rejected", "service.refused"]
    assert '"Poisoned, said the service."' in row[7]


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


def test_no_run_fails_by_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise KeyError("a defect")

    monkeypatch.setattr(reporting, "render_page", fail)
    rows = write_rows(tmp_path / "a.csv", HEADER, people(3))
    with HttpSink() as sink:
        summary = run_import(tmp_path, sink.url, rows, run_id="one")
    require_balance(summary)
    assert (summary["status"], summary["accepted"]) == ("completed", 3)
    run = tmp_path / "runs/one"
    assert not (run / "report.html").exists()
    assert json.loads((run / "manifest.json").read_bytes())["finished_at"] is not None


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
    told = [(Path(row[-7]).name, row[-6], row[:6]) for row in rows]
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
