"""What the page shows of a run can be gathered again once its working files are gone."""

import pytest
from fakes import HttpSink
from import_support import PARTITIONED, refuse, run_import, write_export

from pipelines.report.gathering import gather_page, read_profile
from pipelines.report.profile import Profile
from pipelines.report.summary import Summary
from pipelines.storage.manifest import load_manifest
from pipelines.storage.run_dir import create_run_directory, open_run_directory
from schemas.issues import SERVICE_REFUSED


def test_it_is_gathered_from_what_stays(tmp_path, prefect_api):
    with HttpSink(refuses=refuse) as sink:
        sources = write_export(tmp_path)
        run_import(tmp_path, sink.url, *sources, **{**PARTITIONED, "keep_staged": False})
    run = open_run_directory(tmp_path / "runs", "one")
    assert not run.part("profiled", 0).exists()
    summary = Summary.model_validate_json(run.summary.read_bytes())
    page = gather_page(run, load_manifest(run), summary)
    assert page.profile.repeated_ids == 3
    assert page.profile.shared_addresses == 1
    assert {column.name: column.filled for column in page.profile.columns} == dict.fromkeys(
        ("Id", "ChannelType", "Address"), 748
    )
    assert [source.name for source in page.profile.sources] == [str(path) for path in sources]
    assert [source.invalid for source in page.profile.sources] == [4, 2]
    audience: dict[str, int] = {}
    for count in page.profile.audience:
        audience[count.outcome] = audience.get(count.outcome, 0) + count.endpoints
    assert audience == {name: n for name, n in summary.endpoints_by_outcome.items() if n}
    lines = {line.code: line for line in page.issues}
    refused = lines[SERVICE_REFUSED]
    assert refused.rows == refused.saved == summary.rejected > 0
    assert refused.example == "Not wanted."
    errors = [line for line in page.issues if line.severity == "error"]
    assert errors[-1].saved_so_far == summary.invalid + summary.rejected


@pytest.mark.parametrize("text", [None, '{"columns": 1}', "half", '{"of_tomorrow": 1}'])
def test_of_another_version_there_is_no_profile(tmp_path, text):
    run = create_run_directory(tmp_path, "r")
    if text is not None:
        run.profile.write_text(text)
    assert read_profile(run) == Profile()
