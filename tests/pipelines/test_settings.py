"""Settings: what is taken, and what is refused."""

import pytest
from pydantic import ValidationError

from pipelines.settings import ImportSettings


def settings(**given):
    return ImportSettings(sources=["a.csv"], **given)


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("delimiter", "tab", "\t"),
        ("delimiter", r"\t", "\t"),
        ("delimiter", "Semicolon", ";"),
        ("delimiter", "^", "^"),
        ("quote", "none", ""),
        ("quote", "single", "'"),
        ("quote", '"', '"'),
        ("escape", "backslash", "\\"),
        ("escape", "none", ""),
        ("encoding", "Windows-1252", "cp1252"),
        ("encoding", "latin1", "iso8859-1"),
        ("encoding", "UTF8", "utf-8"),
        ("encoding", "utf-16", "utf-16"),
    ],
)
def test_what_is_said_of_csv_is_taken(name, given, taken):
    chosen = settings(**{name: given})
    assert getattr(chosen.reading, name) == taken
    assert ImportSettings.model_validate_json(chosen.model_dump_json()) == chosen


def test_what_is_not_said_is_found_out():
    reading = settings().reading
    assert (reading.delimiter, reading.encoding, reading.quote, reading.escape) == (None,) * 4
    assert reading.has_header


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"delimiter": "\n"}, id="line end"),
        pytest.param({"delimiter": ";;"}, id="two characters"),
        pytest.param({"delimiter": ""}, id="nothing"),
        pytest.param({"delimiter": "none"}, id="no delimiter"),
        pytest.param({"delimiter": "§"}, id="not ASCII"),
        pytest.param({"delimiter": "'", "quote": "single"}, id="two meanings"),
        pytest.param({"quote": "'", "escape": "'"}, id="two meanings of a quote"),
        pytest.param({"quote": "é"}, id="quote that is not ASCII"),
        pytest.param({"encoding": "klingon"}, id="unknown"),
        pytest.param({"encoding": "rot13"}, id="no encoding of text"),
        pytest.param({"encoding": "base64"}, id="no text"),
        pytest.param({"encoding": "idna"}, id="names of hosts"),
        pytest.param({"encoding": "utf-8\0"}, id="NUL"),
    ],
)
def test_what_cannot_be_is_refused(given):
    with pytest.raises(ValidationError):
        settings(**given)


@pytest.mark.parametrize("name", ["", "a b", "-x", "é", "x" * 65, "a\n"])
def test_a_feed_has_a_plain_name(name):
    with pytest.raises(ValidationError, match="letters, digits, dots"):
        settings(feed=name)
    assert settings(feed="crm-2.main_x").feed == "crm-2.main_x"


def test_states_stay_where_they_are_if_a_run_goes_on_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = ImportSettings(sources=["a.csv"], state_dir="states").model_dump(mode="json")
    monkeypatch.chdir("/")
    assert ImportSettings.model_validate(kept).state_place == tmp_path / "states"
