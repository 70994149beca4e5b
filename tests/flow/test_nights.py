"""Any sequence of nights, whatever happens in them, brings the service to what the source says.

Adds, changes, reverts, removals, duplicates, rows that become invalid, opt-outs, refusals, runs
that stop and runs that are killed, resumed or not. A model of plain dictionaries says what each
endpoint has to be; a service that keeps the local server's rules watches every item that is sent.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from import_support import read_outcomes, require_balance, resume, run_import, write_rows
from nights_service import Service
from nights_support import (
    ALL,
    HEADER,
    INACTIVE,
    NONE,
    Kill,
    Killer,
    Model,
    Night,
    Row,
    Source,
    address_of,
    find_winners,
    list_lines,
    name_of,
)

from pipelines.destinations.base import Capabilities
from pipelines.destinations.pinpoint import PinpointDestination
from pipelines.errors import DestinationError, GuardError, RunStateError, StoppedError

pytestmark = pytest.mark.usefixtures("prefect_api")

SEARCH = int(os.environ.get("NIGHTS_EXAMPLES", "0"))
"""To search longer: NIGHTS_EXAMPLES=500 pytest tests/flow/test_nights.py. Without it the same
examples are drawn each time, so that a change is judged by what it changes."""
ENDPOINTS = 9
"""The first one is always there: an empty source is no night."""
ITEMS = 3
"""In a request, so that a few rows make several."""
FIRST: Source = {number: (Row(),) for number in range(ENDPOINTS - 2)}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    small = Capabilities(ITEMS, 1_000_000, None, 2)
    with (
        pytest.MonkeyPatch.context() as patch,
        Service(tmp_path_factory.mktemp("service") / "service.sqlite3") as running,
    ):
        patch.setattr(PinpointDestination, "capabilities", property(lambda _: small))
        yield running


class Application:
    """An application that is kept up to date, night after night."""

    def __init__(self, folder: Path, service: Service) -> None:
        self.folder = folder
        self.service = service
        self.model = Model(service)
        self.source: Source = FIRST
        self.nights = 0
        self.unfinished: list[tuple[Night, Source]] = []
        """Nights since the last one that came to its end."""
        self.settled: dict[int, Row] = {}
        """What the night before has told of as accepted or unchanged, if it came to its end."""
        service.begin()
        service.make_application()

    @property
    def run_id(self) -> str:
        return f"night-{self.nights}"

    def spend(self, night: Night) -> None:
        """Import what the source is this night, and resume it if that is wanted."""
        self.nights += 1
        edited = {**self.source, **night.edits}
        self.source = {number: rows for number, rows in edited.items() if rows or number == 0}
        for number in night.outside & self.model.sent:
            if self.service.read(name_of(number)):
                self.service.opt_out(name_of(number))
                self.model.opted_out_outside.add(number)
        asked = [(night, self.source)]
        if night.unfinished == "resume":
            asked += self.unfinished
        settled = {} if self.unfinished else self.settled
        self.settled = {}
        summary = self.begin(night, asked)
        if summary is None and night.is_resumed:
            summary = self.go_on(night)
        assert self.model.faults == []
        self.unfinished.append((night, self.source))
        if summary is not None:
            self.unfinished.clear()
            self.check(night, summary, settled)

    def begin(self, night: Night, asked: list[tuple[Night, Source]]) -> dict[str, Any] | None:
        """Run; give the summary if it came to its end."""
        lines = [
            (written, "EMAIL", address_of(number, row), row.opt_out, row.status, row.plan)
            for number, row, written in list_lines(self.source)
        ]
        export = write_rows(self.folder / f"{self.run_id}.csv", HEADER, lines)
        self.service.begin()
        self.model.watch(asked)
        self.service.refused = frozenset(name_of(number) for number in night.refused)
        self.service.forbids_after = night.forbids_after
        chosen: dict[str, Any] = {
            "application_id": self.service.application,
            "run_id": self.run_id,
            "sync_mode": night.mode,
            "retire": night.retire,
            "max_removals": night.max_removals,
            "max_shrink": "100%",
            "max_unidentified": "100%",
            "allow_opt_in": night.allow_opt_in,
            "full_refresh": night.full_refresh,
            "unfinished": night.unfinished,
            "keep_staged": True,
        }
        is_too_much = night.mode == "mirror" and night.max_removals == "0"
        gone = self.model.list_gone(self.source)
        with ExitStack() as stack:
            killer = Killer(
                self.folder, self.folder.with_suffix(".killed"), self.service, night.kill or Kill(0)
            )
            stack.enter_context(killer.lurking())
            try:
                summary = run_import(self.folder, self.service.url, export, **chosen)
            except GuardError:
                assert is_too_much or len(asked) > 1
                assert self.service.changes == 0 or len(asked) > 1
                return None
            except (DestinationError, StoppedError):
                assert night.forbids_after is not None or killer.has_struck
                return None
        if killer.has_struck:
            return None
        assert not (is_too_much and gone), f"{gone} were retired in spite of the guard"
        return summary

    def go_on(self, night: Night) -> dict[str, Any] | None:
        """Resume the run, undisturbed."""
        self.service.begin()
        self.model.watch([(night, self.source)])
        try:
            return resume(self.folder, self.run_id)
        except RunStateError:  # it was not begun, or a guard had stopped it
            has_begun = (self.folder / "runs" / self.run_id / "manifest.json").exists()
            assert not has_begun or night.max_removals == "0"
        except GuardError:
            assert night.max_removals == "0"
        return None

    def check(self, night: Night, summary: dict[str, Any], settled: dict[int, Row]) -> None:
        """Require of a run that came to its end that the service is as the source says."""
        require_balance(summary)
        rows = read_outcomes(self.folder / "runs" / self.run_id)["outcome"].to_list()
        lines = list_lines(self.source)
        winners = find_winners(self.source)
        for (number, row, _), outcome in zip(lines, rows, strict=True):
            if not row.is_valid:
                assert outcome == "invalid"
                continue
            sent = winners[number]
            if outcome == "held":
                assert not night.allow_opt_in
                self.model.require_held_rightly(number, sent)
            elif outcome == "rejected":
                assert number in night.refused
            elif outcome != "duplicate":
                assert outcome in ("accepted", "unchanged")
                assert outcome == "accepted" or (night.mode != "upsert" and not night.full_refresh)
                self.model.require_stored(number, sent)
                self.model.note_taken(number, sent, may_opt_in=night.allow_opt_in)
                self.settled[number] = sent
                if (
                    settled.get(number) == sent
                    and night.mode != "upsert"
                    and not night.full_refresh
                ):
                    assert outcome == "unchanged", f"{number} was sent again"
        assert rows.count("duplicate") == sum(row.is_valid for _, row, _ in lines) - len(winners)
        if night.mode == "mirror":
            for number in self.model.list_gone(self.source):
                # Who was refused may be retired all the same, if the run was resumed.
                if number not in night.refused or self.model.is_retired(number, night.retire):
                    self.model.require_retired(number, night.retire)


# Most of what a night brings is what it brought before.
ROWS = st.builds(
    Row,
    plan=st.sampled_from(["a", "b", "c", ""]),
    address=st.sampled_from(["first", "first", "other"]),
    opt_out=st.sampled_from(["", "", ALL, NONE]),
    status=st.sampled_from(["", "", "ACTIVE", INACTIVE]),
    is_valid=st.sampled_from([True] * 5 + [False]),
)
NUMBERS = st.integers(1, ENDPOINTS - 1)
KILLS = st.builds(Kill, st.integers(1, 55)) | st.builds(
    Kill, st.integers(1, 3), on=st.sampled_from(["before", "after"])
)
NIGHTS = st.builds(
    Night,
    edits=st.dictionaries(NUMBERS, st.lists(ROWS, max_size=2).map(tuple), max_size=5),
    mode=st.sampled_from(["changed", "mirror", "mirror", "upsert"]),
    retire=st.sampled_from(["optout", "inactive", "delete"]),
    max_removals=st.sampled_from(["100%", "100%", "100%", "0"]),
    allow_opt_in=st.sampled_from([False, False, False, True]),
    full_refresh=st.sampled_from([False, False, False, True]),
    unfinished=st.sampled_from(["supersede", "supersede", "resume"]),
    outside=st.frozensets(NUMBERS, max_size=1),
    refused=st.just(frozenset()) | st.frozensets(NUMBERS, max_size=2),
    forbids_after=st.sampled_from([None, None, None, 0, 1, 2]),
    kill=st.none() | KILLS,
    is_resumed=st.booleans(),
)
CHANGED = {3: (Row("b"),), 4: (Row("b"),)}
BACK = {3: (Row(),), 4: (Row(),)}


@example([Night(), Night(edits=CHANGED, kill=Kill(1, "after")), Night(edits=BACK)])
@example(
    [
        Night(),
        Night(edits={3: ()}, mode="mirror", retire="delete", kill=Kill(1, "after")),
        Night(edits=BACK),
    ]
)
@example(
    [
        Night(edits={8: (Row(),)}, refused=frozenset({8})),
        Night(edits={8: ()}, mode="mirror", retire="delete"),
    ]
)
@given(nights=st.lists(NIGHTS, min_size=3, max_size=6))
@settings(max_examples=SEARCH or 2, deadline=None, derandomize=not SEARCH)
def test_service_converges_to_the_source(service: Service, nights: list[Night]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        application = Application(folder, service)
        for night in nights:
            application.spend(night)
        # At last nothing is in the way; and then there is nothing to do.
        application.spend(Night())
        application.spend(Night())
        assert service.changes == 0
    finally:
        shutil.rmtree(folder)
