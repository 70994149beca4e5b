"""The model of large imports: simulation and closed form agree, and the document is up to date."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.queueing import Bucket, Clock, Turn, simulate
from benchmarks.scale import constant_table, in_flight_table, plan_table
from benchmarks.scale_model import (
    LAPTOP,
    MACHINE,
    Constants,
    Service,
    Site,
    at_quota,
    estimate,
    load_constants,
    runs_needed,
)
from pipelines.report.cost import REQUEST_S

CONSTANTS = Constants(
    startup_s=5.0,
    stage_us=2.0,
    prepare_us=10.0,
    resolve_us=2.0,
    report_us=1.0,
    request_ms=1.0,
    busy_cores=1.0,
    request_bytes=50_000,
    working_bytes=200,
    kept_bytes=10,
    resolve_bytes=400,
    partition_mb=800,
)
DOCUMENT = Path(__file__).parents[2] / "docs" / "scale.md"


@pytest.mark.parametrize(
    ("site", "service", "requests", "bound"),
    [
        pytest.param(LAPTOP, Service(2, 0.2, 2), 1000, "quota", id="AWS"),
        pytest.param(MACHINE, Service(500, 0.05, 8), 20_000, "quota", id="runs share a quota"),
        pytest.param(LAPTOP, Service(500, 0.2, 4), 2000, "answers", id="too few in flight"),
        pytest.param(LAPTOP, Service(None, 0.004, 4), 10_000, "answers", id="at the knee"),
        pytest.param(LAPTOP, Service(None, 0.005, 32), 10_000, "processor", id="own work"),
        pytest.param(
            Site("slow wire", 1, 8, 5e6), Service(None, 0.005, 32), 2000, "wire", id="wire"
        ),
    ],
)
def test_a_simulation_agrees_with_the_closed_form(site, service, requests, bound):
    # Preparing takes a tenth of a row's usual time, so that sending is what is compared.
    constants = replace(CONSTANTS, stage_us=0.2, prepare_us=1.0, resolve_us=0.2, report_us=0.1)
    expected = estimate(constants, requests * 100, site, service)
    simulated = simulate(constants, requests * 100, site, service, is_quota_told=True)
    assert simulated.taken == requests
    assert expected.bound == bound
    assert simulated.seconds == pytest.approx(expected.total_s, rel=0.04)


def test_an_unknown_quota_is_found_in_the_simulation_too():
    service = Service(50, 0.05, 8)
    expected = estimate(CONSTANTS, 400_000, LAPTOP, service)
    simulated = simulate(CONSTANTS, 400_000, LAPTOP, service, is_quota_told=False)
    assert simulated.seconds == pytest.approx(expected.total_s, rel=0.04)
    assert 0 < simulated.throttled < 0.2 * simulated.taken


def test_preparing_is_divided_among_runs_and_starting_is_not():
    alone = estimate(CONSTANTS, 8_000_000, LAPTOP, Service(None, 0.005, 32))
    divided = estimate(CONSTANTS, 8_000_000, MACHINE, Service(None, 0.005, 32))
    assert (alone.work_s, divided.work_s) == (pytest.approx(5 + 120), pytest.approx(5 + 15))
    assert alone.send_s == pytest.approx(8 * divided.send_s, rel=0.02)


def test_memory_says_how_many_runs_it_takes():
    assert runs_needed(CONSTANTS, 16_000_000, 8) == 1
    assert runs_needed(CONSTANTS, 16_100_000, 8) == 2
    assert estimate(CONSTANTS, 16_000_000, LAPTOP, Service(2, 0.05, 2)).fits
    assert not estimate(CONSTANTS, 16_100_000, LAPTOP, Service(2, 0.05, 2)).fits
    assert estimate(CONSTANTS, 1000, LAPTOP, Service(2, 0.05, 2)).memory_gb == 0.8


@pytest.mark.parametrize(("quota", "runs"), [(1, 1), (2, 1), (5, 2), (50, 8), (None, 8)])
def test_a_small_quota_is_not_divided(quota, runs):
    assert at_quota(MACHINE, quota).runs == runs


def test_processes_take_turns_in_the_order_in_which_they_came():
    clock, order = Clock(), []
    turn = Turn(clock)

    def process(name, after_s):
        yield after_s
        yield turn
        order.append((name, clock.monotonic()))
        yield 2.0
        turn.leave()

    for name, after_s in (("late", 1.5), ("early", 0.0), ("later", 1.8), ("after", 9.0)):
        clock.start(process(name, after_s))
    assert clock.run() == 11.0
    assert order == [("early", 0.0), ("late", 2.0), ("later", 4.0), ("after", 9.0)]


def test_a_bucket_takes_what_its_quota_allows():
    clock = Clock()
    bucket = Bucket(10, clock)
    taken = []

    def asking():
        for _ in range(300):
            taken.append(bucket.takes())
            yield 0.05

    clock.start(asking())
    clock.run()
    # A second's worth at first, then 10 of the 20 that are asked for in each second.
    assert sum(taken) == pytest.approx(10 + 15 * 10, abs=1)


@pytest.mark.parametrize("table", [constant_table, plan_table, in_flight_table])
def test_the_document_has_the_figures_that_were_measured(table):
    assert "\n".join(table(load_constants())) in DOCUMENT.read_text(encoding="utf-8")


def test_a_plan_supposes_about_what_was_measured():
    assert 0.5 < REQUEST_S * 1e3 / load_constants().request_ms < 2
