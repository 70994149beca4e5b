from itertools import pairwise

from benchmarks.state_engines.nights import CHANGED, make_rows


def test_one_in_a_hundred_changes_from_one_night_to_the_next() -> None:
    nights = [make_rows(5_000, 1_000, night) for night in range(3)]
    for before, after in pairwise(nights):
        assert before.drop("content").equals(after.drop("content"))
        assert (before["content"] != after["content"]).sum() == 1_000 // CHANGED


def test_rows_are_sorted_by_hashes_that_are_all_different() -> None:
    hashes = make_rows(0, 1_000, 0)["key_hash"]
    assert hashes.is_sorted()
    assert hashes.n_unique() == 1_000
