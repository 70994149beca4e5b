"""Generates the export that is measured: 24 columns, SMS and e-mail in turn, synthetic.

Every row is a function of its number and the seed, so a shorter export is the beginning of a longer
one, and polars writes millions of rows in slices.
"""

from pathlib import Path

import polars as pl

SLICE_ROWS = 200_000
"""Rows held in memory at once."""


def write_export(path: Path, rows: int, seed: int = 7) -> None:
    """Write an export of so many valid rows; equal arguments give an equal file."""
    with path.open("wb") as file:
        for start in range(0, max(rows, 1), SLICE_ROWS):
            stop = min(start + SLICE_ROWS, rows)
            frame = pl.select(number=pl.int_range(start, stop)).select(_columns(seed))
            frame.write_csv(file, include_header=start == 0, line_terminator="\r\n")


def _columns(seed: int) -> list[pl.Expr]:
    number = pl.col("number")
    half = number // 2
    is_sms = number % 2 == 1
    pair = {"Seattle": "US", "München": "DE", "São Paulo": "BR", "東京": "JP"}
    city = _choose(list(pair), seed, 1)
    date = pl.format(
        "2026-{}-{}T10:{}:00Z",
        _padded(1 + number % 9, 2),
        _padded(1 + number % 28, 2),
        _padded(number % 60, 2),
    )
    phone = pl.format("+1206{}", _padded(2_000_000 + half, 7))
    columns = {
        "Id": pl.format("endpoint-{}", number),
        "ChannelType": pl.when(is_sms).then(pl.lit("SMS")).otherwise(pl.lit("EMAIL")),
        "Address": pl.when(is_sms).then(phone).otherwise(pl.format("p{}@example.com", number)),
        "EndpointStatus": pl.lit("ACTIVE"),
        "OptOut": pl.lit("NONE"),
        "EffectiveDate": date,
        "Location.City": city,
        "Location.Country": city.replace_strict(pair),
        "Location.PostalCode": 10000 + number % 89999,
        "Location.Latitude": _between(-80, 80, seed, 2).round(4),
        "Location.Longitude": _between(-170, 170, seed, 3).round(4),
        "Demographic.Make": pl.lit("apple"),
        "Demographic.Model": pl.lit("iPhone"),
        "Demographic.Locale": pl.lit("en_US"),
        "Demographic.Timezone": pl.lit("America/Los_Angeles"),
        "Demographic.Platform": pl.lit("ios"),
        "Attributes.Interests": _choose(["music", "sport"], seed, 4),
        "Attributes.Segment": _choose(["travel", None], seed, 5),
        "Attributes.Plan": _choose(["free", "pro"], seed, 6),
        "Attributes.Source": pl.lit("crm"),
        "Metrics.Purchases": number % 50,
        "Metrics.Spend": _between(0, 999, seed, 7).round(2),
        "User.UserId": pl.format("user-{}", half),
        "User.UserAttributes.Tier": _choose(["gold", "silver"], seed, 8),
    }
    return [expression.alias(name) for name, expression in columns.items()]


def _padded(number: pl.Expr, digits: int) -> pl.Expr:
    return number.cast(pl.String).str.zfill(digits)


def _draw(seed: int, salt: int) -> pl.Expr:
    """Give for each row a number from 0 to 2^32 - 1 that looks random.

    Arithmetic of its own, as polars may hash differently from version to version.
    """
    drawn = (pl.col("number").cast(pl.UInt64) + (seed * 1_000_003 + salt * 7_919)) % 2**32
    for factor in (0x85EBCA6B, 0xC2B2AE35):  # those of MurmurHash3's last step
        drawn = (drawn ^ (drawn // 2**16)) * pl.lit(factor, pl.UInt64) % 2**32
    return drawn ^ (drawn // 2**16)


def _choose(values: list[str | None], seed: int, salt: int) -> pl.Expr:
    drawn = _draw(seed, salt) % len(values)
    return drawn.replace_strict(dict(enumerate(values)), return_dtype=pl.String)


def _between(low: float, high: float, seed: int, salt: int) -> pl.Expr:
    return low + (high - low) * (_draw(seed, salt).cast(pl.Float64) / 2**32)
