"""The commands about the sync state, against the real local server, as users meet them."""

import gzip
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from cli_support import KEYS
from click.testing import CliRunner, Result

from pipelines.cli import cli
from pipelines.errors import ConfigurationError, DestinationError, SourceError, StateError
from pipelines.local_server.process import LocalServer, ServerOptions

COUNT = 12
LINES = (
    '{"ChannelType":"EMAIL","Address":"nobody@example.com"}',
    '{"Id":"  ","ChannelType":"EMAIL","Address":"blank@example.com"}',
    "no line of an export",
)
"""Lines without an Id, and one that is no record."""


def endpoint(number: int) -> dict[str, Any]:
    return {
        "ChannelType": "EMAIL",
        "Address": f"person{number}@example.com",
        "OptOut": "ALL" if number % 4 == 0 else "NONE",
        "EndpointStatus": "INACTIVE" if number == 1 else "ACTIVE",
        "Location": {"City": "Łódź", "Latitude": 51.8, "Longitude": -0.0},
        "Demographic": {"Timezone": "Europe/Warsaw"},
        "Attributes": {"Plan": ["gold", "red, blue"], "Empty": []},
        "Metrics": {"Visits": 12.0, "Score": 0.1},
        "User": {"UserId": f"user-{number}", "UserAttributes": {"Tier": ["one"]}},
    }


@dataclass(frozen=True)
class Place:
    """A service with endpoints, an export of them, and a folder for the states."""

    client: Any
    options: tuple[str, ...]
    export: Path
    folder: Path

    def __call__(self, *arguments: str) -> Result:
        runner = CliRunner(env=KEYS)
        folder = ("--runs-dir", str(self.folder))
        return runner.invoke(cli, ["state", *arguments, *self.options, *folder])

    def as_json(self, *arguments: str) -> Any:
        result = self(*arguments, "--json")
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        return json.loads(result.stdout)


def make_place(url: str, folder: Path, application: str, count: int = COUNT) -> Place:
    client = boto3.client(
        "pinpoint",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="synthetic",
        aws_secret_access_key="synthetic",
    )
    lines = []
    for number in range(count):
        named = {"ApplicationId": application, "EndpointId": f"Customer-{number:04d}"}
        client.update_endpoint(**named, EndpointRequest=endpoint(number))
        lines.append(json.dumps(client.get_endpoint(**named)["EndpointResponse"]))
    export = folder / "export" / "part-0.gz"
    export.parent.mkdir()
    export.write_bytes(gzip.compress("\n".join([*lines, *LINES]).encode()))
    options = ("--application-id", application, "--endpoint-url", url, "--region", "us-east-1")
    return Place(client, options, export, folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    db = tmp_path_factory.mktemp("server") / "db.sqlite3"
    applications = ("app-1", "app-2", "app-3")
    with LocalServer(ServerOptions(port=0, db=db, applications=applications)) as started:
        yield started


@pytest.fixture(scope="module")
def first(server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place whose service and state nobody changes."""
    place = make_place(server.url, tmp_path_factory.mktemp("first"), "app-1")
    place.as_json("rebuild", str(place.export))
    return place


@pytest.fixture
def rebuilt(first: Place, tmp_path: Path) -> Place:
    shutil.copytree(first.folder, tmp_path / "copy")
    export = tmp_path / "copy" / "export" / "part-0.gz"
    return replace(first, export=export, folder=tmp_path / "copy")


@pytest.fixture
def empty(first: Place, tmp_path: Path) -> Place:
    return replace(first, folder=tmp_path)


def test_rebuild_gives_a_record_for_each_id(empty: Place) -> None:
    told = empty.as_json("rebuild", str(empty.export.parent))
    assert told["records"] == COUNT
    assert (told["without_id"], told["malformed"]) == (2, 1)
    assert (told["opted_out"], told["inactive"]) == (3, 1)
    shown = empty.as_json("show")
    assert (shown["endpoints"], shown["opted_out"], shown["inactive"]) == (COUNT, 3, 1)
    assert (shown["from_export"], shown["due_again"]) == (COUNT, 0)
    assert [commit["kind"] for commit in shown["commits"]] == ["rebuilt"]
    assert shown["born"]


def test_rebuild_does_not_replace_a_state_unless_told(rebuilt: Place) -> None:
    refused = rebuilt("rebuild", str(rebuilt.export)).exception
    assert isinstance(refused, StateError)
    assert "--force" in refused.message
    rebuilt.export.write_bytes(gzip.compress(b'{"Id":"x","ChannelType":"SMS","Address":"1"}\n'))
    result = rebuilt("rebuild", str(rebuilt.export), "--force")
    assert "has 1 endpoint, 0 opted out and 0 inactive." in result.stdout
    assert f"{COUNT} endpoints known before, and not in the export" in result.stdout
    assert rebuilt.as_json("show")["endpoints"] == 1


def test_rebuild_of_nothing_leaves_no_state(empty: Place) -> None:
    export = empty.folder / "export.json"
    export.write_text("\n".join(LINES))
    assert isinstance(empty("rebuild", str(export)).exception, SourceError)
    assert isinstance(empty("show").exception, StateError)


def test_verify_finds_all_the_same(rebuilt: Place) -> None:
    result = rebuilt("verify")
    assert (
        f"Of {COUNT} endpoints that could be compared all are as they were accepted."
        in result.stdout
    )
    assert result.exit_code == 0
    told = rebuilt.as_json("verify", "--sample", "5", "--seed", "1")
    assert (told["sampled"], told["same"], told["not_comparable"]) == (5, 5, 0)


def change(place: Place) -> None:
    """At the service, someone opts out, another one moves, a third one is deleted."""
    for number, request in (
        (2, {"OptOut": "ALL"}),
        (3, {"Location": {"City": "Oslo"}, "Attributes": {"Plan": []}}),
    ):
        named = {"ApplicationId": "app-2", "EndpointId": f"Customer-{number:04d}"}
        request = {"EndpointStatus": "ACTIVE", **request}
        place.client.update_endpoint(**named, EndpointRequest=request)
    place.client.delete_endpoint(ApplicationId="app-2", EndpointId="Customer-0004")


def test_what_drifted_and_is_missing_is_told_and_sent_again(
    server: LocalServer, tmp_path: Path
) -> None:
    place = make_place(server.url, tmp_path, "app-2")
    place.as_json("rebuild", str(place.export))
    change(place)
    told = place.as_json("verify")
    assert (told["same"], told["drifted"], told["missing"]) == (COUNT - 3, 2, 1)
    drifted = {column["name"]: column["endpoints"] for column in told["columns"]}
    expected = {"EffectiveDate": 2, "OptOut": 1, "Location.City": 1, "Attributes.Plan": 1}
    assert drifted == expected
    assert told["resent"] == 0
    result = place("verify", "--resend")
    assert result.exit_code == 1
    assert "Of 12 endpoints that could be compared 3 differ" in result.stdout
    assert "3 are due again" in result.stdout
    assert "Customer" not in result.stdout
    told = place.as_json("verify")
    assert (told["same"], told["not_comparable"]) == (COUNT - 3, 3)
    assert place.as_json("show")["due_again"] == 3
    # Who opted out at the service is not opted in by being sent again, nor by being made anew.
    opted_out = place.as_json("show", "--id", "CUSTOMER-0002")
    assert (opted_out["OptOut"], opted_out["columns"]) == ("ALL", None)
    deleted = place.as_json("show", "--id", "Customer-0004")
    assert (deleted["OptOut"], deleted["is_ours"], deleted["accepted_at"]) == ("ALL", True, None)


def test_show_lists_all_states(rebuilt: Place) -> None:
    runs_dir = ("--runs-dir", str(rebuilt.folder))
    runner = CliRunner(env=KEYS)
    result = runner.invoke(cli, ["state", "show", *runs_dir])
    assert "app-1" in result.stdout
    assert "pinpoint at http://127.0.0.1" in result.stdout
    (listed,) = json.loads(runner.invoke(cli, ["state", "show", "--json", *runs_dir]).stdout)
    assert listed["endpoints"] == COUNT
    empty = runner.invoke(cli, ["state", "show", "--runs-dir", str(rebuilt.folder / "no")])
    assert empty.stdout.startswith("No states in ")


def test_show_tells_of_one_state_and_one_endpoint(rebuilt: Place) -> None:
    shown = rebuilt("show").stdout
    assert "Application app-1 of pinpoint at" in shown
    assert "rebuilt" in shown
    record = rebuilt.as_json("show", "--id", "customer-0001")
    assert record["Id"] == "Customer-0001"
    assert record["EndpointStatus"] == "INACTIVE"
    assert record["User.UserId"] == "user-1"
    assert "Location.City" in record["columns"]
    assert record["is_content_known"]
    shown = rebuilt("show", "--id", "customer-0001").stdout
    assert "Customer-0001" in shown
    assert re.search(r"retired +no\s", shown)
    assert "Nothing is known of nobody." in rebuilt("show", "--id", "nobody").stdout


def test_show_of_one_endpoint_needs_an_application(rebuilt: Place) -> None:
    runner = CliRunner(env=KEYS)
    result = runner.invoke(cli, ["state", "show", "--id", "x", "--runs-dir", str(rebuilt.folder)])
    assert isinstance(result.exception, ConfigurationError)


def test_single_endpoints_are_forgotten(rebuilt: Place) -> None:
    names = ["--id", "customer-0001", "--id", "Customer-0004", "--id", "nobody"]
    result = rebuilt("forget", "--yes", *names)
    assert "Forgot 2 of 3 endpoints" in result.stdout
    assert rebuilt.as_json("show")["endpoints"] == COUNT - 2
    assert rebuilt.as_json("show", "--id", "customer-0001") is None


def test_a_state_is_forgotten_only_if_that_is_meant(rebuilt: Place) -> None:
    refused = rebuilt("forget").exception
    assert isinstance(refused, ConfigurationError)
    assert "--yes" in refused.message
    assert rebuilt.as_json("show")["endpoints"] == COUNT
    assert rebuilt.as_json("forget", "--yes") == {"application_id": "app-1", "forgotten": COUNT}
    assert isinstance(rebuilt("show").exception, StateError)


def test_verify_of_what_is_not_known_makes_nothing(tmp_path: Path) -> None:
    database = tmp_path / "none.sqlite3"
    options = ["--local", "--db", str(database), "--runs-dir", str(tmp_path)]
    result = CliRunner().invoke(cli, ["state", "verify", *options])
    assert isinstance(result.exception, StateError)
    assert not database.exists()


def test_verify_of_an_application_that_is_gone(server: LocalServer, tmp_path: Path) -> None:
    place = make_place(server.url, tmp_path, "app-3", count=1)
    assert isinstance(place("verify").exception, StateError)
    place.as_json("rebuild", str(place.export))
    place.client.delete_app(ApplicationId="app-3")
    assert isinstance(place("verify").exception, DestinationError)
