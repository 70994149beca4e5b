"""What staging tells a reader, and what it tells the rest of a run about a source."""

import pickle

import pytest

from pipelines import staging
from pipelines.settings import ImportSettings
from pipelines.sources.base import SourceFile, SourceFormat
from pipelines.sources.stamps import stamp_source
from pipelines.staging import SourceLayout, read_layout
from schemas.mapping import Mapping

MAPPING = Mapping.model_validate(
    {
        "header": ["Till", "Phone"],
        "columns": {"Address": "Phone", "ChannelType": {"constant": "SMS"}},
        "where": [{"any_of": [{"column": "Till", "equals": "1"}]}],
    }
)


@pytest.mark.parametrize(("mapping", "header"), [(None, None), (MAPPING, ("Till", "Phone"))])
def test_names_of_the_mapping_reach_the_reader(tmp_path, monkeypatch, mapping, header):
    given = []
    open_source = staging.open_source

    def watch(source, reading):
        given.append(reading)
        return open_source(source, reading)

    monkeypatch.setattr(staging, "open_source", watch)
    path = tmp_path / "a.csv"
    path.write_text("Address,ChannelType,Phone,Till\n1,SMS,2,3\n")
    stamp = stamp_source(SourceFile(str(path)))
    read_layout(stamp, ImportSettings(sources=["x"], sheet="S"), mapping)
    assert [(reading.header, reading.sheet) for reading in given] == [(header, "S")]


def test_a_layout_reaches_other_processes():
    layout = SourceLayout(SourceFormat.CSV, ["Till", "Phone"], mapping=MAPPING)
    assert pickle.loads(pickle.dumps(layout)) == layout
