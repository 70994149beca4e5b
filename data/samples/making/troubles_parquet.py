"""Troubles with types: Parquet files as other tools write them."""

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from making.trouble import ACCEPTED, INVALID, Trouble, all_rows

NAIVE = datetime(2026, 1, 31, 9, 30)  # noqa: DTZ001 (that it has no zone is the trouble)


def _mails(**columns: Any) -> pa.Table:
    """Make EMAIL endpoints e1, e2, ... with further columns; `__` stands for a dot."""
    count = len(next(iter(columns.values())))
    return pa.table(
        {
            "Id": [f"e{number}" for number in range(1, count + 1)],
            "ChannelType": ["EMAIL"] * count,
            "Address": [f"e{number}@example.com" for number in range(1, count + 1)],
            **{name.replace("__", "."): values for name, values in columns.items()},
        }
    )


def _phones(numbers: pa.Array) -> pa.Table:
    ids = [f"p{number}" for number in range(1, len(numbers) + 1)]
    return pa.table({"Id": ids, "ChannelType": ["SMS"] * len(numbers), "Address": numbers})


TROUBLES = (
    Trouble(
        "parquet_lists",
        "Lists hold several values; nulls and blanks among them are none.",
        _mails(Attributes__Tags=[["a", "b"], ["c", None, " "], [], None]),
        all_rows(4, ACCEPTED),
        stored={
            "e1": {"Attributes.Tags": ["a", "b"]},
            "e2": {"Attributes.Tags": ["c"]},
            "e3": {"Attributes.Tags": None},
        },
    ),
    Trouble(
        "parquet_list_of_51",
        "A list of 51 values is one too many.",
        _mails(Attributes__Tags=[["x"] * 50, ["x"] * 51]),
        (ACCEPTED, (INVALID, "attribute.too_many_values")),
    ),
    Trouble(
        "parquet_list_of_numbers",
        "Lists of numbers are lists of their texts.",
        _mails(Attributes__Sizes=[[38, 40], [42]]),
        (ACCEPTED, ACCEPTED),
        stored={"e1": {"Attributes.Sizes": ["38", "40"]}},
    ),
    Trouble(
        "parquet_structs",
        "Structs are dotted columns.",
        _mails(
            Location=[{"Country": "USA", "Latitude": 47.6062}, {"Country": "Mars", "Latitude": 95}],
            User=[
                {"UserId": "u1", "UserAttributes": {"Name": "Ana", "Teams": ["red", "blue"]}},
                None,
            ],
        ),
        (ACCEPTED, (INVALID, "location.country_unknown", "location.latitude_invalid")),
        stored={
            "e1": {
                "Location": {"Country": "US", "Latitude": 47.6},
                "User.UserAttributes": {"Name": ["Ana"], "Teams": ["red", "blue"]},
            }
        },
    ),
    Trouble(
        "parquet_booleans",
        "A boolean attribute is text; a boolean OptOut says neither ALL nor NONE.",
        _mails(Attributes__Vip=[True, False, None], OptOut=[None, True, False]),
        (ACCEPTED, *all_rows(2, INVALID, "opt_out.unknown")),
        stored={"e1": {"Attributes.Vip": ["true"]}},
    ),
    Trouble(
        "parquet_timestamps",
        "Timestamps with a zone become UTC.",
        _mails(EffectiveDate=pa.array([NAIVE, None], pa.timestamp("us", "America/New_York"))),
        (ACCEPTED, ACCEPTED),
        stored={"e1": {"EffectiveDate": "2026-01-31T09:30:00.000Z"}},
    ),
    Trouble(
        "parquet_dates_without_zone",
        "Timestamps without a zone are read as UTC and warned of.",
        _mails(EffectiveDate=[NAIVE]),
        all_rows(1, ACCEPTED, "effective_date.zone_missing"),
        stored={"e1": {"EffectiveDate": "2026-01-31T09:30:00.000Z"}},
    ),
    Trouble(
        "parquet_dates",
        "Dates have no zone either.",
        _mails(EffectiveDate=[date(2026, 1, 31)]),
        all_rows(1, ACCEPTED, "effective_date.zone_missing"),
        stored={"e1": {"EffectiveDate": "2026-01-31T00:00:00.000Z"}},
    ),
    Trouble(
        "parquet_date_attribute",
        "A date among the attributes is its text.",
        _mails(
            Attributes__Since=[date(2026, 1, 31)],
            Attributes__At=[datetime(2026, 1, 31, tzinfo=UTC)],
        ),
        (ACCEPTED,),
        stored={"e1": {"Attributes.Since": ["2026-01-31"]}},
    ),
    Trouble(
        "parquet_integer_phones",
        "Phone numbers as whole numbers have lost their plus: named, not repaired.",
        _phones(pa.array([12065550100, 4915123456789])),
        all_rows(2, INVALID, "address.plus_lost"),
    ),
    Trouble(
        "parquet_float_phones",
        "Phone numbers as floats have lost their plus, too; no digit is added.",
        _phones(pa.array([12065550100.0, 4915123456789.0])),
        all_rows(2, INVALID, "address.plus_lost"),
    ),
    Trouble(
        "parquet_float_ids",
        "Ids and postal codes that a tool turned into floats are whole numbers again.",
        pa.table(
            {
                "Id": [1001.0, 1002.0],
                "ChannelType": ["EMAIL", "EMAIL"],
                "Address": ["e1@example.com", "e2@example.com"],
                "Location.PostalCode": [80331.0, None],
            }
        ),
        (ACCEPTED, ACCEPTED),
        stored={"1001": {"Location.PostalCode": "80331"}},
    ),
    Trouble(
        "parquet_nan_metric",
        "A metric that is NaN or infinite would reach the service as text: it is refused.",
        _mails(Metrics__Score=[1.5, float("nan"), float("inf"), None]),
        (ACCEPTED, *all_rows(2, INVALID, "metric.not_a_number"), ACCEPTED),
        stored={"e1": {"Metrics.Score": 1.5}},
    ),
    Trouble(
        "parquet_nul",
        "A NUL character makes its row invalid.",
        _mails(Attributes__Note=["fine", "a\x00b"]),
        (ACCEPTED, (INVALID, "text.control_character")),
    ),
    Trouble(
        "parquet_dictionary",
        "Columns with a dictionary, as for categories, are text.",
        _mails(Location__Country=pa.array(["US", "DE", "US"]).dictionary_encode()),
        all_rows(3, ACCEPTED),
        stored={"e2": {"Location.Country": "DE"}},
    ),
    Trouble(
        "parquet_no_rows", "A Parquet file without rows is a run of no rows.", _mails(OptOut=[])
    ),
    Trouble(
        "parquet_binary",
        "Columns of bytes have no text: the message names the column.",
        _mails(Attributes__Photo=[b"\x01\x02"]),
        error=("Attributes.Photo", "binary"),
    ),
    Trouble(
        "parquet_no_address",
        "A Parquet file needs a column Address as well.",
        pa.table({"Id": ["e1"], "ChannelType": ["EMAIL"]}),
        error=("Address",),
    ),
)
