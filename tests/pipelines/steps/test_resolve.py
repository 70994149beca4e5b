from dataclasses import replace
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from step_frames import endpoints

from pipelines.steps.encode import encode
from pipelines.steps.resolve import (
    DECISION_SCHEMA,
    KEY_COLUMNS,
    RUN_ISSUE_SCHEMA,
    describe_decisions,
)
from pipelines.steps.resolve import resolve as resolve_partitions
from schemas.channels import EVICTING_CHANNELS, ChannelType

FILES = {0: "a.csv", 1: "b.csv"}
JANUARY, FEBRUARY = "2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"


def keys(*rows):
    """Make keys of (partition, row_key, changed columns)."""
    filled = [
        {
            "partition": partition,
            "row_key": row,
            "id_key": f"e-{partition}-{row}",
            "channel_type": "EMAIL",
            "address": f"ana{partition}.{row}@example.com",
            "user_id": None,
            "effective_date": None,
            "opt_out": None,
            **changes,
        }
        for partition, row, changes in rows
    ]
    texts = dict.fromkeys(KEY_COLUMNS[1:], pl.String)
    schema = {"partition": pl.Int64, "row_key": pl.Int64, **texts}
    return pl.DataFrame(filled, schema=schema, orient="row")


def resolve(rows, files):
    """Resolve rows that are all at hand, and say why in words."""

    def read(partition, columns):
        return rows.filter(pl.col("partition") == partition).select(columns)

    numbers = sorted(rows["partition"].unique())
    resolution = resolve_partitions(numbers, read)
    told = describe_decisions(resolution.decisions, files)
    assert told["row_key"].equals(resolution.decisions["row_key"])
    return replace(resolution, decisions=resolution.decisions.with_columns(told["message"]))


def decided(resolution):
    return resolution.decisions.select("partition", "row_key", "outcome").rows()


def noticed(resolution):
    return resolution.issues.select("partition", "row_key", "column", "code").rows()


def dated(*dates):
    return keys(
        *((0, row, {"id_key": "same", "effective_date": d}) for row, d in enumerate(dates, start=1))
    )


@pytest.mark.parametrize(
    ("rows", "winner"),
    [
        pytest.param(dated(JANUARY, FEBRUARY), (0, 2), id="later-date-below"),
        pytest.param(dated(FEBRUARY, JANUARY), (0, 1), id="later-date-above"),
        pytest.param(dated(None, None), (0, 2), id="no-dates-last-in-file"),
        pytest.param(dated(JANUARY, JANUARY), (0, 2), id="equal-dates-last-in-file"),
        pytest.param(dated(JANUARY, None), (0, 1), id="no-date-loses-to-any"),
        pytest.param(dated(None, JANUARY, None), (0, 2), id="three-one-dated"),
        pytest.param(dated(FEBRUARY, JANUARY, None), (0, 1), id="three-ways"),
        pytest.param(
            keys((0, 9, {"id_key": "same"}), (1, 2, {"id_key": "same"})), (1, 2), id="partitions"
        ),
        pytest.param(
            keys((0, 9, {"id_key": "same", "effective_date": JANUARY}), (1, 2, {"id_key": "same"})),
            (0, 9),
            id="date-in-earlier-partition",
        ),
        pytest.param(
            keys((1, 5, {"id_key": "same"}), (0, 5, {"id_key": "same"})),
            (1, 5),
            id="one-source-row-in-two-partitions",
        ),
    ],
)
def test_one_row_of_an_id_wins(rows, winner):
    resolution = resolve(rows, FILES)
    losers = sorted(set(rows.select("partition", "row_key").rows()) - {winner})
    assert decided(resolution) == [(*row, "duplicate") for row in losers]
    assert set(resolution.decisions["code"]) == {"endpoint.duplicate_id"}
    text = f"Row {winner[1] // 16} of {FILES[winner[0]]} has the same Id and won."
    assert set(resolution.decisions["message"]) == {text}


def test_other_ids_are_left_alone():
    assert decided(resolve(keys((0, 1, {}), (0, 2, {}), (1, 1, {})), FILES)) == []


@pytest.mark.parametrize(
    ("ids", "duplicates"),
    [
        pytest.param(["Abc", "aBC"], 1, id="ascii"),
        pytest.param(["ÄÖÉ", "äöé"], 1, id="accents"),
        pytest.param(["ПРИВЕТ", "привет"], 1, id="cyrillic"),
        pytest.param(["ß", "SS"], 0, id="sharp-s-is-not-ss"),
        pytest.param(["abc", "abd"], 0, id="different"),
        pytest.param(["é", "e"], 0, id="accent-counts"),
    ],
)
def test_ids_that_differ_in_case_are_the_same_endpoint(ids, duplicates):
    encoded = encode(endpoints({"Id": ids})).frame.with_columns(pl.lit(0).alias("partition"))
    assert resolve(encoded.select("partition", *KEY_COLUMNS), FILES).decisions.height == duplicates


def test_file_that_is_not_named_is_the_input():
    rows = dated(*[None] * 33)  # the last has the key of the second row's first endpoint
    assert "Row 2 of the input" in resolve(rows, {}).decisions["message"][0]


SHARED = {"address": "ana@example.com"}


@pytest.mark.parametrize(
    ("rows", "warned"),
    [
        pytest.param(keys((0, 1, SHARED), (0, 2, SHARED)), [(0, 1)], id="older-of-two"),
        pytest.param(
            keys((0, 1, SHARED), (0, 2, SHARED), (1, 1, SHARED)), [(0, 1), (0, 2)], id="three"
        ),
        pytest.param(
            keys((0, 1, {**SHARED, "channel_type": "CUSTOM"}), (0, 2, SHARED)), [], id="channels"
        ),
        pytest.param(
            keys((0, 1, {**SHARED, "id_key": "same"}), (0, 2, {**SHARED, "id_key": "same"})),
            [],
            id="duplicates-do-not-count",
        ),
    ],
)
def test_shared_address_is_a_warning(rows, warned):
    resolution = resolve(rows, FILES)
    assert noticed(resolution) == [(*row, "Address", "address.shared") for row in warned]
    assert "invalid" not in resolution.decisions["outcome"]


def user(*channels):
    return keys(
        *(
            (0, row, {"user_id": "u-1", "channel_type": channel})
            for row, channel in enumerate(channels, start=1)
        )
    )


OVER, DISPLACES = "user.too_many_endpoints", "user.endpoint_displaces"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(user(*["EMAIL"] * 15), [], id="15-email"),
        pytest.param(user(*["EMAIL"] * 16), [(16, OVER)], id="16-email"),
        pytest.param(user(*["SMS"] * 17), [(16, OVER), (17, OVER)], id="17-sms"),
        pytest.param(user(*["GCM"] * 15), [], id="15-push"),
        pytest.param(user(*["GCM"] * 17), [(16, DISPLACES), (17, DISPLACES)], id="17-push"),
        pytest.param(user(*["EMAIL"] * 15, "APNS"), [(16, OVER)], id="push-with-none-to-displace"),
        pytest.param(
            user("GCM", *["EMAIL"] * 14, "APNS"), [(16, DISPLACES)], id="push-displaces-push"
        ),
        pytest.param(user("GCM", *["EMAIL"] * 15), [(16, OVER)], id="email-displaces-nothing"),
        pytest.param(
            user(*["APNS"] * 15, "APNS_SANDBOX"), [(16, OVER)], id="sandbox-is-never-evicted"
        ),
        pytest.param(
            user(*["APNS_SANDBOX"] * 15, "APNS"), [(16, OVER)], id="sandbox-is-not-displaced"
        ),
        pytest.param(
            user(*["EMAIL"] * 15, "GCM", "GCM"), [(16, OVER), (17, OVER)], id="refused-push-is-none"
        ),
        pytest.param(
            user(*["GCM"] * 15, "EMAIL", "GCM"), [(16, OVER), (17, DISPLACES)], id="mixed"
        ),
    ],
)
def test_endpoints_per_user(rows, expected):
    resolution = resolve(rows, FILES)
    assert noticed(resolution) == [(0, row, "User.UserId", code) for row, code in expected]
    refused = [(0, row, "invalid") for row, code in expected if code == OVER]
    assert decided(resolution) == refused
    assert set(resolution.issues["value"]) <= {"u-1"}


@pytest.mark.parametrize("channel", sorted(ChannelType))
def test_sixteenth_endpoint_of_each_channel(channel):
    codes = resolve(user(*[channel] * 16), FILES).issues["code"].to_list()
    assert codes == [DISPLACES if channel in EVICTING_CHANNELS else OVER]


def test_limit_is_per_user_and_rows_without_a_user_are_free():
    rows = keys(
        *((0, row, {"user_id": f"u-{row % 2}"}) for row in range(30)),
        *((1, row, {}) for row in range(40)),
    )
    assert resolve(rows, FILES).issues.is_empty()


def test_duplicates_do_not_count_as_endpoints_of_a_user():
    rows = keys(*((0, row, {"user_id": "u-1", "id_key": f"e-{row % 15}"}) for row in range(30)))
    resolution = resolve(rows, FILES)
    assert resolution.issues.is_empty()
    assert resolution.decisions.height == 15


def test_refused_endpoint_takes_no_address_over():
    rows = [(0, row, {"user_id": "u-1"}) for row in range(1, 16)]
    rows.append((0, 16, {"user_id": "u-1", "address": "ana0.1@example.com"}))
    assert noticed(resolve(keys(*rows), FILES)) == [(0, 16, "User.UserId", OVER)]


def test_no_rows_need_no_decision():
    resolution = resolve(keys(), {})
    assert resolution.decisions.drop("message").schema == DECISION_SCHEMA
    assert resolution.issues.schema == RUN_ISSUE_SCHEMA
    assert resolution.decisions.is_empty()


DATES = st.sampled_from([None, JANUARY, FEBRUARY])
ROWS = st.tuples(
    st.integers(0, 3),
    st.integers(1, 40),
    st.fixed_dictionaries(
        {
            "id_key": st.integers(0, 30).map("e-{}".format),
            "channel_type": st.sampled_from(["EMAIL", "GCM", "APNS_SANDBOX"]),
            "address": st.integers(0, 12).map("ana{}@example.com".format),
            "user_id": st.sampled_from([None, "u-1", "u-1", "u-1"]),
            "effective_date": DATES,
        }
    ),
)


def crowd(random):
    """Make a run in which one user has about as many endpoints as the service allows, or more."""
    places = random.sample([(part, row) for part in range(3) for row in range(1, 20)], 25)
    channels = random.choices(["EMAIL", "GCM", "APNS_SANDBOX"], [6, random.randint(0, 2), 1], k=25)
    return [
        (
            part,
            row,
            {
                "id_key": f"e-{random.randint(0, 60)}",
                "channel_type": channel,
                "address": f"ana{random.randint(0, 40)}@example.com",
                "user_id": "u-1" if random.random() < 0.9 else None,
                "effective_date": random.choice([None, JANUARY, FEBRUARY]),
            },
        )
        for (part, row), channel in zip(places, channels, strict=True)
    ]


RUNS = st.lists(ROWS, unique_by=lambda row: row[:2], max_size=30) | st.integers(0, 10**6).map(
    lambda seed: crowd(Random(seed))
)


@settings(deadline=None, max_examples=80)
@given(RUNS, st.randoms(use_true_random=False))
def test_order_of_the_frame_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    first, second = resolve(keys(*rows), FILES), resolve(keys(*shuffled), FILES)
    assert_frame_equal(first.decisions, second.decisions)
    assert_frame_equal(first.issues, second.issues)


@settings(deadline=None, max_examples=80)
@given(RUNS)
def test_every_id_has_one_winner_and_no_row_two_decisions(rows):
    resolution = resolve(keys(*rows), FILES)
    listed = resolution.decisions.select("partition", "row_key").rows()
    assert len(listed) == len(set(listed))
    assert set(listed) <= {row[:2] for row in rows}
    losers = {row[:2] for row in decided(resolution) if row[2] == "duplicate"}
    contenders: dict[str, list[tuple[str, int, int]]] = {}
    for partition, row, key in rows:
        entry = (key["effective_date"] or "", partition, row)
        contenders.setdefault(key["id_key"], []).append(entry)
    winners = {max(entries)[1:] for entries in contenders.values()}
    assert winners == {row[:2] for row in rows} - losers


@settings(deadline=None, max_examples=80)
@given(RUNS)
def test_user_and_address_rules_as_a_reader_would_apply_them(rows):
    resolution = resolve(keys(*rows), FILES)
    losers = {row[:2] for row in decided(resolution) if row[2] == "duplicate"}
    winners = sorted((row for row in rows if row[:2] not in losers), key=lambda row: row[:2])
    expected, owned, pushes, sent = [], 0, 0, []
    for partition, row, key in winners:
        is_push = key["channel_type"] in EVICTING_CHANNELS
        if key["user_id"] and owned >= 15:
            expected.append((partition, row, DISPLACES if is_push and pushes else OVER))
            if not (is_push and pushes):
                continue
        elif key["user_id"]:
            owned, pushes = owned + 1, pushes + is_push
        sent.append((partition, row, (key["channel_type"], key["address"])))
    for number, (partition, row, address) in enumerate(sent):
        if any(later == address for *_, later in sent[number + 1 :]):
            expected.append((partition, row, "address.shared"))
    assert resolution.issues.select("partition", "row_key", "code").rows() == sorted(expected)


def test_parts_do_not_need_an_order():
    rows = keys((1, 1, SHARED), (0, 1, SHARED))
    assert resolve(rows, FILES).issues["partition"].to_list() == [0]


EARLY, LATE = JANUARY, FEBRUARY


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        pytest.param([("ALL", None), (None, None)], True, id="then-nothing"),
        pytest.param([("ALL", LATE), (None, None)], False, id="the-opt-out-wins-itself"),
        pytest.param([("ALL", None), ("NONE", None)], True, id="then-none-undated"),
        pytest.param([("ALL", EARLY), ("NONE", LATE)], False, id="taken-back-later"),
        pytest.param([("ALL", LATE), ("NONE", LATE)], True, id="taken-back-at-once"),
        pytest.param([("ALL", None), ("NONE", LATE)], True, id="nobody-knows-when"),
        pytest.param([("ALL", EARLY), (None, LATE)], True, id="later-but-silent"),
        pytest.param([("NONE", EARLY), ("NONE", LATE)], False, id="never"),
        pytest.param([(None, None), (None, None)], False, id="silent"),
        pytest.param([("ALL", EARLY), ("ALL", None), ("NONE", LATE)], True, id="one-undated"),
    ],
)
def test_an_opt_out_is_not_lost_with_a_duplicate(said, kept):
    rows = keys(
        *(
            (0, row, {"id_key": "same", "opt_out": word, "effective_date": date})
            for row, (word, date) in enumerate(said, 1)
        ),
        (0, 99, {"opt_out": None}),
    )
    resolution = resolve(rows, FILES)
    losers = {row for _, row, _ in decided(resolution)}
    (winner,) = set(range(1, len(said) + 1)) - losers
    assert resolution.opt_outs.rows() == ([(0, winner)] if kept else [])
    told = [(row, code) for _, row, _, code in noticed(resolution) if code == "opt_out.kept"]
    assert told == ([(winner, "opt_out.kept")] if kept else [])
