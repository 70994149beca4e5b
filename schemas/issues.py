"""Issues: what can be wrong with one column of one row, each with a stable code.

An error makes its row invalid, a warning does not. Codes are `column.fault` and part of the
contract: changing one is a breaking change.
"""

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from schemas import limits


class Severity(StrEnum):
    """Whether an issue keeps its row from being imported."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class IssueKind:
    """What one issue code means and what to do about it."""

    code: str
    """Stable identifier."""
    severity: Severity
    """Error: the row is not imported. Warning: it is."""
    text: str
    """What is wrong, in a sentence without the value."""
    remedy: str
    """What the owner of the data can do, in an imperative sentence."""

    @property
    def message(self) -> str:
        """Text and remedy together, as written into errors.csv."""
        return f"{self.text} {self.remedy}"


def _error(code: str, text: str, remedy: str) -> IssueKind:
    return IssueKind(code, Severity.ERROR, text, remedy)


def _warning(code: str, text: str, remedy: str) -> IssueKind:
    return IssueKind(code, Severity.WARNING, text, remedy)


LONGEST_RECORD = 10_000
"""Characters of a malformed record that are kept."""

RECORD_MALFORMED = _error(
    "record.malformed",
    "The line does not fit the header: it has too many or too few values, or is no JSON object.",
    "Put its values into the cells of this row; in the source, put quotes around values that "
    "hold a comma.",
)
RECORD_SWALLOWED = _error(
    "record.swallowed_others",
    "The value runs over lines that look like rows of their own: a quotation mark is opened "
    "in it and closed in a later row, and the rows in between are lost in it.",
    "Close or remove the quotation mark in the source and import it again; the rows in "
    "between are not in this file.",
)
COLUMN_UNMAPPED = _warning(
    "column.unmapped",
    "The column is none that can be imported, and was left out.",
    "Rename it to a Pinpoint column such as Attributes.<name>, or leave it out.",
)
VALUE_UNKNOWN = _error(
    "mapping.value_unknown",
    "The value is none of those that the mapping knows for this column.",
    "Write one of those, or have it added to `values` of the column in the mapping.",
)
DATE_FORMAT_OTHER = _error(
    "mapping.date_format",
    "The date is not written in the form that the mapping gives for this column.",
    "Write it as in the other rows, or have its form added to `date_format` of the column in "
    "the mapping.",
)
NO_ENDPOINT = _error(
    "mapping.no_endpoint",
    "The row has an address, but meets none of the conditions (where) that the mapping sets "
    "for importing one.",
    "Correct the value that the conditions ask for, or have them changed in the mapping.",
)
ID_CHARACTER = _error(
    "id.character_not_allowed",
    "An Id cannot hold $, {, }, tabs or line breaks.",
    "Use another Id, or leave the cell empty: one is then made from channel and address.",
)
ID_SCIENTIFIC = _error(
    "id.scientific_notation",
    "A spreadsheet has shortened the Id, as in 1.23E+11: digits are lost, and different Ids "
    "look the same.",
    "Copy it from where it is whole, into a column that is formatted as text.",
)
CHANNEL_MISSING = _error(
    "channel_type.missing",
    "The channel is missing.",
    "Write SMS, EMAIL or another channel; if it is the same for all rows, --default-channel "
    "says it once.",
)
CHANNEL_UNKNOWN = _error(
    "channel_type.unknown",
    "There is no such channel.",
    "Use SMS, VOICE, EMAIL, GCM, APNS, ADM, BAIDU, PUSH, IN_APP or CUSTOM.",
)
ADDRESS_MISSING = _error(
    "address.missing",
    "The address is missing.",
    "Fill in the phone number, e-mail address or device token, or delete the row.",
)
ADDRESS_SCIENTIFIC = _error(
    "address.scientific_notation",
    "A spreadsheet has shortened the phone number, as in 4.48E+11, and digits get lost by that.",
    "Copy it from where it is whole, into a column that is formatted as text.",
)
ADDRESS_PLUS_LOST = _error(
    "address.plus_lost",
    "The phone number would be valid with a + in front: it seems to have lost it.",
    "Put the + back, as in +12065550100.",
)
ADDRESS_ZERO_LOST = _error(
    "address.zero_lost",
    "The phone number would be valid with a 0 in front: it seems to have lost it.",
    "Put the 0 back; behind a country code it stays, as in +390612345678.",
)
PHONE_INVALID = _error(
    "address.phone_invalid",
    "This is not a valid phone number.",
    "Write it with + and country code, as in +12065550100, or fill in the country of the row.",
)
EMAIL_INVALID = _error(
    "address.email_invalid",
    "This is not a valid e-mail address.",
    "Write one address and nothing else, as in ana@example.com.",
)
TOKEN_NOT_HEX = _warning(
    "address.token_not_hex",
    "A device token of Apple is an even number of digits and letters from a to f: sending to "
    "this one may fail.",
    "Check that the token was exported whole.",
)
ADDRESS_SHARED = _warning(
    "address.shared",
    "Another row has the same channel and address under another Id: only the one that the "
    "service takes last stays active.",
    "Use one Id for one address.",
)
STATUS_UNKNOWN = _error(
    "endpoint_status.unknown",
    "The status is neither ACTIVE nor INACTIVE.",
    "Write one of the two, or leave the cell empty.",
)
OPT_OUT_UNKNOWN = _error(
    "opt_out.unknown",
    "The value is neither ALL (wants no messages) nor NONE (wants them).",
    "Write one of the two, or leave the cell empty.",
)
OPT_OUT_KEPT = _warning(
    "opt_out.kept",
    "Another row with the same Id opts out of all messages, and this one does not take that "
    "back with a later date: it was sent as opted out.",
    "Keep one row for each Id, with what the person said last.",
)
OPT_OUT_COLUMN_MISSING = _warning(
    "opt_out.column_missing",
    "The mapping reads OptOut from a column that the file does not have: it opts nobody out.",
    "Correct the name of the column in the mapping, if the file says who wants no messages.",
)
DATE_INVALID = _error(
    "effective_date.invalid",
    "This is not a date in the form year-month-day.",
    "Write it like 2026-01-31, or with the time like 2026-01-31T09:30:00Z.",
)
DATE_SERIAL = _error(
    "effective_date.serial_number",
    "This is the number by which a spreadsheet keeps a date: the column has lost its format.",
    "Write it like 2026-01-31; whether the days are counted from 1900 or 1904 is not said.",
)
DATE_EPOCH = _warning(
    "effective_date.epoch_time",
    "The date is a number: it was read as seconds or milliseconds since 1970, in UTC.",
    "Write it like 2026-01-31T09:30:00Z.",
)
DATE_ZONE_MISSING = _warning(
    "effective_date.zone_missing",
    "The date has no time zone: it was read as UTC.",
    "Add Z or an offset such as +02:00.",
)
LATITUDE_INVALID = _error(
    "location.latitude_invalid",
    "A latitude is a number from -90 to 90.",
    "Write it like 48.1, or leave the cell empty.",
)
LONGITUDE_INVALID = _error(
    "location.longitude_invalid",
    "A longitude is a number from -180 to 180.",
    "Write it like 11.6, or leave the cell empty.",
)
COUNTRY_UNKNOWN = _error(
    "location.country_unknown",
    "No country has this name or code.",
    "Write its two-letter code, such as US, or its English name.",
)
POSTAL_CODE_ZERO_LOST = _error(
    "location.postal_code_zero_lost",
    "The postal codes of the country have more digits: this one seems to have lost zeros in front.",
    "Put them back, in a column that is formatted as text.",
)
POSTAL_CODE_SCIENTIFIC = _error(
    "location.postal_code_scientific_notation",
    "A spreadsheet has shortened the postal code, as in 1.2E+04, and digits get lost by that.",
    "Copy it from where it is whole, into a column that is formatted as text.",
)
LOCALE_INVALID = _error(
    "demographic.locale_invalid",
    "This is not a language and a country.",
    "Write it like en_US: two letters for the language, two for the country.",
)
TIMEZONE_UNKNOWN = _error(
    "demographic.timezone_unknown",
    "No time zone has this name.",
    "Write continent and city, such as America/Los_Angeles.",
)
NAME_TOO_LONG = _error(
    "attribute.name_too_long",
    f"The attribute's name has more than {limits.ATTRIBUTE_NAME_CHARACTERS.value} characters.",
    "Shorten the column's name.",
)
NAME_DISCOURAGED = _warning(
    "attribute.name_discouraged",
    "The service's console cannot show attribute names that hold # : ? \\ or /.",
    "Rename the column.",
)
VALUE_TOO_LONG = _error(
    "attribute.value_too_long",
    f"An attribute value has more than {limits.ATTRIBUTE_VALUE_CHARACTERS.value} characters.",
    "Shorten it.",
)
TOO_MANY_VALUES = _error(
    "attribute.too_many_values",
    f"An attribute has more than {limits.ATTRIBUTE_VALUES.value} values.",
    "Keep fewer.",
)
TOO_MANY_NAMES = _error(
    "attribute.too_many_names",
    f"The run uses more than {limits.ATTRIBUTE_NAMES.value} attribute, metric and user attribute "
    "names; this column is one too many.",
    "Leave some of these columns out.",
)
METRIC_INVALID = _error(
    "metric.not_a_number",
    "This is not a number, or has two readings.",
    "Write it like 1200.5, without currency or percent, or leave the cell empty.",
)
NUMBER_FORMAT = _warning(
    "number.format",
    "The number has thousands separators or a decimal comma: it was written without them.",
    "Check the number; write it like 1200.5.",
)
USER_ID_SCIENTIFIC = _error(
    "user.id_scientific_notation",
    "A spreadsheet has shortened the Id of the user, as in 1.23E+11: digits are lost, and "
    "different users look the same.",
    "Copy it from where it is whole, into a column that is formatted as text.",
)
USER_ID_MISSING = _warning(
    "user.id_missing",
    "The row has attributes of a user and no Id of the user: they belong to nobody.",
    "Fill in the Id of the user.",
)
USER_ENDPOINTS_OVER = _error(
    "user.too_many_endpoints",
    f"The user has more than {limits.USER_ENDPOINTS.value} endpoints in this run, the service "
    "would refuse this one.",
    "Remove endpoints that are no longer in use.",
)
USER_ENDPOINT_DISPLACES = _warning(
    "user.endpoint_displaces",
    f"The user has more than {limits.USER_ENDPOINTS.value} endpoints in this run: this one makes "
    "the service deactivate the oldest push endpoint.",
    "Remove endpoints that are no longer in use.",
)
CONTROL_CHARACTER = _error(
    "text.control_character",
    "The value holds a control character, which cannot be seen and often comes from a wrong "
    "encoding.",
    "Type the value again.",
)
REPLACEMENT_CHARACTER = _error(
    "text.replacement_character",
    "The value holds \ufffd, which stands for letters that another program could not read.",
    "Type them again, or export the file again from where the text is intact.",
)
MOJIBAKE = _error(
    "text.mojibake",
    "Letters are garbled: the text is UTF-8 that was read in another encoding, as in 'MÃ¼nchen'.",
    "Correct the value, or export the file again as UTF-8.",
)
SPREADSHEET_ERROR = _error(
    "text.spreadsheet_error",
    "The value is what a spreadsheet shows for a formula that failed.",
    "Correct it, or leave the cell empty.",
)
ODD_SPACE = _warning(
    "text.odd_space",
    "The value holds a non-breaking or other odd space: it was read as a plain one.",
    "Use plain spaces.",
)
INVISIBLE_CHARACTER = _warning(
    "text.invisible_character",
    "The value holds invisible characters, such as a zero-width space: they were removed.",
    "Remove them where the data comes from.",
)
QUOTES_REMOVED = _warning(
    "text.quotes_removed",
    "The value stands in typographic quotes, or is a number behind an apostrophe: they were "
    "removed.",
    "Remove them where the data comes from.",
)
UNDECODABLE = _error(
    "text.undecodable",
    "The value holds bytes that are no characters in the encoding of the source, shown as in "
    "'Jos\\xE9'.",
    "Type the missing letters; if there are many, give the right --encoding.",
)
ENDPOINT_TOO_LARGE = _error(
    "endpoint.too_large",
    f"The endpoint is larger than {limits.ENDPOINT_BYTES.value} bytes of JSON.",
    "Shorten or empty some of its attributes.",
)

ISSUE_KINDS: dict[str, IssueKind] = {
    kind.code: kind for kind in list(globals().values()) if isinstance(kind, IssueKind)
}
"""All kinds by code, in the order above."""

DUPLICATE_ID = "endpoint.duplicate_id"
"""Code of the outcome `duplicate`; not an issue, as nothing is wrong with the row itself."""
SERVICE_REFUSED = "service.refused"
"""Code of the outcome `rejected`; the message is the service's own."""
REFUSED_MESSAGE = (
    'The service refused this row and said: "{}". Correct what it names; if nothing in the row '
    "explains it, ask who runs the service."
)
"""What errors.csv tells of a row that is rejected, with the message of the service."""
OPT_IN_HELD = "consent.opt_in"
"""Code of the outcome `held`: the row would opt someone in again who is known to have opted out."""
REACTIVATION_HELD = "consent.reactivation"
"""Code of the outcome `held`: the row would activate an endpoint that was set INACTIVE."""
HELD_MESSAGES = {
    OPT_IN_HELD: "The service was told OptOut ALL for this Id, and the row would end that. Let the "
    "source say OptOut ALL or nothing, map a column of consent to OptOut, or give --allow-opt-in.",
    REACTIVATION_HELD: "The service was told EndpointStatus INACTIVE for this Id, and any update "
    "without it ends that. Let the source say INACTIVE, map a column that says ACTIVE to "
    "EndpointStatus, or give --allow-opt-in.",
}
"""What is told of rows that are held, by code."""

ISSUE_SCHEMA = pl.Schema(
    {
        "source_file": pl.String,
        "source_row": pl.Int64,
        "endpoint_id": pl.String,
        "column": pl.String,
        "code": pl.String,
        "severity": pl.String,
        "value": pl.String,
        "message": pl.String,
        "suggestion": pl.String,
    }
)
"""Columns of issues.parquet. `source_row` is null for an issue of a whole column, `suggestion`
for one without; an empty one means that the cell may be left empty."""
