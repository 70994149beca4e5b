"""Troubles of spreadsheets: accidents that are undone with a warning, and those that are not."""

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

TROUBLES = (
    Trouble(
        "odd_spaces",
        "Non-breaking and other odd spaces become plain ones.",
        mails("Location.City", "New\u00a0York", "Den\u202fHaag", "Sankt\u2007Gallen\u00a0", "Köln"),
        (*all_rows(3, ACCEPTED, "text.odd_space"), ACCEPTED),
        stored={"e1": {"Location.City": "New York"}, "e3": {"Location.City": "Sankt Gallen"}},
    ),
    Trouble(
        "invisible_characters",
        "Invisible characters are removed, but where a language needs them.",
        write_csv(
            (*MAIL_HEADER, "Attributes.Motto"),
            ("\ufeffe1", "EMAIL", "e1@example.com", "Carpe\u200b diem"),
            ("e2", "EMAIL", "e2@exam\u00adple.com", ""),
            ("e3", "SMS", "\u202a+12065550100\u202c", ""),
            ("e4", "EMAIL", "e4@example.com", "می\u200cخواهم 👩\u200d🚀"),
        ),
        (
            (ACCEPTED, *["text.invisible_character"] * 2),
            *all_rows(2, ACCEPTED, "text.invisible_character"),
            ACCEPTED,
        ),
        stored={
            "e1": {"Attributes.Motto": ["Carpe diem"]},
            "e2": {"Address": "e2@example.com"},
            "e3": {"Address": "+12065550100"},
            "e4": {"Attributes.Motto": ["می\u200cخواهم 👩\u200d🚀"]},
        },
    ),
    Trouble(
        "quotes_around_values",
        "Typographic quotes around a value go, and so does the apostrophe that marks text.",
        write_csv(
            (*MAIL_HEADER, "Location.City"),
            ("e1", "EMAIL", "“e1@example.com”", "„Köln“"),
            ("e2", "SMS", "'+12065550100", "'s-Hertogenbosch"),
            ("e3", "EMAIL", "e3@example.com", "“A” and “B”"),
        ),
        (
            (ACCEPTED, *["text.quotes_removed"] * 2),
            (ACCEPTED, "text.quotes_removed"),
            ACCEPTED,
        ),
        stored={
            "e1": {"Location.City": "Köln"},
            "e2": {"Address": "+12065550100", "Location.City": "'s-Hertogenbosch"},
        },
    ),
    Trouble(
        "number_forms",
        "Numbers with separators are read where there is one reading; 1,200 has two.",
        mails("Metrics.Spend", "1.200,50", "1,200.50", "12,5", "1 200,50", "1'200.50", "1,200"),
        (*all_rows(5, ACCEPTED, "number.format"), (INVALID, "metric.not_a_number")),
        stored={
            "e1": {"Metrics.Spend": 1200.5},
            "e3": {"Metrics.Spend": 12.5},
            "e4": {"Metrics.Spend": 1200.5},
        },
    ),
    Trouble(
        "epoch_times",
        "Seconds and milliseconds since 1970 are exact: they are read, with a warning.",
        mails("EffectiveDate", "1769851800", "1769851800123"),
        all_rows(2, ACCEPTED, "effective_date.epoch_time"),
        stored={
            "e1": {"EffectiveDate": "2026-01-31T09:30:00.000Z"},
            "e2": {"EffectiveDate": "2026-01-31T09:30:00.123Z"},
        },
    ),
    Trouble(
        "serial_dates",
        "Days since 1900 are not read: they may as well be days since 1904.",
        mails("EffectiveDate", "46053", "46053.395833"),
        all_rows(2, INVALID, "effective_date.serial_number"),
    ),
    Trouble(
        "spreadsheet_errors",
        "What a formula shows that failed is no value, in no column and no language.",
        write_csv(
            (*MAIL_HEADER, "OptOut", "Location.City", "Metrics.Spend"),
            ("#N/A", "EMAIL", "e1@example.com", "", "", ""),
            ("e2", "EMAIL", "e2@example.com", "#REF!", "", ""),
            ("e3", "EMAIL", "e3@example.com", "", "#BEZUG!", "#DIV/0!"),
            ("e4", "EMAIL", "e4@example.com", "", "#1 in town", ""),
        ),
        (
            *all_rows(2, INVALID, "text.spreadsheet_error"),
            (INVALID, *["text.spreadsheet_error"] * 2),
            ACCEPTED,
        ),
    ),
    Trouble(
        "ids_in_scientific_notation",
        "Ids that lost their digits would make one endpoint or user of many.",
        write_csv(
            (*MAIL_HEADER, "User.UserId", "Location.PostalCode"),
            ("1.23457E+11", "EMAIL", "e1@example.com", "1.23457E+11", "1.2E+08"),
            ("e2", "EMAIL", "e2@example.com", "12E5", ""),
        ),
        (
            (
                INVALID,
                "id.scientific_notation",
                "location.postal_code_scientific_notation",
                "user.id_scientific_notation",
            ),
            ACCEPTED,
        ),
    ),
    Trouble(
        "phone_zero_lost",
        "An Italian number keeps its 0 in international form: without it, it is another one.",
        addresses("SMS", "+39612345678", "+390612345678", "+393123456789"),
        ((INVALID, "address.zero_lost"), ACCEPTED, ACCEPTED),
    ),
    Trouble(
        "replacement_character",
        "U+FFFD stands where another program lost a byte: what it was is not known.",
        mails("Location.City", "M\ufffdnchen", "München"),
        ((INVALID, "text.replacement_character"), ACCEPTED),
    ),
)
