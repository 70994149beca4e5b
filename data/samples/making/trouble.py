"""A trouble: one tiny file that shows one thing, and what should become of its rows."""

import csv
import io
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

ACCEPTED, INVALID, DUPLICATE = "accepted", "invalid", "duplicate"

MAIL_HEADER = ("Id", "ChannelType", "Address")
"""What nearly every trouble begins with."""


@dataclass(frozen=True)
class Trouble:
    """One file of `troubles/` and its expectation."""

    name: str
    """File name without ending; also the application that the tests import it into."""
    what: str
    """One sentence: what the file shows."""
    content: bytes | pa.Table
    """Bytes of a CSV file, or the table of a Parquet file."""
    rows: tuple[Any, ...] = ()
    """Per record an outcome, or an outcome with the codes of its issues."""
    header: tuple[str, ...] = ()
    """Codes of issues of whole columns."""
    options: dict[str, str] = field(default_factory=dict)
    """Settings of the import."""
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Endpoint Id -> members that the service then holds; None: it holds none such."""
    error: tuple[str, ...] = ()
    """What the message of the SourceError contains, for a file that cannot be read."""
    ending: str = ""
    """File name ending, where the content is not what the ending says."""

    @property
    def file_name(self) -> str:
        """Name of the file."""
        usual = "csv" if isinstance(self.content, bytes) else "parquet"
        return f"{self.name}.{self.ending or usual}"

    @property
    def expectation(self) -> dict[str, Any]:
        """What the JSON file beside it says."""
        expected: dict[str, Any] = {"what": self.what}
        if self.options:
            expected["options"] = self.options
        if self.error:
            return expected | {"error": "SourceError", "message_contains": list(self.error)}
        outcomes, codes = {}, {}
        for number, row in enumerate(self.rows, 1):
            outcome, *found = (row,) if isinstance(row, str) else row
            outcomes[str(number)] = outcome
            if found:
                codes[str(number)] = sorted(found)
        expected |= {"outcomes": outcomes, "codes": codes}
        if self.header:
            expected["header"] = sorted(self.header)
        if self.stored:
            expected["stored"] = self.stored
        return expected


def write_csv(header: tuple[str, ...], *records: tuple[str, ...]) -> bytes:
    """Write CSV the usual way."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows((header, *records))
    return text.getvalue().encode()


def mails(column: str, *values: str) -> bytes:
    """Write one EMAIL endpoint per value of one further column."""
    return write_csv(
        (*MAIL_HEADER, column),
        *(
            (f"e{number}", "EMAIL", f"e{number}@example.com", value)
            for number, value in enumerate(values, 1)
        ),
    )


def addresses(channel: str, *values: str) -> bytes:
    """Write one endpoint per address."""
    return write_csv(
        MAIL_HEADER, *((f"a{number}", channel, value) for number, value in enumerate(values, 1))
    )


def all_rows(count: int, *row: str) -> tuple[tuple[str, ...], ...]:
    """Expect the same of so many rows."""
    return (row,) * count
