"""Faults, latency and quota without a server: their texts, and what they decide."""

import math
from collections import Counter

import pytest
from fakes import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import ConfigurationError
from pipelines.local_server.decisions import Decisions, QuotaBucket
from pipelines.local_server.faults import (
    BREAKS,
    Fault,
    Latency,
    parse_faults,
    parse_latency,
    parse_quota,
)
from pipelines.local_server.options import ServerOptions

KINDS = [*BREAKS, *map(str, range(400, 600))]
SOME = parse_faults("429=0.1,500=0.05,reset=0.02,drop=0.02")


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        pytest.param("429=0.1", [("429", 0.1)], id="status"),
        pytest.param("429=0.1,reset=0.02", [("429", 0.1), ("reset", 0.02)], id="two"),
        pytest.param(" half=0 , hang=1 ", [("half", 0.0), ("hang", 1.0)], id="spaces_zero_one"),
        pytest.param("599=1e-3", [("599", 0.001)], id="exponent"),
        pytest.param(
            # Added up one by one, these are more than 1.
            "429=0.05,500=0.55,reset=0.3,drop=0.1",
            [("429", 0.05), ("500", 0.55), ("reset", 0.3), ("drop", 0.1)],
            id="exactly_one",
        ),
    ],
)
def test_faults_are_read(text, faults):
    assert parse_faults(text) == tuple(faults)


@pytest.mark.parametrize(
    ("text", "latency"),
    [
        pytest.param("50ms", (0.05, 0.05), id="ms"),
        pytest.param("0.2s", (0.2, 0.2), id="s"),
        pytest.param("10ms-80ms", (0.01, 0.08), id="range"),
        pytest.param("500ms-1s", (0.5, 1.0), id="two_units"),
        pytest.param("0ms", (0.0, 0.0), id="none"),
    ],
)
def test_latency_is_read(text, latency):
    assert parse_latency(text) == latency


@pytest.mark.parametrize(
    ("text", "per_second"), [("2/s", 2.0), ("120/min", 2.0), ("0.5/s", 0.5), ("30/min", 0.5)]
)
def test_quota_is_read(text, per_second):
    assert parse_quota(text) == per_second


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "429", "429=", "=0.1", "429=0.1,", "429:0.1", "429=10%", "429=.", "429=0.1s"),
        *("200=0.1", "399=0.1", "600=0.1", "0429=0.1", "RESET=0.1", "close=0.1", "4２9=0.1"),
        *("429=-0.1", "429=1.1", "429=nan", "429=inf", "429=1e999", "429=1_0", "429=0x1"),
        *("429=0.6,500=0.41", "429=0.1,429=0.1", "reset=0,reset=0"),
    ],
)
def test_bad_faults_are_refused(text):
    with pytest.raises(ConfigurationError) as caught:
        parse_faults(text)
    message = caught.value.message
    assert message.startswith(f"--fault {text!r} ")
    assert "429=0.1,reset=0.02" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "text",
    [
        *("", "50", "ms", "-50ms", "50 ms", "50min", "nans", "1e999s", "80ms-10ms", "10ms-"),
        *("10-80ms", "10ms-80ms-90ms", "10ms-1e999s", "50MS", "5_0ms"),
    ],
)
def test_bad_latency_is_refused(text):
    with pytest.raises(ConfigurationError) as caught:
        parse_latency(text)
    assert caught.value.message.startswith(f"--latency {text!r} ")
    assert "10ms-80ms" in caught.value.message


@pytest.mark.parametrize(
    "text", ["", "2", "/s", "0/s", "-1/s", "2/h", "2 /s", "2/ms", "nan/s", "1e999/s", "1e-999/s"]
)
def test_bad_quota_is_refused(text):
    with pytest.raises(ConfigurationError) as caught:
        parse_quota(text)
    assert caught.value.message.startswith(f"--quota {text!r} ")
    assert "120/min" in caught.value.message


shares = st.floats(0, 1, allow_subnormal=False)
seconds = st.floats(0, 1e6)


@given(st.dictionaries(st.sampled_from(KINDS), shares, min_size=1, max_size=8))
def test_faults_survive_their_text(by_kind):
    faults = tuple(Fault(kind, share / len(by_kind)) for kind, share in by_kind.items())
    assert parse_faults(",".join(map(str, faults))) == faults


@given(seconds, seconds)
def test_latency_survives_its_text(one, other):
    latency = Latency(min(one, other), max(one, other))
    assert parse_latency(str(latency)) == latency


@given(st.floats(0, 1e9, exclude_min=True))
def test_quota_survives_its_text(per_second):
    assert parse_quota(f"{per_second}/s") == per_second


@given(st.text("0123456789.=,/-+esmindrophalfgt ", max_size=20))
@pytest.mark.parametrize("parse", [parse_faults, parse_latency, parse_quota])
def test_any_text_is_read_or_refused(parse, text):
    try:
        parsed = parse(text)
    except ConfigurationError:
        return
    if parse is parse_faults:
        assert all(fault.kind in KINDS for fault in parsed)
        assert math.fsum(fault.share for fault in parsed) <= 1
    else:
        assert all(map(math.isfinite, parsed if parse is parse_latency else [parsed]))


def kinds_met(count=300, clock=None, **options):
    """What so many requests meet."""
    decisions = Decisions(ServerOptions(**options), (clock or FakeClock()).monotonic)
    return [decisions.decide().kind for _ in range(count)]


def test_a_seed_repeats_the_faults():
    assert kinds_met(faults=SOME, seed=1) == kinds_met(faults=SOME, seed=1)
    assert kinds_met(faults=SOME, seed=1) != kinds_met(faults=SOME, seed=2)


def test_without_a_seed_faults_differ():
    assert kinds_met(faults=SOME) != kinds_met(faults=SOME)


def test_latency_and_quota_do_not_move_the_faults():
    alone = kinds_met(faults=SOME, seed=1)
    with_latency = kinds_met(faults=SOME, seed=1, latency=Latency(0, 1))
    with_quota = kinds_met(faults=SOME, seed=1, quota=100.0)
    assert with_latency == alone
    assert with_quota == [*alone[:100], *["429"] * 200]


def test_faults_come_as_often_as_asked():
    counts = Counter(kinds_met(10_000, faults=SOME, seed=1))
    assert set(counts) == {"429", "500", "reset", "drop", None}
    # Five standard deviations at most.
    for kind, share in SOME:
        assert abs(counts[kind] - 10_000 * share) < 5 * math.sqrt(10_000 * share)


@pytest.mark.parametrize(
    ("text", "met"),
    [
        pytest.param("429=0,500=1", {"500"}, id="never_and_always"),
        pytest.param("reset=0.5,drop=0.5", {"reset", "drop"}, id="one_or_the_other"),
        pytest.param("429=0", {None}, id="never"),
    ],
)
def test_shares_of_0_and_1_are_certain(text, met):
    assert set(kinds_met(faults=parse_faults(text))) == met


def test_latency_is_drawn_from_its_range():
    decisions = Decisions(ServerOptions(latency=Latency(0.01, 0.08)), FakeClock().monotonic)
    pauses = [decisions.decide().pause_s for _ in range(1000)]
    assert 0.01 <= min(pauses) < 0.015
    assert 0.075 < max(pauses) <= 0.08


def test_quota_lets_through_one_second_at_once_and_then_its_rate():
    clock = FakeClock()
    bucket = QuotaBucket(4.0, clock.monotonic)
    assert [bucket.take() for _ in range(6)] == [True] * 4 + [False] * 2
    clock.sleep(0.25)
    assert [bucket.take(), bucket.take()] == [True, False]
    clock.sleep(3600)
    assert [bucket.take() for _ in range(6)] == [True] * 4 + [False] * 2


def test_quota_under_one_a_second_lets_one_through():
    clock = FakeClock()
    bucket = QuotaBucket(0.5, clock.monotonic)
    assert [bucket.take(), bucket.take()] == [True, False]
    clock.sleep(1)
    assert not bucket.take()
    clock.sleep(1)
    assert [bucket.take(), bucket.take()] == [True, False]


@given(
    st.sampled_from([0.25, 1.0, 2.0, 8.0]), st.lists(st.sampled_from([0, 0.0625, 0.5, 2.0, 60.0]))
)
def test_quota_is_never_exceeded(rate, waits):
    clock = FakeClock()
    bucket = QuotaBucket(rate, clock.monotonic)
    taken = []
    for wait_s in waits:
        clock.sleep(wait_s)
        if bucket.take():
            taken.append(clock.now)
    for first, start in enumerate(taken):
        for last, end in enumerate(taken[first:], first):
            assert last - first + 1 <= max(1, rate) + (end - start) * rate


def test_quota_counts_requests_that_meet_a_fault():
    clock = FakeClock()
    options = ServerOptions(faults=parse_faults("reset=1"), quota=2.0)
    decisions = Decisions(options, clock.monotonic)
    assert [decisions.decide().kind for _ in range(3)] == ["reset", "reset", "429"]
    clock.sleep(0.5)
    assert [decisions.decide().kind for _ in range(2)] == ["reset", "429"]


def test_summary_counts_every_request_once():
    faults = parse_faults("503=0.2,429=0.2,hang=0.1,half=0.1,drop=0.1,reset=0.1")
    decisions = Decisions(ServerOptions(faults=faults, seed=3), FakeClock().monotonic)
    counts = Counter(decisions.decide().kind for _ in range(2000))
    assert decisions.summary() == (
        f"Rehearsal: 2,000 requests, {counts[None]} answered as usual, {counts['429']} of 429,"
        f" {counts['503']} of 503, {counts['reset']} reset, {counts['drop']} drop,"
        f" {counts['half']} half, {counts['hang']} hang"
    )


def test_summary_of_nothing():
    decisions = Decisions(ServerOptions(), FakeClock().monotonic)
    assert decisions.summary() == "Rehearsal: 0 requests, 0 answered as usual"
