"""Who is measured, and by which command."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks.environments import HERE, python_of

PEERS = HERE / "peers"
TOOL = [sys.executable, "-m", "pipelines.cli"]


@dataclass(frozen=True)
class Workplace:
    """What the contenders work with."""

    folder: Path
    export: Path
    rows: int
    short_export: Path
    """The beginning of the export, for those that would take too long over all of it."""
    short_rows: int
    url: str

    @property
    def runs(self) -> Path:
        """Where our runs are kept."""
        return self.folder / "runs"

    def rows_of(self, contender: "Contender") -> int:
        """Count the rows that a contender gets."""
        return self.short_rows if contender.is_slow else self.rows


@dataclass(frozen=True)
class Contender:
    """One way to do the work."""

    name: str
    command: Callable[[Workplace, str], list[str]]
    """Gives the command; the text is a name that no other run has."""
    is_ours: bool = False
    """Whether it leaves a run whose manifest says how long it worked; others print it."""
    is_slow: bool = False
    """Whether it gets the short export, once: its time per row does not depend on their number."""
    is_floor: bool = False
    """Whether it is no tool but what the wire allows."""
    sends: bool = True
    requirements: Path | None = None
    prepare: Callable[[Workplace], None] | None = None
    """What is not measured."""


def _ours(command: str, *options: str) -> Callable[[Workplace, str], list[str]]:
    def make(place: Workplace, run_id: str) -> list[str]:
        where = ["--runs-dir", str(place.runs), "--run-id", run_id]
        sending = ["--endpoint-url", place.url, "--application-id", "bench"]
        shared = [*TOOL, command, str(place.export), *where, *options]
        return [*shared, *sending] if command == "run" else shared

    return make


def _floor(threads: int) -> Callable[[Workplace, str], list[str]]:
    def make(place: Workplace, _: str) -> list[str]:
        floor = [sys.executable, "-m", "benchmarks.wire_floor", str(place.export), place.url]
        return [*floor, str(threads), str(-(-place.rows // 100))]

    return make


def _plain(place: Workplace, _: str) -> list[str]:
    module = "benchmarks.peers.plain_boto3.send"
    return [sys.executable, "-m", module, str(place.export), place.url]


def _peer(name: str, source: str = "") -> Contender:
    """Make a peer that has an environment of its own.

    Args:
        name: Its folder.
        source: File in the workplace that it reads instead of the export, which `prepare` writes.
    """
    python = str(HERE / ".peers" / name / "bin" / "python")
    module = [python, "-m", f"benchmarks.peers.{name}.send"]

    def command(place: Workplace, _: str) -> list[str]:
        path = place.folder / source if source else place.short_export
        return [*module, str(path), place.url]

    def prepare(place: Workplace) -> None:
        path = str(place.folder / source)
        subprocess.run([*module, "messages", str(place.short_export), path], check=True)

    return Contender(
        name,
        command,
        is_slow=True,
        requirements=PEERS / name / "requirements.txt",
        prepare=prepare if source else None,
    )


CONTENDERS = (
    Contender("plain_boto3", _plain),
    Contender("run", _ours("run"), is_ours=True),
    Contender("check", _ours("check"), is_ours=True, sends=False),
    Contender("wire_floor_1", _floor(1), is_floor=True),
    Contender("wire_floor_2", _floor(2), is_floor=True),
    _peer("pandas_pandera"),
    _peer("dlt_destination"),
    _peer("singer_batch_sink", source="messages.jsonl"),
)
LABELS = {
    "run": "**endpoint-import run**",
    "check": "**endpoint-import check** (sends nothing)",
    "plain_boto3": "plain script: csv + boto3",
    "pandas_pandera": "pandas + pandera + phonenumbers + boto3",
    "dlt_destination": "dlt, custom destination",
    "singer_batch_sink": "singer-sdk, BatchSink",
    "wire_floor_1": "wire floor: ready bodies, 1 thread",
    "wire_floor_2": "wire floor: ready bodies, 2 threads",
}


def make_ready(contenders: tuple[Contender, ...], place: Workplace) -> list[Contender]:
    """Install and prepare what is needed; give those that can be measured."""
    ready = []
    for contender in contenders:
        if contender.requirements and python_of(contender.requirements) is None:
            continue
        if contender.prepare:
            contender.prepare(place)
        ready.append(contender)
    return ready


def cut_export(export: Path, rows: int, path: Path) -> None:
    """Write an export's first rows into another file."""
    with export.open("rb") as whole, path.open("wb") as part:
        part.writelines(islice(whole, rows + 1))
