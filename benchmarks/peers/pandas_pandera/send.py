"""The script one writes to have the rows checked: pandas, pandera, phonenumbers and boto3.

Invalid rows are dropped and forgotten; there is no account of them.
"""

import sys
import time

import pandas as pd
import pandera.pandas as pa
import phonenumbers

from benchmarks.peers.plain_boto3.send import connect, nest, send

ROWS_AT_ONCE = 20_000


def is_phone(text: str) -> bool:
    """Say whether a text is a number of some numbering plan."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, None))
    except phonenumbers.NumberParseException:
        return False


def has_valid_address(frame: pd.DataFrame) -> pd.Series:
    """Check each address by its channel."""
    is_sms = frame["ChannelType"] == "SMS"
    valid = frame["Address"].str.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+")
    valid[is_sms] = frame.loc[is_sms, "Address"].map(is_phone)
    return valid


def _text(pattern: str) -> pa.Column:
    return pa.Column(str, pa.Check.str_matches(pattern))


SCHEMA = pa.DataFrameSchema(
    {
        "Id": _text(r"^[^${}]+$"),
        "ChannelType": pa.Column(str, pa.Check.isin(["SMS", "EMAIL"])),
        "EndpointStatus": pa.Column(str, pa.Check.isin(["ACTIVE", "INACTIVE"])),
        "OptOut": pa.Column(str, pa.Check.isin(["ALL", "NONE"])),
        "EffectiveDate": _text(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"),
        "Location.Country": _text(r"^[A-Z]{2}$"),
        "Location.Latitude": pa.Column(float, pa.Check.in_range(-90, 90), coerce=True),
        "Location.Longitude": pa.Column(float, pa.Check.in_range(-180, 180), coerce=True),
        "Demographic.Locale": _text(r"^[a-z]{2}(_[A-Z]{2})?$"),
        r"^(Attributes|User\.UserAttributes)\..+$": pa.Column(
            str, pa.Check.str_length(max_value=100), regex=True
        ),
        r"^Metrics\..+$": pa.Column(float, coerce=True, regex=True),
    },
    checks=pa.Check(has_valid_address),
)


def drop_invalid(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out the rows that break a rule."""
    try:
        return SCHEMA.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        return frame.drop(index=errors.failure_cases["index"].dropna().unique())


def main(path: str, url: str) -> None:
    """Check and send a file."""
    client = connect(url)
    frames = pd.read_csv(path, dtype=str, keep_default_na=False, chunksize=ROWS_AT_ONCE)
    for frame in frames:
        rows = drop_invalid(frame).to_dict("records")
        for start in range(0, len(rows), 100):
            send(client, [nest(row) for row in rows[start : start + 100]])


if __name__ == "__main__":
    began = time.perf_counter()
    main(sys.argv[1], sys.argv[2])
    print(time.perf_counter() - began)
