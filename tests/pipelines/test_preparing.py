"""A partition of contacts from records to endpoints, with the files that it leaves."""

import tempfile
from pathlib import Path
from typing import NamedTuple

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.preparing import find_excess, may_have_excess, prepare
from pipelines.settings import ImportSettings
from pipelines.sources.base import SourceFormat
from pipelines.staging import SourceLayout
from pipelines.steps.result import ERROR_CODES
from pipelines.storage.manifest import PartitionRecord
from pipelines.storage.run_dir import create_run_directory
from schemas.limits import ATTRIBUTE_NAMES
from schemas.mapping import Mapping
from schemas.row_keys import row_of

HEADER = ["Mail", "Mobile", "Phone", "Consent", "Seen", "Plan"]
ENDPOINTS = [
    {"name": "mail", "columns": {"Address": "Mail", "ChannelType": {"constant": "EMAIL"}}},
    *(
        {"name": name.lower(), "columns": {"Address": name, "ChannelType": {"constant": "SMS"}}}
        for name in ("Mobile", "Phone")
    ),
]
COMMON = {
    "OptOut": {"from": "Consent", "values": {"yes": "NONE", "no": "ALL"}, "otherwise": "error"},
    "EffectiveDate": {"from": "Seen", "date_format": "%d/%m/%Y"},
    "Attributes.Plan": {"from": "Plan", "blank": "clear"},
}
WHERE = [{"column": "Plan", "not_equals": "test"}]
CONTACTS = Mapping.model_validate({"columns": COMMON, "endpoints": ENDPOINTS, "where": WHERE})
US, UK = "+12065550100", "+447400123456"


class Prepared(NamedTuple):
    valid: int
    rows: pl.DataFrame
    found: pl.DataFrame
    items: pl.DataFrame
    left_out: pl.DataFrame | None


def stage(folder, records, mapping, header=HEADER, malformed=()):
    run = create_run_directory(folder, "r")
    cells = {f"c{n}": [record[n] for record in records] for n in range(len(header))}
    columns = [
        pl.Series("source_row", range(1, len(records) + 1), dtype=pl.Int64),
        pl.Series("malformed", ["x" if n in malformed else None for n in range(len(records))]),
        *(pl.Series(name, values, dtype=pl.String) for name, values in cells.items()),
    ]
    frame = pl.DataFrame(columns).with_columns(pl.col("malformed").cast(pl.String))
    frame.write_parquet(run.part("staged", 0))
    part = PartitionRecord(number=0, input=0, rows=len(records))
    return run, part, SourceLayout(SourceFormat.PARQUET, header, mapping=mapping)


def prepare_records(folder, records, mapping=CONTACTS, **options):
    run, part, source = stage(folder, records, mapping, **options)
    settings = ImportSettings(sources=["x"], default_country="US")
    valid = prepare(run, part, source, [], settings, with_items=True)
    files = [pl.read_parquet(run.part(name, 0)) for name in ("rows", "found", "prepared")]
    left_out = run.part("left_out", 0)
    return Prepared(valid, *files, pl.read_parquet(left_out) if left_out.is_file() else None)


def test_every_kind_of_record(tmp_path):
    done = prepare_records(
        tmp_path,
        [
            ("a@example.com", "206 555 0100", UK, "yes", "31/01/2026", "gold"),
            ("b@example.com", "", "", "", "", ""),
            ("", "", "", "yes", "", ""),
            ("d@example.com", "", "", "", "", "test"),
            ("e@example.com", "12", "", "maybe", "2026-01-31", ""),
            (None,) * 6,
            ("", US, "(206) 555-0100", "no", "", "x"),
        ],
        malformed={5},
    )
    keys = done.rows["row_key"].to_list()
    assert keys == [16, 17, 18, 32, 48, 80, 81, 96, 113]
    assert done.left_out is not None
    assert done.left_out["row_key"].to_list() == [64]
    assert done.found.select("row_key", "column", "code").rows() == [
        (48, "Address", "address.missing"),
        (80, "EffectiveDate", "mapping.date_format"),
        (80, "OptOut", "mapping.value_unknown"),
        (81, "Address", "address.phone_invalid"),
        (81, "EffectiveDate", "mapping.date_format"),
        (81, "OptOut", "mapping.value_unknown"),
        (96, None, "record.malformed"),
    ]
    assert done.items["row_key"].to_list() == [16, 17, 18, 32, 113]
    assert done.valid == 5
    items = [orjson.loads(item) for item in done.items["item"]]
    assert [item["Address"] for item in items] == ["a@example.com", US, UK, "b@example.com", US]
    assert [item.get("OptOut") for item in items] == ["NONE"] * 3 + [None, "ALL"]
    assert items[0]["Attributes"] == {"Plan": ["gold"]}
    assert items[3]["Attributes"] == {"Plan": []}
    ids = dict(done.rows.select("row_key", "endpoint_id").rows())
    assert ids[16] == items[0]["Id"]
    assert ids[48] is ids[96] is None


def test_an_error_that_only_the_mapping_can_tell_refuses_the_row(tmp_path):
    plan = {"from": "Plan", "values": {"gold": "1"}, "otherwise": "error"}
    mapping = Mapping.model_validate({"columns": {"Attributes.P": plan}, "endpoints": ENDPOINTS})
    records = [("a@example.com", "", "", "", "", n) for n in ("gold", "tin")]
    done = prepare_records(tmp_path, records, mapping)
    assert done.items["row_key"].to_list() == [16]
    assert done.found.select("row_key", "code", "value").rows() == [
        (32, "mapping.value_unknown", "tin")
    ]


def test_without_conditions_nothing_can_be_left_out(tmp_path):
    mapping = Mapping.model_validate({"endpoints": ENDPOINTS, "ignore": "*"})
    done = prepare_records(tmp_path, [("a@example.com", "", "", "", "", "")], mapping)
    assert done.left_out is None


CELLS = st.tuples(
    st.sampled_from(["", None, "a@example.com", "b@example.com", "nobody"]),
    st.sampled_from(["", None, US, "206 555 0100", "12"]),
    st.sampled_from(["", None, US, UK]),
    st.sampled_from(["", "yes", "maybe"]),
    st.sampled_from(["", "31/01/2026", "soon"]),
    st.sampled_from(["", "gold", "test"]),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(CELLS, max_size=6), st.sets(st.integers(0, 5)))
def test_no_record_is_lost(records, malformed):
    with tempfile.TemporaryDirectory() as folder:
        done = prepare_records(Path(folder), records, malformed=malformed)
    keys = done.rows["row_key"].to_list()
    assert keys == sorted(set(keys))
    assert done.left_out is not None
    listed = set(done.rows.select(row_of(pl.col("row_key"))).to_series())
    left_out = set(done.left_out.select(row_of(pl.col("row_key"))).to_series())
    assert not listed & left_out
    assert listed | left_out == set(range(1, len(records) + 1))
    refused = set(done.found.filter(pl.col("code").is_in(ERROR_CODES))["row_key"])
    sent = set(done.items["row_key"])
    assert not refused & sent
    assert refused | sent == set(keys)


@pytest.mark.parametrize(("extra", "excess"), [(0, 0), (1, 1)])
def test_names_that_rules_make_count_too(tmp_path, extra, excess):
    limit = ATTRIBUTE_NAMES.value
    rules = {f"Attributes.a{n}": {"from": "Mail"} for n in range(limit - 1 + extra)}
    cleared = {"Attributes.z": {"from": "Phone", "blank": "clear"}, "Address": "Mail"}
    mapping = Mapping.model_validate({"columns": {**rules, **cleared}})
    run, part, source = stage(tmp_path, [("a@example.com", "", "", "", "", "")], mapping)
    assert may_have_excess([source]) is bool(excess)
    assert find_excess(run, [source], [part]) == ["Attributes.z"] * excess
