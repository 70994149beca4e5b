"""Nights: sequences of exports, and troubles, that an application is kept up to date through.

What a night is, and the model: plain dictionaries that say what has to become of each endpoint, and
what must never happen to one.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

import pytest
from nights_service import Change, Service

HEADER = ("Id", "ChannelType", "Address", "OptOut", "EndpointStatus", "Attributes.plan")
ALL, NONE, ACTIVE, INACTIVE = "ALL", "NONE", "ACTIVE", "INACTIVE"


@dataclass(frozen=True)
class Row:
    """What a row says of an endpoint; a text is blank where it says nothing."""

    plan: str = "a"
    address: str = "first"
    opt_out: str = ""
    status: str = ""
    is_valid: bool = True


Source = Mapping[int, tuple[Row, ...]]
"""Rows by the number of their endpoint; several are duplicates."""


@dataclass(frozen=True)
class Kill:
    """The process is killed when it puts its so manieth file in place, or sends that request."""

    at: int
    on: str = "file"
    """`file`, or a request: `before` it is applied, or `after` it, without an answer."""


@dataclass(frozen=True)
class Night:
    """One night: what is different from the one before, how it is imported, what goes wrong."""

    edits: Mapping[int, tuple[Row, ...]] = field(default_factory=dict)
    """Rows by the number of their endpoint; none where it is gone."""
    mode: str = "changed"
    retire: str = "optout"
    max_removals: str = "100%"
    allow_opt_in: bool = False
    full_refresh: bool = False
    unfinished: str = "supersede"
    outside: frozenset[int] = frozenset()
    """Who opted out at the service since the night before."""
    refused: frozenset[int] = frozenset()
    """Whom the service refuses."""
    forbids_after: int | None = None
    """Requests after which the service lets nobody in."""
    kill: Kill | None = None
    is_resumed: bool = False
    """Whether the run is resumed if it did not come to its end."""


def name_of(number: int) -> str:
    return f"id-{number}"


def address_of(number: int, row: Row) -> str:
    return f"{row.address}-{number}@example.com" if row.is_valid else "nobody"


def list_lines(source: Source) -> list[tuple[int, Row, str]]:
    """List the lines of an export: endpoint, row, and the Id as it is written there."""
    return [
        (number, row, name_of(number).upper() if at else name_of(number))
        for number, rows in sorted(source.items())
        for at, row in enumerate(rows)
    ]


def find_winners(source: Source) -> dict[int, Row]:
    """Say what is to be sent of each endpoint: its last valid row, with any row's opt-out."""
    winners = {}
    for number, rows in source.items():
        valid = [row for row in rows if row.is_valid]
        if valid:
            opts_out = any(row.opt_out == ALL for row in valid)
            last = valid[-1]
            opt_out = ALL if opts_out else last.opt_out
            winners[number] = Row(last.plan, last.address, opt_out, last.status)
    return winners


@dataclass
class Model:
    """What is known of each endpoint from outside."""

    service: Service
    opted_out_outside: set[int] = field(default_factory=set)
    """Who opted out at the service."""
    confirmed_none: set[int] = field(default_factory=set)
    """Whose OptOut NONE is known to be accepted: it need not be said again."""
    recorded: set[int] = field(default_factory=set)
    """Which endpoints a run that came to its end has told of."""
    retired: dict[int, str] = field(default_factory=dict)
    """Policies by which endpoints were retired."""
    once_out: set[int] = field(default_factory=set)
    """Who was ever opted out, or tried to be."""
    once_inactive: set[int] = field(default_factory=set)
    retired_inactive: set[int] = field(default_factory=set)
    """Which endpoints are INACTIVE only for being gone, or may be."""
    faults: list[str] = field(default_factory=list)
    """What must not have happened."""

    @property
    def sent(self) -> set[int]:
        """Which endpoints the service has taken."""
        return {int(taken.removeprefix("id-")) for taken in self.service.taken}

    def watch(self, nights: Sequence[tuple[Night, Source]]) -> None:
        """Watch what is sent; it has to be for one of these nights."""
        winners = [find_winners(source) for _, source in nights]
        for row in (row for rows in winners for row in rows.items()):
            self._note_tries(*row)
        allows = any(night.allow_opt_in for night, _ in nights)

        def watch(method: str, change: Change) -> None:
            number = int(change["Id"].lower().removeprefix("id-"))
            if method == "DELETE" or "Address" not in change:
                is_asked = any(self._may_retire(number, change, method, *each) for each in nights)
                if not is_asked:
                    self.faults.append(f"{method} {change} was not asked for")
            elif not any(_is_of(change, number, rows.get(number)) for rows in winners):
                self.faults.append(f"{change} is in no source")
            if method == "PUT" and not allows:
                self._check_consent(number, change)

        self.service.watch = watch

    def _note_tries(self, number: int, row: Row) -> None:
        if row.opt_out == ALL:
            self.once_out.add(number)
            self.confirmed_none.discard(number)
        if row.status == INACTIVE:
            self.once_inactive.add(number)
            self.retired_inactive.discard(number)

    def _may_retire(
        self, number: int, change: Change, method: str, night: Night, source: Source
    ) -> bool:
        if night.mode != "mirror" or number in source or number not in self.sent:
            return False
        if method == "DELETE":
            self.confirmed_none.discard(number)
            return night.retire == "delete"
        wanted = {"optout": ("OptOut", ALL), "inactive": ("EndpointStatus", INACTIVE)}
        named = wanted.get(night.retire)
        self.once_out |= {number} if night.retire == "optout" else set()
        if night.retire == "inactive" and number not in self.once_inactive:
            self.retired_inactive.add(number)
        may_say = {("EndpointStatus", INACTIVE), named}
        said = {(name, value) for name, value in change.items() if name != "Id"}
        return named in said and said <= may_say

    def _check_consent(self, number: int, change: Change) -> None:
        stored = self.service.read(name_of(number)) or {}
        # Who opted out past the import cannot be known, unless NONE was accepted before.
        is_unknown = number in self.opted_out_outside - self.confirmed_none
        opts_in = stored.get("OptOut") == ALL and change.get("OptOut") == NONE
        if opts_in and not is_unknown:
            self.faults.append(f"{change} opts in")
        was_on_purpose = number not in self.retired_inactive
        activates = change.get("EndpointStatus") != INACTIVE
        if stored.get("EndpointStatus") == INACTIVE and activates and was_on_purpose:
            self.faults.append(f"{change} activates")

    # -- after a run that came to its end ----------------------------------------------------

    def require_stored(self, number: int, row: Row) -> None:
        """Require that the service has what a row says."""
        stored = self.service.read(name_of(number))
        assert stored is not None, f"{number} is not there"
        assert stored["Address"] == address_of(number, row)
        assert stored["EndpointStatus"] == (row.status or ACTIVE)
        if row.plan:
            assert stored["Attributes"]["plan"] == [row.plan]
        if row.opt_out and number not in self.opted_out_outside:
            assert stored["OptOut"] == row.opt_out
        if row.opt_out == ALL or number in self.confirmed_none & self.opted_out_outside:
            assert stored["OptOut"] == ALL

    def note_taken(self, number: int, row: Row, *, may_opt_in: bool) -> None:
        """Note that a finished run has told of a row as accepted or unchanged."""
        self.recorded.add(number)
        self.retired.pop(number, None)
        if row.opt_out == NONE:
            self.confirmed_none.add(number)
        if row.status != INACTIVE:
            self.once_inactive.discard(number)
        stored = self.service.read(name_of(number)) or {}
        if may_opt_in and stored.get("OptOut") != ALL:
            self.once_out.discard(number)
            self.opted_out_outside.discard(number)

    def require_held_rightly(self, number: int, row: Row) -> None:
        """Require a reason for a row that was held."""
        may_opt_in = number in self.once_out and row.opt_out != ALL
        may_activate = number in self.once_inactive and row.status != INACTIVE
        assert may_opt_in or may_activate, f"{number} is held for nothing"

    def list_gone(self, source: Source) -> set[int]:
        """List the endpoints that mirror has to retire."""
        return self.recorded - set(source) - set(self.retired)

    def is_retired(self, number: int, policy: str) -> bool:
        """Say whether an endpoint is as the policy says."""
        stored = self.service.read(name_of(number))
        if policy == "delete" or stored is None:
            return policy == "delete" and stored is None
        name, value = ("OptOut", ALL) if policy == "optout" else ("EndpointStatus", INACTIVE)
        return bool(stored[name] == value)

    def require_retired(self, number: int, policy: str) -> None:
        """Require of an endpoint that is gone what the policy says."""
        assert self.is_retired(number, policy), f"{number} was not retired by {policy}"
        if policy == "delete":
            self.opted_out_outside.discard(number)
        self.retired[number] = policy


def _is_of(change: Change, number: int, row: Row | None) -> bool:
    """Say whether an item is what a row says; an OptOut NONE may be left out."""
    if row is None:
        return False
    wanted: Change = {"ChannelType": "EMAIL", "Address": address_of(number, row)}
    if row.plan:
        wanted["Attributes"] = {"plan": [row.plan]}
    if row.status:
        wanted["EndpointStatus"] = row.status
    said = {name: value for name, value in change.items() if name not in ("Id", "OptOut")}
    opt_outs = {"": (None,), NONE: (NONE, None), ALL: (ALL,)}[row.opt_out]
    return said == wanted and change.get("OptOut") in opt_outs


# -- what kill -9 leaves -------------------------------------------------------------------


class Killer:
    """Keeps what a folder would be like if the process had been killed at a moment."""

    def __init__(self, folder: Path, copy: Path, service: Service, kill: Kill) -> None:
        self.folder, self.copy = folder, copy
        self.service, self.kill = service, kill
        self.has_struck = False
        self._files = 0
        self._lock = RLock()

    def strike(self) -> None:
        """Keep the folder as it is; what comes after that reaches nobody."""
        self.has_struck = True
        self.service.is_dead = True
        copy_folder(self.folder, self.copy)

    def count_file(self) -> None:
        self._files += 1
        if self.kill.on == "file" and self._files == self.kill.at and not self.has_struck:
            self.strike()

    def count_request(self, number: int, is_done: bool) -> None:
        wanted = {"before": False, "after": True}.get(self.kill.on)
        if is_done is wanted and number == self.kill.at and not self.has_struck:
            with self._lock:
                self.strike()

    @contextmanager
    def lurking(self) -> Iterator[None]:
        """Strike at the moment if it comes; at the end the folder is as it was then."""
        replace = Path.replace

        def replace_and_count(temporary: Path, path: Path) -> Path:
            if not path.is_relative_to(self.folder):
                return replace(temporary, path)
            with self._lock:
                placed = replace(temporary, path)
                self.count_file()
            return placed

        self.service.on_change = self.count_request
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "replace", replace_and_count)
            yield
        if self.has_struck:
            shutil.rmtree(self.folder)
            self.copy.rename(self.folder)


def copy_folder(folder: Path, copy: Path) -> None:
    """Copy a folder in which others are at work."""
    for path in sorted(folder.rglob("*")):
        there = copy / path.relative_to(folder)
        with suppress(FileNotFoundError):
            if path.is_dir():
                there.mkdir(parents=True, exist_ok=True)
            else:
                there.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, there)
