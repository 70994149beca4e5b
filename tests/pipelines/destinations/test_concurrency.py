import pytest

from pipelines.destinations.concurrency import Concurrency


def threads_after(looks, took_ms, worked_ms, most=8):
    """Threads after so many looks, at requests that take a time and so much work."""
    concurrency = Concurrency(most)
    for _ in range(looks):
        for _ in range(5):
            concurrency.note(took_ms / 1000, worked_ms / 1000)
        concurrency.look()
    return concurrency.threads


@pytest.mark.parametrize(
    ("took_ms", "threads"),
    [
        pytest.param(0.5, 1, id="hardly any waiting"),
        pytest.param(1.1, 2, id="more than for another one"),
        pytest.param(2, 4, id="for four"),
        pytest.param(50, 8, id="as many as may be"),
    ],
)
def test_threads_join_while_requests_take_longer_than_their_work(took_ms, threads):
    assert threads_after(100, took_ms, 0.4) == threads


def test_one_joins_at_a_time():
    assert [threads_after(looks, 50, 0.4) for looks in range(4)] == [1, 2, 3, 4]


def test_a_service_that_does_not_answer_is_asked_by_all():
    concurrency = Concurrency(3)
    for _ in range(5):
        concurrency.look()
    assert concurrency.threads == 3


def test_threads_that_wait_for_each_other_alone_rest():
    """Those that share one processor: each request takes the work of all."""
    concurrency = Concurrency(8)
    for _ in range(3):
        concurrency.look()
    threads = []
    for _ in range(6):
        threads.append(concurrency.threads)
        concurrency.note(0.4 * concurrency.threads, 0.4)
        concurrency.look()
    assert threads == [4, 3, 2, 1, 1, 1]


def test_a_moment_of_waiting_passes():
    concurrency = Concurrency(8)
    for took_s in [0.5, 0.5, 3, 0.9, 0.5]:
        concurrency.note(took_s, 0.4)
        concurrency.look()
    assert concurrency.threads == 1
