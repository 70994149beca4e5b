from pathlib import Path

import pytest
from preset_support import EXPORTS, ROOT

from pipelines import mapping_suggestion
from pipelines.errors import ConfigurationError, SourceError
from pipelines.mapping_suggestion import read_sample, suggest_mapping
from pipelines.sources.base import ReadingOptions
from pipelines.sources.finding import find_sources
from pipelines.sources.registry import open_source

READING = ReadingOptions()


def sample_of(path):
    (file,) = find_sources([str(path)])
    return read_sample(open_source(file, READING))


def test_recognizes_an_export():
    file, looked_at, suggestion = suggest_mapping(str(EXPORTS / "hubspot.csv"), READING)
    assert (Path(file.path).name, looked_at, suggestion.preset) == ("hubspot.csv", 10, "hubspot")


def test_without_a_preset():
    _, _, suggestion = suggest_mapping(str(EXPORTS / "hubspot.csv"), READING, preset="none")
    assert suggestion.preset is None


@pytest.mark.parametrize(("given", "taken"), [("HubSpot", "hubspot"), ("None", None)])
def test_the_case_of_a_preset_does_not_matter(given, taken):
    _, _, suggestion = suggest_mapping(str(EXPORTS / "hubspot.csv"), READING, preset=given)
    assert suggestion.preset == taken


def test_unknown_preset_names_those_there_are():
    with pytest.raises(ConfigurationError, match=r"no preset hubspt\. There are: braze, hubspot"):
        suggest_mapping(str(EXPORTS / "hubspot.csv"), READING, preset="hubspt")


def test_file_without_a_header_is_refused(tmp_path):
    path = tmp_path / "bare.csv"
    path.write_text("1,ana@example.com\n2,bo@example.com\n")
    with pytest.raises(SourceError, match=r"bare\.csv: .*Give --no-header") as caught:
        suggest_mapping(str(path), READING)
    assert "ana@" not in caught.value.message


def test_sample_is_bounded(tmp_path, monkeypatch):
    path = tmp_path / "long.csv"
    path.write_text("Email\n" + "ana@example.com\n" * 300)
    monkeypatch.setattr(mapping_suggestion, "SAMPLE_ROWS", 100)
    assert sample_of(path).height == 100


def test_malformed_records_are_not_looked_at(tmp_path):
    path = tmp_path / "ragged.csv"
    path.write_text("Email,City\nana@example.com,Oslo\nbo@example.com\ncy@example.com,Bonn\n")
    assert sample_of(path)["c1"].to_list() == ["Oslo", "Bonn"]


def test_lists_of_parquet_are_looked_at():
    suggestion = suggest_mapping(str(ROOT / "data/samples/audience.parquet"), READING)[2]
    assert suggestion.preset == "pinpoint-import"


def test_header_without_records(tmp_path):
    path = tmp_path / "header.csv"
    path.write_text("Email,City\n")
    _, looked_at, suggestion = suggest_mapping(str(path), READING)
    assert looked_at == 0
    assert [column.becomes for column in suggestion.columns] == [
        "Address of email",
        "Location.City",
    ]
