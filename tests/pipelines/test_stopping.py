"""Signals: the first asks for an orderly end, the second ends at once; afterwards all is as before.

The signals are real ones, raised in this process.
"""

import signal
import threading

import pytest

from pipelines import stopping
from pipelines.stopping import SIGNALS


@pytest.fixture(autouse=True)
def handlers():
    """Handlers that note their signals, so that one gone astray does not end the tests."""
    caught = []

    def note(number, _frame):
        caught.append(number)

    before = {number: signal.signal(number, note) for number in SIGNALS}
    yield note, caught
    for number, handler in before.items():
        signal.signal(number, handler)


def test_both_ways_to_end_a_process_are_watched():
    assert set(SIGNALS) == {signal.SIGINT, signal.SIGTERM}


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_asks_for_an_orderly_end(handlers, number):
    _, caught = handlers
    with stopping.on_signals():
        assert not stopping.is_requested()
        signal.raise_signal(number)
        assert stopping.is_requested()
    assert caught == []


@pytest.mark.parametrize("second", SIGNALS)
@pytest.mark.parametrize("first", SIGNALS)
def test_the_second_signal_ends_at_once(first, second):
    with stopping.on_signals():
        signal.raise_signal(first)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(second)
        assert stopping.is_requested()


def test_handlers_are_restored(handlers):
    note, caught = handlers
    with stopping.on_signals():
        signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(number) for number in SIGNALS] == [note, note]
    signal.raise_signal(signal.SIGINT)
    assert caught == [signal.SIGINT]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_handlers_are_restored_after_an_error(handlers, kind):
    note, _ = handlers

    @stopping.on_signals()
    def fail():
        signal.raise_signal(signal.SIGTERM)
        raise kind

    with pytest.raises(kind):
        fail()
    assert [signal.getsignal(number) for number in SIGNALS] == [note, note]


def test_threads_that_outlive_the_run_still_see_the_request():
    with stopping.on_signals():
        signal.raise_signal(signal.SIGTERM)
    assert stopping.is_requested()


def test_the_next_run_is_not_stopped_by_the_signal_of_the_last():
    with stopping.on_signals():
        signal.raise_signal(signal.SIGTERM)
    with stopping.on_signals():
        assert not stopping.is_requested()


def in_thread(work):
    """Do something in another thread; give what it gave."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join(10)
    (result,) = results
    return result


def test_another_thread_sees_the_request():
    with stopping.on_signals():
        signal.raise_signal(signal.SIGTERM)
        assert in_thread(stopping.is_requested)


def test_in_another_thread_signals_stay_as_they_are(handlers):
    """Python allows handlers in the main thread alone; a worker's flows run in others."""
    note, _ = handlers

    def look():
        with stopping.on_signals():
            return [signal.getsignal(number) for number in SIGNALS], stopping.is_requested()

    assert in_thread(look) == ([note, note], False)


def test_listeners_hear_the_first_and_the_second_signal(handlers, monkeypatch):
    monkeypatch.setattr(stopping, "_on_request", stopping._on_request)
    monkeypatch.setattr(stopping, "_on_second", stopping._on_second)
    heard = []
    stopping.listen(lambda: heard.append("first"), lambda: heard.append("second"))
    with stopping.on_signals():
        signal.raise_signal(signal.SIGTERM)
        assert heard == ["first"]
        signal.raise_signal(signal.SIGINT)
    assert heard == ["first", "second"]
