"""Nightly imports: what changed is sent and nothing else, and nobody is opted in by that."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes import Reply
from import_support import FailingSink, read_json, require_balance, resume
from processes import free_port
from sync_support import HEADER, Nights, person

from pipelines.errors import DestinationError, RunStateError, StateError
from pipelines.local_server.process import LocalServer, ServerOptions
from pipelines.state.base import CommitKind, CommitNote, StateKey
from pipelines.state.store import locked_state
from pipelines.syncing import synchronize

pytestmark = pytest.mark.usefixtures("prefect_api")


@pytest.fixture
def nights(tmp_path: Path, local_server: LocalServer) -> Nights:
    return Nights(tmp_path, local_server)


def test_only_what_changed_is_sent_in_full_requests(nights: Nights, tmp_path: Path):
    first = [person(number) for number in range(4_000)]
    changed = set(range(0, 4_000, 20))
    second = [
        person(number, city="Paris" if number in changed else "Lyon") for number in range(4_000)
    ]
    assert nights.night(first, partition_rows=500)["accepted"] == 4_000
    summary = nights.night(second, partition_rows=500)
    require_balance(summary)
    assert (summary["accepted"], summary["unchanged"]) == (200, 3_800)
    assert (summary["requests"], summary["status"]) == (2, "completed")
    with LocalServer(
        ServerOptions(port=0, db=tmp_path / "full.sqlite3", applications=("local",))
    ) as other:
        upserted = Nights(tmp_path / "full", other, sync_mode="upsert")
        upserted.folder.mkdir()
        upserted.night(first)
        upserted.night(second)
        assert upserted.stored == nights.stored
    assert nights.night(second)["requests"] == 0


def test_every_import_is_remembered_whatever_its_mode(nights: Nights):
    rows = [person(number) for number in range(10)]
    assert nights.night(rows, sync_mode="upsert")["accepted"] == 10
    assert nights.night(rows)["unchanged"] == 10
    assert nights.night(rows, sync_mode="upsert")["accepted"] == 10
    assert nights.night(rows, full_refresh=True)["accepted"] == 10


def test_order_of_columns_and_rows_is_no_change(nights: Nights):
    nights.night([person(number) for number in range(10)])
    shuffled = [person(number)[::-1] for number in reversed(range(10))]
    assert nights.night(shuffled, HEADER[::-1])["unchanged"] == 10


def test_what_went_back_to_older_content_is_sent(nights: Nights):
    for city in ("Lyon", "Paris", "Lyon"):
        assert nights.night([person(1, city=city)])["accepted"] == 1
    assert nights.endpoint(1)["Location"]["City"] == "Lyon"


def test_nothing_is_kept_if_so_asked(nights: Nights):
    nights.night([person(1)], sync_mode="upsert", no_state=True)
    assert not (nights.folder / "runs/.state").exists()
    assert nights.night([person(1)])["accepted"] == 1


# -- consent -------------------------------------------------------------------------------


def test_nobody_is_opted_in_again(nights: Nights):
    nights.night([person(1, "ALL"), person(2, "ALL"), person(3, "NONE")])
    summary = nights.night([person(1, "NONE"), person(2, "", city="Paris"), person(3, "ALL")])
    require_balance(summary)
    assert (summary["held"], summary["accepted"], summary["unchanged"]) == (1, 2, 0)
    assert [nights.endpoint(number)["OptOut"] for number in (1, 2, 3)] == ["ALL"] * 3
    [held] = nights.read("held.csv")
    assert (held["Id"], held["_error_codes"]) == ("id-1", "consent.opt_in")
    assert "--allow-opt-in" in held["_error_messages"]


@pytest.mark.parametrize("mode", ["upsert", "changed", "mirror"])
@pytest.mark.parametrize("full_refresh", [False, True])
def test_consent_is_guarded_in_every_mode(nights: Nights, mode: str, full_refresh: bool):
    nights.night([person(1, "ALL")])
    summary = nights.night([person(1, "NONE")], sync_mode=mode, full_refresh=full_refresh)
    assert (summary["held"], summary["requests"]) == (1, 0)
    assert nights.endpoint(1)["OptOut"] == "ALL"


def test_an_opt_in_that_is_asked_for_by_name_is_done(nights: Nights):
    nights.night([person(1, "ALL")])
    assert nights.night([person(1, "NONE")], allow_opt_in=True)["accepted"] == 1
    assert nights.endpoint(1)["OptOut"] == "NONE"
    assert not (nights.run / "held.csv").exists()


def test_a_mapped_column_of_consent_is_believed(nights: Nights, tmp_path: Path):
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "columns:\n"
        "  Id: Contact\n"
        "  ChannelType: {constant: EMAIL}\n"
        "  Address: Mail\n"
        "  OptOut: {from: Newsletter, values: {'yes': NONE, 'no': ALL}}\n"
    )
    header = ("Contact", "Mail", "Newsletter")

    def contact(newsletter: str) -> tuple[str, ...]:
        return ("id-1", "p1@example.com", newsletter)

    nights.night([contact("no")], header, mapping=str(mapping))
    assert nights.night([contact("yes")], header, mapping=str(mapping))["accepted"] == 1
    assert nights.endpoint(1)["OptOut"] == "NONE"


def test_who_opted_out_at_the_service_stays_so(nights: Nights):
    nights.night([person(1, "NONE")])
    nights.service.update_endpoint(
        ApplicationId="local", EndpointId="id-1", EndpointRequest={"OptOut": "ALL"}
    )
    assert nights.night([person(1, "NONE", city="Paris")])["accepted"] == 1
    endpoint = nights.endpoint(1)
    assert (endpoint["OptOut"], endpoint["Location"]["City"]) == ("ALL", "Paris")


def test_no_endpoint_is_activated_by_an_update(nights: Nights):
    header = (*HEADER, "EndpointStatus")
    nights.night([(*person(1), "INACTIVE"), (*person(2), "INACTIVE")], header)
    rows = [(*person(1, city="Paris"), ""), (*person(2, city="Paris"), "INACTIVE")]
    summary = nights.night(rows, header)
    assert (summary["held"], summary["accepted"]) == (1, 1)
    assert [nights.endpoint(number)["EndpointStatus"] for number in (1, 2)] == ["INACTIVE"] * 2
    assert nights.read("held.csv")[0]["_error_codes"] == "consent.reactivation"
    assert nights.night(rows, header, allow_opt_in=True)["held"] == 0
    assert nights.endpoint(1)["EndpointStatus"] == "ACTIVE"


# -- mirror --------------------------------------------------------------------------------

MIRROR = {"sync_mode": "mirror", "max_removals": "1", "max_shrink": "100%"}


@pytest.mark.parametrize(
    ("retire", "member", "value"),
    [("optout", "OptOut", "ALL"), ("inactive", "EndpointStatus", "INACTIVE")],
)
def test_what_is_gone_is_retired_by_policy(nights: Nights, retire: str, member: str, value: str):
    nights.night([person(1), person(2)], **MIRROR)
    summary = nights.night([person(1)], **MIRROR, retire=retire)
    require_balance(summary)
    assert (summary["unchanged"], summary["to_retire"], summary["retired"]) == (1, 1, 1)
    assert nights.endpoint(2)[member] == value
    assert nights.endpoint(1).get(member) != value
    assert [row["_outcome"] for row in nights.read("removals.csv")] == ["retired"]
    again = nights.night([person(1)], **MIRROR, retire=retire)
    assert (again["requests"], again["to_retire"]) == (0, 0)


def test_what_is_gone_is_deleted_if_so_asked(nights: Nights):
    nights.night([person(1), person(2)], **MIRROR)
    nights.night([person(1)], **MIRROR, retire="delete")
    assert set(nights.stored) == {"id-1"}
    assert nights.night([person(1), person(2)], **MIRROR)["accepted"] == 1
    assert set(nights.stored) == {"id-1", "id-2"}


def test_what_cannot_be_retired_is_told_as_an_error_and_tried_again(nights: Nights):
    steps = ("..", "EMAIL", "steps@example.com", "", "Lyon", "gold")  # in a path: never deleted
    nights.night([person(1), steps], **MIRROR)
    summary = nights.night([person(1)], **MIRROR, retire="delete")
    assert (summary["retired"], summary["refused_removals"]) == (0, 1)
    assert summary["status"] == "completed_with_errors"
    assert nights.night([person(1)], **MIRROR, retire="optout")["status"] == "completed"
    assert nights.stored[".."]["opt_out"] == "ALL"


def test_what_is_back_is_active_again_but_not_opted_in(nights: Nights):
    nights.night([person(1), person(2, "NONE")], **MIRROR)
    nights.night([person(1)], **MIRROR, retire="inactive")
    assert nights.night([person(1), person(2, "NONE")], **MIRROR)["accepted"] == 1
    assert nights.endpoint(2)["EndpointStatus"] == "ACTIVE"
    nights.night([person(1)], **MIRROR, retire="optout")
    assert nights.night([person(1), person(2, "NONE")], **MIRROR)["held"] == 1
    assert nights.endpoint(2)["OptOut"] == "ALL"


def test_what_is_gone_stays_without_mirror(nights: Nights):
    nights.night([person(1), person(2)])
    assert nights.night([person(1)])["requests"] == 0
    assert "OptOut" not in nights.endpoint(2) or nights.endpoint(2)["OptOut"] == "NONE"


def test_a_row_that_is_invalid_is_not_gone(nights: Nights):
    nights.night([person(1), person(2)], **MIRROR)
    broken = ("id-2", "EMAIL", "nobody", "", "Lyon", "gold")
    summary = nights.night([person(1), broken], **MIRROR)
    assert (summary["invalid"], summary["to_retire"]) == (1, 0)


@pytest.mark.parametrize(
    ("rows", "limits", "told"),
    [
        ([person(1)], {"max_removals": "1"}, "--max-removals"),
        ([person(1)], {"max_removals": "9", "max_shrink": "50%"}, "--max-shrink"),
        ([], {"max_removals": "9", "max_shrink": "100%"}, "no row"),
        (
            [person(1), person(2), ("", "EMAIL", "nobody", "", "", "")],
            {"max_removals": "9", "max_shrink": "9"},
            "--max-unidentified",
        ),
    ],
    ids=["many removals", "smaller source", "empty source", "unidentified rows"],
)
def test_a_guard_stops_before_anything_is_sent(nights: Nights, rows, limits, told):
    nights.night([person(number) for number in (1, 2, 3)], sync_mode="mirror")
    before = nights.stored
    changed = [(*row[:4], "Paris", row[5]) for row in rows]
    with pytest.raises(Exception, match=told) as stopped:
        nights.night(changed, sync_mode="mirror", **limits)
    assert stopped.value.exit_code == 4
    assert nights.stored == before
    gone = {row["Id"] for row in nights.read("removals.csv")}
    assert gone == {"id-1", "id-2", "id-3"} - {row[0] for row in rows}


def test_an_endpoint_of_two_feeds_is_gone_when_it_is_in_none(nights: Nights):
    nights.night([person(1), person(2)], **MIRROR, feed="crm")
    assert nights.night([person(2)], **MIRROR, feed="shop")["unchanged"] == 1
    assert nights.night([person(1)], **MIRROR, feed="crm")["to_retire"] == 0
    assert nights.night([person(3)], **MIRROR, feed="shop")["retired"] == 1
    assert nights.endpoint(2)["OptOut"] == "ALL"


# -- trouble -------------------------------------------------------------------------------


def test_two_runs_into_one_application_are_kept_apart(nights: Nights, tmp_path: Path):
    nights.night([person(1)])
    key = StateKey(f"pinpoint at {nights.server.url}", "local")
    with (
        locked_state(tmp_path / "runs/.state", key, run_id="other"),
        pytest.raises(StateError, match="other"),
    ):
        nights.night([person(1)])
    assert not nights.run.exists()


def test_an_application_that_was_made_anew_gets_everything(tmp_path: Path):
    port = free_port()
    for name in ("one", "two"):
        options = ServerOptions(port=port, db=tmp_path / name, applications=("local",))
        with LocalServer(options) as server:
            nights = Nights(tmp_path, server)
            nights.number = len(list(tmp_path.glob("*.csv")))
            assert nights.night([person(1)])["accepted"] == 1
            assert set(nights.stored) == {"id-1"}


DENIED = Reply.failure(403, "ForbiddenException", "Not today")
ROWS = [person(number) for number in range(300)]


@pytest.fixture
def broken_off(tmp_path: Path) -> Iterator[Nights]:
    """One night done, and one that the service broke off after its first request."""
    with FailingSink(DENIED, after=1_000) as sink:
        nights = Nights(tmp_path, sink)
        nights.night(ROWS)
        sink.accepted.clear()
        sink.after = len(sink.requests) + 1
        with pytest.raises(DestinationError):
            nights.night([(*row[:4], "Paris", row[5]) for row in ROWS], max_in_flight=1)
        sink.failure = None
        yield nights


def test_what_was_not_accepted_stays_due(broken_off: Nights):
    summary = read_json(broken_off.run / "summary.json")
    require_balance(summary)
    assert (summary["accepted"], summary["unprocessed"]) == (100, 200)
    taken = {item["Id"] for item in broken_off.server.accepted}
    # The content of the night before: of nobody is it known that the service still has it.
    assert broken_off.night(ROWS)["accepted"] == 300
    assert len(taken) == 100


class Killed(BaseException):
    """As if the process had ended there."""


def die(*_: object, **__: object) -> None:
    raise Killed


def test_what_a_killed_run_got_accepted_is_known(nights: Nights, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        patch.setattr(synchronize, "record_accepted", die)
        with pytest.raises(Killed):
            nights.night(ROWS)
    assert nights.night(ROWS)["unchanged"] == 300
    with monkeypatch.context() as patch:
        patch.setattr(synchronize, "record_accepted", die)
        with pytest.raises(Killed):
            nights.night(ROWS, full_refresh=True)
    shutil.rmtree(nights.run)  # without its books nothing is known of it
    assert nights.night(ROWS)["accepted"] == 300


def test_the_name_of_a_run_may_be_used_again(nights: Nights, monkeypatch: pytest.MonkeyPatch):
    given = {"run_id": "nightly", "state_dir": nights.folder / "states"}
    nights.night([person(1)], **given)
    shutil.rmtree(nights.folder / "runs")
    with monkeypatch.context() as patch:
        patch.setattr(synchronize, "record_accepted", die)
        with pytest.raises(Killed):
            nights.night([person(1, city="Paris")], **given)
    shutil.rmtree(nights.folder / "runs")
    assert nights.night([person(1)], **given)["accepted"] == 1
    assert nights.endpoint(1)["Location"]["City"] == "Lyon"


def test_the_books_of_another_run_of_that_name_say_nothing(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
):
    """Run directories may be apart where states are together."""
    given = {"run_id": "nightly", "state_dir": nights.folder / "states"}
    nights.night([person(1)], **given, keep_staged=True)
    runs = nights.folder / "runs"
    runs.rename(nights.folder / "elsewhere")
    with monkeypatch.context() as patch:
        patch.setattr(synchronize, "record_accepted", die)
        with pytest.raises(Killed):
            nights.night([person(1, city="Paris")], **given)
    shutil.rmtree(runs)
    (nights.folder / "elsewhere").rename(runs)
    assert nights.night([person(1)], state_dir=nights.folder / "states")["accepted"] == 1


def test_a_run_is_not_resumed_once_a_command_has_changed_the_state(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(synchronize, "record_intent", die)
        with pytest.raises(Killed):
            nights.night([person(1, "NONE")])
    key = StateKey(f"pinpoint at {nights.server.url}", "local")
    with locked_state(nights.folder / "runs/.state", key, run_id=None) as state:
        state.commit([], CommitNote(kind=CommitKind.REBUILT, run_id=None, at=datetime.now(UTC)))
    with pytest.raises(RunStateError, match=r"A command .*since run night-1"):
        resume(nights.folder, "night-1")
    assert nights.stored == {}
    assert nights.night([person(1)], unfinished="refuse")["accepted"] == 1


def test_a_stopped_run_is_resumed_and_remembered(broken_off: Nights):
    resume(broken_off.folder, "night-2")
    assert broken_off.night([(*row[:4], "Paris", row[5]) for row in ROWS])["unchanged"] == 300


def test_a_run_that_was_overtaken_is_not_resumed(broken_off: Nights):
    broken_off.night(ROWS)
    with pytest.raises(RunStateError, match="night-3"):
        resume(broken_off.folder, "night-2")
    assert broken_off.night(ROWS)["unchanged"] == 300


def test_an_unfinished_run_is_resumed_first_if_so_asked(broken_off: Nights):
    summary = broken_off.night(ROWS, unfinished="resume")
    assert read_json(broken_off.folder / "runs/night-2/summary.json")["status"] == "completed"
    assert summary["accepted"] == 300


def test_an_unfinished_run_may_stand_in_the_way(broken_off: Nights):
    with pytest.raises(StateError, match="night-2"):
        broken_off.night(ROWS, unfinished="refuse")
