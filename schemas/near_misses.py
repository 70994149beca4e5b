"""Near misses: which word of a fixed list a misspelt one is, if only one is near enough.

Near is one letter too many, missing, another one, or two that changed places. Each known word is
found by all texts that it gives with one letter taken out, so that a look takes some microseconds
however long the list is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache

import polars as pl

from schemas.channels import ChannelType
from schemas.codes import country_names, fold_name, timezones, translated_country_names

SHORTEST = 4
"""Letters of a known word for which a likeness tells anything."""
MOST_VALUES = 5_000
"""Different values that are looked at: a column of more is not one of misspelt words."""


class NearMisses:
    """Known words, by what is near to them."""

    def __init__(
        self,
        known: Mapping[str, str],
        fold: Callable[[str], str],
        exact: Mapping[str, str] | None = None,
    ) -> None:
        """Index words.

        Args:
            known: Folded words and what each means.
            fold: Folds a text as the words are.
            exact: Such words that mean something only if they are spelled right.
        """
        self._known = {**(exact or {}), **known}
        self._fold = fold
        self._by_part: dict[str, list[str]] = {}
        for word in known:
            # Of a number, another digit makes another number.
            if len(word) >= SHORTEST and not any(letter.isdigit() for letter in word):
                for part in _parts(word):
                    self._by_part.setdefault(part, []).append(word)

    def find(self, text: str) -> str | None:
        """Give what a text means, or None if that cannot be told."""
        folded = self._fold(text)
        if folded in self._known:
            return self._known[folded]
        near = {
            self._known[word]
            for part in _parts(folded)
            for word in self._by_part.get(part, ())
            if _is_one_edit(word, folded)
        }
        return near.pop() if len(near) == 1 else None

    def find_all(self, values: pl.Series) -> pl.Series:
        """Do the same for distinct values, unless there are too many."""
        found = map(self.find, values) if len(values) <= MOST_VALUES else [None] * len(values)
        return pl.Series(list(found), dtype=pl.String)


def _parts(word: str) -> set[str]:
    return {word, *(word[:n] + word[n + 1 :] for n in range(len(word)))}


def _is_one_edit(one: str, other: str) -> bool:
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    one, other = one[start:], other[start:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    return max(len(one), len(other)) <= 1 or (len(one) == 2 and one == other[::-1])


@cache
def near_countries() -> NearMisses:
    """Know countries by their English names, and by those in languages around the world."""
    return NearMisses({**translated_country_names(), **country_names()}, fold_name)


@cache
def near_timezones() -> NearMisses:
    """Know time zones by their names, and by their cities where only one zone is named so.

    Not those of offsets, of which the sign means the opposite of what people expect.
    """
    names = {_fold_zone(name): name for name in timezones() if not name.startswith("Etc/")}
    places = {folded: name for folded, name in names.items() if "/" in folded}
    counts = Counter(folded.rpartition("/")[2] for folded in places)
    cities = {folded.rpartition("/")[2]: name for folded, name in places.items()}
    once = {city: name for city, name in cities.items() if counts[city] == 1}
    return NearMisses(places, _fold_zone, exact=once | names)


def _fold_zone(text: str) -> str:
    return "_".join(text.casefold().replace("-", " ").replace("_", " ").split())


@cache
def near_channels() -> NearMisses:
    """Know channels."""
    return _near_words(str(channel) for channel in ChannelType)


@cache
def near_statuses() -> NearMisses:
    """Know whether an endpoint is in use."""
    return _near_words(["ACTIVE", "INACTIVE"])


def _near_words(words: Iterable[str]) -> NearMisses:
    return NearMisses({_fold_word(word): word for word in words}, _fold_word)


def _fold_word(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
