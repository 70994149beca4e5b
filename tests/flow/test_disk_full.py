"""A disk that is full: one clear line, and once there is room, resume completes the import."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cli_support import KEYS, NOISE, the_error
from fakes import HttpSink
from import_support import people, run_import, write_rows
from processes import CliResult, CommandLine, side_by_side

ROWS = 10_000
INVALID = range(0, ROWS, 50)
IMPORTED = ROWS - len(INVALID)
PARTITION_ROWS = 5_000
IN_FLIGHT = 2
PAGE = 4096
"""Bytes that a file takes at least, and in steps of."""
FILE_LIMIT = 100_000
"""Bytes: more than a staged partition has, and fewer than a prepared one."""
LIMIT = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Runs a command that cannot write longer files than its first argument says."""


def write_export(folder: Path) -> Path:
    rows = people(ROWS)
    for number in INVALID:
        rows[number] = (rows[number][0], "EMAIL", "nobody")
    return write_rows(folder / "export.csv", ("Id", "ChannelType", "Address"), rows)


class SmallDisk:
    """A file system of a few pages, mounted where only commands `within` it see it."""

    def __init__(self, keeper: int, folder: Path) -> None:
        self.folder = folder
        self._seen = Path(f"/proc/{keeper}/root", folder.relative_to("/"))
        enter = ("nsenter", "--preserve-credentials", "-t", str(keeper), "-U", "-m")
        self.within = (*enter, "sh", "-c", 'cd "$0" && exec "$@"', str(folder.parent))

    def leave_free(self, pages: int) -> None:
        disk = os.statvfs(self._seen)
        size = (disk.f_blocks - disk.f_bfree) * disk.f_frsize + pages * PAGE
        remount = ("mount", "-o", f"remount,size={size}", str(self.folder))
        subprocess.run([*self.within, *remount], check=True, timeout=60)

    def count_pages(self, run_id: str, *folders: str) -> int:
        """Count the pages that the files in these folders of a run take."""
        return count_pages(self._seen / run_id, *folders)


def count_pages(run: Path, *folders: str) -> int:
    sizes = [path.stat().st_size for name in folders for path in (run / name).iterdir()]
    return sum(-(-size // PAGE) for size in sizes)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk | None]:
    """Mount one for a `with` block, in a namespace of its own; None where that is not allowed."""
    folder.mkdir()
    script = 'mount -t tmpfs -o size=1m tmpfs "$0" && echo mounted && read -r _'
    keeper = subprocess.Popen(
        ["unshare", "-rm", "sh", "-c", script, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert keeper.stdout is not None
    try:
        is_mounted = keeper.stdout.readline() == b"mounted\n"
        yield SmallDisk(keeper.pid, folder) if is_mounted else None
    finally:
        keeper.communicate()


@dataclass
class Filled:
    """What the commands said while the disk was too small, and once it was not."""

    stopped: dict[str, CliResult] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    """Rows that the service had taken by the end of each."""
    completed: CliResult | None = None
    taken: list[str] = field(default_factory=list)
    """Ids that the service took."""


def command(sink: HttpSink, *more: str) -> tuple[str, ...]:
    sizes = ("--partition-rows", str(PARTITION_ROWS), "--max-in-flight", str(IN_FLIGHT))
    where = ("--application-id", "local", "--endpoint-url", sink.url)
    # The room for a state would have to be counted too; its commits have tests of their own.
    return ("run", "export.csv", "--run-id", "first", "--no-state", *sizes, *where, *more)


def fill_disk(whole: Path, cli: CommandLine) -> Filled | None:
    """Let one import run out of room in phase after phase.

    Args:
        whole: The same run where there was room, with all its files.
        cli: Runs commands.
    """
    story = Filled()
    where = ("--runs-dir", "disk")
    prepared = ("rows", "found", "prepared", "resolved")
    with HttpSink() as sink, small_disk(cli.cwd / "disk") as disk:
        if disk is None:
            return None
        within = CommandLine(cli.cwd, cli.environment, disk.within)

        def fill(phase: str, pages: int, *arguments: str) -> None:
            disk.leave_free(pages)
            story.stopped[phase] = within(*arguments)
            story.sent[phase] = len({item["Id"] for item in sink.accepted})

        fill("stage", 25, *command(sink, *where))
        fill("prepare", 40, "resume", "first", *where)
        missing = count_pages(whole, *prepared) - disk.count_pages("first", *prepared)
        # One for the lock, and three for the two logs, which need two each.
        fill("deliver", missing + 4, "resume", "first", *where)
        # Enough for those, the outcomes and the issues, not for errors.csv with its ten pages.
        fill("report", count_pages(whole, "outcomes") + 7, "resume", "first", *where)
        disk.leave_free(1_000)
        story.completed = within("resume", "first", "--json", *where)
        story.taken = [item["Id"] for item in sink.accepted]
    return story


def limit_files(cli: CommandLine) -> Filled:
    story = Filled()
    with HttpSink() as sink:
        within = (sys.executable, "-c", LIMIT, str(FILE_LIMIT))
        limited = CommandLine(cli.cwd, cli.environment, within)
        story.stopped["prepare"] = limited(*command(sink))
        story.sent["prepare"] = len(sink.accepted)
        story.completed = cli("resume", "first", "--json")
        story.taken = [item["Id"] for item in sink.accepted]
    return story


@pytest.fixture(scope="module")
def story_of(
    prefect_server: Any, prefect_api: None, tmp_path_factory: Any
) -> Iterator[Callable[[str], Filled]]:
    folder = tmp_path_factory.mktemp("room")
    with HttpSink() as sink:
        sizes = {"partition_rows": PARTITION_ROWS, "run_id": "first", "keep_staged": True}
        run_import(folder, sink.url, write_export(folder), no_state=True, **sizes)
    tellers = {"disk": partial(fill_disk, folder / "runs/first"), "files": limit_files}

    def tell(name: str) -> Filled | None:
        folder = tmp_path_factory.mktemp(name)
        write_export(folder)
        return tellers[name](CommandLine(folder, {**prefect_server.environment, **KEYS}))

    with side_by_side({name: partial(tell, name) for name in tellers}) as told:

        def story_of(name: str) -> Filled:
            story = told(name)
            if story is None:
                pytest.skip("this machine does not let users mount a file system of their own")
            return story

        yield story_of


@pytest.mark.parametrize(
    ("name", "phase", "says"),
    [
        ("disk", "stage", "disk/first/staged/part-00001.parquet cannot be written: No space"),
        ("disk", "prepare", "disk/first/(rows|found|prepared)/part-0000.* cannot be written: No"),
        ("disk", "deliver", "disk/first/(delivered|outcomes)/part-0000.* cannot be written: No"),
        ("disk", "report", "disk/first/errors.csv cannot be written: No space"),
        ("files", "prepare", "runs/first/prepared/part-0000.* cannot be written: File too large"),
    ],
)
def test_full_disk_is_told_in_one_line(
    story_of: Callable[[str], Filled], name: str, phase: str, says: str
) -> None:
    result = story_of(name).stopped[phase]
    place = " --runs-dir disk" if name == "disk" else ""
    remedy = rf"[^.]*\. Make room, then: endpoint-import resume first{place}"
    assert re.fullmatch(f"Error: {says}{remedy}", the_error(result)), result
    assert result.stdout == ""
    assert result.code == 5


def test_disk_is_full_in_each_phase(story_of: Callable[[str], Filled]) -> None:
    story = story_of("disk")
    assert story.sent["stage"] == story.sent["prepare"] == 0
    assert 0 < story.sent["deliver"] < IMPORTED
    assert story.sent["report"] == IMPORTED


@pytest.mark.parametrize("name", ["disk", "files"])
def test_with_room_resume_completes(story_of: Callable[[str], Filled], name: str) -> None:
    story = story_of(name)
    assert story.completed is not None
    assert not NOISE.search(story.completed.stderr)
    summary = json.loads(story.completed.stdout)
    counts = [summary[name] for name in ("accepted", "invalid", "unprocessed", "balanced")]
    assert counts == [IMPORTED, len(INVALID), 0, True]
    assert story.completed.code == 1
    assert len(set(story.taken)) == IMPORTED
    # Answers that could not be written down are asked for again.
    assert len(story.taken) - IMPORTED <= IN_FLIGHT * 100
