"""The books of contacts that give several endpoints each: of records, rows and endpoints.

What is expected is reckoned here by plain loops over the contacts.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fakes import HttpSink, Reply
from import_support import (
    FailingSink,
    StopRequest,
    read_json,
    read_outcomes,
    read_rows,
    require_balance,
    resume,
    run_check,
    run_import,
)

from pipelines.errors import DestinationError, GuardError, StoppedError
from schemas.columns import RESULT_COLUMNS

CONTACTS = 600
MAPPING = """\
columns:
  User.UserId: Contact ID
  OptOut: {from: Unsubscribed, values: {"yes": ALL, "no": null}, otherwise: error}
endpoints:
  - {name: email, columns: {ChannelType: {constant: EMAIL}, Address: E-mail}}
  - {name: mobile, columns: {ChannelType: {constant: SMS}, Address: Handy}}
where: [{column: Kind, not_equals: internal}]
"""
REFUSED = "p77@example.com"
PARTITIONED: dict[str, Any] = {"partition_rows": 250, "keep_staged": True, "run_id": "one"}


@dataclass(frozen=True)
class Contact:
    """A record, and what is to become of it."""

    cells: tuple[str, ...]
    endpoints: tuple[str, ...]
    """Outcomes of its endpoints; of itself, if it gives none; empty if it is left out."""

    @property
    def outcome(self) -> str:
        order = ("rejected", "invalid", "duplicate", "accepted")
        return min(self.endpoints, key=order.index)


def make_contact(n: int) -> Contact:
    mail, phone, kind, out = f"p{n}@example.com", f"+1206{2_000_000 + n}", "customer", "no"
    fates = ["accepted", "accepted"]
    if n % 50 == 3:
        return Contact((f"c{n}", mail, phone), ("invalid",))
    if n % 10 == 4:
        return Contact((f"c{n}", mail, phone, out, "internal"), ())
    if n % 10 == 5:
        mail, fates[0] = "nobody", "invalid"
    if n % 10 == 6:
        phone, fates = "", fates[:1]
    if n % 50 == 17:
        return Contact((f"c{n}", "", "", out, kind), ("invalid",))
    if n % 50 == 28:
        out, fates = "perhaps", ["invalid", "invalid"]
    if mail == REFUSED:
        fates[0] = "rejected"
    if n in (101, 402):  # the same address in a later record: that one wins
        mail, fates[0] = "shared@example.com", "duplicate" if n == 101 else "accepted"
    return Contact((f"c{n}", mail, phone, out, kind), tuple(fates))


EXPECTED = [make_contact(n) for n in range(CONTACTS)]
ROWS = [(number, contact) for number, contact in enumerate(EXPECTED, 1) if contact.endpoints]


def refuse(item: dict[str, Any]) -> str | None:
    return "Not wanted." if item["Address"] == REFUSED else None


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Any]:
    lines = ["Contact ID,E-mail,Handy,Unsubscribed,Kind"]
    lines += [",".join(contact.cells) for contact in EXPECTED]
    (tmp_path / "contacts.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "crm.yaml").write_text(MAPPING)
    return {"mapping": str(tmp_path / "crm.yaml"), **PARTITIONED}


def require_books(folder: Path, sink: HttpSink) -> None:
    run = folder / "runs/one"
    summary = read_json(run / "summary.json")
    require_balance(summary)
    rows = Counter(contact.outcome for _, contact in ROWS)
    endpoints = Counter(fate for _, contact in ROWS for fate in contact.endpoints)
    assert {name: summary[name] for name in rows} == dict(rows)
    assert {name: n for name, n in summary["endpoints_by_outcome"].items() if n} == dict(endpoints)
    assert summary["endpoints"] == endpoints.total()
    well = [[fate == "accepted" for fate in contact.endpoints] for _, contact in ROWS]
    assert summary["in_part"] == sum(any(each) and not all(each) for each in well) > 0
    assert (summary["records"], summary["rows"]) == (CONTACTS, len(ROWS))
    assert summary["left_out"] == CONTACTS - len(ROWS)
    assert read_outcomes(run).select("source_row", "outcome").rows() == [
        (number, contact.outcome) for number, contact in ROWS
    ]
    told = pl.read_parquet(run / "endpoints/part-*.parquet")
    assert told.select("source_row", "outcome").rows() == [
        (number, fate) for number, contact in ROWS for fate in contact.endpoints
    ]
    assert len(sink.accepted) == endpoints["accepted"]
    assert len({item["Id"] for item in sink.accepted}) == endpoints["accepted"]
    assert not any("OptOut" in item for item in sink.accepted)


def test_every_record_row_and_endpoint_is_accounted_for(tmp_path, inputs):
    with HttpSink(refuses=refuse) as sink:
        run_import(tmp_path, sink.url, tmp_path / "contacts.csv", **inputs)
        require_books(tmp_path, sink)


def test_errors_are_told_by_the_columns_of_the_contacts(tmp_path, inputs):
    with HttpSink(refuses=refuse) as sink:
        run_import(tmp_path, sink.url, tmp_path / "contacts.csv", **inputs)
    header, *rows = read_rows(tmp_path / "runs/one/errors.csv")
    assert header[:5] == ["Contact ID", "E-mail", "Handy", "Unsubscribed", "Kind"]
    told = {row[0]: row[header.index("_error_messages")] for row in rows if row[0]}
    assert told["c5"].startswith(
        'E-mail "nobody": This is not a valid e-mail address (it has no @).'
    )
    assert told["c17"].startswith("E-mail, Handy: The address is missing.")
    assert re.match('Unsubscribed ".+": The value is none of those', told["c28"])
    assert '"Not wanted."' in told["c77"]
    wrong = [number for number, c in ROWS if c.outcome in ("invalid", "rejected")]
    assert [int(row[header.index("_source_row")]) for row in rows] == wrong


def test_corrected_errors_are_fed_back_under_the_same_mapping(tmp_path, inputs):
    with HttpSink(refuses=refuse) as sink:
        run_import(tmp_path, sink.url, tmp_path / "contacts.csv", **inputs)
        taken = len({item["Id"] for item in sink.accepted})
        header, *rows = read_rows(tmp_path / "runs/one/errors.csv")
        lines = [",".join(header)]
        for row in rows:
            if row[0] and row[1] == "nobody":
                cells = [row[0], f"{row[0]}@example.com", *row[2:5], *[""] * len(RESULT_COLUMNS)]
                lines.append(",".join(cells))
        (tmp_path / "fixed.csv").write_text("\n".join(lines) + "\n")
        again = run_import(
            tmp_path, sink.url, tmp_path / "fixed.csv", mapping=inputs["mapping"], run_id="two"
        )
    count = len(lines) - 1
    assert (again["rows"], again["accepted"], again["endpoints"]) == (count, count, 2 * count)
    # Their phones were taken the first time, and are the same endpoints again.
    assert len({item["Id"] for item in sink.accepted}) == taken + count


@pytest.mark.parametrize(
    "stop", [("stage", 0), ("prepare", 0), ("prepare", 100), ("deliver", 0), ("deliver", 100)]
)
def test_a_run_that_was_stopped_comes_to_the_same_books(tmp_path, inputs, stop):
    with HttpSink(refuses=refuse) as sink:
        with StopRequest(*stop), pytest.raises(StoppedError):
            run_import(tmp_path, sink.url, tmp_path / "contacts.csv", **inputs)
        summary = read_json(tmp_path / "runs/one/summary.json")
        require_balance(summary)
        assert summary["records"] == summary["left_out"] + summary["rows"]
        resume(tmp_path)
        require_books(tmp_path, sink)


def test_a_run_that_the_service_ended_comes_to_the_same_books(tmp_path, inputs):
    with FailingSink(Reply(403, b"{}"), after=3, refuses=refuse) as sink:
        with pytest.raises(DestinationError):
            run_import(tmp_path, sink.url, tmp_path / "contacts.csv", **inputs)
        require_balance(read_json(tmp_path / "runs/one/summary.json"))
        sink.failure = None
        resume(tmp_path)
        require_books(tmp_path, sink)


def test_the_threshold_counts_rows_and_not_endpoints(tmp_path, inputs):
    invalid = sum(contact.outcome == "invalid" for _, contact in ROWS)
    source = tmp_path / "contacts.csv"
    run_check(tmp_path, source, **inputs, max_invalid=str(invalid))
    with pytest.raises(GuardError):
        run_check(tmp_path, source, **inputs | {"run_id": "two"}, max_invalid=str(invalid - 1))
