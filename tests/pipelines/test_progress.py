"""Work on a phase may begin before the phase does; its rows are told once it begins."""

import pytest

from pipelines import progress


class Listener:
    def __init__(self):
        self.told = []

    def begin(self, phase, total_rows):
        self.told.append(("begin", phase, total_rows))

    def advance(self, phase, rows):
        self.told.append(("advance", phase, rows))

    def skip(self, phase, rows):
        self.told.append(("skip", phase, rows))


@pytest.fixture
def told():
    listener = Listener()
    progress.listen(listener)
    yield listener.told
    progress.listen(None)


def test_rows_of_a_phase_that_has_not_begun_are_told_at_its_beginning(told):
    progress.begin("stage")
    progress.advance("stage", 10)
    progress.advance("prepare", 4)
    progress.skip("prepare", 3)
    progress.begin("prepare", 10)
    progress.advance("prepare", 3)
    assert told == [
        ("begin", "stage", None),
        ("advance", "stage", 10),
        ("begin", "prepare", 10),
        ("skip", "prepare", 7),
        ("advance", "prepare", 3),
    ]


def test_a_new_listener_hears_nothing_of_the_one_before(told):
    progress.begin("stage")
    progress.advance("prepare", 4)
    other = Listener()
    progress.listen(other)
    progress.begin("prepare")
    assert other.told == [("begin", "prepare", None)]


def test_nothing_skipped_is_not_told(told):
    progress.begin("deliver")
    progress.skip("deliver", 0)
    assert told == [("begin", "deliver", None)]


def test_several_listen_for_a_while(told):
    other = Listener()
    with progress.followed_by(other):
        progress.begin("prepare", 10)
        progress.advance("prepare", 3)
        progress.skip("prepare", 2)
    progress.advance("prepare", 1)
    assert (
        other.told
        == told[:-1]
        == [
            ("begin", "prepare", 10),
            ("advance", "prepare", 3),
            ("skip", "prepare", 2),
        ]
    )
