"""The public cases of csv-spectrum (github.com/maxogden/csv-spectrum), read without any option."""

from pathlib import Path

import pytest

from pipelines.sources.base import LocalContent, ReadingOptions
from pipelines.sources.csv_reader import CsvReader

FILES = Path(__file__).with_name("csv_spectrum")
JSON = '{"type": "Point", "coordinates": [102.0, 0.5]}'
EXPECTED = {
    "comma_in_quotes": [
        {"first": "John", "last": "Doe", "address": "120 any st.", "city": "Anytown, WW"}
        | {"zip": "08123"}
    ],
    "empty": [{"a": "1", "b": "", "c": ""}, {"a": "2", "b": "3", "c": "4"}],
    "empty_crlf": [{"a": "1", "b": "", "c": ""}, {"a": "2", "b": "3", "c": "4"}],
    "escaped_quotes": [{"a": "1", "b": 'ha "ha" ha'}, {"a": "3", "b": "4"}],
    "json": [{"key": "1", "val": JSON}],
    "location_coordinates": [
        {"Address": "1 Main St, Anytown (40.1, -75.2)", "Latitude": "40.1", "Longitude": "-75.2"}
    ],
    "newlines": [
        {"a": "1", "b": "2", "c": "3"},
        {"a": "Once upon \na time", "b": "5", "c": "6"},
        {"a": "7", "b": "8", "c": "9"},
    ],
    "newlines_crlf": [
        {"a": "1", "b": "2", "c": "3"},
        {"a": "Once upon \r\na time", "b": "5", "c": "6"},
        {"a": "7", "b": "8", "c": "9"},
    ],
    "quotes_and_newlines": [{"a": "1", "b": 'ha \n"ha" \nha'}, {"a": "3", "b": "4"}],
    "simple": [{"a": "1", "b": "2", "c": "3"}],
    "simple_crlf": [{"a": "1", "b": "2", "c": "3"}],
    "utf8": [{"a": "1", "b": "2", "c": "3"}, {"a": "4", "b": "5", "c": "ʤ"}],
}


def test_all_files_are_here():
    assert {path.stem for path in FILES.glob("*.csv")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_case(name):
    reader = CsvReader(LocalContent(FILES / f"{name}.csv"), ReadingOptions())
    rows = [row for frame in reader.read() for row in frame.rows()]
    assert [row[:2] for row in rows] == [(n, None) for n in range(1, len(rows) + 1)]
    assert [dict(zip(reader.header, row[2:], strict=True)) for row in rows] == EXPECTED[name]
