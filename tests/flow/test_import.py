"""A large export with defects over real HTTP: every row accounted for, and nothing else sent.

It is imported once for all tests, corrected, and imported again; the flow runs in this process.
"""

import hashlib
import json
from collections import Counter
from pathlib import Path

import botocore.session
import polars as pl
import pytest
from botocore.validate import ParamValidator
from defects import HEADER, MALFORMED, Export, make_export
from fakes import HttpSink
from import_support import read_outcomes, read_rows, require_balance, run_import, write_rows

from schemas.columns import RESULT_COLUMNS

pytestmark = pytest.mark.usefixtures("prefect_api")

ROWS = 20_000
EVERY = 50
"""Records from one defect to the next: 2 % are defective."""
PARTITION_ROWS = 6_000


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
            told = row[imported.errors[0].index("_error_messages")]
            assert f"person{n}@example.com" in told or f"+1206{2_000_000 + n}" in told


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
