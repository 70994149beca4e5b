"""Parquet: typed columns become the texts that a CSV export of them would hold."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import SourceError
from pipelines.sources.base import LocalContent, ReadingOptions
from pipelines.sources.parquet_reader import BATCH_ROWS, ParquetReader

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
NAIVE = MOMENT.replace(tzinfo=None)
NAN = float("nan")


@pytest.fixture
def read(tmp_path):
    """Write a table and read it back: header and rows of (source_row, malformed, *cells)."""

    def write_and_read(table, **options):
        path = tmp_path / "x.parquet"
        pq.write_table(table, path, **options)
        source = ParquetReader(LocalContent(path), ReadingOptions())
        return source.header, [row for frame in source.read() for row in frame.rows()]

    return write_and_read


def cells(rows):
    return [row[2] for row in rows]


@pytest.mark.parametrize(
    ("kind", "values", "texts"),
    [
        pytest.param(pa.string(), ["x", "", None], ["x", "", None], id="string"),
        pytest.param(pa.large_string(), ["x", None], ["x", None], id="large string"),
        pytest.param(pa.string_view(), ["x", None], ["x", None], id="string view"),
        pytest.param(pa.dictionary(pa.int8(), pa.string()), ["x", None], ["x", None], id="dict"),
        pytest.param(pa.int8(), [-5, None], ["-5", None], id="int8"),
        pytest.param(pa.int64(), [2**63 - 1], ["9223372036854775807"], id="int64"),
        pytest.param(pa.uint64(), [2**64 - 1], ["18446744073709551615"], id="uint64"),
        pytest.param(pa.float32(), [1.5, None], ["1.5", None], id="float32"),
        pytest.param(pa.float64(), [0.1, 5.0, None], ["0.1", "5.0", None], id="float64"),
        pytest.param(pa.float64(), [NAN, float("inf")], [None, "inf"], id="not finite"),
        pytest.param(pa.bool_(), [True, False, None], ["true", "false", None], id="bool"),
        pytest.param(pa.decimal128(5, 2), [Decimal("1.50"), None], ["1.50", None], id="decimal"),
        pytest.param(pa.decimal128(38, 0), [Decimal(10**37)], [str(10**37)], id="long decimal"),
        pytest.param(pa.date32(), [date(2026, 1, 2), None], ["2026-01-02", None], id="date32"),
        pytest.param(pa.date64(), [date(2026, 1, 2)], ["2026-01-02"], id="date64"),
        pytest.param(pa.null(), [None, None], [None, None], id="null"),
        *(
            pytest.param(
                pa.timestamp(unit), [NAIVE, None], ["2026-01-02T03:04:05.678", None], id=unit
            )
            for unit in ("ms", "us", "ns")
        ),
        *(
            pytest.param(pa.timestamp("us", zone), [MOMENT], ["2026-01-02T03:04:05.678Z"], id=zone)
            for zone in ("UTC", "Europe/Berlin", "+02:00")
        ),
    ],
)
def test_a_value_becomes_text(read, kind, values, texts):
    header, rows = read(pa.table({"Attributes.x": pa.array(values, kind)}))
    assert header == ["Attributes.x"]
    assert cells(rows) == texts


@pytest.mark.parametrize(
    ("kind", "values", "texts"),
    [
        pytest.param(pa.string(), ["x", None], ["x", None], id="strings"),
        pytest.param(pa.dictionary(pa.int8(), pa.string()), ["x", None], ["x", None], id="dict"),
        pytest.param(pa.int64(), [5, None], ["5", None], id="ints"),
        pytest.param(pa.float64(), [1.5, None], ["1.5", None], id="floats"),
        pytest.param(pa.bool_(), [True, None], ["true", None], id="bools"),
        pytest.param(pa.date32(), [date(2026, 1, 2)], ["2026-01-02"], id="dates"),
        pytest.param(pa.timestamp("us"), [NAIVE], ["2026-01-02T03:04:05.678"], id="timestamps"),
        pytest.param(pa.decimal128(5, 2), [Decimal("1.5")], ["1.50"], id="decimals"),
        pytest.param(pa.null(), [None], [None], id="nulls"),
    ],
)
@pytest.mark.parametrize("list_of", [pa.list_, pa.large_list])
def test_a_list_becomes_a_list_of_texts(read, list_of, kind, values, texts):
    array = pa.array([values, None, []], list_of(kind))
    _, rows = read(pa.table({"Attributes.x": array}))
    assert cells(rows) == [texts, None, []]


@pytest.mark.parametrize("column", ["Id", "Address", "User.UserId", " id "])
def test_whole_floats_are_whole_numbers_in_identifiers(read, column):
    values = [5.0, 447946123456.0, None, 5.5, -0.0]
    _, rows = read(pa.table({column: values}))
    assert cells(rows) == ["5", "447946123456", None, "5.5", "0"]


def test_floats_that_hold_no_exact_whole_number_stay_what_they_are(read):
    _, rows = read(pa.table({"Id": [2.0**53, 1e20, float("-inf")]}))
    assert cells(rows) == ["9007199254740992.0", "1e+20", "-inf"]


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()], ids=str)
@pytest.mark.parametrize(
    "column",
    ["Id", "Address", "RequestId", "Location.PostalCode", "User.UserId", " location.postalcode"],
)
def test_nan_is_a_missing_identifier(read, column, kind):
    _, rows = read(pa.table({column: pa.array([5.0, NAN, None], kind)}))
    assert cells(rows) == ["5", None, None]


def test_nan_is_a_missing_identifier_within_a_struct(read):
    _, rows = read(pa.table({"User": [{"UserId": NAN}, {"UserId": 7.0}, None]}))
    assert cells(rows) == [None, "7", None]


@pytest.mark.parametrize("column", ["Location.Latitude", "Attributes.x", "E-mail"])
def test_nan_is_a_missing_value_elsewhere(read, column):
    _, rows = read(pa.table({column: [5.0, NAN, None]}))
    assert cells(rows) == ["5.0", None, None]


def test_nan_in_a_list_is_a_missing_value(read):
    _, rows = read(pa.table({"Attributes.x": [[1.5, NAN]]}))
    assert cells(rows) == [["1.5", None]]


@pytest.mark.parametrize("column", ["Metrics.m", " metrics.m"])
def test_nan_of_a_metric_stays_a_value(read, column):
    """It must be refused, not left out."""
    _, rows = read(pa.table({column: [5.0, NAN, None]}))
    assert cells(rows) == ["5.0", "NaN", None]


def test_structs_become_dotted_columns(read):
    user = {"UserId": 5.0, "UserAttributes": {"Plan": ["a", None]}}
    table = pa.table(
        {
            "Location": [{"Country": "US", "Latitude": 1.5}, None, {"Country": None}],
            "User": [user, {"UserId": None, "UserAttributes": None}, None],
        }
    )
    assert read(table) == (
        ["Location.Country", "Location.Latitude", "User.UserId", "User.UserAttributes.Plan"],
        [
            (1, None, "US", "1.5", "5", ["a", None]),
            (2, None, None, None, None, None),
            (3, None, None, None, None, None),
        ],
    )


class Remote(LocalContent):
    """A file that is not on this machine."""

    path = None

    def __init__(self, path):
        object.__setattr__(self, "place", path)

    @property
    def name(self):
        return "s3://bucket/x.parquet"

    def open_seekable(self):
        return self.place.open("rb")


def test_a_file_from_elsewhere_is_read_too(tmp_path):
    pq.write_table(pa.table({"Id": ["1"]}), tmp_path / "x.parquet")
    source = ParquetReader(Remote(tmp_path / "x.parquet"), ReadingOptions())
    assert [frame.rows() for frame in source.read()] == [[(1, None, "1")]]
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(SourceError, match=r"s3://bucket/x\.parquet is not a readable Parquet file"):
        ParquetReader(Remote(tmp_path / "x.parquet"), ReadingOptions())


def test_rows_are_numbered_over_row_groups_and_batches(read):
    count = BATCH_ROWS + 7
    _, rows = read(pa.table({"Id": [str(n) for n in range(count)]}), row_group_size=1000)
    assert [row[0] for row in rows] == list(range(1, count + 1))
    assert cells(rows) == [str(n) for n in range(count)]


def test_nothing_in_a_parquet_file_is_malformed(read):
    _, rows = read(pa.table({"Id": ["1", None]}))
    assert [row[1] for row in rows] == [None, None]


def test_a_file_without_rows_has_its_header(read):
    table = pa.table({"Id": pa.array([], pa.string()), "L": pa.array([], pa.list_(pa.string()))})
    assert read(table) == (["Id", "L"], [])


def test_too_many_columns_are_refused(read):
    inner = pa.StructArray.from_arrays([pa.array(["x"])] * 2501, [f"a{n}" for n in range(2501)])
    with pytest.raises(SourceError, match="more than 5,000 columns"):
        read(pa.table({"a": inner, "b": inner}))


def test_a_file_without_columns(read):
    assert read(pa.table({})) == ([], [])


NAMES = [
    pytest.param(["*", "a"], id="a star"),
    pytest.param(["^.*$", "a"], id="a pattern"),
    pytest.param(["", "a"], id="nameless"),
    pytest.param(["p1", "p0"], id="like our own"),
]


@pytest.mark.parametrize("names", [*NAMES, pytest.param(["a", "a"], id="repeated")])
def test_names_of_columns_are_only_names(read, names):
    table = pa.Table.from_arrays([pa.array(["1"]), pa.array(["2"])], names=names)
    assert read(table) == (names, [(1, None, "1", "2")])


@pytest.mark.parametrize("names", NAMES)
def test_names_of_members_are_only_names(read, names):
    struct = pa.StructArray.from_arrays([pa.array(["1"]), pa.array(["2"])], names=names)
    table = pa.table({"S": struct})
    assert read(table) == ([f"S.{name}" for name in names], [(1, None, "1", "2")])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param(pa.binary(), b"x", id="binary"),
        pytest.param(pa.large_binary(), b"x", id="large binary"),
        pytest.param(pa.binary(2), b"xx", id="fixed binary"),
        pytest.param(pa.map_(pa.string(), pa.string()), [("a", "b")], id="map"),
        pytest.param(pa.time64("us"), time(1), id="time"),
        pytest.param(pa.duration("us"), timedelta(1), id="duration"),
        pytest.param(pa.decimal256(50, 2), Decimal("1.5"), id="decimal256"),
        pytest.param(pa.list_(pa.list_(pa.string())), [["a"]], id="list of lists"),
        pytest.param(pa.list_(pa.struct([("q", pa.string())])), [{"q": "1"}], id="list of structs"),
        pytest.param(pa.list_(pa.binary()), [b"x"], id="list of binary"),
    ],
)
def test_a_type_without_text_is_refused_by_name(read, tmp_path, kind, value):
    with pytest.raises(SourceError) as caught:
        read(pa.table({"Id": ["1"], "Attributes.x": pa.array([value], kind)}))
    assert str(caught.value).startswith(f"{tmp_path / 'x.parquet'}, column Attributes.x: values of")


def test_a_type_without_text_within_a_struct_is_refused_by_its_full_name(read):
    with pytest.raises(SourceError, match=r"column Location\.Country: values of type binary"):
        read(pa.table({"Location": [{"Country": b"x"}]}))


@pytest.mark.parametrize("column", ["Id", "address", "Metrics.m", "Location.City"])
def test_a_list_where_one_value_belongs_is_refused(read, column):
    with pytest.raises(SourceError, match=f"column {column}: a list, but it holds one value"):
        read(pa.table({column: [["1"]]}))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"PAR1", id="only a magic number"),
        pytest.param(b"Id,Address\n1,2\n", id="CSV"),
        pytest.param(b"PAR1" + bytes(50) + b"\xff\xff\xff\x00PAR1", id="broken footer"),
    ],
)
def test_what_is_no_parquet_file_is_refused(tmp_path, content):
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=str(path)):
        ParquetReader(LocalContent(path), ReadingOptions())


@pytest.mark.parametrize("name", ["none.parquet", "."], ids=["missing", "directory"])
def test_what_cannot_be_opened_is_refused(tmp_path, name):
    with pytest.raises(SourceError, match="Cannot read"):
        ParquetReader(LocalContent(tmp_path / name), ReadingOptions())


def test_damage_behind_the_header_is_named_with_the_record(tmp_path):
    path = tmp_path / "x.parquet"
    values = [str(n) * 10 for n in range(20_000)]
    pq.write_table(pa.table({"Id": values}), path, use_dictionary=False, compression="snappy")
    source = ParquetReader(LocalContent(path), ReadingOptions())
    content = bytearray(path.read_bytes())
    content[5_000:20_000] = bytes(15_000)
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"x\.parquet, behind record 0: cannot be read"):
        list(source.read())


def test_cells_are_of_one_type_for_every_column(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"Id": [1], "Attributes.l": [[1]], "Attributes.n": pa.nulls(1)}), path)
    (frame,) = ParquetReader(LocalContent(path), ReadingOptions()).read()
    text = pl.String()
    assert frame.schema == {
        "source_row": pl.Int64(),
        "malformed": text,
        "c0": text,
        "c1": pl.List(text),
        "c2": text,
    }


@pytest.mark.parametrize(
    ("shape", "is_kept_apart", "most_bytes"),
    [
        pytest.param("text", True, 65 << 20, id="text"),
        pytest.param("list", True, 65 << 20, id="list"),
        pytest.param("struct", True, 65 << 20, id="struct"),
        pytest.param("text", False, 130 << 20, id="text by its pages only"),
    ],
)
def test_a_long_value_of_all_rows_takes_little_memory(tmp_path, shape, is_kept_apart, most_bytes):
    path = tmp_path / "x.parquet"
    column = pa.array(["x" * (1 << 18)]).dictionary_encode().take(pa.array([0] * 3000))
    if shape == "list":
        column = pa.ListArray.from_arrays(range(0, 3001, 3), column)
    if shape == "struct":
        column = pa.StructArray.from_arrays([column], ["a"])
    pq.write_table(pa.table({"Attributes.a": column}), path, store_schema=is_kept_apart)
    frames = ParquetReader(LocalContent(path), ReadingOptions()).read()
    sizes = [(frame.height, frame.estimated_size()) for frame in frames]
    assert sum(height for height, _ in sizes) == (1000 if shape == "list" else 3000)
    assert max(size for _, size in sizes) < most_bytes
