"""Endpoint columns: endpoints as the service gives them back, as rows with canonical columns.

For the few that are read one by one (GetEndpoint): the members of each are looked at in Python.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from schemas.columns import LIST_PREFIXES, METRICS, SCALAR_COLUMNS

NUMBERS = ("Location.Latitude", "Location.Longitude")
ALWAYS = ("Id", "ChannelType", "Address")
"""Columns that there are even without an endpoint."""
_GROUPS = ("Location", "Demographic", "Attributes", "Metrics", "User", "User.UserAttributes")
"""Members that hold members; the names of the last of them are the user's own."""


def list_columns(endpoints: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Give a row for each endpoint, in their order.

    Members without a value are null, and so are those that only the service writes; numbers are
    numbers, attributes lists of texts.

    Args:
        endpoints: In the shape of EndpointResponse.
    """
    rows = [dict(_find_values(endpoint, "")) for endpoint in endpoints]
    names = dict.fromkeys([*ALWAYS, *sorted({name for row in rows for name in row})])
    return pl.DataFrame({name: _column(name, rows) for name in names})


def _find_values(members: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for member, value in members.items():
        name = prefix + member
        if name in _GROUPS and isinstance(value, Mapping):
            yield from _find_values(value, f"{name}.")
        elif value is None or value in ("", []):
            continue
        elif name in SCALAR_COLUMNS or name.startswith((*LIST_PREFIXES, METRICS)):
            yield name, value


def _column(name: str, rows: list[dict[str, Any]]) -> pl.Series:
    values = [row.get(name) for row in rows]
    if name in NUMBERS or name.startswith(METRICS):
        return pl.Series(name, values, pl.Float64)
    if name.startswith(LIST_PREFIXES):
        return pl.Series(name, values, pl.List(pl.String))
    return pl.Series(name, values, pl.String)
