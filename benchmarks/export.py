"""Generates the export that is measured: 24 columns, SMS and e-mail in turn, synthetic."""

import csv
import random
from pathlib import Path

HEADER = [
    "Id",
    "ChannelType",
    "Address",
    "EndpointStatus",
    "OptOut",
    "EffectiveDate",
    "Location.City",
    "Location.Country",
    "Location.PostalCode",
    "Location.Latitude",
    "Location.Longitude",
    "Demographic.Make",
    "Demographic.Model",
    "Demographic.Locale",
    "Demographic.Timezone",
    "Demographic.Platform",
    "Attributes.Interests",
    "Attributes.Segment",
    "Attributes.Plan",
    "Attributes.Source",
    "Metrics.Purchases",
    "Metrics.Spend",
    "User.UserId",
    "User.UserAttributes.Tier",
]


def write_export(path: Path, rows: int, seed: int = 7) -> None:
    """Write an export of so many valid rows; equal arguments give an equal file."""
    draw = random.Random(seed)
    cities = (("Seattle", "US"), ("München", "DE"), ("São Paulo", "BR"), ("東京", "JP"))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number in range(rows):
            is_sms = number % 2 == 1
            city, country = draw.choice(cities)
            writer.writerow(
                [
                    f"endpoint-{number}",
                    "SMS" if is_sms else "EMAIL",
                    f"+1206{2000000 + number // 2:07d}" if is_sms else f"p{number}@example.com",
                    "ACTIVE",
                    "NONE",
                    f"2026-{1 + number % 9:02d}-{1 + number % 28:02d}T10:{number % 60:02d}:00Z",
                    city,
                    country,
                    f"{10000 + number % 89999}",
                    f"{draw.uniform(-80, 80):.4f}",
                    f"{draw.uniform(-170, 170):.4f}",
                    "apple",
                    "iPhone",
                    "en_US",
                    "America/Los_Angeles",
                    "ios",
                    draw.choice(("music", "sport")),
                    draw.choice(("travel", "")),
                    draw.choice(("free", "pro")),
                    "crm",
                    str(number % 50),
                    f"{draw.uniform(0, 999):.2f}",
                    f"user-{number // 2}",
                    draw.choice(("gold", "silver")),
                ]
            )
