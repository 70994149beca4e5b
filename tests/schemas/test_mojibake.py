import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.mojibake import SUSPECT, is_mojibake, read_back

WESTERN = [chr(code) for code in range(0xA0, 0x100)]
PUNCTUATION = list("–—‘’“”‚„†‡•…‰‹›€™")
ENCODINGS = ["latin-1", "cp1252"]


def misread(text, encoding):
    """Read UTF-8 in another encoding, as browsers do."""
    seen = text.encode().decode(encoding, errors="surrogateescape")
    # Bytes that Windows-1252 does not assign come out as C1 controls.
    return re.sub("[\udc80-\udcff]", lambda match: chr(ord(match[0]) - 0xDC00), seen)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("character", WESTERN + PUNCTUATION, ids=ascii)
def test_western_character_is_read_back(character, encoding):
    text = f"x{character}y"
    assert read_back(misread(text, encoding)) == text
    assert read_back(misread(misread(text, encoding), encoding)) == text


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "text",
    ["Łódź", "Michał", "Kępa", "Привет", "東京", "“quoted” – dash", "😀", "Ação", "İzmir", "é"],
)
def test_text_is_read_back(text, encoding):
    assert read_back(misread(text, encoding)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("München", "São Paulo", "SÃO PAULO", "CORAÇÃO", "Ângela", "Âge d’or", "château", "5 €"),
        *("Ærø", "Łódź", "Привет", "東京", "“quoted” – dash", "naïve", "Nestlé™", "Ã", "Â", "PÂTÉ"),
        *("“IRMÃ”", "MANHÃ – TARDE", "CAFÉ–BAR", "CAFÉ…", "CAFÉ®", "CAFÉ™", "Ä–Z", "Besanã§on", ""),
    ],
)
def test_clean_text_is_none(text):
    assert read_back(text) is None
    assert is_mojibake(pl.Series([text])).to_list() == [False]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), st.sampled_from(ENCODINGS))
def test_only_what_goes_all_the_way_back_is_read_back(text, encoding):
    read = read_back(text)
    assert read is None or read_back(read) is None
    if read is not None:
        assert pl.Series([text]).str.contains(SUSPECT).item()


def test_each_text_keeps_its_place():
    texts = pl.Series(["x", None, "MÃ¼nchen", "München", "MÃ¼nchen"])
    assert is_mojibake(texts).to_list() == [False, None, True, False, True]
