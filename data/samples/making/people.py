"""People: rows of an export in which nothing is wrong, in the many spellings that exports have."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from making.places import PLACES, City, Place

Cells = dict[str, str]

CHANNEL_SETS = (
    (("SMS",), 20),
    (("EMAIL",), 18),
    (("SMS", "EMAIL"), 18),
    (("EMAIL", "GCM"), 10),
    (("EMAIL", "APNS"), 8),
    (("SMS", "VOICE"), 3),
    (("SMS", "EMAIL", "APNS"), 5),
    (("GCM",), 5),
    (("APNS", "APNS_VOIP"), 2),
    (("APNS_SANDBOX",), 1),
    (("APNS_VOIP_SANDBOX",), 1),
    (("ADM",), 2),
    (("BAIDU",), 2),
    (("PUSH",), 1),
    (("CUSTOM",), 2),
    (("IN_APP", "EMAIL"), 2),
)
"""Channels that one person has, and how usual that is."""

DEVICES = {
    "ios": ("Apple", "iPhone", ("14,5", "15,2", "16,1"), "iOS", ("17.6", "18.2", "26.0")),
    "android": ("Google", "Pixel", ("7a", "8", "9 Pro"), "Android", ("13", "14", "15")),
}
INTERESTS = ("running", "jazz", "science fiction", "café", "шахматы", "料理", "football", "théâtre")
MOTTOS = (
    'She said "yes"',
    "Carpe diem 🌞",
    "👩‍🚀 to the moon, and back",
    "one\ntwo",
    "¡Vámonos! 🎉🎉",
    "100 % sure; maybe",
    "",
    "",
    "",
    "",
)
PLANS = ("free", "basic", "premium", "premium+")
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
FIRST_DATE = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass
class Row:
    """One record and what should become of it."""

    cells: Cells
    interests: list[str] = field(default_factory=list)
    outcome: str = "accepted"
    codes: list[str] = field(default_factory=list)
    text: str | None = None
    """The whole record as it stands in the file, for one that is malformed."""
    rank: float = 0.0
    """Rows are written in this order."""
    is_taken: bool = False
    """Something was done to the row already."""

    def __getitem__(self, column: str) -> str:
        """Give a cell, empty if there is none."""
        return self.cells.get(column, "")


class PeopleMaker:
    """Makes rows; equal seeds make equal rows."""

    def __init__(self, rng: random.Random, prefix: str, *, tidy: bool) -> None:
        """Begin; a tidy maker writes the one form that is the service's own."""
        self._rng = rng
        self._prefix = prefix
        self._tidy = tidy
        self._people = 0
        self._rows = 0
        self._numbers: Counter[str] = Counter()

    def rows(self) -> Iterator[Row]:
        """Yield rows without end: the endpoints of one person after another."""
        while True:
            yield from self.person()

    def person(self, channels: tuple[str, ...] | None = None) -> list[Row]:
        """Make the endpoints of one person."""
        rng = self._rng
        self._people += 1
        place = rng.choices(PLACES, [place.weight for place in PLACES])[0]
        city = rng.choice(place.cities)
        given, family = rng.choice(place.given).split("|"), rng.choice(place.family).split("|")
        name = f"{family[0]}{given[0]}" if place.family_first else f"{given[0]} {family[0]}"
        if channels is None:
            channels = rng.choices([c for c, _ in CHANNEL_SETS], [w for _, w in CHANNEL_SETS])[0]
        cells = self._shared_cells(place, city, name)
        phone = self._phone(place)
        mail = f"{given[1]}.{family[1]}{self._people}@example.com"
        return [self._row(cells, channel, place, phone, mail) for channel in channels]

    def _shared_cells(self, place: Place, city: City, name: str) -> Cells:
        rng = self._rng
        country = place.codes[0] if self._tidy else rng.choices(place.codes, (80, 10, 10))[0]
        locale = place.locale
        if not self._tidy and rng.random() < 0.15:
            locale = rng.choice((locale.lower().replace("_", "-"), locale.upper()))
        has_place, has_point = rng.random() < 0.9, rng.random() < 0.5
        return {
            "Location.Latitude": f"{city.latitude}" if has_point else "",
            "Location.Longitude": f"{city.longitude}" if has_point else "",
            "Location.PostalCode": city.postal_code if has_place else "",
            "Location.City": city.name if has_place else "",
            "Location.Region": city.region if has_place else "",
            "Location.Country": country,
            "Demographic.Timezone": city.timezone,
            "Demographic.Locale": locale,
            "User.UserId": f"{self._prefix}user-{self._people:04}",
            "User.UserAttributes.Name": name,
            "User.UserAttributes.Loyalty": rng.choice(("bronze", "silver", "gold", "")),
        }

    def _row(self, shared: Cells, channel: str, place: Place, phone: str, mail: str) -> Row:
        rng = self._rng
        self._rows += 1
        address = self._address(channel, place, phone, mail)
        is_lower = not self._tidy and rng.random() < 0.1
        has_id = self._tidy or rng.random() > 0.05
        cells = {
            "Id": f"{self._prefix}{self._rows:06}" if has_id else "",
            "ChannelType": channel.lower() if is_lower else channel,
            "Address": address,
            "EndpointStatus": rng.choice(("ACTIVE", "ACTIVE", "INACTIVE", "")),
            "OptOut": rng.choices(("NONE", "ALL", ""), (60, 10, 30))[0],
            "EffectiveDate": self._date(),
            **shared,
            **self._device(channel),
            "Attributes.Plan": rng.choice(PLANS),
            "Attributes.Motto": rng.choice(MOTTOS),
            "Metrics.Purchases": f"{rng.randrange(40)}" if rng.random() < 0.7 else "",
            "Metrics.LifetimeValue": self._money(),
        }
        return Row(cells, rng.sample(INTERESTS, rng.randrange(4)))

    def _money(self) -> str:
        rng = self._rng
        forms = (f"{rng.randrange(500_000) / 100}", f"{rng.randrange(900)}", "1.5e3", "-12.5", "")
        return rng.choices(forms, (60, 15, 2, 3, 20))[0]

    def _date(self) -> str:
        rng = self._rng
        moment = FIRST_DATE + timedelta(seconds=rng.randrange(600 * 86_400))
        usual = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        if self._tidy:
            return usual
        berlin = moment.astimezone(timezone(timedelta(hours=2)))
        forms = (
            usual,
            moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{rng.randrange(1000):03}Z",
            berlin.strftime("%Y-%m-%dT%H:%M:%S+02:00"),
            berlin.strftime("%Y-%m-%d %H:%M:%S+0200"),
            moment.strftime("%Y%m%dT%H%M%SZ"),
            moment.strftime("%Y-%m-%dT%H:%M+00:00"),
            "",
        )
        return rng.choices(forms, (50, 15, 10, 5, 5, 5, 10))[0]

    def _phone(self, place: Place) -> str:
        """Give the next number of a place, as calling code and national number with a blank."""
        code = place.calling_code
        number = self._numbers[place.codes[0]]
        self._numbers[place.codes[0]] += 1
        if code == "+1":
            prefix = place.mobile[number % len(place.mobile)]
            return f"{code} {prefix}{number // len(place.mobile):02}"
        return f"{code} {place.mobile[0]}{number:04}"

    def _address(self, channel: str, place: Place, phone: str, mail: str) -> str:
        if channel in ("SMS", "VOICE"):
            return self._spell_phone(place, phone)
        if channel == "EMAIL":
            is_odd = not self._tidy and self._rng.random() < 0.05
            return mail.replace("example.com", "Example.COM") if is_odd else mail
        return self._token(channel)

    def _spell_phone(self, place: Place, phone: str) -> str:
        code, national = phone.split(" ")
        form = 0.0 if self._tidy else self._rng.random()
        if form < 0.75:
            return code + national
        if form < 0.85:
            return f"{code} {national[:3]} {national[3:6]} {national[6:]}"
        if code == "+1":
            return f"({national[:3]}) {national[3:6]}-{national[6:]}"
        return f"{place.trunk}{national[:3]} {national[3:]}"

    def _token(self, channel: str) -> str:
        rng = self._rng
        hexadecimal = f"{rng.getrandbits(256):064x}"
        text = "".join(rng.choices(BASE64, k=156))
        if channel.startswith("APNS"):
            return hexadecimal
        return {
            "GCM": f"{text[:22]}:APA91b{text[22:]}",
            "ADM": f"amzn1.adm-registration.v3.{text}",
            "BAIDU": f"{int(hexadecimal[:12], 16)}:{int(hexadecimal[12:24], 16)}",
            "PUSH": text[:64],
            "CUSTOM": f"https://hooks.example.com/{text[:16]}",
            "IN_APP": f"in-app/{text[:12]}",
        }[channel]

    def _device(self, channel: str) -> Cells:
        if channel in ("SMS", "VOICE", "EMAIL", "CUSTOM"):
            return {}
        rng = self._rng
        make, model, versions, platform, releases = DEVICES[
            "ios" if channel.startswith("APNS") else "android"
        ]
        return {
            "Demographic.Make": make,
            "Demographic.Model": model,
            "Demographic.ModelVersion": rng.choice(versions),
            "Demographic.AppVersion": rng.choice(("4.0.1", "4.1", "5.0-beta")),
            "Demographic.Platform": platform,
            "Demographic.PlatformVersion": rng.choice(releases),
        }
