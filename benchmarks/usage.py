"""Runs one command and says what it took: `python -m benchmarks.usage REPORT COMMAND...`.

A small process of its own, for two reasons. Linux counts into a child's peak memory what its parent
had when it was forked. And a child's CPU time lacks that of children it has not waited for, such as
the Prefect API that a run kills at its end: this process adopts them and waits for them.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
LEFTOVERS_S = 10.0
"""Seconds that children which outlive the command have to end in."""


def adopt_orphans() -> None:
    """Become the parent of whatever the command leaves behind; only Linux knows this."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _children() -> list[int]:
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


def wait_for_leftovers() -> float:
    """Wait for adopted processes; give their CPU seconds."""
    seconds = 0.0
    deadline = time.monotonic() + LEFTOVERS_S
    while True:
        try:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return seconds
        if pid:
            seconds += usage.ru_utime + usage.ru_stime
            continue
        if time.monotonic() > deadline:
            for orphan in _children():
                os.kill(orphan, signal.SIGKILL)
        time.sleep(0.02)


def main() -> None:
    """Run, wait and report."""
    report, command = Path(sys.argv[1]), sys.argv[2:]
    adopt_orphans()
    began = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu_seconds = usage.ru_utime + usage.ru_stime + wait_for_leftovers()
    # What the system counts is KiB on Linux, bytes on macOS.
    units_per_mb = 1 << 20 if sys.platform == "darwin" else 1 << 10
    figures = {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_mb": usage.ru_maxrss / units_per_mb,
    }
    report.write_text(json.dumps(figures))
    sys.exit(process.returncode)


if __name__ == "__main__":
    main()
