"""Which state an import is about."""

from pathlib import Path

import pytest

from pipelines.errors import ConfigurationError
from pipelines.settings import ImportSettings
from pipelines.state.base import StateKey
from pipelines.syncing.place import state_key


def settings(**members):
    return ImportSettings(sources=["-"], **members)


def test_a_service_is_named_by_its_place():
    made = settings(endpoint_url="http://127.0.0.1:9/", local=True, application_id="app-1")
    assert state_key(made) == StateKey("pinpoint at http://127.0.0.1:9/", "app-1")


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({}, id="not-started"),
        pytest.param({"embedded": True, "endpoint_url": "http://127.0.0.1:5001"}, id="started"),
    ],
)
def test_the_embedded_server_is_named_by_its_database(members, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    key = state_key(settings(local=True, db=Path("here.sqlite3"), **members))
    assert key == StateKey(f"embedded server {tmp_path / 'here.sqlite3'}", "local")


def test_a_state_is_of_an_application():
    with pytest.raises(ConfigurationError, match="--application-id"):
        state_key(settings(endpoint_url="http://127.0.0.1:9"))
