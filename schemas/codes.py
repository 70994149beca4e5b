"""Code lists that values of an endpoint are drawn from: countries, locales and time zones.

The lists are those of the packages that publish them (pycountry for ISO 3166-1 and ISO 639-1,
tzdata for the tz database), read on first use and kept. Columns are worked on by distinct value.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from importlib import resources

import polars as pl

COUNTRY_ALIASES = {
    "america": "US",
    "brunei": "BN",
    "burma": "MM",
    "cape verde": "CV",
    "democratic republic of the congo": "CD",
    "dr congo": "CD",
    "east timor": "TL",
    "el": "GR",
    "england": "GB",
    "great britain": "GB",
    "holland": "NL",
    "hong kong sar": "HK",
    "ivory coast": "CI",
    "macau": "MO",
    "macedonia": "MK",
    "micronesia": "FM",
    "northern ireland": "GB",
    "palestine": "PS",
    "russia": "RU",
    "scotland": "GB",
    "swaziland": "SZ",
    "turkey": "TR",
    "uk": "GB",
    "vatican": "VA",
    "vatican city": "VA",
    "wales": "GB",
}
"""Everyday names that ISO 3166-1 does not list, as `fold_name` writes them, and their alpha-2 code.

`uk` and `el` are the European Union's own codes for GB and GR (Interinstitutional style guide,
7.1.1); neither is assigned to another country.
"""

NAME_LANGUAGES = ("de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "fi", "cs", "hu", "tr")
"""Languages in which names of countries are known, for suggestions only."""
_SCRIPT_LETTERS = 4
"""Of a code of ISO 15924, as in zh-Hans-CN."""


@cache
def country_codes() -> frozenset[str]:
    """Return the ISO 3166-1 alpha-2 codes, in upper case."""
    import pycountry

    return frozenset(country.alpha_2 for country in pycountry.countries)


@cache
def country_labels() -> dict[str, str]:
    """Return what people call the countries, by alpha-2 code.

    >>> country_labels()["BO"]
    'Bolivia'
    """
    import pycountry

    return {c.alpha_2: getattr(c, "common_name", c.name) for c in pycountry.countries}


@cache
def locale_languages() -> frozenset[str]:
    """Return the ISO 639-1 language codes, in lower case."""
    import pycountry

    return frozenset(
        language.alpha_2 for language in pycountry.languages if hasattr(language, "alpha_2")
    )


@cache
def timezones() -> frozenset[str]:
    """Return every name of the tz database, links included.

    The list is the tzdata package's own: which zones the machine has installed does not matter.
    """
    names = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return frozenset(names.split())


def normalize_countries(values: pl.Series) -> pl.Series:
    """Return the alpha-2 code of each country that can be told, else the text as it came.

    Read are alpha-2 and alpha-3 codes, the English names of ISO 3166-1 (name, common and official
    name) and `COUNTRY_ALIASES`; case, accents and punctuation are ignored. Names in other
    languages are not read, and nothing is guessed from a likeness.

    Args:
        values: Strings; null stays null.

    Returns:
        Strings of the same length and name.
    """
    return _replace_distinct(values, lambda text: country_names().get(fold_name(text)))


def normalize_locales(values: pl.Series) -> pl.Series:
    """Return `xx_YY` for each language and country written `en-us`, `EN_us` or alike.

    A text whose language or country is not in ISO 639-1 or ISO 3166-1, or that has other parts
    (script, encoding), stays as it came.

    Args:
        values: Strings; null stays null.

    Returns:
        Strings of the same length and name.
    """
    return _replace_distinct(values, _read_locale)


def check_locales(values: pl.Series) -> pl.Series:
    """Tell for each text whether it is `xx_YY` of ISO 639-1 and ISO 3166-1.

    Whether the language is spoken in the country is not asked.

    Args:
        values: Strings; null stays null.

    Returns:
        Booleans of the same length and name.
    """
    distinct = values.drop_nulls().unique().to_list()
    accepted = pl.Series([text for text in distinct if _read_locale(text) == text], dtype=pl.String)
    return values.is_in(accepted.implode()).alias(values.name)


def normalize_timezones(values: pl.Series) -> pl.Series:
    """Return the tz database's spelling of each zone, else the text as it came.

    Only case, and spaces for underscores, are put right: `america/los angeles` is
    `America/Los_Angeles`. Abbreviations and offsets that are not names of the database stay, and
    a link is not replaced by the zone it points to.

    Args:
        values: Strings; null stays null.

    Returns:
        Strings of the same length and name.
    """
    return _replace_distinct(values, lambda text: _timezones().get(_fold_timezone(text)))


def _replace_distinct(values: pl.Series, read: Callable[[str], str | None]) -> pl.Series:
    """Return the values with each distinct one replaced by what `read` makes of it, if anything."""
    changes: dict[str, str] = {}
    for text in values.drop_nulls().unique().to_list():
        code = read(text)
        if code is not None and code != text:
            changes[text] = code
    if not changes:
        return values
    return values.replace(list(changes), list(changes.values()))


def fold_name(text: str) -> str:
    """Return a country name without case, accents, punctuation and a leading article."""
    letters = "".join(
        character if character.isalnum() else " "
        for character in unicodedata.normalize("NFKD", text.replace("&", " and ")).casefold()
        if not unicodedata.combining(character) and character != "."
    )
    return " ".join(letters.split()).removeprefix("the ")


@cache
def country_names() -> dict[str, str]:
    """Return alpha-2 codes by folded code or English name; codes win over names."""
    import pycountry

    table = dict(COUNTRY_ALIASES)
    for fields in (("official_name", "common_name", "name"), ("alpha_3",), ("alpha_2",)):
        for country in pycountry.countries:
            for field in fields:
                if hasattr(country, field):
                    table[fold_name(getattr(country, field))] = country.alpha_2
    return table


@cache
def translated_country_names() -> dict[str, str]:
    """Return alpha-2 codes by folded name in `NAME_LANGUAGES`, of names of one country only."""
    import gettext

    import pycountry

    codes: dict[str, set[str]] = {}
    for language in NAME_LANGUAGES:
        read = gettext.translation("iso3166-1", pycountry.LOCALES_DIR, [language]).gettext
        for country in pycountry.countries:
            for name in (country.name, getattr(country, "common_name", country.name)):
                codes.setdefault(fold_name(read(name)), set()).add(country.alpha_2)
    return {name: found.pop() for name, found in codes.items() if name and len(found) == 1}


def suggest_locale(text: str) -> str | None:
    """Return the locale that a text of another form means, or None if that cannot be told.

    Read are a script or an encoding besides, codes of three letters, names of countries, and the
    country before the language.

    >>> [suggest_locale(text) for text in ("zh-Hans-CN", "eng_USA", "en_UK", "US_en", "en")]
    ['zh_CN', 'en_US', 'en_GB', 'en_US', None]
    """
    parts = re.split(r"[\s_/-]+", re.split(r"[.@]", text.strip())[0])
    if len(parts) == 3 and len(parts[1]) == _SCRIPT_LETTERS:
        del parts[1]
    if len(parts) != 2:
        return None
    read = {
        (_language(one), country_names().get(fold_name(two))) for one, two in (parts, parts[::-1])
    }
    whole = [pair for pair in read if all(pair)]
    return "_".join(map(str, whole[0])) if len(whole) == 1 else None


def _language(text: str) -> str | None:
    import pycountry

    code = text.lower()
    if code in locale_languages():
        return code
    language = pycountry.languages.get(alpha_3=code) if len(code) == 3 else None
    return getattr(language, "alpha_2", None)


def _read_locale(text: str) -> str | None:
    """Return a locale as `xx_YY`, None when its language or country is unknown."""
    language, separator, country = text.replace("-", "_").partition("_")
    language, country = language.lower(), country.upper()
    if separator and language in locale_languages() and country in country_codes():
        return f"{language}_{country}"
    return None


def _fold_timezone(text: str) -> str:
    return text.lower().replace(" ", "_")


@cache
def _timezones() -> dict[str, str]:
    """Return the tz database's names by their folded form."""
    return {_fold_timezone(name): name for name in timezones()}
