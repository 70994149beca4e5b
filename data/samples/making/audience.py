"""The audience: a thousand rows of which about one in twenty has something wrong.

Each thing that is wrong notes what should become of its row, so that the expectation is made
together with the row and not by the program.
"""

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from making.people import PeopleMaker, Row

RECORDS = 1000
CLEAN_RECORDS = 200

INTEREST = "Attributes.Interests"
LONG_NAME = "Attributes.Which of our shops did you visit for the first time in 2025"
DISCOURAGED_NAME = "Attributes.Opt-in: source/medium"
HEADER = (
    *("Id", "ChannelType", "Address", "EndpointStatus", "OptOut", "EffectiveDate"),
    *("Location.Latitude", "Location.Longitude", "Location.PostalCode", "Location.City"),
    *("Location.Region", "Location.Country", "Demographic.Make", "Demographic.Model"),
    *("Demographic.ModelVersion", "Demographic.Timezone", "Demographic.Locale"),
    *("Demographic.AppVersion", "Demographic.Platform", "Demographic.PlatformVersion"),
    *("User.UserId", "User.UserAttributes.Name", "User.UserAttributes.Loyalty"),
    *(INTEREST, INTEREST, INTEREST, "Attributes.Plan", "Attributes.Motto"),
    *("Metrics.Purchases", "Metrics.LifetimeValue"),
)
"""Columns of clean.csv."""
MESSY_HEADER = (*HEADER, LONG_NAME, DISCOURAGED_NAME, "Salutation", "Notes")
"""Columns of audience.csv."""
HEADER_CODES = ["attribute.name_discouraged", "column.unmapped", "column.unmapped"]
"""Issues of the columns of audience.csv as such."""

Test = Callable[[Row], bool]


def _has_channel(*channels: str) -> Test:
    return lambda row: row["ChannelType"].upper() in channels


def _any(_: Row) -> bool:
    return True


def _is_formal_phone(row: Row) -> bool:
    return row["ChannelType"].upper() == "SMS" and row["Address"].startswith("+")


def _is_not_phone(row: Row) -> bool:
    return row["ChannelType"].upper() not in ("SMS", "VOICE")


def _is_in_boston(row: Row) -> bool:
    return row["Location.City"] == "Boston"


def _is_german_mail(row: Row) -> bool:
    return row["ChannelType"].upper() == "EMAIL" and row["Demographic.Locale"].lower()[:2] == "de"


@dataclass(frozen=True)
class Fault:
    """A value that is wrong, put into as many rows as there are values."""

    code: str
    column: str
    values: tuple[str, ...]
    fits: Test = _any
    """Rows that it can be put into without causing anything else."""
    is_error: bool = True
    joins: bool = False
    """Whether it is put into rows in which something else is wrong already."""


FAULTS = (
    Fault("id.character_not_allowed", "Id", ("{{contact.id}}", "$A12", "cust{7}"), _is_in_boston),
    Fault("channel_type.missing", "ChannelType", ("", " ")),
    Fault("channel_type.unknown", "ChannelType", ("WHATSAPP", "Telegram")),
    Fault("address.missing", "Address", ("", "  ", "")),
    Fault(
        "address.scientific_notation", "Address", ("4.91512E+12", "1.20656E+10"), _is_formal_phone
    ),
    Fault(
        "address.phone_invalid",
        "Address",
        ("+1 206 555 01", "ask reception", "+49 30", "+1 206 555 0143 ext. 12"),
        _is_formal_phone,
    ),
    Fault(
        "address.email_invalid",
        "Address",
        ("anna.vogel(at)example.com", "Jan Kowalski <jan@example.com>", "li..na@example.com"),
        _has_channel("EMAIL"),
    ),
    Fault(
        "address.token_not_hex",
        "Address",
        ("740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78a", "<a1b2c3d4 e5f60718>"),
        _has_channel("APNS"),
        is_error=False,
    ),
    Fault("endpoint_status.unknown", "EndpointStatus", ("enabled", "1")),
    Fault("opt_out.unknown", "OptOut", ("yes", "false")),
    Fault("effective_date.invalid", "EffectiveDate", ("31.01.2026", "2026-02-30T08:00:00Z")),
    Fault(
        "effective_date.zone_missing",
        "EffectiveDate",
        ("2026-01-31", "2026-01-31T09:30:00", "2025-12-24 18:00", "20251224T180000") * 3,
        is_error=False,
    ),
    Fault("location.latitude_invalid", "Location.Latitude", ("139.6917", "-90.5")),
    Fault("location.longitude_invalid", "Location.Longitude", ("285.994", "-1221.3")),
    Fault("location.country_unknown", "Location.Country", ("Deutschland", "XX"), _is_not_phone),
    Fault(
        "location.postal_code_zero_lost",
        "Location.PostalCode",
        ("2110", "2111", "2109"),
        _is_in_boston,
        joins=True,
    ),
    Fault("demographic.locale_invalid", "Demographic.Locale", ("german", "xx_DE")),
    Fault("demographic.timezone_unknown", "Demographic.Timezone", ("CET+1", "Berlin")),
    Fault("attribute.name_too_long", LONG_NAME, ("Pike Street", "Marienplatz")),
    Fault("attribute.value_too_long", "Attributes.Motto", ("Ever tried. " * 10, "é" * 101)),
    Fault("metric.not_a_number", "Metrics.LifetimeValue", ("1,234", "n/a", "NaN")),
    Fault("user.id_missing", "User.UserId", ("", "", ""), is_error=False),
    Fault("text.control_character", "User.UserAttributes.Name", ("Ann\x0bVogel", "Li\x85na")),
    Fault("text.mojibake", "Location.City", ("MÃ¼nchen", "KÃ¶ln"), _is_german_mail, joins=True),
)


def make_audience(rng: random.Random) -> list[Row]:
    """Make the rows of audience.csv, in order."""
    maker = PeopleMaker(rng, "crm-", tidy=False)
    added = [*_crowded_users(maker), *_malformed(maker)]
    rows = list(islice(maker.rows(), RECORDS - len(added) - DOUBLES))
    rows += added
    for row in rows:
        row.rank = row.rank or rng.random()
    untouched = [row for row in rows if not row.is_taken]
    rng.shuffle(untouched)
    rows += _double_rows(rng, untouched)
    for fault in FAULTS:
        _put(fault, untouched)
    _lose_pluses(untouched)
    _combine_faults(untouched)
    _fill_extra_columns(rng, rows)
    return sorted(rows, key=lambda row: row.rank)


def make_clean(rng: random.Random) -> list[Row]:
    """Make the rows of clean.csv, in order."""
    return list(islice(PeopleMaker(rng, "ok-", tidy=True).rows(), CLEAN_RECORDS))


def _take(rows: list[Row], fits: Test) -> Row:
    """Give the next row to which nothing was done yet; it has an Id."""
    row = next(row for row in rows if not row.is_taken and row["Id"] and fits(row))
    row.is_taken = True
    return row


def _put(fault: Fault, rows: list[Row]) -> None:
    for value in fault.values:
        row = _take_invalid(rows, fault) if fault.joins else _take(rows, fault.fits)
        row.cells[fault.column] = value
        row.codes.append(fault.code)
        if fault.is_error:
            row.outcome = "invalid"


def _take_invalid(rows: list[Row], fault: Fault) -> Row:
    """Give the next row that has one error, in another column."""
    return next(
        row
        for row in rows
        if row.outcome == "invalid" and len(row.codes) == 1 and row["Id"] and fault.fits(row)
    )


def _lose_pluses(rows: list[Row]) -> None:
    """Take the + from numbers of rows that name no country by which they could be read."""
    for _ in range(3):
        row = _take(rows, _is_formal_phone)
        row.cells["Address"] = row["Address"].removeprefix("+").replace(" ", "")
        row.cells["Location.Country"] = ""
        row.codes, row.outcome = ["address.plus_lost"], "invalid"


def _combine_faults(rows: list[Row]) -> None:
    """Make one row in which much is wrong: all of it is reported at once."""
    row = _take(rows, _has_channel("EMAIL"))
    row.cells |= {
        "Address": "n.n.@example",
        "OptOut": "no",
        "EndpointStatus": "deleted",
        "EffectiveDate": "yesterday",
        "Metrics.LifetimeValue": "-",
    }
    row.outcome = "invalid"
    row.codes = [
        "address.email_invalid",
        "effective_date.invalid",
        "endpoint_status.unknown",
        "metric.not_a_number",
        "opt_out.unknown",
    ]


def _crowded_users(maker: PeopleMaker) -> list[Row]:
    """Make two users of seventeen endpoints: mail is refused over the limit, push displaces."""
    rows = []
    for channel, user, code, outcome in (
        ("EMAIL", "shared-till", "user.too_many_endpoints", "invalid"),
        ("GCM", "test-devices", "user.endpoint_displaces", "accepted"),
    ):
        for number in range(1, 18):
            row = maker.person((channel,))[0]
            row.cells |= {"User.UserId": user, "Id": f"{user}-{number}"}
            row.is_taken, row.rank = True, number / 20 + 0.01
            if number > 15:
                row.codes, row.outcome = [code], outcome
            rows.append(row)
    return rows


def _malformed(maker: PeopleMaker) -> list[Row]:
    """Make records with too few and with too many fields."""
    width = len(MESSY_HEADER)
    texts = (
        "crm-short-1,EMAIL,kim.short@example.com",
        "crm-short-2,SMS,+12065550199,ACTIVE,NONE,2026-01-31T09:30:00Z,47.6,-122.3,98101,Seattle",
        "crm-long-1,EMAIL,pat.long@example.com,ACTIVE,NONE," + "," * width + "more",
    )
    return [
        Row({}, [], "invalid", ["record.malformed"], text, rank=0.1 + number / 3, is_taken=True)
        for number, text in enumerate(texts)
    ]


DOUBLES = 7
"""Rows that `_double_rows` adds."""


def _double_rows(rng: random.Random, rows: list[Row]) -> list[Row]:
    """Add rows that say again what another row says."""
    by_date = _take(rows, _has_channel("EMAIL"))
    by_date.cells["EffectiveDate"] = "2026-05-02T10:00:00Z"
    older = _copy(rng, by_date, EffectiveDate="2026-05-02T11:59:00+02:00")
    oldest = _copy(rng, by_date, EffectiveDate="2024-05-01T10:00:00Z")
    by_case = _take(rows, _has_channel("APNS"))
    by_case.cells["EffectiveDate"] = ""
    upper = _copy(rng, by_case, Id=by_case["Id"].upper())
    by_order = _take(rows, _has_channel("SMS"))
    by_order.cells["EffectiveDate"] = ""
    again = _copy(rng, by_order, OptOut="ALL")
    derived = _take(rows, _is_formal_phone)
    derived.cells |= {"Id": "", "EffectiveDate": ""}
    address = derived["Address"]
    spelled = _copy(rng, derived, Address=f"{address[:4]} {address[4:]}")
    for row in (older, oldest, by_case, by_order, derived):
        row.outcome = "duplicate"
    shared = []
    for number in (1, 2):
        first = _take(rows, _has_channel("EMAIL"))
        first.codes = ["address.shared"]
        shared.append(_copy(rng, first, Id=f"web-{number:04}"))
    return [older, oldest, upper, again, spelled, *shared]


def _copy(rng: random.Random, row: Row, **cells: str) -> Row:
    """Copy a row to somewhere behind it."""
    other = copy.deepcopy(row)
    other.cells |= cells
    other.codes = []
    other.rank = row.rank + (1 - row.rank) * (0.1 + 0.8 * rng.random())
    return other


def _fill_extra_columns(rng: random.Random, rows: list[Row]) -> None:
    """Fill the columns that are only warned of."""
    for row in rows:
        row.cells["Salutation"] = rng.choice(("Ms", "Mr", ""))
        row.cells["Notes"] = rng.choice(("", "", "called, no answer", "VIP"))
        row.cells[DISCOURAGED_NAME] = rng.choice(("web/organic", "shop", ""))
