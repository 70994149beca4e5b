"""Inputs of the command line's tests, and what all of its output has in common."""

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

from processes import CliResult

HEADER = b"Id,ChannelType,Address\n"
CLEAN = HEADER + b"a,EMAIL,ana@example.com\nb,EMAIL,bo@example.com\nc,SMS,+12065550100\n"
DIRTY = CLEAN + b"d,EMAIL,nobody\ne,SMS,12\na,EMAIL,ana@example.org\n"
INPUTS = {
    "clean.csv": CLEAN,
    "dirty.csv": DIRTY,
    "header.csv": HEADER,
    "empty.csv": b"",
    "rubbish.csv": bytes(range(256)) * 40,
    "rubbish.parquet": bytes(range(256)) * 40,
    "latin1.csv": HEADER + "a,EMAIL,mu\xf1oz@example.com\n".encode("latin-1"),
    "contacts.csv": b"Id,ChannelType,E-mail\na,EMAIL,ana@example.com\n",
    "nochannel.csv": b"Id,Address\na,ana@example.com\n",
    "audience.ods": b"PK\x03\x04",
    "notes/readme.md": b"not an audience",
    "unknown.toml": b'colour = "blue"\n',
    "broken.toml": b"limit = \n",
    "wrong.toml": b'limit = "many"\n',
}
KEYS = {"AWS_ACCESS_KEY_ID": "synthetic", "AWS_SECRET_ACCESS_KEY": "synthetic"}
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""
ELSEWHERE = ("--application-id", "local", "--endpoint-url", NOWHERE)

PROGRESS = re.compile(
    r"starting|(reading|validating|comparing rows|comparing with the last import|sending|retiring|"
    r"noting what was accepted|writing the results|reading back)"
    r": [\d,]+( of [\d,]+)? (rows|endpoints)( \(\d+%\))? in [\d,.]+ s "
    r"\([\d,]+ (rows|endpoints)/s(, [\d,]+ s left)?\)(; [\w ,]+)?"
)
STOPPING = re.compile(r"Stopping: what is in flight is finished first\. Ctrl-C again leaves .*\.")
NOISE = re.compile(r"traceback|prefect|warning|httpx|sqlalchemy|asyncio", re.IGNORECASE)


def write_inputs(folder: Path) -> None:
    for name, content in INPUTS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def require_quiet(result: CliResult) -> None:
    """Nothing but progress on stderr, and nothing of a library anywhere."""
    lines = [line for line in result.stderr.splitlines() if line]
    assert [line for line in lines if not PROGRESS.fullmatch(line)] == []
    assert not NOISE.search(result.stdout), result.stdout


def the_error(result: CliResult) -> str:
    """The one line that says what went wrong; besides it only progress and hints."""
    lines = [line for line in result.stderr.splitlines() if line]
    errors = [line for line in lines if line.startswith("Error: ")]
    others = [line for line in lines if line not in errors]
    assert len(errors) == 1, result
    hints = (PROGRESS, STOPPING)
    assert [x for x in others if not any(hint.fullmatch(x) for hint in hints)] == []
    assert not NOISE.search(re.sub(r"Prefect (API|profile)|PREFECT_\w+", "", errors[0]))
    assert not NOISE.search(result.stdout), result.stdout
    return errors[0]


def emails(rows: int) -> str:
    """A file of so many valid rows, with the Ids from 0 on."""
    return HEADER.decode() + "".join(f"{n},EMAIL,p{n}@example.com\n" for n in range(rows))


def read_manifest(runs_dir: Path, run_id: str) -> dict[str, Any]:
    return json.loads((runs_dir / run_id / "manifest.json").read_bytes())


def read_summary(runs_dir: Path, run_id: str) -> dict[str, Any]:
    return json.loads((runs_dir / run_id / "summary.json").read_bytes())


def stored_ids(database: Path) -> list[str]:
    with sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM endpoints ORDER BY id")]
