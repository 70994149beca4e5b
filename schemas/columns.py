"""Column names of an endpoint row: Pinpoint's own import headers.

Source: Amazon Pinpoint user guide, "Importing segments" (2023), supported columns.
"""

from difflib import get_close_matches
from typing import Final

SCALAR_COLUMNS: Final[tuple[str, ...]] = (
    "Id",
    "ChannelType",
    "Address",
    "EndpointStatus",
    "OptOut",
    "EffectiveDate",
    "RequestId",
    "Location.Latitude",
    "Location.Longitude",
    "Location.PostalCode",
    "Location.City",
    "Location.Region",
    "Location.Country",
    "Demographic.Make",
    "Demographic.Model",
    "Demographic.ModelVersion",
    "Demographic.Timezone",
    "Demographic.Locale",
    "Demographic.AppVersion",
    "Demographic.Platform",
    "Demographic.PlatformVersion",
    "User.UserId",
)
"""Columns that hold one value, in the order of the service model."""

ATTRIBUTES: Final = "Attributes."
METRICS: Final = "Metrics."
USER_ATTRIBUTES: Final = "User.UserAttributes."
NAMED_PREFIXES: Final = (ATTRIBUTES, METRICS, USER_ATTRIBUTES)
"""Prefixes of the open-ended columns; what follows is a name of the user's choice."""
LIST_PREFIXES: Final = (ATTRIBUTES, USER_ATTRIBUTES)
"""Prefixes whose columns may hold several values."""

CLEAR: Final = "clear:"
"""Before the name of a column: helper of a mapped frame that says where the service is to forget
the value, there being none."""
PHONE_REGION: Final = "phone_region"
"""Helper column of a mapped frame: the country with which a number in national form is read."""

READ_ONLY_COLUMNS: Final = frozenset({"ApplicationId", "CohortId", "CreationDate"})
"""Members that only the service writes; an export holds them, an import ignores them."""

RESULT_COLUMNS: Final = (
    "_source_file",
    "_source_row",
    "_outcome",
    "_error_codes",
    "_error_messages",
    "_suggestion",
    "_run_id",
)
"""What errors.csv adds behind the original columns; ignored when it is fed back in, but for
counting what was corrected since."""

_NEAR: Final = 0.8
"""How much of a name has to be right, from 0 to 1, for it to be told as the one that is meant."""
_BY_FOLDED_NAME: Final = {name.casefold(): name for name in SCALAR_COLUMNS}
_PREFIX_BY_FOLDED_NAME: Final = {prefix.casefold(): prefix for prefix in NAMED_PREFIXES}


def canonical_name(header: str) -> str | None:
    """Give the canonical column that a header means, or None if it means none.

    Surrounding spaces and the case of Pinpoint's own words do not matter; the case of an attribute
    name does.

    >>> canonical_name(" address ")
    'Address'
    >>> canonical_name("attributes.Plan")
    'Attributes.Plan'
    >>> canonical_name("E-mail") is None
    True
    """
    name = header.strip()
    folded = name.casefold()
    if folded in _BY_FOLDED_NAME:
        return _BY_FOLDED_NAME[folded]
    for folded_prefix, prefix in _PREFIX_BY_FOLDED_NAME.items():
        if folded.startswith(folded_prefix) and len(name) > len(prefix):
            return prefix + name[len(prefix) :].strip()
    return None


def near_name(header: str) -> str | None:
    """Give the canonical column that a misspelt header may mean, or None.

    >>> [near_name(name) for name in ("Location.Citty", "country", "Attribute.Plan", "Plan")]
    ['Location.City', 'Location.Country', 'Attributes.Plan', None]
    """
    name = header.strip()
    known = {column.rpartition(".")[2].casefold(): column for column in SCALAR_COLUMNS}
    known |= _BY_FOLDED_NAME
    close = get_close_matches(name.casefold(), list(known), n=1, cutoff=_NEAR)
    if close:
        return known[close[0]]
    for folded_prefix, prefix in _PREFIX_BY_FOLDED_NAME.items():
        *words, last = name.split(".", prefix.count("."))
        head = ".".join([*words, ""]).casefold()
        if last and get_close_matches(head, [folded_prefix], cutoff=_NEAR):
            return prefix + last
    return None


def attribute_name(column: str) -> str | None:
    """Give the user's own name behind an open-ended column's prefix, or None for a scalar column.

    >>> attribute_name("User.UserAttributes.Plan")
    'Plan'
    """
    return next(
        (column[len(prefix) :] for prefix in NAMED_PREFIXES if column.startswith(prefix)), None
    )
