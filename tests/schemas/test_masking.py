import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.masking import PERSONAL_COLUMNS, mask, mask_cell


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        pytest.param("+12065550100", "+12••••••••0", id="phone"),
        pytest.param("ana@example.com", "a••@example.com", id="email"),
        pytest.param("a@example.com", "•@example.com", id="one-letter-mailbox"),
        pytest.param("ana@b@example.com", "•••@•@•••••••.•••", id="two-ats"),
        pytest.param("@example.com", "@•••••••.•••", id="no-mailbox"),
        pytest.param("1234567", "•••••••", id="short"),
        pytest.param("12345678", "123••••8", id="eight"),
        pytest.param("4", "•", id="one-character"),
        pytest.param("", "", id="empty"),
    ],
)
def test_mask(value, masked):
    assert mask(value) == masked


@given(st.text(min_size=1))
def test_mask_hides_something_and_keeps_the_length(value):
    masked = mask(value)
    assert len(masked) == len(value)
    assert "•" in masked


MAILBOX = st.characters(exclude_characters='•@,;:<>"', exclude_categories=["Z", "C"])


@given(st.text(min_size=2, alphabet=MAILBOX))
def test_mask_shows_one_letter_of_a_mailbox_at_most(local):
    masked, _, domain = mask(f"{local}@example.com").rpartition("@")
    assert domain == "example.com"
    assert masked == local[0] + "•" * (len(local) - 1)


@given(st.from_regex(r"\+[1-9][0-9]{7,14}", fullmatch=True))
def test_mask_shows_three_digits_of_a_number_at_most(number):
    assert sum(character.isdigit() for character in mask(number)) <= 3


@pytest.mark.parametrize("column", sorted(PERSONAL_COLUMNS))
def test_personal_columns_are_always_masked(column):
    assert mask_cell(column, "anything") == "any••••g"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        pytest.param("u1,EMAIL,ana@example.com,Ana", "••,•••••,•••@•••••••.•••,•••", id="record"),
        pytest.param("Müller, 東京", "••••••, ••", id="other-scripts"),
    ],
)
def test_a_whole_record_shows_its_shape_alone(text, masked):
    assert mask_cell(None, text) == masked


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("call ana@example.com at +1 206 555 0100", id="sentence"),
        pytest.param("bob@example.com;+12065550100", id="two-values"),
    ],
)
def test_several_values_in_one_cell_are_all_hidden(value):
    assert not any(character.isalnum() for character in mask_cell("Attributes.Note", value))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("gold", "gold", id="word"),
        pytest.param("2139", "2139", id="postal-code"),
        pytest.param("1,234,567", "1,234,567", id="amount"),
        pytest.param("ana@example.com", "a••@example.com", id="email"),
        pytest.param("(206) 555-0100", "(•••) •••-••••", id="phone"),
        pytest.param("4.47946E+11", "4.47946E+11", id="scientific"),
    ],
)
def test_other_columns_are_masked_by_their_look(value, shown):
    assert mask_cell("Attributes.Note", value) == shown
