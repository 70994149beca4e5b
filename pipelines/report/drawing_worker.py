"""A process of its own that draws charts, for `drawing`.

Drawing holds the interpreter's lock for half a second while it warms up, takes 85 MB, and ends the
whole process on a text that it cannot read. None of that is to happen to a run.

Run as `python -P -m pipelines.report.drawing_worker`: it warms up, reads Vega-Lite specifications
by name from standard input, in JSON, and writes a line of JSON for each one that it could draw.
"""

import json
import resource
import signal
import sys

import vl_convert

WARM_UP = {
    "data": {"values": [{"x": 1, "y": "a"}]},
    "encoding": {
        "x": {"field": "x", "type": "quantitative"},
        "y": {"field": "y", "type": "nominal"},
    },
    "layer": [{"mark": mark} for mark in ("bar", "line", "text")],
}
"""Has compiled, once drawn, nearly all that later charts need."""


def main() -> None:
    """Draw what standard input asks for; nothing, if it ends before that."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the run finishes its books after either,
        signal.signal(number, signal.SIG_IGN)  # and ends this process by closing the pipe
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _draw(WARM_UP)
    asked = sys.stdin.buffer.read()
    for name, spec in json.loads(asked or b"{}").items():
        try:
            line = {"name": name, "svg": _draw(spec)}
        except ValueError:  # the page does without it
            continue
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def _draw(spec: dict[str, object]) -> str:
    return vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])


if __name__ == "__main__":
    main()
