"""Members of JSON objects: which there are in a file, of what kind, and which column each becomes.

Members of an object become dotted columns (`Location.Country`). A list of single values stays a
list, any other list becomes its JSON text.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from pipelines.sources.base import MOST_COLUMNS
from schemas.columns import LIST_PREFIXES, canonical_name

_KINDS = {str: "text", int: "int", float: "float", bool: "bool", type(None): "null"}
_TYPES = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}


class TooManyMembersError(ValueError):
    """The objects of a file have more different members than can be columns."""


@dataclass(slots=True)
class Member:
    """All values that stand at one place of the objects of a file."""

    kinds: set[str] = field(default_factory=set)
    """Of single values: text, int, float, bool, null, and json for lists that become text."""
    item_kinds: set[str] = field(default_factory=set)
    """Of the values in lists of single values."""
    has_lists: bool = False
    has_objects: bool = False
    members: dict[str, "Member"] = field(default_factory=dict)
    """Those of the objects, in order of their first appearance."""
    column: int | None = None
    """Position in the header; see `number_columns`."""

    @property
    def is_column(self) -> bool:
        """Whether it has values of its own, apart from its members."""
        return self.has_lists or bool(self.kinds - {"null"}) or not self.has_objects


@dataclass(frozen=True, slots=True)
class JsonColumn:
    """One column of the header."""

    name: str
    is_list: bool


class Members:
    """The members of all objects of a file."""

    def __init__(self) -> None:
        """Begin without any."""
        self.root = Member(has_objects=True)
        self.count = 0

    def note(self, record: dict[str, Any]) -> None:
        """Take an object into account.

        Raises:
            TooManyMembersError: It has one too many.
        """
        self._note_object(self.root, record)

    def _note_object(self, place: Member, value: dict[str, Any]) -> None:
        place.has_objects = True
        for name, item in value.items():
            member = place.members.get(name)
            if member is None:
                self.count += 1
                if self.count > MOST_COLUMNS:
                    raise TooManyMembersError
                member = place.members[name] = Member()
            if isinstance(item, dict):
                self._note_object(member, item)
            elif isinstance(item, list):
                if holds_single_values(item):
                    member.has_lists = True
                    member.item_kinds.update(map(kind_of, item))
                else:
                    member.kinds.add("json")
            else:
                member.kinds.add(kind_of(item))

    def number_columns(self) -> list[JsonColumn]:
        """Give the columns in order, and note at each member which is its."""
        columns: list[JsonColumn] = []
        for name, member in _walk("", self.root):
            member.column = len(columns) if member.is_column else None
            if member.is_column:
                columns.append(JsonColumn(name, member.has_lists and not _holds_one_value(name)))
        return columns

    def arrow_schema(self) -> pa.Schema:
        """Give the types with which most objects can be read; others need not fit them."""
        return pa.schema(_arrow_fields("", self.root))


def holds_single_values(items: list[Any]) -> bool:
    """Tell whether a list holds neither objects nor lists."""
    return not any(isinstance(item, (dict, list)) for item in items)


def kind_of(value: Any) -> str:
    """Name the kind of a single value.

    >>> [kind_of(value) for value in ("5", 5, 5.0, True, None)]
    ['text', 'int', 'float', 'bool', 'null']
    """
    return _KINDS[type(value)]


def _walk(prefix: str, place: Member) -> Iterator[tuple[str, Member]]:
    for name, member in place.members.items():
        yield prefix + name, member
        yield from _walk(f"{prefix}{name}.", member)


def _holds_one_value(name: str) -> bool:
    canonical = canonical_name(name)
    return canonical is not None and not canonical.startswith(LIST_PREFIXES)


def _arrow_fields(prefix: str, place: Member) -> list[pa.Field]:
    return [
        pa.field(name, _arrow_type(f"{prefix}{name}", member))
        for name, member in place.members.items()
    ]


def _arrow_type(name: str, member: Member) -> pa.DataType:
    if member.has_objects:
        return pa.struct(_arrow_fields(f"{name}.", member))
    if member.has_lists and not _holds_one_value(name):
        return pa.list_(_value_type(member.item_kinds))
    return _value_type(member.kinds)


def _value_type(kinds: set[str]) -> pa.DataType:
    known = kinds - {"null"}
    if known == {"int", "float"}:
        return pa.float64()
    if len(known) > 1:
        return pa.string()
    # Not the type of nulls where nothing else is known: Arrow makes broken lists of it.
    return _TYPES.get(next(iter(known), "text"), pa.string())
