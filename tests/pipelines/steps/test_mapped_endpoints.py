"""Records to endpoints as a mapping says: what becomes of each record, and under which keys."""

from functools import partial

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.steps.endpoint_rows import list_endpoints
from pipelines.steps.map_columns import map_columns, name_source_columns, plan_columns
from schemas.mapping import NEVER_CLEARED, Mapping

HEADER = ["Mail", "Mobile", "Phone", "Name", "Consent", "Location.City"]
MAIL = {"name": "mail", "columns": {"Address": "Mail", "ChannelType": {"constant": "EMAIL"}}}
MOBILE = {
    "name": "mobile",
    "columns": {
        "Address": {"from": ["Mobile", "Phone"], "phone_region": "DE"},
        "ChannelType": {"constant": "SMS"},
    },
}
CONSENTED = [{"column": "Consent", "equals": "yes"}]


def staged(*records):
    rows = [dict(zip(HEADER, record, strict=False)) for record in records]
    columns = {f"c{n}": [row.get(name) for row in rows] for n, name in enumerate(HEADER)}
    keys = pl.Series("row_key", [16 * n for n in range(1, len(rows) + 1)], dtype=pl.Int64)
    return pl.DataFrame([keys, *(pl.Series(n, v, dtype=pl.String) for n, v in columns.items())])


def mapped(mapping, *records, header=None):
    plan = plan_columns(header or HEADER, Mapping.model_validate(mapping))
    return map_columns(staged(*records), plan)


def test_each_record_gives_the_endpoints_that_have_an_address():
    result = mapped(
        {"columns": {"User.UserId": "Name"}, "endpoints": [MAIL, MOBILE]},
        ("a@example.com", "1", None, "ana"),
        ("b@example.com", " ", "", "bo"),
        (None, "", "2", "cy"),
    )
    assert result.frame.select("row_key", "ChannelType", "Address", "User.UserId").rows() == [
        (16, "EMAIL", "a@example.com", "ana"),
        (17, "SMS", "1", "ana"),
        (32, "EMAIL", "b@example.com", "bo"),
        (49, "SMS", "2", "cy"),
    ]
    assert result.frame["phone_region"].to_list() == [None, "DE", None, "DE"]
    assert result.issues.is_empty()
    assert result.left_out.is_empty()


def test_a_record_without_any_address_is_told_under_its_own_key():
    result = mapped({"endpoints": [MAIL, MOBILE]}, (None, None, None, "dee"), ("e@example.com",))
    assert result.frame["row_key"].to_list() == [32]
    assert result.issues.rows() == [(16, "Address", "address.missing", None)]


def test_an_endpoint_has_conditions_of_its_own():
    endpoints = [MAIL, {**MOBILE, "where": CONSENTED}]
    both = ("a@example.com", "1", None, "ana")
    result = mapped({"endpoints": endpoints}, (*both, "yes"), (*both, "no"))
    assert result.frame["row_key"].to_list() == [16, 17, 32]


def test_a_record_with_an_address_says_which_condition_is_in_the_way():
    mapping = {"endpoints": [{**MAIL, "where": CONSENTED}, {**MOBILE, "where": CONSENTED}]}
    result = mapped(
        mapping,
        ("a@example.com", None, None, "ana", "no"),
        (None, None, "1", "bo", None),
        (None, None, None, "cy", "no"),
        ("d@example.com", "1", None, "dee", "no"),
        ("e@example.com", None, None, "eve", "yes"),
    )
    assert result.frame["row_key"].to_list() == [80]
    assert result.issues.rows() == [
        (16, "Consent", "mapping.no_endpoint", None),
        (32, "Consent", "mapping.no_endpoint", None),
        (48, "Address", "address.missing", None),
        (64, "Consent", "mapping.no_endpoint", None),
    ]


def test_a_condition_of_a_column_called_like_an_endpoint_column_keeps_its_name():
    mapping = {"endpoints": [{**MAIL, "where": [{"column": "Address", "blank": True}]}]}
    plan = plan_columns(["Mail", "Address"], Mapping.model_validate(mapping))
    frame = pl.DataFrame({"row_key": [16], "c0": ["a@example.com"], "c1": ["5 Main St"]})
    found = map_columns(frame, plan).issues
    assert found.rows() == [(16, "Address", "mapping.no_endpoint", None)]
    assert name_source_columns(found, plan).to_list() == ["Address"]


def test_records_are_left_out_on_purpose():
    result = mapped({"where": CONSENTED, "endpoints": [MAIL]}, *[(None, "", "", "", "no")] * 2)
    assert result.left_out["row_key"].to_list() == [16, 32]
    assert result.frame.is_empty()
    assert result.issues.is_empty()


def test_without_endpoints_every_record_gives_one():
    result = mapped({"columns": {"Address": "Mail"}}, ("a@example.com",), (None,))
    assert result.frame.columns == ["row_key", "Location.City", "Address", "Id", "ChannelType"]
    assert result.frame["Address"].to_list() == ["a@example.com", None]
    assert result.issues.is_empty()


def test_rules_of_an_endpoint_go_before_those_of_all():
    common = {
        "Attributes.Source": {"constant": "crm"},
        "Address": {"from": "Phone", "phone_region": "FR", "default": "9"},
        "Attributes.City": {"from": "Location.City", "blank": "clear"},
    }
    own = {
        "Address": "Mail",
        "Attributes.Source": {"constant": "web"},
        "Attributes.City": {"constant": "x"},
    }
    result = mapped(
        {
            "columns": common,
            "endpoints": [{"name": "a", "columns": own}, {"name": "b", "columns": {}}],
        },
        ("a@example.com", None, "1"),
    )
    assert result.frame.select("row_key", "Address", "Attributes.Source").rows() == [
        (16, "a@example.com", "web"),
        (17, "1", "crm"),
    ]
    assert result.frame["phone_region"].to_list() == [None, "FR"]
    assert result.frame["clear:Attributes.City"].to_list() == [None, True]


def test_an_error_in_a_column_of_all_endpoints_is_told_of_each_one():
    known = {"from": "Consent", "values": {"yes": "NONE"}, "otherwise": "error"}
    own = {**MOBILE["columns"], "OptOut": {"constant": "ALL"}}
    mapping = {"columns": {"OptOut": known}, "endpoints": [MAIL, MOBILE]}
    record = ("a@example.com", "1", None, None, "eh")
    code = "mapping.value_unknown"
    assert mapped(mapping, record).issues.rows() == [
        (16, "OptOut", code, "eh"),
        (17, "OptOut", code, "eh"),
    ]
    mapping["endpoints"] = [MAIL, {"name": "mobile", "columns": own}]
    assert mapped(mapping, record).issues.rows() == [(16, "OptOut", code, "eh")]


def test_a_column_may_hold_one_value_here_and_several_there():
    several = {"Attributes.Tags": {"from": "Name", "split": ","}}
    result = mapped(
        {
            "endpoints": [
                {"name": "mail", "columns": {**MAIL["columns"], "Attributes.Tags": "Name"}},
                {"name": "mobile", "columns": {**MOBILE["columns"], **several}},
            ]
        },
        ("a@example.com", "1", None, "x,y"),
        ("a@example.com", None, None, None),
    )
    assert result.frame["Attributes.Tags"].to_list() == [["x,y"], ["x", "y"], None]


@pytest.mark.parametrize(
    ("mapping", "unmapped"),
    [
        ({"columns": {"Address": "mail "}}, ["Mobile", "Phone", "Name", "Consent"]),
        (
            {
                "columns": {"Address": {"from": "Phone", "phone_region": "{Name}"}},
                "where": [{"any_of": CONSENTED}],
                "ignore": ["M*"],
            },
            [],
        ),
        ({"columns": {"Id": {"template": "{Name}"}}, "ignore": ["*e", "mail"]}, ["Consent"]),
        ({"columns": {"Location.City": "Name"}, "ignore": "*o*e*"}, ["Mail", "Location.City"]),
        ({"keep_canonical": False, "ignore": "[MPNC]*"}, HEADER),
        ({"endpoints": [MAIL, MOBILE], "ignore": "name"}, ["Consent"]),
    ],
)
def test_columns_that_nothing_is_said_of_are_warned_of(mapping, unmapped):
    plan = plan_columns(HEADER, Mapping.model_validate(mapping))
    assert list(plan.unmapped) == unmapped


def test_an_id_of_the_file_is_not_shared_by_several_endpoints():
    header = ["Id", "Mail", "Mobile", "Phone"]
    plan = partial(plan_columns, header)
    assert plan(Mapping.model_validate({"endpoints": [MAIL, MOBILE]})).unmapped == ("Id",)
    assert plan(Mapping.model_validate({"endpoints": [MAIL]})).positions == {"Id": (0,)}


def test_labels_say_where_columns_come_from():
    mapping = {
        "columns": {"User.UserId": " name", "Location.City": "location.city", "OptOut": "Consent"},
        "endpoints": [
            MAIL,
            {**MOBILE, "columns": {**MOBILE["columns"], "OptOut": {"constant": "x"}}},
        ],
    }
    labels = plan_columns(HEADER, Mapping.model_validate(mapping)).labels()
    assert labels == {
        (0, "User.UserId"): "Name",
        (1, "User.UserId"): "Name",
        (0, "OptOut"): "Consent",
        (0, "Address"): "Mail",
        (1, "Address"): "Mobile, Phone",
    }
    assert plan_columns(["Id", "Address "]).labels() == {}


CELLS = st.sampled_from([None, "", " ", "x", "yes", "2026-01-31", "7", "a;b"])
TARGETS = ["Location.City", "Attributes.A", "User.UserAttributes.B", "EffectiveDate", "OptOut"]
ORIGINS = st.one_of(
    st.sampled_from(HEADER).map(lambda name: {"from": name}),
    st.lists(st.sampled_from(HEADER), min_size=1, max_size=3).map(lambda names: {"from": names}),
    st.sampled_from(HEADER).map(lambda name: {"template": f"<{{{name}}}>"}),
    CELLS.map(lambda cell: {"constant": cell or "c"}),
    st.just({"from": "nowhere", "optional": True}),
)
EXTRAS = st.fixed_dictionaries(
    {},
    optional={
        "values": st.just({"yes": "NONE", "x": None}),
        "default": st.just("d"),
        "case": st.sampled_from(["upper", "lower", "title"]),
        "date_format": st.just("%Y-%m-%d"),
        "timezone": st.just("Europe/Berlin"),
        "trim": st.booleans(),
    },
)
CONDITIONS = st.lists(
    st.builds(
        lambda column, asked: {"column": column, **asked},
        st.sampled_from(HEADER),
        st.sampled_from(
            [{"equals": "x"}, {"blank": True}, {"at_least": "5"}, {"at_most": "2026-01-31"}]
        ),
    ),
    max_size=2,
)


@st.composite
def rules(draw, target):
    rule = {**draw(ORIGINS), **draw(EXTRAS)}
    if target == "OptOut":
        rule.pop("case", None)
    if "values" in rule:
        rule["otherwise"] = draw(st.sampled_from(["keep", "blank", "error"]))
    if target.startswith(("Attributes.", "User.UserAttributes.")):
        rule |= draw(st.sampled_from([{}, {"split": ";"}, {"collect": True}]))
    if target not in NEVER_CLEARED and "default" not in rule and draw(st.booleans()):
        rule["blank"] = "clear"
    return rule


@st.composite
def mappings(draw):
    def tables(targets):
        chosen = draw(st.lists(st.sampled_from(targets), unique=True))
        return {target: draw(rules(target)) for target in chosen}

    endpoints = [
        {"name": f"e{n}", "columns": tables(["Address", *TARGETS]), "where": draw(CONDITIONS)}
        for n in range(draw(st.integers(0, 3)))
    ]
    common = tables(["Address", "ChannelType", *TARGETS])
    return {"columns": common, "endpoints": endpoints, "where": draw(CONDITIONS)}


@settings(deadline=None, max_examples=150)
@given(
    mappings(), st.lists(st.lists(CELLS, min_size=len(HEADER), max_size=len(HEADER)), max_size=6)
)
def test_every_record_is_left_out_or_listed(mapping, records):
    frame = staged(*records)
    plan = plan_columns(HEADER, Mapping.model_validate(mapping))
    result = map_columns(frame, plan)
    ids = result.frame.select("row_key", pl.lit(None, pl.String).alias("endpoint_id"))
    rows = frame.select("row_key").join(result.left_out, on="row_key", how="anti")
    listed = list_endpoints(rows, ids)["row_key"].to_list()
    assert listed == sorted(set(listed))
    left_out = {key // 16 for key in result.left_out["row_key"]}
    told = {key // 16 for key in listed}
    assert told | left_out == set(range(1, len(records) + 1))
    assert not told & left_out
    assert set(result.issues["row_key"]) <= set(listed)
    assert result.frame["row_key"].to_list() == sorted(set(result.frame["row_key"].to_list()))
    without = [key for key in listed if key not in set(result.frame["row_key"])]
    told_why = pl.col("code").is_in(["address.missing", "mapping.no_endpoint"])
    missing = result.issues.filter(told_why)["row_key"].to_list()
    assert missing == without


def test_malformed_records_that_come_back_as_they_were_are_not_left_out():
    header = ["Mail", "Stage", "_error_codes"]
    codes = ["record.malformed", "record.malformed", "address.missing", None]
    frame = pl.DataFrame(
        {
            "row_key": [16, 32, 48, 64],
            "c0": ["", "a@example.com", None, None],
            "c1": [" ", "lead", None, ""],
            "c2": codes,
        }
    )
    mapping = {"columns": {"Address": "Mail"}, "where": [{"column": "Stage", "equals": "customer"}]}
    plan = plan_columns(header, Mapping.model_validate(mapping))
    result = map_columns(frame, plan)
    assert result.frame["row_key"].to_list() == [16]
    assert result.left_out["row_key"].to_list() == [32, 48, 64]
