"""The run lock: one writer, whoever dies and however."""

import fcntl
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import pytest

from pipelines.errors import RunStateError, StorageError
from pipelines.storage.file_lock import Owner
from pipelines.storage.run_dir import RunDirectory
from pipelines.storage.run_lock import locked, read_owner

# Tells whether it has the lock, and then keeps it until it is told to go on or killed.
HOLD = """
import subprocess, sys
from pathlib import Path
from pipelines.errors import RunStateError
from pipelines.storage.run_dir import RunDirectory
from pipelines.storage.run_lock import locked

print("ready", flush=True)
for line in sys.stdin:
    try:
        with locked(RunDirectory(Path(sys.argv[1]))):
            if "program" in line:
                # As a C library would start it, without closing what is open.
                program = subprocess.Popen(
                    ["sleep", "600"], stdout=subprocess.DEVNULL, close_fds=False
                )
                print(program.pid, flush=True)
            print("locked", flush=True)
            sys.stdin.readline()
        print("free", flush=True)
    except RunStateError as error:
        print(error, flush=True)
"""


class Child:
    """Another process that takes the lock when it is told to."""

    def __init__(self, run):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, run.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.hear() == "ready"

    @property
    def pid(self):
        return self.process.pid

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def hear(self):
        return self.process.stdout.readline().strip()

    def ask(self, text):
        self.say(text)
        return self.hear()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def run(tmp_path):
    (tmp_path / "r1").mkdir()
    return RunDirectory(tmp_path / "r1")


@pytest.fixture
def child(run):
    """Start another process; it is gone at the end of the test."""
    with ExitStack() as stack:

        def start():
            child = Child(run)
            stack.enter_context(child.process)
            stack.callback(child.process.kill)
            return child

        yield start


def test_nobody_works_on_a_run_that_nobody_works_on(run):
    assert read_owner(run) is None
    assert list(run.path.iterdir()) == []
    with locked(run):
        pass
    assert read_owner(run) is None
    assert (run.path / "lock").read_bytes() == b""
    with locked(run):
        assert read_owner(run)


def test_the_owner_can_be_read(run):
    began = datetime.now(UTC)
    with locked(run):
        owner = read_owner(run)
        assert owner.pid == os.getpid()
        assert owner.host == socket.gethostname()
        assert began <= owner.started_at <= datetime.now(UTC)
        text = (run.path / "lock").read_text()
    assert set(json.loads(text)) == {"pid", "host", "started_at"}
    assert stat.S_IMODE((run.path / "lock").stat().st_mode) == 0o600


def test_a_run_is_locked_once_in_a_process(run):
    with locked(run):
        with pytest.raises(RunStateError, match=f"process {os.getpid()} "), locked(run):
            pass
        assert read_owner(run)


def test_other_runs_are_not_locked(run, tmp_path):
    (tmp_path / "r2").mkdir()
    with locked(run), locked(RunDirectory(tmp_path / "r2")):
        pass


def test_the_lock_ends_with_an_error(run):
    with pytest.raises(ZeroDivisionError), locked(run):
        raise ZeroDivisionError
    assert read_owner(run) is None


def test_a_second_process_is_refused(run, child):
    first, second = child(), child()
    assert first.ask("lock") == "locked"
    refusal = second.ask("lock")
    since = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
    who = f"process {first.pid} on {re.escape(socket.gethostname())} since {since}"
    assert re.match(rf"Run r1 is being worked on by {who}\. Wait .*resume", refusal)
    with pytest.raises(RunStateError, match=who) as caught, locked(run):
        pass
    assert caught.value.details == {"run_id": "r1"}
    assert read_owner(run).pid == first.pid
    assert first.ask("go on") == "free"
    assert second.ask("lock") == "locked"
    assert read_owner(run).pid == second.pid


def test_a_killed_owner_is_told_from_a_living_one_and_replaced(run, child):
    killed, other = child(), child()
    assert killed.ask("lock") == "locked"
    killed.kill()
    assert Owner.model_validate_json((run.path / "lock").read_text()).pid == killed.pid
    assert read_owner(run) is None
    assert other.ask("lock") == "locked"
    assert read_owner(run).pid == other.pid


def test_a_program_that_the_owner_started_does_not_keep_the_lock(run, child):
    killed = child()
    pid = int(killed.ask("lock and start a program"))
    try:
        assert killed.hear() == "locked"
        killed.kill()
        os.kill(pid, 0)  # still there
        with locked(run):
            pass
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_process_that_was_forked_does_not_keep_a_lock_that_was_given_back(run):
    reader, writer = os.pipe()
    with locked(run):
        pid = os.fork()
        if pid == 0:
            os.close(writer)
            os.read(reader, 1)
            os._exit(0)
    try:
        assert read_owner(run) is None
        with locked(run):
            pass
    finally:
        os.close(writer)
        os.waitpid(pid, 0)
        os.close(reader)


def test_of_two_processes_that_race_one_wins(run, child):
    children = child(), child()
    for _ in range(20):
        for racer in children:
            racer.say("lock")
        heard = {racer: racer.hear() for racer in children}
        (winner,) = (racer for racer in children if heard[racer] == "locked")
        (loser,) = (racer for racer in children if racer is not winner)
        assert heard[loser].startswith("Run r1 is being worked on by")
        assert winner.ask("go on") == "free"


def test_whoever_asks_for_the_owner_does_not_keep_the_next_one_out(run, child, monkeypatch):
    killed = child()
    assert killed.ask("lock") == "locked"
    killed.kill()
    asker = child()  # holds the lock as long as it is asked to, as a slow reader would
    assert asker.ask("lock") == "locked"
    waits = []

    def end_asking(seconds):
        waits.append(seconds)
        assert asker.ask("go on") == "free"

    monkeypatch.setattr("pipelines.storage.file_lock.time.sleep", end_asking)
    with locked(run):
        assert read_owner(run).pid == os.getpid()
    assert len(waits) == 1


def test_two_may_ask_for_the_owner_at_once(run):
    killed = Owner(pid=1, host="x", started_at=datetime.now(UTC))
    (run.path / "lock").write_text(killed.model_dump_json())
    with (run.path / "lock").open() as asked:
        fcntl.flock(asked, fcntl.LOCK_SH)
        assert read_owner(run) is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"pid": 1}', b"x" * 10_000])
def test_what_a_damaged_file_says_does_not_matter(run, content):
    (run.path / "lock").write_bytes(content)
    assert read_owner(run) is None
    with locked(run):
        assert read_owner(run).pid == os.getpid()


def test_an_owner_that_has_not_said_who_it_is_refuses_too(run):
    with locked(run):
        os.truncate(run.path / "lock", 0)
        with pytest.raises(RunStateError, match="by another process"), locked(run):
            pass


@contextmanager
def without_rights():
    """Be nobody for a while, if root runs the tests, to whom every file is open."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_a_run_directory_that_cannot_be_written(run):
    run.path.chmod(0o500)
    with without_rights(), pytest.raises(StorageError, match="lock cannot be written"), locked(run):
        pass
    run.path.chmod(0o700)


def test_a_lock_of_another_user(run):
    with locked(run):
        pass
    (run.path / "lock").chmod(0)
    with without_rights(), pytest.raises(RunStateError, match="lock cannot be read"):
        read_owner(run)
