"""Retiring what is gone: by the real server where what it does to endpoints matters."""

import json
import random
import time

import pytest
from fakes import FakeClock, ScriptedDestination
from retiring_support import ACCEPTED_AT, write_gone
from sending_support import ACCEPTED, REFUSED, TERMINAL, make_run, make_sender

from pipelines.destinations.base import Answer, AnswerKind
from pipelines.destinations.pinpoint_calls import DeletingDestination, EndpointReader
from pipelines.destinations.sender import Sender
from pipelines.errors import RunStateError, TerminalDestinationError
from pipelines.local_server.faults import parse_faults, parse_quota
from pipelines.local_server.process import LocalServer, ServerOptions
from pipelines.sending import close_sender, connect, read_counts, read_shipments, send_shipment
from pipelines.settings import ImportSettings
from pipelines.syncing.removals import read_retired
from pipelines.syncing.retiring import (
    retire_gone,
    retire_rate,
    send_retirements,
)
from schemas.sync import RetirePolicy


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "runs")


def settings_for(server, policy=RetirePolicy.DELETE, **more):
    return ImportSettings(
        sources=["a.csv"],
        local=True,
        endpoint_url=server.url,
        sync_mode="mirror",
        retire=policy,
        **more,
    )


def put(server, *items):
    """Have the server take endpoints; what they leave out is filled in."""
    destination = connect(settings_for(server))
    usual = {"ChannelType": "EMAIL", "OptOut": "NONE"}
    filled = [{"Address": f"p{n}@example.com", **usual, **item} for n, item in enumerate(items)]
    answer = destination.send(b",".join(json.dumps(item).encode() for item in filled))
    assert answer.kind is AnswerKind.ACCEPTED, answer


def read(server, *ids):
    """Give OptOut and EndpointStatus of each endpoint by GetEndpoint; None if it is not there."""
    reader = EndpointReader(connect(settings_for(server)))
    found = [reader.read(endpoint_id) for endpoint_id in ids]
    return [None if each is None else (each["OptOut"], each["EndpointStatus"]) for each in found]


def outcomes(run, policy=RetirePolicy.DELETE):
    frames = list(read_retired(run, policy))
    return [row for frame in frames for row in frame.select("endpoint_id", "outcome").iter_rows()]


# -- policies, at the server ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        (RetirePolicy.OPTOUT, [("ALL", "ACTIVE"), ("ALL", "INACTIVE"), ("NONE", "ACTIVE")]),
        (RetirePolicy.INACTIVE, [("NONE", "INACTIVE"), ("NONE", "INACTIVE"), ("NONE", "ACTIVE")]),
        (RetirePolicy.DELETE, [None, None, ("NONE", "ACTIVE")]),
    ],
)
def test_a_policy_does_what_it_says_and_nothing_else(run, local_server, policy, left):
    put(local_server, {"Id": "a"}, {"Id": "b/é ?", "EndpointStatus": "INACTIVE"}, {"Id": "stays"})
    write_gone(run, 0, "a", status="ACTIVE")
    write_gone(run, 1, "b/é ?", status="INACTIVE")
    settings = settings_for(local_server, policy)
    assert retire_gone(run, settings) is None
    close_sender(settings)
    assert read(local_server, "a", "b/é ?", "stays") == left
    assert outcomes(run, policy) == [("a", "accepted"), ("b/é ?", "accepted")]
    assert read_counts(run).requests == 2


@pytest.mark.parametrize("policy", [RetirePolicy.OPTOUT, RetirePolicy.INACTIVE])
def test_what_is_not_there_is_retired(run, local_server, policy):
    put(local_server, {"Id": "there"})
    write_gone(run, 0, "never", "lost", "there", accepted_at=[None, ACCEPTED_AT, None])
    settings = settings_for(local_server, policy)
    assert retire_gone(run, settings) is None
    close_sender(settings)
    assert outcomes(run, policy) == [
        ("never", "accepted"),
        ("lost", "accepted"),  # somebody else has deleted it
        ("there", "accepted"),
    ]
    assert read(local_server, "never", "lost") == [None, None]


def test_what_is_gone_already_needs_no_delete(run, local_server):
    put(local_server, {"Id": "a"})
    write_gone(run, 0, "lost", "a", "never", accepted_at=[ACCEPTED_AT, ACCEPTED_AT, None])
    assert retire_gone(run, settings_for(local_server)) is None
    assert {outcome for _, outcome in outcomes(run)} == {"accepted"}
    (frame,) = read_retired(run, RetirePolicy.DELETE)
    assert frame["message"].to_list() == ["It was gone already.", None, "It was gone already."]


def test_nothing_is_said_to_be_deleted_from_an_application_that_is_not_there(run, local_server):
    write_gone(run, 0, *map(str, range(30)))
    error = retire_gone(run, settings_for(local_server, application_id="other"))
    assert isinstance(error, TerminalDestinationError)
    assert "does not know the application other" in error.message
    assert {outcome for _, outcome in outcomes(run)} == {"unprocessed"}


# -- faults of the service -----------------------------------------------------------------


def deleting_sender(server, clock=None, **options):
    destination = DeletingDestination(connect(settings_for(server)))
    options = {"max_in_flight": 4, "requests_per_second": None, **options}
    return Sender(destination, clock=clock or FakeClock(), draw=random.Random(1), **options)


def test_deletes_get_through_faults(run, tmp_path):
    faults = parse_faults("429=0.2,500=0.2,reset=0.1,half=0.1,drop=0.05")
    db, ids = tmp_path / "db.sqlite3", [f"e-{number}" for number in range(60)]
    with LocalServer(ServerOptions(port=0, db=db, applications=("local",))) as server:
        put(server, *({"Id": endpoint_id} for endpoint_id in ids))
    write_gone(run, 0, *ids[:50])
    with LocalServer(ServerOptions(port=0, db=db, faults=faults, seed=1)) as server:
        assert send_retirements(run, RetirePolicy.DELETE, deleting_sender(server)) is None
        assert read(server, *ids) == [None] * 50 + [("NONE", "ACTIVE")] * 10
    counts = read_counts(run)
    assert counts.retries > 10
    assert counts.throttled > 0
    assert outcomes(run) == [(endpoint_id, "accepted") for endpoint_id in ids[:50]]


def test_deletes_keep_to_their_quota(run, tmp_path):
    ids = [f"e-{number}" for number in range(16)]
    options = ServerOptions(
        port=0, db=tmp_path / "db.sqlite3", applications=("local",), quota=parse_quota("20/s")
    )
    write_gone(run, 0, *ids)
    with LocalServer(options) as server:
        began_s = time.monotonic()
        assert retire_gone(run, settings_for(server, rate=20)) is None
        took_s = time.monotonic() - began_s
    assert read_counts(run).throttled == 0
    assert took_s > 14 / 20
    assert [outcome for _, outcome in outcomes(run)] == ["accepted"] * 16


@pytest.mark.parametrize(
    ("more", "rate"),
    [({}, 5), ({"rate": 20}, 5), ({"rate": 2}, 2)],
)
def test_the_pace_at_aws_is_that_of_deletes(monkeypatch, more, rate):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "synthetic")
    options = {"application_id": "app-1", "region": "us-east-1", **more}
    assert retire_rate(ImportSettings(sources=["a.csv"], retire="delete", **options)) == rate
    updates = retire_rate(ImportSettings(sources=["a.csv"], retire="optout", **options))
    assert updates == more.get("rate", 2)


# -- attempts ------------------------------------------------------------------------------


def attempt(run, answers, policy=RetirePolicy.DELETE, **capabilities):
    """Retire by a new sender; give the Ids of each request, and the error."""
    destination = ScriptedDestination(answers, **{"max_items": 1, **capabilities})
    error = send_retirements(run, policy, make_sender(destination))
    payloads = [json.loads(b"[" + payload + b"]") for payload in destination.payloads]
    return [[item["Id"] for item in items] for items in payloads], error


def test_an_attempt_goes_on_where_the_one_before_broke_off(run):
    write_gone(run, 0, "a", "b", "c")
    write_gone(run, 1, "d", "e")
    first, error = attempt(run, [ACCEPTED, ACCEPTED, TERMINAL])
    assert isinstance(error, TerminalDestinationError)
    assert first == [["a"], ["b"], ["c"]]
    assert [outcome for _, outcome in outcomes(run)] == ["accepted"] * 2 + ["unprocessed"] * 3
    assert attempt(run, []) == ([["c"], ["d"], ["e"]], None)
    assert attempt(run, []) == ([], None)
    assert {outcome for _, outcome in outcomes(run)} == {"accepted"}


def test_updates_are_sent_by_the_hundred(run):
    write_gone(run, 0, *map(str, range(250)))
    requests, _ = attempt(run, [], RetirePolicy.OPTOUT, max_items=100)
    assert [len(request) for request in requests] == [100, 100, 50]


def test_a_file_that_was_changed_is_not_taken_for_the_one_before(run):
    write_gone(run, 0, "a", "b")
    attempt(run, [ACCEPTED, TERMINAL])
    write_gone(run, 0, "a", "c")
    with pytest.raises(RunStateError, match="other items"):
        attempt(run, [])


def test_a_sender_that_has_stopped_sends_nothing(run):
    write_gone(run, 0, "a")
    destination = ScriptedDestination()
    sender = make_sender(destination)
    sender.stop(TerminalDestinationError("before"))
    assert send_retirements(run, RetirePolicy.DELETE, sender) is sender.error
    assert destination.payloads == []


def test_a_refused_delete_does_not_stop_the_others(run):
    write_gone(run, 0, "a", "..", "c")
    answers = [ACCEPTED, Answer(AnswerKind.REFUSED, "no such thing"), ACCEPTED]
    assert attempt(run, answers) == ([["a"], [".."], ["c"]], None)
    assert outcomes(run) == [("a", "accepted"), ("..", "rejected"), ("c", "accepted")]


def test_a_service_that_deletes_nothing_is_never_tried_with_a_row_that_was_sent(tmp_path):
    """To see whether it takes anything, a sender repeats what was taken: here, what was deleted."""
    run = make_run(tmp_path, ['{"Id":"stays"}'])
    (shipment,) = read_shipments(run)
    send_shipment(run, shipment, make_sender(ScriptedDestination()))
    ids = [f"e-{number}" for number in range(40)]
    write_gone(run, 0, *ids)
    requests, error = attempt(run, lambda _: REFUSED)
    assert isinstance(error, TerminalDestinationError)
    assert {endpoint_id for request in requests for endpoint_id in request} <= set(ids)
    assert {outcome for _, outcome in outcomes(run)} == {"unprocessed"}


def test_a_service_that_no_longer_deletes_is_asked_with_what_it_deleted(run):
    ids = [f"e-{number}" for number in range(40)]
    write_gone(run, 0, *ids)
    attempt(run, [ACCEPTED, TERMINAL])
    requests, error = attempt(run, lambda _: REFUSED)
    assert isinstance(error, TerminalDestinationError)
    assert requests[-1] == ["e-0"]
