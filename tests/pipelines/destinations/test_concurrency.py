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
        pytest.param(0.9, 2, id="more than for another one"),
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


def test_threads_that_wait_for_each_other_alone_get_no_more():
    """Two that share one processor: each request takes the work of both."""
    concurrency = Concurrency(8)
    concurrency.note(1.0, 0.4)
    concurrency.look()
    for _ in range(20):
        concurrency.note(0.8, 0.4)
        concurrency.look()
    assert concurrency.threads == 2
