"""The plan: requests of a checked run, their time, and what would shorten it."""

from datetime import UTC, datetime

import polars as pl
import pytest

from pipelines.report.cost import REQUEST_S, Bound
from pipelines.report.plan import ImportPlan, make_plan
from pipelines.settings import ImportSettings
from pipelines.storage.manifest import InputRecord, Manifest, PartitionRecord, save_manifest
from pipelines.storage.run_dir import create_run_directory
from schemas.outcomes import Outcome

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ELSEWHERE = {"endpoint_url": "http://127.0.0.1:9"}
AWS = {"endpoint_url": "https://pinpoint.eu-west-1.amazonaws.com"}


def plan(folder, *partitions, mapping=None, **settings):
    """Plan a run whose partitions hold so many sendable rows, and an invalid one each."""
    run = create_run_directory(folder, "one")
    for number, sendable in enumerate(partitions):
        outcomes = [Outcome.UNPROCESSED.value] * sendable + [Outcome.INVALID.value]
        frame = pl.DataFrame({"outcome": outcomes})
        frame.write_parquet(run.part("outcomes", number))
        if mapping is not None:
            pl.concat([frame, frame]).write_parquet(run.part("endpoints", number))
    rows = [sendable + 1 for sendable in partitions]
    manifest = Manifest(
        run_id="one",
        command="plan",
        settings={},
        mapping=mapping,
        versions={},
        folder="",
        sources=[],
        inputs=[
            InputRecord(path="x", format="csv", size_bytes=5_000_000, sha256="", header=[], rows=1)
        ],
        partitions=[PartitionRecord(number=n, input=0, rows=r) for n, r in enumerate(rows)],
        phase_seconds={"stage": 1.0, "prepare": 2.0, "resolve": 0.5, "report": 9.0},
        started_at=NOW,
        attempts=[],
    )
    save_manifest(manifest, run)
    return make_plan(run, ImportSettings(sources=["x"], **settings))


def knobs(made):
    return {knob.name: (knob.value, knob.minutes) for knob in made.knobs()}


def test_requests_are_counted_as_they_will_be_sent(tmp_path):
    made = plan(tmp_path, 250, 100, 1, 0)
    assert (made.rows, made.requests) == (351, 4)
    assert made.fill == pytest.approx(0.8775)


def test_each_shipment_ends_with_a_request_of_its_own(tmp_path):
    made = plan(tmp_path, 250, 100, 1, 0, partition_rows=300)
    assert (made.rows, made.requests) == (351, 3 + 2)


def test_endpoints_are_counted_where_a_row_gives_several(tmp_path):
    mapping = {"endpoints": [{"name": "mail"}, {"name": "phone"}]}
    made = plan(tmp_path, 250, 100, mapping=mapping)
    assert (made.rows, made.requests) == (700, 7)


@pytest.mark.parametrize(
    ("settings", "quota", "in_flight", "is_published"),
    [
        pytest.param({}, 2, 2, True, id="AWS by default"),
        pytest.param(AWS, 2, 2, True, id="AWS by its URL"),
        pytest.param({**AWS, "rate": 10, "max_in_flight": 5}, 10, 5, False, id="AWS, raised"),
        pytest.param(ELSEWHERE, None, 4, False, id="elsewhere"),
        pytest.param({**ELSEWHERE, "rate": 3}, 3, 4, False, id="elsewhere, with a rate"),
        pytest.param({"local": True}, None, 4, False, id="the embedded server"),
    ],
)
def test_the_quota_is_that_of_the_service_meant(tmp_path, settings, quota, in_flight, is_published):
    made = plan(tmp_path, 250, **settings)
    assert made.requests_per_second == quota
    assert made.in_flight == in_flight
    assert made.is_published is is_published
    assert made.minutes == (None if quota is None else 3 / quota / 60)


@pytest.mark.parametrize(
    ("settings", "deletes", "updates"),
    [
        pytest.param({}, 5, 2, id="AWS"),
        pytest.param({"rate": 20}, 5, 20, id="AWS, raised"),
        pytest.param({"rate": 1}, 1, 1, id="AWS, slower"),
        pytest.param({**ELSEWHERE, "rate": 20}, 20, 20, id="elsewhere, with a rate"),
        pytest.param(ELSEWHERE, None, None, id="elsewhere"),
    ],
)
def test_deletes_have_a_quota_of_their_own(tmp_path, settings, deletes, updates):
    assert plan(tmp_path, 1, retire="delete", **settings).retire_rate == deletes
    assert plan(tmp_path / "other", 1, retire="optout", **settings).retire_rate == updates


def test_what_checking_took_is_what_comes_before_sending(tmp_path):
    assert plan(tmp_path, 1).check_s == 3.5


@pytest.mark.parametrize(("limit", "told"), [(None, None), (251, 251), (252, None)])
def test_a_limit_that_cut_the_input_is_told(tmp_path, limit, told):
    assert plan(tmp_path, 250, limit=limit).limit == told


def test_knobs_at_a_published_quota():
    made = ImportPlan(300_000, 3000, 2.0, in_flight=2, is_published=True)
    assert made.bound is Bound.QUOTA
    assert knobs(made) == {"changed_rows": (0.01, 30 / 2 / 60), "quota": (10, 3000 / 10 / 60)}


def test_a_service_of_another_kind_may_offer_import_jobs():
    made = ImportPlan(300_000, 3000, 5.0, source_bytes=7_000_000)
    assert knobs(made)["import_job"] == (7_000_000, None)


@pytest.mark.parametrize("quota", [None, 500.0])
def test_where_answers_bound_it_more_in_flight_help_and_a_quota_does_not(quota):
    made = ImportPlan(300_000, 3000, quota, in_flight=2)
    assert made.bound is Bound.ANSWERS
    assert set(knobs(made)) == {"changed_rows", "in_flight"}
    value, minutes = knobs(made)["in_flight"]
    assert value == 8
    assert minutes == pytest.approx(made.minutes_at(0.05) / 4, rel=0.1)


def test_no_rate_is_faster_than_our_own_work():
    made = ImportPlan(300_000, 3000, 1e6, in_flight=64)
    assert made.minutes == pytest.approx(3000 * REQUEST_S / 60)


def test_json_has_a_name_for_each_figure(tmp_path):
    document = plan(tmp_path, 250, 50, limit=302).as_json()
    assert document == {
        "planned_rows": 300,
        "planned_requests": 3,
        "planned_requests_per_second": 2.0,
        "planned_minutes": 3 / 2 / 60,
        "planned_in_flight": 2,
        "planned_bound": "quota",
        "planned_minutes_by_answer_ms": dict.fromkeys(["5", "50", "200"], 3 / 2 / 60),
        "planned_check_seconds": 3.5,
        "planned_request_fill": 1.0,
        "planned_limit": 302,
        "planned_to_retire": 0,
        "planned_seconds": 5.0,
        "planned_every_seconds": None,
        "planned_knobs": [
            {"name": "changed_rows", "value": 0.01, "minutes": 1 / 2 / 60},
            {"name": "quota", "value": 10.0, "minutes": 3 / 10 / 60},
        ],
    }
