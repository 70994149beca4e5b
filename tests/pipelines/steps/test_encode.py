"""orjson, a plain Python builder and botocore's own validator are the truth here."""

import re

import botocore.session
import orjson
import polars as pl
import pytest
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from step_frames import FIRST_ROW, assert_counting_law, endpoints, found

from pipelines.steps.encode import (
    TOP_LEVEL,
    drop_known_opt_ins,
    encode,
    opt_out_items,
    opt_out_rows,
    write_items,
)
from pipelines.steps.fingerprint import hash_items
from schemas import limits
from schemas.columns import ATTRIBUTES, CLEAR, METRICS, SCALAR_COLUMNS, USER_ATTRIBUTES
from schemas.mapping import NEVER_CLEARED
from schemas.sync_records import CONTENT_SCHEMA

BATCH_SHAPE = (
    botocore.session.get_session()
    .get_service_model("pinpoint")
    .operation_model("UpdateEndpointsBatch")
    .input_shape
)
NUMBERS = ("Location.Latitude", "Location.Longitude")
TRICKY = [
    '":null',
    ',"x":null',
    '{"x":null,',
    ":null",
    ":null,",
    ":null}",
    "x,",
    "x{",
    ",",
    "{",
    '"',
    "\\",
    "\\\\",
    '\\"',
    '",',
    "null",
    "{}[]",
    "\t",
    "\n",
    "\x00\x1f\x7f",
    "\u2028\u2029",
    "😀",
    "é",
    "$0 ${1} $1",
    "",
]
TEXTS = (
    st.sampled_from(TRICKY) | st.text(max_size=8) | st.lists(st.sampled_from(TRICKY)).map("".join)
)
NAMES = TEXTS.filter(bool)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def number_texts():
    return st.sampled_from(["1", "-0", ".5", "+1.", "1e300", "1E-7"]) | FLOATS.map(repr)


@st.composite
def valid_frames(draw):
    rows = draw(st.integers(1, 4))

    def column(values):
        return draw(st.lists(values, min_size=rows, max_size=rows))

    columns = {name: column(TEXTS) for name in ("Id", "ChannelType", "Address")}
    others = [name for name in SCALAR_COLUMNS if name not in columns]
    for name in draw(st.lists(st.sampled_from(others), unique=True, max_size=6)):
        columns[name] = column((number_texts() if name in NUMBERS else TEXTS) | st.none())
    for prefix in (ATTRIBUTES, USER_ATTRIBUTES, METRICS):
        for name in draw(st.lists(NAMES, unique=True, max_size=3)):
            values = TEXTS | st.none()
            if prefix == METRICS:
                values = number_texts() | st.none()
            elif draw(st.booleans()):
                values = st.lists(TEXTS, min_size=1, max_size=3) | st.none()
            columns[prefix + name] = column(values)
    return endpoints(columns)


def build_item(row):
    """Build a row's item the way one would by hand."""
    item = {}
    for column, value in row.items():
        if value is None or column == "row_key":
            continue
        prefix = next(
            (p for p in (USER_ATTRIBUTES, ATTRIBUTES, METRICS) if column.startswith(p)), ""
        )
        name = column.removeprefix(prefix)
        if prefix == USER_ATTRIBUTES:
            target = item.setdefault("User", {}).setdefault("UserAttributes", {})
        elif prefix:
            target = item.setdefault(prefix.rstrip("."), {})
        elif "." in column:
            group, name = column.split(".")
            target = item.setdefault(group, {})
        else:
            target = item
        if prefix == METRICS or column in NUMBERS:
            target[name] = float(value)
        elif prefix:
            target[name] = value if isinstance(value, list) else [value]
        else:
            target[name] = value
    return item


def repr_all(value):
    """Tell floats from integers and -0.0 from 0.0 when comparing."""
    if isinstance(value, dict):
        return {name: repr_all(member) for name, member in value.items()}
    return value if isinstance(value, (str, list)) else repr(value)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(valid_frames())
@example(endpoints({"Attributes.a": [["x,", ":null y"]]}))
@example(endpoints({"Attributes.a": [["x{", ":null,y"]], "Attributes.b": [None]}))
@example(endpoints({"Attributes.a": ["x,"], "Attributes.:null": ["v"], "OptOut": [None]}))
@example(endpoints({'Attributes.q"\\': [None, "x"], "Attributes.:null": [":null", None]}))
def test_item_is_what_a_plain_builder_makes(frame):
    result = encode(frame)
    assert_counting_law(frame, result)
    for row, text in zip(frame.iter_rows(named=True), result.frame["item"], strict=True):
        assert repr_all(orjson.loads(text)) == repr_all(build_item(row))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(valid_frames())
def test_item_is_compact_utf8(frame):
    for text in encode(frame).frame["item"]:
        between = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
        assert re.fullmatch(r"[{}\[\],:0-9.eE+-]+", between)
        escapes = re.findall(r"\\\\|\\u([0-9a-fA-F]{4})", text)
        assert all(int(code, 16) < 0x20 for code in escapes if code)


def test_text_of_an_item():
    frame = endpoints(
        {
            "Id": ["é-1"],
            "Location.Latitude": ["47.6"],
            "Location.City": [None],
            "Demographic.Make": [None],
            "Attributes.Plan": ["gold 😀"],
            "Attributes.Likes": [["a", "b"]],
            "Metrics.Visits": ["3"],
            "User.UserId": ["u-1"],
            "User.UserAttributes.Tier": ["1"],
        }
    )
    assert encode(frame).frame["item"].to_list() == [
        '{"Id":"é-1","ChannelType":"EMAIL","Address":"ana0@example.com",'
        '"Location":{"Latitude":47.6},"Attributes":{"Likes":["a","b"],"Plan":["gold 😀"]},'
        '"Metrics":{"Visits":3.0},"User":{"UserId":"u-1","UserAttributes":{"Tier":["1"]}}}'
    ]


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(valid_frames())
def test_items_pass_botocores_own_validation(frame):
    items = [orjson.loads(text) for text in encode(frame).frame["item"]]
    request = {"ApplicationId": "app", "EndpointBatchRequest": {"Item": items}}
    report = ParamValidator().validate(request, BATCH_SHAPE)
    assert not report.has_errors(), report.generate_report()


def test_every_column_has_its_member_in_the_service_model():
    values = {c: ["1.5" if c in NUMBERS else "x"] for c in SCALAR_COLUMNS}
    item = orjson.loads(encode(endpoints(values)).frame["item"].item())
    shape = BATCH_SHAPE.members["EndpointBatchRequest"].members["Item"].member
    assert set(item) | {"Attributes", "Metrics"} == set(shape.members)
    for group in ("Location", "Demographic"):
        assert set(item[group]) == set(shape.members[group].members)
    assert set(TOP_LEVEL) == {c for c in SCALAR_COLUMNS if "." not in c}


@pytest.mark.parametrize(
    "letter", [pytest.param("x", id="one-byte"), pytest.param("é", id="two-bytes")]
)
@pytest.mark.parametrize(
    ("over", "refused"), [pytest.param(0, False, id="at-limit"), pytest.param(1, True, id="over")]
)
def test_size_limit_is_in_bytes(letter, over, refused):
    def frame(value):
        return endpoints({"Attributes.A": [value, "small"]})

    room = limits.ENDPOINT_BYTES.value + over
    room -= len(encode(frame("")).frame["item"][0].encode())
    width = len(letter.encode())
    result = encode(frame(letter * (room // width) + "x" * (room % width)))
    assert found(result.issues) == ([(0, "Id", "endpoint.too_large")] if refused else [])
    assert result.frame.height == (1 if refused else 2)
    assert result.issues["value"].to_list() == (["15001 bytes"] if refused else [])
    assert_counting_law(frame(""), result)


def test_keys_for_the_steps_that_follow():
    frame = endpoints(
        {
            "Id": ["E-ÉÖ"],
            "User.UserId": ["U-1"],
            "EffectiveDate": ["2026-01-31T00:00:00.000Z"],
        }
    )
    assert encode(frame, with_items=False).frame.drop("item").rows(named=True) == [
        {
            "row_key": FIRST_ROW,
            "endpoint_id": "E-ÉÖ",
            "id_key": "e-éö",
            "channel_type": "EMAIL",
            "address": "ana0@example.com",
            "user_id": "U-1",
            "effective_date": "2026-01-31T00:00:00.000Z",
            "opt_out": None,
        }
    ]


def test_keys_are_null_without_their_columns():
    keys = encode(endpoints()).frame
    assert keys.schema["user_id"] == keys.schema["effective_date"] == pl.String
    assert keys.select("user_id", "effective_date").row(0) == (None, None)


def test_no_rows_give_no_items():
    result = encode(endpoints({"Attributes.A": [["x"]], "Metrics.M": ["1"]}).clear())
    assert result.frame.height == result.issues.height == 0


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(valid_frames(), st.data())
def test_what_is_cleared_is_sent_empty(frame, data):
    """Where there is a value, that is sent; a null without its flag is left out as ever."""
    clearable = [
        name
        for name in frame.columns
        if name not in ("row_key", *NEVER_CLEARED) and not name.startswith(METRICS)
    ]
    chosen = data.draw(st.lists(st.sampled_from(clearable), unique=True)) if clearable else []
    one_flag = st.sampled_from([True, False, None])
    flags = {
        name: data.draw(st.lists(one_flag, min_size=frame.height, max_size=frame.height))
        for name in chosen
    }
    helpers = [pl.Series(CLEAR + name, values, dtype=pl.Boolean) for name, values in flags.items()]
    with_flags = frame.with_columns(helpers)
    lists = (ATTRIBUTES, USER_ATTRIBUTES)
    for with_items in (True, False):
        assert encode(with_flags, with_items=with_items).issues.is_empty()
    for place, text in enumerate(encode(with_flags).frame["item"]):
        row = frame.row(place, named=True)
        for name, values in flags.items():
            if row[name] is None and values[place]:
                row[name] = [] if name.startswith(lists) else ""
        assert repr_all(orjson.loads(text)) == repr_all(build_item(row))


TEXT = st.text(max_size=8) | st.just('"OptOut":"NONE"')


@given(TEXT, st.sampled_from([None, "NONE"]), TEXT)
def test_an_item_is_opted_out_and_else_the_same(city, said, value):
    columns = {"Location.City": [city], "OptOut": [said], "Attributes.OptOut": [["NONE", value]]}
    item = encode(endpoints(columns)).frame["item"]
    (before,), (after,) = (
        [orjson.loads(text) for text in texts] for texts in (item, opt_out_items(item))
    )
    assert after == {**before, "OptOut": "ALL"}


@given(st.lists(st.tuples(TEXT, st.sampled_from([None, "NONE", "ALL"]), st.booleans()), min_size=1))
def test_what_is_known_is_left_out_and_nothing_else(rows):
    texts, said, is_known = (list(values) for values in zip(*rows, strict=True))
    columns = {"Location.City": texts, "OptOut": said, "Attributes.OptOut": [["NONE"]] * len(rows)}
    items = encode(endpoints({**columns, "Id": texts, "Address": texts})).frame["item"]
    dropped = drop_known_opt_ins(items, pl.Series(is_known))
    for before, after, known in zip(items, dropped, is_known, strict=True):
        expected = orjson.loads(before)
        if known and expected.get("OptOut") == "NONE":
            del expected["OptOut"]
        assert orjson.loads(after) == expected


@pytest.mark.parametrize("columns", [{}, {"OptOut": [None, "NONE"]}], ids=["no-column", "column"])
def test_rows_that_are_opted_out_are_as_if_they_said_so(columns):
    rows = endpoints(columns, rows=2)
    found = opt_out_rows(encode(rows).frame)
    said = encode(rows.with_columns(OptOut=pl.lit("ALL"))).frame
    hashes = ("item", "content")
    assert found.drop(hashes).equals(said.drop(hashes))
    for text, expected in zip(found["item"], said["item"], strict=True):
        assert orjson.loads(text) == orjson.loads(expected)
    assert found["content"].equals(hash_items(found["item"]))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(valid_frames(), st.randoms(use_true_random=False))
def test_an_item_depends_on_its_row_only(frame, random):
    """Not on what stands in other rows, on the order of columns, or on columns without a value."""
    columns = random.sample(frame.columns, k=frame.width)
    wider = frame.with_columns(pl.lit(None, pl.String).alias("Attributes.empty"))
    alone = pl.concat(write_items(frame[place]) for place in range(frame.height))
    for same in (alone, write_items(frame.select(columns)), write_items(wider)):
        assert same.to_list() == write_items(frame).to_list()


def test_members_stand_in_the_order_of_the_service_model_and_names_in_that_of_the_alphabet():
    frame = endpoints(
        {
            "User.UserAttributes.b": ["1"],
            "Metrics.z": ["1"],
            "Metrics.a": ["2"],
            "User.UserAttributes.B": ["1"],
            "Attributes.é": [["1"]],
            "Attributes.z": ["1"],
            **{c: ["1" if c in NUMBERS else "x"] for c in reversed(SCALAR_COLUMNS)},
        }
    )
    item = orjson.loads(write_items(frame)[0])
    leaves = [f"{a}.{b}" if isinstance(item[a], dict) else a for a in item for b in item[a]]
    leaves = list(dict.fromkeys(leaves))
    named = ["Attributes.z", "Attributes.é", "Metrics.a", "Metrics.z"]
    assert leaves == [*SCALAR_COLUMNS[:-1], *named, "User.UserId", "User.UserAttributes"]
    assert list(item["User"]["UserAttributes"]) == ["B", "b"]


def test_what_is_remembered_comes_with_items_only():
    frame = endpoints({"EndpointStatus": ["ACTIVE", None]})
    keys = encode(frame, with_items=False).frame
    found = encode(frame).frame
    assert found.columns == [*keys.columns, "status", *CONTENT_SCHEMA.names()]
    assert found["status"].to_list() == ["ACTIVE", None]
    assert found.select(CONTENT_SCHEMA.names()).schema == CONTENT_SCHEMA
