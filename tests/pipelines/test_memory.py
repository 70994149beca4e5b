"""Memory is bounded by the partitions in work: ten times the rows take no more of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADER = ["Id", "ChannelType", "Address", *(f"Attributes.A{n}" for n in range(10))]
TEXT = "x" * 99


def write_rows(path, rows, same):
    """Write rows of 1 KB each, all of them alike or with Ids and addresses of their own."""
    with path.open("w") as file:
        file.write(",".join(HEADER) + "\n")
        for row in range(rows):
            number = 0 if same else row
            values = [f"e-{number}", "EMAIL", f"p{number}@example.com", *[TEXT] * 10]
            file.write(",".join(values) + "\n")


def measure_mb(script, *arguments):
    """Run a script in a process of its own; its memory is given back at once."""
    environment = {**os.environ, "_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0"}
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name(script), *map(str, arguments)],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


@pytest.mark.parametrize("same", [False, True], ids=["rows of their own", "one row repeated"])
def test_memory_does_not_grow_with_the_rows(tmp_path, same):
    peaks = {}
    # Both are longer than what the CSV parser reads ahead, some 80 MB.
    for rows in (80_000, 180_000):
        path = tmp_path / f"{rows}.csv"
        write_rows(path, rows, same)
        peaks[rows] = measure_mb("grow.py", path, 5_000)
        path.unlink()
    grown_mb = peaks[180_000] - peaks[80_000]
    assert grown_mb < 40, peaks  # of 100 MB that the file has grown by


def test_rows_that_are_not_due_take_no_memory_while_the_others_are_sent(tmp_path):
    assert measure_mb("send_few.py", tmp_path, 15) < 100  # of 300 MB that the partitions hold
