"""Virtual environments of the peers and of the charts, made when they are first needed.

Their requirements stand beside their scripts; the project's own environment is not touched.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE / ".peers"


def python_of(requirements: Path) -> Path | None:
    """Give the interpreter that has what a file requires; None, and a word, if that cannot be."""
    name = requirements.parent.name
    folder = FOLDER / name
    python, ready = folder / "bin" / "python", folder / "ready"
    wanted = requirements.read_text()
    if ready.is_file() and ready.read_text() == wanted:
        return python
    print(f"installing {name} into {folder.relative_to(HERE.parent)} ...", flush=True)
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), *pip, str(requirements)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            print(f"{name} is left out, as it cannot be installed: {lines[-1]}", flush=True)
            return None
    ready.write_text(wanted)
    return python
