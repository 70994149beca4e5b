"""How old an application is: kept with its database, and told by GetApp."""

from datetime import UTC, datetime

from pipelines.destinations.pinpoint_calls import read_born
from pipelines.destinations.registry import open_destination
from pipelines.local_server.process import LocalServer, ServerOptions
from pipelines.local_server.store import Store


def born(db):
    """Start a server on this database, and ask it for its application's age."""
    with LocalServer(ServerOptions(port=0, db=db, applications=("local",))) as server:
        destination = open_destination(
            "local", endpoint_url=server.url, region=None, profile=None, is_local=True
        )
        return read_born(destination)


def test_it_outlasts_a_restart_and_not_a_new_database(tmp_path):
    store = Store(tmp_path / "old.sqlite3", lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    store.ensure_application("local")
    store.close()
    assert born(tmp_path / "old.sqlite3") == "2026-01-02T03:04:05.000Z"
    assert born(tmp_path / "new.sqlite3") > "2026-01-02T03:04:05.000Z"


def test_one_that_was_deleted_has_none(service):
    service.client.delete_app(ApplicationId=service.app)
    destination = open_destination(
        service.app, endpoint_url=service.url, region=None, profile=None, is_local=True
    )
    assert read_born(destination) is None
