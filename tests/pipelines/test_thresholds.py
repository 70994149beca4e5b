"""Judging a run whose sources have thresholds of their own."""

import pytest
from phases_support import check_files

from pipelines.thresholds import judge_thresholds

ROWS = "Id,ChannelType,Address\n1,EMAIL,ana@example.com\n2,EMAIL,nobody\n"


@pytest.mark.parametrize("numbers", [[1], [1, 2]])
def test_a_pattern_fits_a_source_as_it_is_named_alone_or_among_others(
    tmp_path, monkeypatch, numbers
):
    monkeypatch.chdir(tmp_path)
    names = [f"list-{number}.csv" for number in numbers]
    for name in names:
        (tmp_path / name).write_text(ROWS)
    own = {"list-[12].csv": {"max_invalid": "1%"}}
    checked = check_files(tmp_path / "runs", *names, thresholds=own)
    rows = len(ROWS.splitlines()[1:]) * len(names)
    (breach,) = judge_thresholds(checked.run, checked.manifest, checked.settings, rows, len(names))
    assert (breach.threshold, breach.is_stop) == ("max_invalid", True)
    assert 'max_invalid in thresholds."list-[12].csv"' in breach.message
