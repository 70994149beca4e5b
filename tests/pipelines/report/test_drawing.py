"""Drawing: whatever becomes of the child, the page gets the charts that are there."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from pipelines.report import drawing
from pipelines.report.charts import WIDE, draw_outcomes, draw_throughput, draw_trend
from pipelines.report.drawing import SWITCH, start_drawing
from pipelines.report.profile import DeliveryMoment

BARS = draw_outcomes([("EMAIL", [("accepted", 3), ("invalid", 1)]), ("<b>&", [("accepted", 2)])])


@pytest.fixture(autouse=True)
def with_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return "State:\tZ" not in status  # a zombie, where nobody adopts it


def ignores(pid: int, number: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    ignored = next(line for line in status.splitlines() if line.startswith("SigIgn"))
    return bool(int(ignored.split()[1], 16) & 1 << number - 1)


def wait_for(is_so: Callable[[], bool]) -> None:
    last = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < last
        time.sleep(0.02)


def test_texts_are_escaped_and_ids_told_apart() -> None:
    clipped = {**BARS, "mark": "bar"} | {"view": {"clip": True}}
    with start_drawing() as child:
        drawn = child.draw({"one": BARS, "two": clipped})
    assert drawn.keys() == {"one", "two"}
    assert "&lt;b&gt;&amp;" in drawn["one"]
    assert "<b>" not in drawn["one"]
    assert 'fill="var(--invalid)"' in drawn["one"]
    assert drawn["one"].startswith('<svg aria-hidden="true"')


def test_one_bad_chart_spoils_no_other() -> None:
    far = {**BARS, "data": {"url": "http://127.0.0.1:9/x.csv"}}
    with start_drawing() as child:
        drawn = child.draw({"far": far, "bars": BARS, "nonsense": {"mark": "x"}})
    assert drawn.keys() == {"bars"}


def test_child_that_dies_keeps_what_was_drawn() -> None:
    """A control character ends the process that draws it: `charts` makes texts plain."""
    fatal = draw_outcomes([("x", [("accepted", 1)])])
    fatal["layer"][0]["encoding"]["y"] = {"datum": "a\x01b"}
    with start_drawing() as child:
        assert child.draw({"bars": BARS, "fatal": fatal}).keys() == {"bars"}


def test_child_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "DRAWING_S", 0.01)
    with start_drawing() as child:
        assert child.draw({"bars": BARS}) == {}
        assert child.draw({"bars": BARS}) == {}


def test_child_that_was_killed_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    with start_drawing() as child:
        assert child._child is not None
        child._child.kill()
        child._child.wait()
        assert child.draw({"bars": BARS}) == {}


def test_child_that_cannot_start_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with start_drawing() as child:
        assert child.draw({"bars": BARS}) == {}


def test_switched_off_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "off")
    with start_drawing() as child:
        assert child._child is None
        assert child.draw({"bars": BARS}) == {}


def test_child_ends_with_its_block_however_that_ends() -> None:
    with suppress(KeyboardInterrupt), start_drawing() as child:
        assert child._child is not None
        pid = child._child.pid
        assert is_alive(pid)
        raise KeyboardInterrupt
    assert not is_alive(pid)


def test_child_survives_signals_but_not_its_parent(tmp_path: Path) -> None:
    code = (
        "import time\nfrom pipelines.report.drawing import start_drawing\n"
        "with start_drawing() as child:\n"
        "    print(child._child.pid, flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_for(lambda: ignores(pid, signal.SIGTERM))
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
        time.sleep(0.1)
        assert is_alive(pid)
        parent.kill()
    wait_for(lambda: not is_alive(pid))


def test_child_knows_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with start_drawing() as child:
        assert child._child is not None
        environment = Path(f"/proc/{child._child.pid}/environ")
        wait_for(lambda: b"PATH=" in environment.read_bytes())
        assert b"AWS_" not in environment.read_bytes()


def test_charts_of_figures_at_their_edges_are_drawn() -> None:
    moment = DeliveryMoment(at_s=0, seconds=0, endpoints=0, requests=0, retries=0, throttled=0)
    specs = {
        "none": draw_outcomes([("a\x00\u202e\ud800", [("accepted", 0)])]),
        "still": draw_throughput([moment], WIDE),
        "huge": draw_outcomes([("n" * 5_000, [("accepted", 10**12)])]),
        "one": draw_trend([0], "ink", ",.0f"),
    }
    with start_drawing() as child:
        assert child.draw(specs).keys() == specs.keys()
