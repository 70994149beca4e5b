"""What holds for the process of a command."""

import os
import subprocess
import sys

from pipelines.terminal.process import ENVIRONMENT

ASK = "from prefect._internal.analytics.enabled import is_telemetry_enabled as ask; print(ask())"


def test_prefect_tells_nobody_of_the_first_run_and_does_not_talk_of_it() -> None:
    # In CI it would be silent anyway; whatever names CI is left out.
    environment = {"PATH": os.environ["PATH"], **ENVIRONMENT}
    told = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout == "False\n"


def test_command_whose_output_is_closed_works_all_the_same() -> None:
    command = f"{sys.executable} -m pipelines runs --runs-dir none >&- 2>&-"
    assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode == 0
    command = f"{sys.executable} -m pipelines report one --runs-dir none >&- 2>&-"
    assert subprocess.run(["/bin/sh", "-c", command], check=False).returncode == 2
