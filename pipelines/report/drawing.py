"""Drawing: Vega-Lite charts as static SVG, made by a child process while a run goes on.

A run never fails by its charts: whatever becomes of the child, the page is made, with the charts
that are there.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import orjson

SWITCH = "ENDPOINT_IMPORT_CHARTS"
"""Variable that leaves out the charts if it is `off`: a second of processor time less."""
DRAWING_S = 30.0
"""Most seconds that all charts of a page may take; one is usual."""
_KEPT = (
    *("PATH", "PYTHONPATH", "PYTHONHOME", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH"),
    *("TMPDIR", "TEMP", "TMP", "SYSTEMROOT"),
)
"""Variables that the child needs; credentials are none of its business."""
_REFERENCE = re.compile(r'(\bid="|url\(#|href="#)')
_FOREIGN = re.compile(r"<(?:script|style|foreignObject|image|a)\b|<[^>]*\son\w+\s*=", re.IGNORECASE)
"""What no chart of ours holds."""

Spec = dict[str, Any]
"""A Vega-Lite specification."""


class Drawing:
    """Draws the charts of one page."""

    def __init__(self, child: "subprocess.Popen[bytes] | None") -> None:
        self._child = child

    def draw(self, specs: Mapping[str, Spec]) -> dict[str, str]:
        """Draw charts; give an SVG of each one that could be drawn, under its name.

        Can be called once: the child ends with its answer.
        """
        child, self._child = self._child, None
        if child is None:
            return {}
        if not specs:
            _end(child)
            return {}
        try:
            answer, _ = child.communicate(orjson.dumps(specs), timeout=DRAWING_S)
        except subprocess.TimeoutExpired:
            child.kill()
            answer, _ = child.communicate()
        except OSError:  # it is dead already
            _end(child)
            return {}
        return dict(_read_answer(answer))

    def close(self) -> None:
        """End the child, if it was not needed."""
        if self._child is not None:
            _end(self._child)
            self._child = None


@contextmanager
def start_drawing() -> Iterator[Drawing]:
    """Start the child, which warms up meanwhile; end it, whatever happens."""
    drawing = Drawing(None if os.environ.get(SWITCH) == "off" else _start())
    try:
        yield drawing
    finally:
        drawing.close()


def _start() -> "subprocess.Popen[bytes] | None":
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "pipelines.report.drawing_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            process_group=0,  # Ctrl-C at the terminal is meant for the run
        )
    except OSError:  # no memory, no processes left
        return None


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    with suppress(OSError, ValueError):
        child.communicate()


def _read_answer(answer: bytes) -> Iterator[tuple[str, str]]:
    for line in answer.splitlines():
        with suppress(orjson.JSONDecodeError):  # cut off with the child
            drawn = orjson.loads(line)
            if not _FOREIGN.search(drawn["svg"]):
                yield drawn["name"], _make_embeddable(drawn["name"], drawn["svg"])


def _make_embeddable(name: str, svg: str) -> str:
    """Make the ids of a chart unlike those of others, and hide it from what reads the page aloud.

    The element around it says in words what it shows.
    """
    told_apart = _REFERENCE.sub(rf"\1{name}-", svg)
    return told_apart.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
