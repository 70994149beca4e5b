"""One step of one engine, in this process: `python -m benchmarks.state_engines.step`.

Prints the seconds and the peak of memory as JSON. Imports nothing that the environment of the
others lacks.
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path

START_AT = "STATE_ENGINES_START_AT"
"""Variable with the time before which the work does not begin, once everything is imported."""


def main(engine: str, step: str, folder: str, *others: str) -> None:
    """Do the step.

    Args:
        engine: Module of this package.
        step: Its function.
        folder: Where the state is.
        others: The function's other arguments; what ends in `.run` is the name of a run.
    """
    work = getattr(importlib.import_module(f"benchmarks.state_engines.{engine}"), step)
    arguments = [other if other.endswith(".run") else Path(other) for other in others]
    time.sleep(max(0.0, float(os.environ.get(START_AT, "0")) - time.time()))
    began_s = time.perf_counter()
    result = work(Path(folder), *arguments)
    seconds = time.perf_counter() - began_s
    status = Path("/proc/self/status").read_text()
    (peak,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    took = {"seconds": seconds, "peak_mb": int(peak.split()[1]) / 1024, "result": result}
    sys.stdout.write(json.dumps(took) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
