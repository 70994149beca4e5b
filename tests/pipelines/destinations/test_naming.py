"""Naming: which items a message is about, and when it is believed."""

import pytest

from pipelines.destinations.naming import (
    MOST_WORDINGS,
    PROOFS,
    Wordings,
    find_named,
    strip_particulars,
)

IDS = ["a-17", "B'23", "", "1", "über", "a-1"]


@pytest.mark.parametrize(
    ("message", "named"),
    [
        pytest.param("Invalid Address: item 'a-17': Address must be a string", [0], id="quoted"),
        pytest.param('item "a-17" and `a-1`', [0, 5], id="several"),
        pytest.param("item 'A-17': bad", [0], id="other case"),
        pytest.param("item 'ÜBER'", [4], id="other case beyond ASCII"),
        pytest.param("Invalid Id: item 'b'23': bad", [1], id="quote within the Id"),
        pytest.param("Missing Id: Item[2]", [2], id="index"),
        pytest.param("items[0], item[5]", [0, 5], id="indexes"),
        pytest.param("'a-17' at Item[3]", [0], id="the Id goes before the index"),
        pytest.param("Missing Id: Item[6]", [], id="index beyond the request"),
        pytest.param("Item[99999999999999999999999]", [], id="absurd index"),
        pytest.param("Exceeded maximum endpoint per user count: 1", [], id="number without quotes"),
        pytest.param("a-17 is bad", [], id="Id without quotes"),
        pytest.param("Missing Id: ''", [], id="empty quotes"),
        pytest.param("Invalid 'Address'", [], id="quoted field"),
        pytest.param("", [], id="no message"),
    ],
)
def test_named_items_are_found(message, named):
    assert find_named(message, IDS) == named


@pytest.mark.parametrize(
    ("message", "named_ids", "other"),
    [
        ("Invalid X: item 'a-17': X must", ["a-17"], "Invalid X: item 'kilo': X must"),
        ("Invalid X: item 'o'hara': X must", ["O'Hara"], "Invalid X: item 'a-17': X must"),
        ("Missing Id: Item[3]", [], "Missing Id: Item[14]"),
        ("count: 10 exceeded", [], "count: 15 exceeded"),
        ("bad 0b5c-4f at ada@example.com", [], "bad 77aa-1c at ben@example.org"),
    ],
)
def test_messages_that_differ_in_particulars_have_one_wording(message, named_ids, other):
    assert strip_particulars(message, named_ids) == strip_particulars(other, [])


def test_messages_about_different_faults_have_different_wordings():
    first = strip_particulars("Invalid Address: item 'a': Address must be a string", ["a"])
    second = strip_particulars("Invalid OptOut: item 'a': OptOut must be a string", ["a"])
    assert first != second


def test_short_id_leaves_the_words_alone():
    assert strip_particulars("Invalid Address: item 'a'", ["a"]) == "invalid address: item #"


def test_wording_is_believed_after_some_proofs():
    wordings = Wordings()
    for _ in range(PROOFS):
        assert not wordings.is_believed("bad #")
        wordings.note("bad #", is_right=True)
    assert wordings.is_believed("bad #")
    assert not wordings.is_believed("other #")


@pytest.mark.parametrize("rights", [0, 1, PROOFS, 10 * PROOFS])
def test_wording_that_was_wrong_is_not_listened_to_any_more(rights):
    wordings = Wordings()
    for _ in range(rights):
        wordings.note("bad #", is_right=True)
    assert wordings.is_open("bad #")
    wordings.note("bad #", is_right=False)
    for _ in range(10 * PROOFS):
        wordings.note("bad #", is_right=True)
    assert not wordings.is_believed("bad #")
    assert not wordings.is_open("bad #")


def test_memory_of_wordings_is_bounded():
    wordings = Wordings()
    for number in range(10 * MOST_WORDINGS):
        for _ in range(PROOFS):
            wordings.note(f"wording {number}", is_right=True)
    assert sum(wordings.is_believed(f"wording {n}") for n in range(10 * MOST_WORDINGS)) == 200
    assert wordings.is_open("wording 0")
    assert not wordings.is_open("wording 1999")
