"""A large synthetic export with known defects: what is wrong, where, and what would be right."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

HEADER = (
    "Id", "ChannelType", "Address", "EndpointStatus", "OptOut", "EffectiveDate",
    "Location.Latitude", "Location.Longitude", "Location.PostalCode", "Location.City",
    "Location.Region", "Location.Country", "Demographic.Make", "Demographic.Model",
    "Demographic.Platform", "Demographic.AppVersion", "Demographic.Timezone", "Demographic.Locale",
    "User.UserId", "User.UserAttributes.Tier", "Attributes.Interests", "Attributes.Interests",
    "Attributes.Plan", "Metrics.Score",
)  # fmt: skip
CROWD = 15
"""Rows at the start that share one user, as many as the service allows."""


@dataclass(frozen=True)
class Defect:
    """A cell that makes its row invalid."""

    column: str
    value: str
    code: str
    channel: str | None = None
    """Channel that the row has, where it matters."""


MALFORMED = Defect("", "", "record.malformed")
"""A record that lacks its last field."""
DEFECTS = (
    Defect("Id", "${id}", "id.character_not_allowed"),
    Defect("ChannelType", " ", "channel_type.missing"),
    Defect("ChannelType", "PIGEON", "channel_type.unknown"),
    Defect("Address", "", "address.missing"),
    Defect("Address", "ana at example.com", "address.email_invalid", "EMAIL"),
    Defect("Address", "+1206", "address.phone_invalid", "SMS"),
    Defect("Address", "1.20656E+10", "address.scientific_notation", "SMS"),
    Defect("Address", "447911123456", "address.plus_lost", "SMS"),
    Defect("EndpointStatus", "MAYBE", "endpoint_status.unknown"),
    Defect("OptOut", "yes", "opt_out.unknown"),
    Defect("EffectiveDate", "31.01.2026", "effective_date.invalid"),
    Defect("Location.Latitude", "90.5", "location.latitude_invalid"),
    Defect("Location.Longitude", "east", "location.longitude_invalid"),
    Defect("Location.Country", "Atlantis", "location.country_unknown", "EMAIL"),
    Defect("Demographic.Timezone", "Mars/Olympus", "demographic.timezone_unknown"),
    Defect("Demographic.Locale", "xx_YY", "demographic.locale_invalid"),
    Defect("Attributes.Plan", "p" * 101, "attribute.value_too_long"),
    Defect("Metrics.Score", "NaN", "metric.not_a_number"),
    Defect("Location.City", "Sea\x07ttle", "text.control_character"),
    Defect("Demographic.Make", "m" * 15_001, "endpoint.too_large"),
    Defect("User.UserId", "crowd", "user.too_many_endpoints"),
    MALFORMED,
)


def good_cells(row: int, channel: str | None = None) -> list[str]:
    """Give the cells of record `row`, counted from 1, without a defect."""
    is_phone = row % 3 == 0 if channel is None else channel == "SMS"
    return [
        f"id-{row:06d}",
        "SMS" if is_phone else "EMAIL",
        f"+1206{2_000_000 + row}" if is_phone else f"person{row}@example.com",
        "ACTIVE" if row % 2 else "",
        ("ALL", "NONE", "")[row % 7 % 3],
        f"2026-01-{row % 28 + 1:02d}T09:30:00Z",
        f"{row % 170 - 85}.04",
        f"{row % 350 - 175}.5",
        f"{10_000 + row % 80_000}",
        "São Paulo" if row % 11 == 0 else 'Sea"ttle, north\nside',
        "WA",
        "US",
        "Synthetic",
        f"model-{row % 9}",
        "ios" if row % 2 else "android",
        f"1.{row % 40}",
        "America/Los_Angeles",
        "en_US",
        "crowd" if row <= CROWD else f"user-{row:06d}",
        f"tier-{row % 4}",
        "hiking" if row % 2 else "",
        f"<b>{row}</b>",
        f"plan-{row % 5}",
        f"{row / 8}",
    ]


@dataclass(frozen=True)
class Export:
    """An export in CSV, and which of its records are defective in what way."""

    text: str
    defects: dict[int, Defect]
    """By record, counted from 1."""
    duplicates: int
    """Records that share their Id with a later one."""
    cells: dict[int, list[str]]
    """The cells of the defective records as they stand in the export."""

    def correct(self, row: int, cells: list[str]) -> list[str]:
        """Do what the owner of the data does: put the right value into the wrong cell."""
        defect = self.defects[row]
        right = good_cells(row, defect.channel)
        if defect is MALFORMED:
            return right
        place = HEADER.index(defect.column)
        return [*cells[:place], right[place], *cells[place + 1 :]]


def make_export(rows: int, every: int) -> Export:
    """Make an export in which each `every`-th record is defective, all kinds in turn.

    A few records repeat the Id of their neighbour, in other letters.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    kinds: Iterator[Defect] = cycle(DEFECTS)
    defects: dict[int, Defect] = {}
    broken: dict[int, list[str]] = {}
    duplicates = 0
    for row in range(1, rows + 1):
        cells = good_cells(row)
        if row % every == 0:
            defects[row] = defect = next(kinds)
            cells = good_cells(row, defect.channel)
            if defect is MALFORMED:
                cells.pop()
            else:
                cells[HEADER.index(defect.column)] = defect.value
            broken[row] = cells
        elif row % 1_000 == 1 and row > 1:
            cells[0] = good_cells(row + 1)[0].upper()
            duplicates += 1
        writer.writerow(cells)
    return Export(text.getvalue(), defects, duplicates, broken)
