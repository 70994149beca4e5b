"""What is refused before Prefect has started, and that looking leaves no trace."""

import pytest
from fakes import HttpSink

from pipelines.errors import ConfigurationError, RunStateError, SourceError
from pipelines.preflight import check_settings
from pipelines.settings import ImportSettings


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("Id,ChannelType,Address\n1,EMAIL,a@example.com\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sink():
    with HttpSink() as running:
        yield running


def refusal(kind, *, sends=False, **given):
    with pytest.raises(kind) as caught:
        check_settings(ImportSettings(**{"sources": ["a.csv"], **given}), sends=sends)
    assert type(caught.value) is kind
    return str(caught.value)


def traces(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("sends", [True, False])
def test_settings_that_work_leave_no_trace(folder, sink, sends):
    settings = ImportSettings(
        sources=["a.csv"], local=True, endpoint_url=sink.url, run_id="one", runs_dir="new/runs"
    )
    check_settings(settings, sends=sends)
    assert traces(folder) == ["a.csv"]
    assert sink.connections == 0


def test_a_mapping_that_cannot_work_is_refused(folder):
    (folder / "crm.yaml").write_text("columns:\n  Address: {from: Mail, spilt: x}\n")
    says = "crm.yaml, line 2: columns.Address.spilt: is not known here. Did you mean split?"
    assert refusal(ConfigurationError, mapping="crm.yaml") == says
    assert traces(folder) == ["a.csv", "crm.yaml"]


def test_an_existing_run_is_refused_as_it_is(folder):
    (folder / "runs/one").mkdir(parents=True)
    (folder / "runs/one/manifest.json").touch()
    says = "There is a run one in runs already. Choose another --run-id."
    assert refusal(RunStateError, run_id="one") == says
    assert traces(folder) == ["a.csv", "runs", "runs/one", "runs/one/manifest.json"]


def test_what_is_no_run_is_refused_as_it_is(folder):
    """Such as a directory of the user's own, or a run that was killed at its first moment."""
    (folder / "runs/one").mkdir(parents=True)
    told = refusal(RunStateError, run_id="one")
    assert told.startswith("runs/one is there already and no run, or one that was killed before ")
    assert told.endswith(" Remove it, or choose another --run-id.")
    assert traces(folder) == ["a.csv", "runs", "runs/one"]


def test_another_run_beside_it_is_not_refused(folder):
    (folder / "runs/one").mkdir(parents=True)
    (folder / "runs/one/manifest.json").touch()
    check_settings(ImportSettings(sources=["a.csv"], run_id="two"), sends=False)
    check_settings(ImportSettings(sources=["a.csv"]), sends=False)


@pytest.mark.parametrize("run_id", ["../up", "", ".hidden", "a/b", "x" * 101, "a\n"])
def test_a_run_id_that_is_no_file_name_is_refused(folder, run_id):
    assert "cannot name a run" in refusal(ConfigurationError, run_id=run_id)
    assert traces(folder) == ["a.csv"]


@pytest.mark.parametrize("sends", [True, False])
@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("gone.csv", "No such file: gone.csv"),
        ("*.pq", "No file matches *.pq"),
        ("gs://bucket/x.csv", "Cannot read gs://bucket/x.csv"),
        ("runs.xlsx", "No such file"),
    ],
)
def test_a_source_that_is_not_there_is_refused(folder, sink, source, says, sends):
    where = {"local": True, "endpoint_url": sink.url}
    told = refusal(SourceError, sends=sends, sources=["a.csv", source], **where)
    assert told.startswith(says)
    assert traces(folder) == ["a.csv"]


def test_sending_needs_an_application(folder):
    told = refusal(ConfigurationError, sends=True, endpoint_url="http://127.0.0.1:9")
    assert told.startswith("No application named.")


def test_sending_needs_credentials(folder):
    told = refusal(ConfigurationError, sends=True, application_id="x", region="us-east-1")
    assert told.startswith("No AWS credentials found.")


@pytest.mark.parametrize(
    "where",
    [{}, {"application_id": "x"}, {"profile": "nobody"}, {"local": True}],
    ids=["none", "no credentials", "no profile", "no local server"],
)
def test_checks_need_no_destination(folder, where):
    check_settings(ImportSettings(sources=["a.csv"], **where), sends=False)
    assert traces(folder) == ["a.csv"]


def test_the_rows_are_not_read(folder):
    """What is in a file is told by the run, which leaves a manifest that says so."""
    (folder / "b.csv").write_bytes(b"")
    check_settings(ImportSettings(sources=["b.csv"]), sends=False)
