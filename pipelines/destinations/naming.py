"""Reads which items a refusal names, and keeps the score of whether that was right.

Wordings are not documented and differ between services, so none is known beforehand: a wording is
believed once what it named has been confirmed, and never again after it was wrong.
"""

import re
from collections.abc import Sequence

PROOFS = 3
"""Named items that were refused alone before a wording is believed: one or two could be chance
where much is refused; each costs a request."""
MOST_WORDINGS = 200
"""Wordings remembered, so that texts that differ each time cannot fill the memory. Services have
far fewer; one that comes later is not believed."""

_QUOTES = "'\"`"
_INDEX = re.compile(r"\bitems?\[(\d+)\]")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_PARTICULAR = re.compile(r"\S*[\d@]\S*")
LONGEST_MESSAGE = 1000
"""Characters of a message that are looked at."""
_LONGEST_WORDING = 200
"""Characters of a message that tell its wording; a page of HTML would also fit otherwise."""


def find_named(message: str, ids: Sequence[str]) -> list[int]:
    """Find the items that a message names: by an Id in quotes, else by an index from 0.

    Args:
        message: The service's words.
        ids: The Ids in the order of the request, empty where there is none.

    Returns:
        Indexes into `ids`.
    """
    text = message[:LONGEST_MESSAGE].casefold()
    named = [
        index
        for index, folded in enumerate(map(str.casefold, ids))
        if folded and any(f"{quote}{folded}{quote}" in text for quote in _QUOTES)
    ]
    indexes = {int(digits) for digits in _INDEX.findall(text)}
    return named or sorted(index for index in indexes if index < len(ids))


def strip_particulars(message: str, named_ids: Sequence[str]) -> str:
    """Reduce a message to its wording: without Ids, quoted texts, and words with digits.

    >>> strip_particulars("Invalid Address: item 'a-17': not like +1206", ["a-17"])
    'invalid address: item #: not like #'
    """
    text = message[:LONGEST_MESSAGE].casefold()
    for each in named_ids:
        # First, as an Id may hold a quote itself.
        for quote in _QUOTES:
            text = text.replace(f"{quote}{each.casefold()}{quote}", "#")
    return _PARTICULAR.sub("#", _QUOTED.sub("#", text))[:_LONGEST_WORDING]


class Wordings:
    """How often each wording named the right item; the caller guards it by a lock."""

    def __init__(self) -> None:
        """Start with none."""
        self._right: dict[str, int] = {}
        self._wrong: set[str] = set()

    def note(self, wording: str, *, is_right: bool) -> None:
        """Count what became of an item that was named."""
        if not is_right:
            self._wrong.add(wording)
        elif self.is_open(wording):
            self._right[wording] = self._right.get(wording, 0) + 1

    def is_believed(self, wording: str) -> bool:
        """Say whether an item that is named so can be called rejected without sending it alone."""
        return self._right.get(wording, 0) >= PROOFS and wording not in self._wrong

    def is_open(self, wording: str) -> bool:
        """Say whether it is worth looking at what a wording names."""
        has_room = len(self._right) + len(self._wrong) < MOST_WORDINGS
        return wording not in self._wrong and (wording in self._right or has_room)
