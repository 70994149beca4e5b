"""What a command took: with the children that it never waited for, without who measured it."""

import json
import subprocess
import sys

import pytest

BURN_S = 0.4
BURN = f"import time\nwhile time.process_time() < {BURN_S}: pass"


def usage_of(tmp_path, code):
    report = tmp_path / "usage.json"
    command = [sys.executable, "-m", "benchmarks.usage", str(report), sys.executable, "-c", code]
    return subprocess.run(command, check=False).returncode, json.loads(report.read_text())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt others")
def test_time_of_a_child_that_nobody_waits_for_is_counted(tmp_path):
    start = f"subprocess.Popen([sys.executable, '-c', {BURN!r}])"
    leave = f"import os, subprocess, sys; {start}; os._exit(0)"
    code, usage = usage_of(tmp_path, leave)
    assert code == 0
    assert usage["cpu_seconds"] >= BURN_S


def test_peak_is_that_of_the_command(tmp_path):
    _, small = usage_of(tmp_path, "pass")
    _, large = usage_of(tmp_path, "held = b'x' * (100 << 20)")
    assert 0 < small["peak_mb"] < 60
    assert large["peak_mb"] > small["peak_mb"] + 90


def test_exit_code_is_handed_on(tmp_path):
    assert usage_of(tmp_path, "raise SystemExit(3)")[0] == 3
