"""Whether a run can go on as it began: what is compared, and what may differ."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.errors import ConfigurationError, RunStateError
from pipelines.resuming import (
    CHANGEABLE,
    is_finished,
    refuse_other_settings,
    require_resumable,
)
from pipelines.settings import ImportSettings
from pipelines.sources.stamps import SourceStamp
from pipelines.storage.manifest import (
    DECIDING_PACKAGES,
    PACKAGES,
    Attempt,
    InputRecord,
    Manifest,
    RunStatus,
    read_versions,
)
from pipelines.storage.run_dir import RunDirectory

RUN = RunDirectory(Path("runs/one"))
URL = "http://127.0.0.1:9"
OTHER_URL = "http://127.0.0.1:10"
ALL_SETTINGS = {
    "sources": ["a.csv"],
    "application_id": "app-1",
    "endpoint_url": URL,
    "region": "eu-west-1",
    "local": True,
    "default_country": "US",
    "default_channel": "SMS",
    "rate": 5.0,
    "max_in_flight": 3,
    "max_invalid": "5%",
    "limit": 7,
    "partition_rows": 200,
}


def make_manifest(settings=(), **changes):
    now = datetime.now(UTC)
    members = {
        "run_id": "one",
        "command": "run",
        "status": RunStatus.STOPPED,
        "settings": ImportSettings(**ALL_SETTINGS | dict(settings)).model_dump(mode="json"),
        "destination": f"pinpoint at {URL}",
        "versions": read_versions(),
        "folder": str(Path.cwd()),
        "sources": [SourceStamp(path="a.csv", size_bytes=1, modified_ns=1)],
        "started_at": now,
        "attempts": [Attempt(started_at=now)],
    }
    return Manifest(**members | changes)


def refusal(manifest, kind=RunStateError, **changes):
    with pytest.raises(kind) as caught:
        require_resumable(RUN, manifest, changes)
    assert type(caught.value) is kind
    return caught.value.message


# -- settings to go on with ----------------------------------------------------------------


def test_settings_are_those_that_the_run_began_with():
    expected = ImportSettings(**ALL_SETTINGS)
    assert require_resumable(RUN, make_manifest(), {}) == expected
    nothing = dict.fromkeys(["runs_dir", "rate", "max_in_flight", "endpoint_url"])
    assert require_resumable(RUN, make_manifest(), nothing) == expected


def test_pace_and_place_may_be_others():
    changes = {"rate": 2.0, "max_in_flight": 1, "runs_dir": Path("elsewhere")}
    expected = ImportSettings(**ALL_SETTINGS | changes)
    assert require_resumable(RUN, make_manifest(), changes) == expected


def test_settings_of_another_version_are_refused():
    manifest = make_manifest()
    manifest.settings["colour"] = "blue"
    told = refusal(manifest)
    assert told.startswith("The settings of run one are not those of this version. Start a new run")


# -- status --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", RunStatus)
def test_what_is_finished(status):
    completed = {RunStatus.COMPLETED, RunStatus.COMPLETED_WITH_ERRORS}
    assert is_finished(make_manifest(status=status)) is (status in completed)


@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.STOPPED, RunStatus.FAILED])
def test_what_is_not_finished_goes_on(status):
    manifest = make_manifest(status=status)
    assert require_resumable(RUN, manifest, {}) == ImportSettings(**ALL_SETTINGS)


@pytest.mark.parametrize("status", [RunStatus.COMPLETED, RunStatus.COMPLETED_WITH_ERRORS])
def test_nothing_is_asked_of_a_finished_run(status):
    manifest = make_manifest(status=status, versions={}, folder="/gone", destination="gone")
    assert require_resumable(RUN, manifest, {}) == ImportSettings(**ALL_SETTINGS)


def test_a_run_that_a_guard_stopped_is_refused():
    manifest = make_manifest(status=RunStatus.GUARDED, message="Too many rows are invalid.")
    assert refusal(manifest) == (
        "Run one was stopped by a guard before anything was sent: Too many rows are invalid. "
        "Correct the input or change the limit, and start a new run."
    )


# -- versions ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DECIDING_PACKAGES)
def test_another_version_of_what_judges_rows_is_refused(name):
    now = read_versions()[name]
    told = refusal(make_manifest(versions=read_versions() | {name: "0.0.1"}))
    assert told == (
        f"Run one was begun with {name} 0.0.1, this is {now}: rows could be judged differently. "
        f"Go on with {name} 0.0.1. Or: Start a new run; unprocessed.csv, where there is one, holds "
        "what is left of this one."
    )


def test_an_unknown_version_is_refused():
    versions = read_versions()
    del versions["polars"]
    assert "begun with polars an unknown version" in refusal(make_manifest(versions=versions))


@pytest.mark.parametrize("name", ["python", *sorted(set(PACKAGES) - set(DECIDING_PACKAGES))])
def test_another_version_of_anything_else_may_go_on(name):
    manifest = make_manifest(versions=read_versions() | {name: "0.0.1"})
    require_resumable(RUN, manifest, {})


def test_what_judges_rows_is_noted():
    assert set(DECIDING_PACKAGES) < set(PACKAGES)


def test_a_run_of_an_older_layout_is_looked_at_and_no_more():
    assert "begun by an older version" in refusal(make_manifest(format=1))


# -- folder --------------------------------------------------------------------------------


def test_relative_sources_that_are_not_read_need_their_folder():
    assert refusal(make_manifest(folder="/elsewhere")) == (
        "Run one was begun in /elsewhere and has not read all of its sources yet. "
        "Resume it in that folder."
    )


def test_one_relative_source_is_enough():
    sources = [SourceStamp(path=path, size_bytes=1, modified_ns=1) for path in ("/a.csv", "b.csv")]
    assert "Resume it in that folder" in refusal(make_manifest(folder="/x", sources=sources))


@pytest.mark.parametrize(
    "changes",
    [
        {"is_staged": True},
        {"sources": [SourceStamp(path="/a.csv", size_bytes=1, modified_ns=1)]},
        {"sources": []},
        {"sources": [SourceStamp(path="s3://b/x", size_bytes=1, modified_ns=1, etag='"1"')]},
    ],
    ids=["all are read", "absolute", "none", "on S3"],
)
def test_else_the_folder_does_not_matter(changes):
    require_resumable(RUN, make_manifest(folder="/elsewhere", **changes), {})


STANDARD_INPUT = SourceStamp(path="-", size_bytes=1, modified_ns=0, sha256="00")
ITS_INPUT = InputRecord(path="-", format="csv", size_bytes=1, sha256="00", header=[], rows=1)


def test_standard_input_that_was_not_read_to_the_end_is_gone():
    local = SourceStamp(path="/a.csv", size_bytes=1, modified_ns=1)
    told = refusal(make_manifest(sources=[local, STANDARD_INPUT]))
    assert told.startswith("Run one has not read all of its sources. Standard input (-) cannot be")
    assert "Start a new run" in told


@pytest.mark.parametrize(
    "changes",
    [{"is_staged": True}, {"inputs": [ITS_INPUT]}],
    ids=["all are read", "it is read"],
)
def test_standard_input_that_was_read_is_not_needed(changes):
    local = SourceStamp(path="/a.csv", size_bytes=1, modified_ns=1)
    require_resumable(RUN, make_manifest(sources=[STANDARD_INPUT, local], **changes), {})


# -- destination ---------------------------------------------------------------------------


def test_another_destination_is_refused_with_both():
    assert refusal(make_manifest(destination=f"pinpoint at {OTHER_URL}")) == (
        f"Run one was sent to pinpoint at {OTHER_URL}, but would go on to pinpoint at {URL}. "
        "Restore the URL or region in AWS's variables and configuration files."
    )


@pytest.fixture
def keys(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "synthetic")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "synthetic")


OWN_RULES = {"local": False, "endpoint_url": None, "region": None}
"""Settings that leave it to AWS's variables where the service is."""


@pytest.mark.usefixtures("keys")
def test_another_url_in_the_environment_is_refused(monkeypatch):
    manifest = make_manifest(OWN_RULES)
    monkeypatch.setenv("AWS_ENDPOINT_URL_PINPOINT", OTHER_URL)
    told = refusal(manifest)
    assert f"was sent to pinpoint at {URL}, but would go on to pinpoint at {OTHER_URL}." in told
    monkeypatch.setenv("AWS_ENDPOINT_URL_PINPOINT", URL)
    require_resumable(RUN, manifest, {})


@pytest.mark.usefixtures("keys")
def test_another_region_in_the_environment_is_refused(monkeypatch):
    manifest = make_manifest(
        OWN_RULES, destination="pinpoint at https://pinpoint.eu-west-1.amazonaws.com"
    )
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert "eu-west-1.amazonaws.com, but would go on to pinpoint at " in refusal(manifest)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    require_resumable(RUN, manifest, {})


def test_missing_credentials_are_refused_as_at_the_beginning():
    told = refusal(make_manifest({"local": False}), ConfigurationError)
    assert told.startswith("No AWS credentials found.")


def test_other_credentials_may_go_on(monkeypatch):
    manifest = make_manifest({"local": False})
    for key in ("first", "second"):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key)
        require_resumable(RUN, manifest, {})


def test_the_embedded_server_is_elsewhere_each_time():
    manifest = make_manifest({"embedded": True})
    settings = require_resumable(RUN, manifest, {"endpoint_url": OTHER_URL})
    assert settings.endpoint_url == OTHER_URL


@pytest.mark.parametrize("command", ["check", "plan"])
def test_what_sends_nothing_needs_no_destination(command):
    manifest = make_manifest({"local": False}, command=command, destination=None)
    require_resumable(RUN, manifest, {})


# -- options that are given again ----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("application_id", "app-2", "--application-id app-1, not --application-id app-2."),
        ("endpoint_url", OTHER_URL, f"--endpoint-url {URL}, not --endpoint-url {OTHER_URL}."),
        ("region", "us-east-1", "--region eu-west-1, not --region us-east-1."),
        ("profile", "mine", "no --profile, not --profile mine."),
        ("default_country", "DE", "--default-country US, not --default-country DE."),
        ("default_channel", "EMAIL", "--default-channel SMS, not --default-channel EMAIL."),
        ("phone_check", "format", "--phone-check valid, not --phone-check format."),
        ("max_invalid", "10%", "--max-invalid 5%, not --max-invalid 10%."),
        ("limit", 8, "--limit 7, not --limit 8."),
        ("partition_rows", 300, "--partition-rows 200, not --partition-rows 300."),
        ("local", False, "--local, not no --local."),
        ("default_country", "nowhere", "--default-country US, not --default-country nowhere."),
    ],
)
def test_an_option_that_differs_is_refused(name, value, says):
    with pytest.raises(RunStateError) as caught:
        refuse_other_settings("one", ImportSettings(**ALL_SETTINGS), {name: value})
    assert caught.value.message == (
        f"Run one was begun with {says} Leave the option out to go on as it began, "
        "or start a new run."
    )


def test_the_first_of_several_is_named():
    asked = {"region": "us-east-1", "limit": 7, "default_country": "DE"}
    with pytest.raises(RunStateError, match="--default-country US, not --default-country DE"):
        refuse_other_settings("one", ImportSettings(**ALL_SETTINGS), asked)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({}, id="nothing"),
        pytest.param(ALL_SETTINGS, id="all as they were"),
        pytest.param({"default_country": "us", "default_channel": "sms"}, id="in other letters"),
        pytest.param({"default_country": "usa"}, id="in another form"),
        pytest.param({"rate": 1.0, "max_in_flight": 9, "keep_staged": True}, id="changeable"),
    ],
)
def test_options_that_mean_the_same_pass(asked):
    refuse_other_settings("one", ImportSettings(**ALL_SETTINGS), asked)


def test_a_path_may_be_given_as_it_was(tmp_path, monkeypatch):
    """The command line keeps the absolute one, as a run may be resumed from another folder."""
    monkeypatch.chdir(tmp_path)
    settings = ImportSettings(**ALL_SETTINGS, embedded=True, db=tmp_path / "x.sqlite3")
    refuse_other_settings("one", settings, {"db": Path("x.sqlite3")})
    with pytest.raises(RunStateError, match=r"x\.sqlite3, not --db y\.sqlite3\."):
        refuse_other_settings("one", settings, {"db": Path("y.sqlite3")})


def test_only_what_changes_no_outcome_is_changeable():
    assert {"rate", "max_in_flight", "keep_staged", "runner", "dask_address"} == CHANGEABLE
