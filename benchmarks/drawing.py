"""Has the charts drawn, in an environment of their own: 130 MB that nothing else needs."""

import subprocess
from pathlib import Path

from benchmarks.environments import HERE, python_of


def draw(results: Path) -> None:
    """Draw the chart of a file of results beside it; without one if that cannot be installed."""
    python = python_of(HERE / "charts" / "requirements.txt")
    if python is not None:
        command = [str(python), str(HERE / "charts" / f"{results.stem}.py"), str(results)]
        subprocess.run(command, check=True)
        print(f"drawn: {results.with_suffix('.svg')}")
