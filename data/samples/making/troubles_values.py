"""Troubles with single values: addresses, dates, places, codes, attributes and metrics."""

from making.trouble import (
    ACCEPTED,
    INVALID,
    MAIL_HEADER,
    Trouble,
    addresses,
    all_rows,
    mails,
    write_csv,
)

PHONE_INVALID = (INVALID, "address.phone_invalid")
EMAIL_INVALID = (INVALID, "address.email_invalid")
NOT_HEX = (ACCEPTED, "address.token_not_hex")
SMS_COUNTRY = (*MAIL_HEADER, "Location.Country")
DEVICE = "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad"


def _stored(member: str, *values: object) -> dict[str, dict[str, object]]:
    """Expect values of one member of the endpoints e1, e2, ..."""
    return {f"e{number}": {member: value} for number, value in enumerate(values, 1)}


TEXT = (
    Trouble(
        "whitespace",
        "Blanks around values do not count, and a blank value is none.",
        b"Id,ChannelType,Address,Location.City,Location.Country,OptOut\n"
        b" e1 , EMAIL ,  ana@example.com ,\t,  fr ,  \n"
        b"e2,SMS,\xc2\xa0+1 206 555 0100\xc2\xa0, New  York ,\xe3\x80\x80US,NONE \n",
        (ACCEPTED, (ACCEPTED, *["text.odd_space"] * 2)),
        stored={
            "e1": {"Address": "ana@example.com", "Location": {"Country": "FR"}},
            "e2": {"Address": "+12065550100", "Location.City": "New  York", "OptOut": "NONE"},
        },
    ),
    Trouble(
        "control_characters",
        "Control characters make a row invalid, a tab or line break within text does not.",
        mails("Location.City", "Ly\x0bon", "Ly\x1bon", "Ly\x7fon", "Ly\x85on", "Ly\ton", "Ly\non"),
        (*all_rows(4, INVALID, "text.control_character"), ACCEPTED, ACCEPTED),
    ),
    Trouble(
        "mojibake",
        "UTF-8 read in another encoding is named, and the text as it was suggested.",
        mails("Location.City", "MÃ¼nchen", "Besanã§on", "BesanÃ§on", "São Paulo", "Łódź", "Âge"),
        ((INVALID, "text.mojibake"), ACCEPTED, (INVALID, "text.mojibake"), *[ACCEPTED] * 3),
    ),
)

PHONES = (
    Trouble(
        "scientific_notation",
        "A spreadsheet's 4.47946E+11 has lost digits: it is named and never read as a number.",
        addresses("SMS", "4.47946E+11", "4,47946E+11", "1.20656e10", "4.47946E+11"),
        all_rows(4, INVALID, "address.scientific_notation"),
    ),
    Trouble(
        "lost_plus",
        "A number that would be valid with a + is named, not repaired.",
        addresses("SMS", "12065550100", "4915123456789", "12345678"),
        (*all_rows(2, INVALID, "address.plus_lost"), PHONE_INVALID),
    ),
    Trouble(
        "lost_plus_with_country",
        "A lost + is named although the digits, behind another +49, would make a German number.",
        write_csv(
            SMS_COUNTRY,
            ("e1", "SMS", "4915123456789", "DE"),
            ("e2", "SMS", "+4915123456789", "DE"),
        ),
        ((INVALID, "address.plus_lost"), ACCEPTED),
    ),
    Trouble(
        "national_numbers",
        "Numbers in national form are read with the country of their row.",
        write_csv(
            SMS_COUNTRY,
            ("e1", "SMS", "01512 3456789", "DE"),
            ("e2", "SMS", "(206) 555-0100", "USA"),
            ("e3", "VOICE", "090-1234-5678", "Japan"),
            ("e4", "SMS", "01512 3456789", ""),
            ("e5", "SMS", "01512 3456789", "US"),
        ),
        (ACCEPTED, ACCEPTED, ACCEPTED, PHONE_INVALID, PHONE_INVALID),
        stored=_stored("Address", "+4915123456789", "+12065550100", "+819012345678"),
    ),
    Trouble(
        "national_numbers_default_country",
        "The default country is for rows that name none.",
        write_csv(
            SMS_COUNTRY,
            ("e1", "SMS", "01512 3456789", ""),
            ("e2", "SMS", "206 555 0101", "US"),
            ("e3", "SMS", "+33612345678", ""),
        ),
        (ACCEPTED, ACCEPTED, ACCEPTED),
        options={"default_country": "DE"},
        stored=_stored("Address", "+4915123456789", "+12065550101", "+33612345678"),
    ),
    Trouble(
        "phone_spellings",
        "Blanks, brackets, dots and dashes are how people write numbers.",
        addresses(
            "SMS",
            "+1 (206) 555-0100",
            "+49 151/2345-6789",
            "+33 6.12.34.56.78",
            "tel:+81-90-1234-5678",
        ),
        all_rows(4, ACCEPTED),
        stored={"a1": {"Address": "+12065550100"}, "a3": {"Address": "+33612345678"}},
    ),
    Trouble(
        "phone_extension",
        "E.164 has no extensions: nothing may be cut off in silence.",
        addresses("VOICE", "+1 206 555 0100 x12", "+1 206 555 0100 ext. 12", "+12065550100;ext=12"),
        all_rows(3, *PHONE_INVALID),
    ),
    Trouble(
        "phone_invalid",
        "No numbers, too short, too long, no such area, two in one.",
        addresses(
            "SMS",
            "ask reception",
            "+1206555010",
            "+1206555010012345",
            "+1 123 555 0100",
            "+12065550100 / +12065550101",
            "+1206555O100",
        ),
        all_rows(6, *PHONE_INVALID),
    ),
    Trouble(
        "phone_check_format",
        "With phone_check=format only the form of a number counts.",
        addresses("SMS", "+11235550100", "+1206", "call me"),
        (ACCEPTED, ACCEPTED, PHONE_INVALID),
        options={"phone_check": "format"},
    ),
)

MAILS = (
    Trouble(
        "email_idn",
        "International domains are sent in Punycode, domains in lower case.",
        addresses(
            "EMAIL", "anna@bücher.example.com", "Ben.Smith@Example.COM", "李@例子.example.com"
        ),
        all_rows(3, ACCEPTED),
        stored={
            "a1": {"Address": "anna@xn--bcher-kva.example.com"},
            "a2": {"Address": "Ben.Smith@example.com"},
        },
    ),
    Trouble(
        "email_display_name",
        "An address with a name around it is not an address.",
        addresses(
            "EMAIL", "Ana Diaz <ana@example.com>", '"ana" <ana@example.com>', "<ana@example.com>"
        ),
        all_rows(3, *EMAIL_INVALID),
    ),
    Trouble(
        "email_invalid",
        "Addresses that break the syntax.",
        addresses(
            "EMAIL",
            "ana(at)example.com",
            "ana@example",
            "a..b@example.com",
            "ana@example.com; ben@example.com",
            "@example.com",
            "ana@exa mple.com",
        ),
        all_rows(6, *EMAIL_INVALID),
    ),
)

PUSH = (
    Trouble(
        "push_token_odd_length",
        "An APNs token of odd length or not hexadecimal is warned of: sending may fail.",
        addresses(
            "APNS", DEVICE, DEVICE[:-1], f"<{DEVICE[:8]} {DEVICE[8:16]}>", DEVICE.upper()[2:]
        ),
        (ACCEPTED, NOT_HEX, NOT_HEX, ACCEPTED),
    ),
    Trouble(
        "push_tokens_of_others",
        "Tokens of the other push services have no form that could be checked.",
        write_csv(
            MAIL_HEADER,
            ("t1", "GCM", "cN9kq:APA91b-_x"),
            ("t2", "ADM", "amzn1.adm-registration.v3.Y29t"),
            ("t3", "BAIDU", "4211:1126"),
        ),
        all_rows(3, ACCEPTED),
    ),
)

DATES = (
    Trouble(
        "dates",
        "Dates of ISO 8601 in their spellings, with Z or an offset, become UTC.",
        mails(
            "EffectiveDate",
            "2026-01-31T09:30:00Z",
            "2026-01-31T09:30:00.5+02:00",
            "2026-01-01 00:30-0830",
            "20260131T093000Z",
            "2026-01-31T09:30:00.123456789+05:45",
            "",
        ),
        all_rows(6, ACCEPTED),
        stored=_stored(
            "EffectiveDate",
            "2026-01-31T09:30:00.000Z",
            "2026-01-31T07:30:00.500Z",
            "2026-01-01T09:00:00.000Z",
            "2026-01-31T09:30:00.000Z",
            "2026-01-31T03:45:00.123Z",
        ),
    ),
    Trouble(
        "dates_without_zone",
        "A date without a zone is read as UTC and warned of.",
        mails("EffectiveDate", "2026-01-31", "2026-01-31T09:30:00", "2026-01-31 09:30"),
        all_rows(3, ACCEPTED, "effective_date.zone_missing"),
        stored=_stored("EffectiveDate", "2026-01-31T00:00:00.000Z", "2026-01-31T09:30:00.000Z"),
    ),
    Trouble(
        "dates_invalid",
        "Days that do not exist, and dates that are not ISO 8601.",
        mails(
            "EffectiveDate",
            "2026-02-30",
            "2026-13-01T00:00:00Z",
            "31.01.2026",
            "1/31/2026",
            "2026-01-31T25:00:00Z",
            "soon",
        ),
        all_rows(6, INVALID, "effective_date.invalid"),
    ),
)

PLACES = (
    Trouble(
        "coordinates_out_of_range",
        "Latitude is from -90 to 90, longitude from -180 to 180, and both are numbers.",
        write_csv(
            (*MAIL_HEADER, "Location.Latitude", "Location.Longitude"),
            ("e1", "EMAIL", "e1@example.com", "91", "0"),
            ("e2", "EMAIL", "e2@example.com", "-90.5", "180.5"),
            ("e3", "EMAIL", "e3@example.com", "48N", "1,200,000"),
            ("e4", "EMAIL", "e4@example.com", "NaN", "inf"),
            ("e5", "EMAIL", "e5@example.com", "90", "-180"),
        ),
        (
            (INVALID, "location.latitude_invalid"),
            *all_rows(3, INVALID, "location.latitude_invalid", "location.longitude_invalid"),
            ACCEPTED,
        ),
    ),
    Trouble(
        "coordinates_rounding",
        "Coordinates are rounded to one decimal, as the service does.",
        mails("Location.Latitude", "47.6062", "-33.8688", "0.04", "5.1e1", "+10.25"),
        all_rows(5, ACCEPTED),
        stored=_stored("Location.Latitude", 47.6, -33.9, 0.0, 51.0),
    ),
    Trouble(
        "country_forms",
        "Alpha-2, alpha-3 and English names of countries become alpha-2.",
        mails("Location.Country", "us", "DEU", "south korea", "Côte d'Ivoire", "UK", "Türkiye"),
        all_rows(6, ACCEPTED),
        stored=_stored("Location.Country", "US", "DE", "KR", "CI", "GB", "TR"),
    ),
    Trouble(
        "country_unknown",
        "What is no country of ISO 3166-1 is not guessed.",
        mails("Location.Country", "XX", "Deutschland", "United Stats", "49"),
        all_rows(4, INVALID, "location.country_unknown"),
    ),
    Trouble(
        "postal_code_zero_lost",
        "A postal code with fewer digits than its country's has lost its zeros in a spreadsheet.",
        write_csv(
            (*MAIL_HEADER, "Location.PostalCode", "Location.Country"),
            ("e1", "EMAIL", "e1@example.com", "2110", "US"),
            ("e2", "EMAIL", "e2@example.com", "501", "USA"),
            ("e3", "EMAIL", "e3@example.com", "02110", "US"),
            ("e4", "EMAIL", "e4@example.com", "1010", "AT"),
            ("e5", "EMAIL", "e5@example.com", "1067", "DE"),
        ),
        (
            *all_rows(2, INVALID, "location.postal_code_zero_lost"),
            *all_rows(2, ACCEPTED),
            (INVALID, "location.postal_code_zero_lost"),
        ),
    ),
)

CODES = (
    Trouble(
        "locale_forms",
        "Locales become xx_YY.",
        mails("Demographic.Locale", "en_US", "en-us", "DE_at", "zh-CN"),
        all_rows(4, ACCEPTED),
        stored=_stored("Demographic.Locale", "en_US", "en_US", "de_AT", "zh_CN"),
    ),
    Trouble(
        "locale_invalid",
        "A locale is a language of ISO 639-1 and a country of ISO 3166-1.",
        mails("Demographic.Locale", "english", "en", "xx_US", "en_XX", "zh_Hans_CN"),
        all_rows(5, INVALID, "demographic.locale_invalid"),
    ),
    Trouble(
        "timezone_forms",
        "Names of the tz database, older names included; case is put right.",
        mails("Demographic.Timezone", "Europe/Kyiv", "Europe/Kiev", "america/los_angeles", "UTC"),
        all_rows(4, ACCEPTED),
        stored={"e3": {"Demographic.Timezone": "America/Los_Angeles"}},
    ),
    Trouble(
        "timezone_unknown",
        "Offsets, cities and made-up names are no names of the tz database.",
        mails(
            "Demographic.Timezone", "UTC+2", "Berlin", "Europe/Atlantis", "Pacific Standard Time"
        ),
        all_rows(4, INVALID, "demographic.timezone_unknown"),
    ),
    Trouble(
        "opt_out_unknown",
        "Yes and no are not guessed at; a printed None, which means a missing value, is not NONE.",
        mails("OptOut", "yes", "None", "none", "ALL", "all"),
        (*all_rows(3, INVALID, "opt_out.unknown"), ACCEPTED, ACCEPTED),
        stored={"e4": {"OptOut": "ALL"}, "e5": {"OptOut": "ALL"}},
    ),
    Trouble(
        "endpoint_status_unknown",
        "EndpointStatus is ACTIVE or INACTIVE.",
        mails("EndpointStatus", "enabled", "deleted", "INACTIVE", "active"),
        (*all_rows(2, INVALID, "endpoint_status.unknown"), ACCEPTED, ACCEPTED),
        stored={"e3": {"EndpointStatus": "INACTIVE"}},
    ),
)

METRICS = (
    Trouble(
        "metrics",
        "Metrics are decimal numbers, an exponent included.",
        mails("Metrics.Value", "12", "-0.5", "1e5", ".5", "+3.", "0"),
        all_rows(6, ACCEPTED),
        stored=_stored("Metrics.Value", 12.0, -0.5, 100000.0, 0.5, 3.0, 0.0),
    ),
    Trouble(
        "metrics_invalid",
        "What is not a finite number is no metric.",
        mails("Metrics.Value", "NaN", "inf", "-Infinity", "1,234", "n/a", "1e999"),
        all_rows(6, INVALID, "metric.not_a_number"),
    ),
)

TROUBLES = (*TEXT, *PHONES, *MAILS, *PUSH, *DATES, *PLACES, *CODES, *METRICS)
