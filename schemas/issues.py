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
    "The record does not have as many fields as the header, or is no JSON object.",
    "Quote values that hold a comma, add the missing fields, or mend the line; its text is given.",
)
RECORD_SWALLOWED = _error(
    "record.swallowed_others",
    "A value runs over lines that look like records: a quote is opened in it and closed in a later "
    "record, so that the records in between are lost in it.",
    "Close or remove the quote in the source; the records in between are no rows of this run.",
)
COLUMN_UNMAPPED = _warning(
    "column.unmapped",
    "The column is none of the endpoint's and was not imported.",
    "Rename it to a Pinpoint column such as Attributes.<name>, or leave it out.",
)
VALUE_UNKNOWN = _error(
    "mapping.value_unknown",
    "The mapping does not say what this value means.",
    "Add it to `values` of the column in the mapping, or correct it.",
)
DATE_FORMAT_OTHER = _error(
    "mapping.date_format",
    "The value is no date in the form that the mapping gives.",
    "Add its form to `date_format` of the column in the mapping, or correct it.",
)
NO_ENDPOINT = _error(
    "mapping.no_endpoint",
    "The mapping gives no endpoint for the row: it has an address, but the conditions (where) of "
    "none hold.",
    "Correct the value that the conditions ask for, or the conditions of the mapping.",
)
ID_CHARACTER = _error(
    "id.character_not_allowed",
    "An endpoint Id cannot hold $, {, }, tabs or line breaks.",
    "Use another Id, or leave it empty to get one made from channel and address.",
)
ID_SCIENTIFIC = _error(
    "id.scientific_notation",
    "A spreadsheet turned the Id into scientific notation: digits are lost, and different Ids "
    "become the same.",
    "Export the column as text from where the Id is intact.",
)
CHANNEL_MISSING = _error(
    "channel_type.missing",
    "There is no ChannelType.",
    "Fill it in, or give --default-channel.",
)
CHANNEL_UNKNOWN = _error(
    "channel_type.unknown",
    "The service has no such ChannelType.",
    "Use SMS, VOICE, EMAIL, GCM, APNS, ADM, BAIDU, PUSH, IN_APP or CUSTOM.",
)
ADDRESS_MISSING = _error(
    "address.missing", "There is no Address.", "Fill it in, or delete the row."
)
ADDRESS_SCIENTIFIC = _error(
    "address.scientific_notation",
    "A spreadsheet turned the phone number into scientific notation, in which digits get lost.",
    "Export the column as text from where the number is intact.",
)
ADDRESS_PLUS_LOST = _error(
    "address.plus_lost",
    "The phone number would be valid with a + in front: it seems to have lost it.",
    "Write it in E.164, such as +12065550100.",
)
ADDRESS_ZERO_LOST = _error(
    "address.zero_lost",
    "The phone number would be valid with a 0 in front: it seems to have lost it.",
    "Put the 0 back; in E.164 it stands behind the calling code, as in +390612345678.",
)
PHONE_INVALID = _error(
    "address.phone_invalid",
    "This is not a valid phone number for an SMS or VOICE endpoint.",
    "Write it in E.164, such as +12065550100, or give the row's Location.Country.",
)
EMAIL_INVALID = _error(
    "address.email_invalid",
    "This is not a valid e-mail address.",
    "Correct it: one address, such as ana@example.com, without a display name.",
)
TOKEN_NOT_HEX = _warning(
    "address.token_not_hex",
    "An APNs device token is an even number of hexadecimal digits: sending to this one may fail.",
    "Check that the token was exported whole.",
)
ADDRESS_SHARED = _warning(
    "address.shared",
    "Another row has the same channel and address under another Id: the service keeps only the "
    "one active that it takes last.",
    "Use one Id for one address.",
)
STATUS_UNKNOWN = _error(
    "endpoint_status.unknown", "EndpointStatus is ACTIVE or INACTIVE.", "Use one of them."
)
OPT_OUT_UNKNOWN = _error(
    "opt_out.unknown",
    "OptOut is ALL (wants no messages) or NONE (wants them).",
    "Use one of them, or leave it empty.",
)
OPT_OUT_KEPT = _warning(
    "opt_out.kept",
    "Another row with the same Id says OptOut ALL, and this one does not take it back with a later "
    "EffectiveDate: it was sent with OptOut ALL.",
    "Keep one row for each Id, with what the person said last.",
)
OPT_OUT_COLUMN_MISSING = _warning(
    "opt_out.column_missing",
    "The mapping reads OptOut from a column that the file does not have: it opts nobody out.",
    "Correct the name of the column in the mapping, if the file says who wants no messages.",
)
DATE_INVALID = _error(
    "effective_date.invalid",
    "EffectiveDate is not a date in ISO 8601.",
    "Write it like 2026-01-31T09:30:00Z.",
)
DATE_SERIAL = _error(
    "effective_date.serial_number",
    "EffectiveDate is a number: a spreadsheet keeps dates as days since 1900 or 1904, and the "
    "column lost its format.",
    "Write it like 2026-01-31T09:30:00Z; it is not said which year the days are counted from.",
)
DATE_EPOCH = _warning(
    "effective_date.epoch_time",
    "EffectiveDate is a number: it was read as seconds or milliseconds since 1970, in UTC.",
    "Write it like 2026-01-31T09:30:00Z.",
)
DATE_ZONE_MISSING = _warning(
    "effective_date.zone_missing",
    "EffectiveDate has no time zone: it was read as UTC.",
    "Add Z or an offset such as +02:00.",
)
LATITUDE_INVALID = _error(
    "location.latitude_invalid", "Latitude is a number from -90 to 90.", "Correct it."
)
LONGITUDE_INVALID = _error(
    "location.longitude_invalid", "Longitude is a number from -180 to 180.", "Correct it."
)
COUNTRY_UNKNOWN = _error(
    "location.country_unknown",
    "Country is not a country of ISO 3166-1.",
    "Use the two-letter code, such as US.",
)
POSTAL_CODE_ZERO_LOST = _error(
    "location.postal_code_zero_lost",
    "The country's postal codes have more digits: this one seems to have lost its leading zeros.",
    "Put them back, or export the column as text.",
)
POSTAL_CODE_SCIENTIFIC = _error(
    "location.postal_code_scientific_notation",
    "A spreadsheet turned the postal code into scientific notation, in which digits get lost.",
    "Export the column as text from where the code is intact.",
)
LOCALE_INVALID = _error(
    "demographic.locale_invalid",
    "Locale is not a language of ISO 639-1 and a country of ISO 3166-1.",
    "Write it like en_US.",
)
TIMEZONE_UNKNOWN = _error(
    "demographic.timezone_unknown",
    "Timezone is not a name of the tz database.",
    "Use a name such as America/Los_Angeles.",
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
    "Leave some columns out.",
)
METRIC_INVALID = _error(
    "metric.not_a_number", "A metric is a finite number.", "Write it like 12.5, or leave it empty."
)
NUMBER_FORMAT = _warning(
    "number.format",
    "The number has thousands separators or a decimal comma: it was written without them.",
    "Check the number; write it like 1200.5.",
)
USER_ID_SCIENTIFIC = _error(
    "user.id_scientific_notation",
    "A spreadsheet turned User.UserId into scientific notation: digits are lost, and different "
    "users become the same.",
    "Export the column as text from where the Id is intact.",
)
USER_ID_MISSING = _warning(
    "user.id_missing",
    "There are user attributes but no User.UserId: they belong to nobody.",
    "Fill in User.UserId.",
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
    "The value holds a control character.",
    "Remove it; it often comes from a wrong encoding.",
)
REPLACEMENT_CHARACTER = _error(
    "text.replacement_character",
    "The value holds U+FFFD, which stands for bytes that another program could not read.",
    "Export the file again from where the text is intact.",
)
MOJIBAKE = _error(
    "text.mojibake",
    "The value is UTF-8 that was read in another encoding (as in 'MÃ¼nchen').",
    "Export the file again as UTF-8, or correct the value.",
)
SPREADSHEET_ERROR = _error(
    "text.spreadsheet_error",
    "The value is what a spreadsheet shows for a formula that failed.",
    "Correct the formula, or leave the cell empty.",
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
    "The value holds bytes that are no characters in the encoding of the source (shown as in "
    "'Jos\\xE9').",
    "Give the right --encoding if there are many, or correct the record.",
)
ENDPOINT_TOO_LARGE = _error(
    "endpoint.too_large",
    f"The endpoint is larger than {limits.ENDPOINT_BYTES.value} bytes of JSON.",
    "Shorten or drop attributes.",
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
