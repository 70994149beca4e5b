"""Source columns: what a mapping calls them, and their texts in a staged partition."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import polars as pl

from schemas.masking import looks_personal, mask_text

_LONGEST_NAME = 40
_MOST_SHOWN = 12
_MOST_COMPARED = 2000
"""Names that are looked at for one that is near: each takes some 20 µs."""


@dataclass(frozen=True, slots=True)
class SourceColumns:
    """The columns of a source by name; those of one name are taken together."""

    header: tuple[str, ...]
    """Names as they stand in the file."""
    _exact: dict[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)
    _folded: dict[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_exact", _by_name(self.header))
        object.__setattr__(self, "_folded", _by_name(_fold(name) for name in self.header))

    def find(self, name: str) -> tuple[int, ...]:
        """Give the positions of a column; those of its exact name, if there are any.

        >>> SourceColumns(("Phone ", "phone", "Mail")).find("PHONE")
        (0, 1)
        """
        return self._exact.get(name) or self._folded.get(_fold(name), ())

    def find_all(self, names: Iterable[str]) -> tuple[int, ...]:
        """Give the positions of several columns, in their order."""
        return tuple(place for name in names for place in self.find(name))

    def say_near(self, name: str) -> str:
        """Say which columns could have been meant, or else which there are."""
        folded = {_fold(known): known for known in self.header[:_MOST_COMPARED]}
        close = get_close_matches(_fold(name), list(folded), n=3)
        if close:
            return f"Did you mean {' or '.join(_show(folded[text]) for text in close)}?"
        return f"Its columns are: {show_names(self.header, end='.')}"


def show_names(header: Sequence[str], end: str = "") -> str:
    """Give the first columns of a header, for people; personal names are masked.

    Args:
        header: Names as they stand in the file.
        end: What stands behind the last one, if it is the last one and whole.
    """
    shown = [_show(name) for name in header[:_MOST_SHOWN]]
    text = ", ".join([*shown, *(["..."] if len(header) > len(shown) else [])])
    return text if text.endswith("...") else text + end


def _by_name(names: Iterable[str]) -> dict[str, tuple[int, ...]]:
    places: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        places.setdefault(name, []).append(position)
    return {name: tuple(positions) for name, positions in places.items()}


def _fold(name: str) -> str:
    return name.strip().casefold()


def _show(name: str) -> str:
    text = name.strip()
    shown = mask_text(text) if looks_personal(text) else text
    return shown[:_LONGEST_NAME] + ("..." if len(shown) > _LONGEST_NAME else "")


def is_list(frame: pl.DataFrame, position: int) -> bool:
    """Say whether the cells of a column are lists."""
    return isinstance(frame.schema[f"c{position}"], pl.List)


def fill_blank(text: pl.Expr, *, trim: bool = True) -> pl.Expr:
    """Make null of blank texts; the others are trimmed, or as they came."""
    trimmed = text.str.strip_chars()
    return pl.when(trimmed.str.len_bytes() > 0).then(trimmed if trim else text)


def text_of(frame: pl.DataFrame, position: int, *, trim: bool = True) -> pl.Expr:
    """Give a column's texts, null where blank; of a list its first one that is not blank."""
    if is_list(frame, position):
        return list_of(frame, position, trim=trim).list.first()
    return fill_blank(pl.col(f"c{position}").cast(pl.String), trim=trim)


def list_of(frame: pl.DataFrame, position: int, *, trim: bool = True) -> pl.Expr:
    """Give a column's texts as lists, without blank ones and possibly empty."""
    if is_list(frame, position):
        texts = pl.col(f"c{position}").cast(pl.List(pl.String)).fill_null([])
        return texts.list.eval(fill_blank(pl.element(), trim=trim)).list.drop_nulls()
    return pl.concat_list(text_of(frame, position, trim=trim)).list.drop_nulls()


def first_text(frame: pl.DataFrame, positions: Iterable[int], *, trim: bool = True) -> pl.Expr:
    """Give the first text of several columns that is not blank."""
    texts = [text_of(frame, position, trim=trim) for position in positions]
    return pl.coalesce(texts) if texts else pl.lit(None, pl.String)
