"""What to fix first: counted row by row here, by sets of errors there."""

from datetime import UTC, datetime

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.report.issue_lines import _BITS, list_issues, order_errors
from pipelines.steps.result import ERROR_CODES
from pipelines.storage.manifest import Attempt, Manifest, PartitionRecord
from pipelines.storage.run_dir import create_run_directory
from schemas.issues import ISSUE_KINDS, ISSUE_SCHEMA, SERVICE_REFUSED
from schemas.outcomes import OUTCOME_SCHEMA

MISSING, PHONE, OPT_OUT = "address.missing", "address.phone_invalid", "opt_out.unknown"
SHARED, UNMAPPED = "address.shared", "column.unmapped"


def test_every_error_has_its_bit():
    assert len(_BITS) == len(ERROR_CODES) + 1
    assert max(_BITS.values()) < 2**63


@given(st.lists(st.sets(st.sampled_from(sorted(_BITS)), min_size=1, max_size=4), max_size=12))
def test_savings_are_those_of_a_row_by_row_count(rows):
    sets = {}
    for codes in rows:
        bits = sum(_BITS[code] for code in codes)
        sets[bits] = sets.get(bits, 0) + 1
    ordered = order_errors(sets)
    fixed: set[str] = set()
    assert {saving.code for saving in ordered} == set().union(*rows)
    for saving in ordered:
        assert saving.saved == sum(codes == {saving.code} for codes in rows)
        before = sum(codes <= fixed for codes in rows)
        gains = {
            code: sum(codes <= {*fixed, code} for codes in rows) - before
            for code in set().union(*rows) - fixed
        }
        fixed.add(saving.code)
        assert saving.saved_so_far == sum(codes <= fixed for codes in rows)
        assert saving.saved_so_far - before == max(gains.values())
    assert not ordered or ordered[-1].saved_so_far == len(rows)


@pytest.fixture
def run(tmp_path):
    return create_run_directory(tmp_path, "r")


def write_issues(run, *partitions):
    """Write partitions of (file, row, column, code, value, suggestion)."""
    with pq.ParquetWriter(run.issues, ISSUE_SCHEMA.to_frame().to_arrow().schema) as writer:
        for lines in partitions:
            names = ["source_file", "source_row", "column", "code", "value", "suggestion"]
            schema = {name: ISSUE_SCHEMA[name] for name in names}
            found = pl.DataFrame(lines, schema, orient="row").with_columns(
                pl.lit(None, pl.String).alias(name) for name in ISSUE_SCHEMA if name not in names
            )
            writer.write_table(found.select(ISSUE_SCHEMA.names()).to_arrow())


def write_rejected(run, *partitions):
    """Write outcomes of (file, row, message); give the manifest of such a run."""
    for number, lines in enumerate(partitions):
        rejected = pl.DataFrame(lines, ["source_file", "source_row", "message"], orient="row")
        rows = rejected.with_columns(pl.lit("rejected").alias("outcome")).with_columns(
            pl.lit(None, pl.String).alias(name) for name in ("endpoint_id", "code", "request_id")
        )
        rows.select(OUTCOME_SCHEMA.names()).write_parquet(run.part("outcomes", number))
    now = datetime.now(UTC)
    return Manifest(
        run_id="r",
        command="run",
        settings={},
        versions={},
        folder="/",
        sources=[],
        partitions=[PartitionRecord(number=n, input=0, rows=1) for n in range(len(partitions))],
        started_at=now,
        attempts=[Attempt(started_at=now)],
    )


def test_errors_come_as_to_be_fixed_and_warnings_by_rows(run):
    write_issues(
        run,
        [("a", None, "Note", UNMAPPED, "Note", None), ("a", None, "Memo", UNMAPPED, "Memo", None)],
        [],
        [
            ("a", 1, "Address", PHONE, "12", None),
            ("a", 1, "OptOut", OPT_OUT, "nope", None),
            ("a", 2, "Address", PHONE, "13", "+13"),
            ("a", 3, "Address", SHARED, "+14", None),
        ],
        [
            ("b", 2, "OptOut", OPT_OUT, "yes", None),
            ("b", 4, "Address", PHONE, "15", "+15"),
            ("b", 5, "Address", MISSING, None, None),
            ("b", 5, "OptOut", OPT_OUT, "yes", None),
        ],
    )
    lines = list_issues(run, write_rejected(run, []), rejected=0)
    told = [(line.code, line.issues, line.rows, line.saved, line.saved_so_far) for line in lines]
    assert told == [
        (PHONE, 3, 3, 2, 2),
        (OPT_OUT, 3, 3, 1, 4),
        (MISSING, 1, 1, 0, 5),
        (SHARED, 1, 1, 0, 0),
        (UNMAPPED, 2, 0, 0, 0),
    ]
    phone = lines[0]
    assert (phone.example, phone.suggestion, phone.example_column) == ("13", "+13", "Address")
    assert (phone.example_file, phone.example_row, phone.columns) == ("a", 2, ("Address",))
    kind = ISSUE_KINDS[PHONE]
    assert (phone.text, phone.remedy, phone.severity) == (kind.text, kind.remedy, "error")
    assert lines[-1].columns == ("Memo", "Note")
    assert (lines[-1].example, lines[-1].example_row) == ("Note", None)


def test_rows_that_the_service_refused_are_told_too(run):
    write_issues(run, [("a", 2, "Address", PHONE, "12", None)], [])
    refused = [
        ("a", 1, "No ana@example.com."),
        ("a", 2, "No ana@example.com."),
        ("a", 3, "Not wanted."),
    ]
    manifest = write_rejected(run, refused, [("b", 3, "No ana@example.com.")])
    manifest.mapping = {"endpoints": [{"name": "mail"}, {"name": "mobile"}]}
    lines = list_issues(run, manifest, rejected=4)
    told = [(line.code, line.rows, line.issues, line.saved, line.saved_so_far) for line in lines]
    assert told == [(SERVICE_REFUSED, 4, 4, 3, 3), (PHONE, 1, 1, 0, 4)]
    line = lines[0]
    assert (line.example, line.example_file, line.example_row) == ("Not wanted.", "a", 3)
    assert (line.severity, line.columns) == ("error", ())


def test_a_message_about_someone_is_shown_only_if_there_is_no_other(run):
    write_issues(run)
    manifest = write_rejected(run, [("a", 1, None), ("a", 2, "No ana@example.com.")])
    (line,) = list_issues(run, manifest, rejected=2)
    assert (line.rows, line.saved) == (2, 2)


def test_there_may_be_nothing_to_tell(run):
    write_issues(run)
    assert list_issues(run, write_rejected(run), rejected=0) == ()
