import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.text_accidents import KINDS, clean_texts, may_hold_accident
from schemas.text_bytes import is_ascii

SPACE, UNSEEN, QUOTES = (kind.code for kind in KINDS)


def clean(text, *, is_code=False):
    """Clean one text; give it and the codes of what was found."""
    texts = pl.Series([text])
    changes = clean_texts(texts, is_code=is_code)
    if changes.is_empty():
        return text, set()
    assert may_hold_accident(texts, is_ascii=is_ascii(texts), is_code=is_code)
    return changes["text"].item(), {kind.code for kind in KINDS if changes[kind.code].item()}


@pytest.mark.parametrize(
    ("text", "cleaned", "codes"),
    [
        pytest.param("New\u00a0York", "New York", {SPACE}, id="non-breaking"),
        pytest.param("1\u202f200\u2007km", "1 200 km", {SPACE}, id="thin-and-figure"),
        pytest.param("\u00a0x ", "x", {SPACE}, id="at-the-ends"),
        pytest.param("\u00a0", None, set(), id="blank"),
        pytest.param("山田\u3000太郎", "山田\u3000太郎", set(), id="japanese"),
        pytest.param("Kö\u200bln\ufeff", "Köln", {UNSEEN}, id="zero-width"),
        pytest.param("e\u200b\u0301", "é", {UNSEEN}, id="composed-after"),
        pytest.param("\u202bשלום\u202c ", "שלום", {UNSEEN}, id="marks-at-the-ends"),
        pytest.param("ש \u200ea\u200e ל", "ש \u200ea\u200e ל", set(), id="marks-within"),
        pytest.param("👩\u200d🚀", "👩\u200d🚀", set(), id="joined-emoji"),
        pytest.param("می\u200cخواهم", "می\u200cخواهم", set(), id="persian"),
        pytest.param("\u200b", None, set(), id="nothing-left"),
        pytest.param("“Ana”", "Ana", {QUOTES}, id="double"),
        pytest.param("„Ana Díaz“", "Ana Díaz", {QUOTES}, id="german"),
        pytest.param("« Ana »", "Ana", {QUOTES}, id="french"),
        pytest.param("‘Ana’", "Ana", {QUOTES}, id="single"),
        pytest.param("“‘Ana’”", "Ana", {QUOTES}, id="nested"),
        pytest.param("“A” and “B”", "“A” and “B”", set(), id="two-quotes"),
        pytest.param("“quoted” – dash", "“quoted” – dash", set(), id="quote-within"),
        pytest.param("«\u200e«", "«\u200e«", set(), id="quotes-around-a-mark"),
        pytest.param("“”", "“”", set(), id="empty-quotes"),
        pytest.param("'+12065550100", "+12065550100", {QUOTES}, id="text-mark"),
        pytest.param("’02139", "02139", {QUOTES}, id="typographic-text-mark"),
        pytest.param("'s-Hertogenbosch", "'s-Hertogenbosch", set(), id="dutch-city"),
        pytest.param("'90s", "'90s", set(), id="decade"),
        pytest.param("O'Brien", "O'Brien", set(), id="apostrophe"),
        pytest.param("“a\u00a0\u200bb”", "a b", {SPACE, UNSEEN, QUOTES}, id="everything"),
        pytest.param("CittÃ\u00a0", "CittÃ\u00a0", set(), id="mojibake"),
        pytest.param("BesanÃ\u00adon", "BesanÃ\u00adon", set(), id="mojibake-soft-hyphen"),
    ],
)
def test_free_text(text, cleaned, codes):
    assert clean(text) == (cleaned, codes)


@pytest.mark.parametrize(
    ("text", "cleaned", "codes"),
    [
        pytest.param("a\u200db", "ab", {UNSEEN}, id="joiner"),
        pytest.param("+1206\u202c555\u200e0100", "+12065550100", {UNSEEN}, id="marks-within"),
        pytest.param("a\u3000b", "a b", {SPACE}, id="ideographic-space"),
        pytest.param("“a”", "a", {QUOTES}, id="quotes"),
    ],
)
def test_code(text, cleaned, codes):
    assert clean(text, is_code=True) == (cleaned, codes)


ODD = st.text(
    st.sampled_from("ab é\u00a0\u200b\u200d\u200e\u202c\u3000\u0301“”‘’„«»'+1Ã¼\u0085"), max_size=8
)


@given(ODD, st.booleans())
def test_cleaning_again_changes_nothing(text, is_code):
    cleaned, _ = clean(text, is_code=is_code)
    if cleaned is not None:
        assert clean(cleaned, is_code=is_code) == (cleaned, set())


@given(st.lists(ODD))
def test_clean_columns_are_not_looked_at(texts):
    column = pl.Series(texts, dtype=pl.String)
    seen = may_hold_accident(column, is_ascii=is_ascii(column), is_code=True)
    assert seen or clean_texts(column, is_code=True).is_empty()
