"""Troubles with whole rows and across rows: Ids, channels, users, limits of attributes."""

from making.trouble import (
    ACCEPTED,
    DUPLICATE,
    INVALID,
    MAIL_HEADER,
    Trouble,
    addresses,
    all_rows,
    mails,
    write_csv,
)

DATED = (*MAIL_HEADER, "EffectiveDate")
USERS = (*MAIL_HEADER, "User.UserId")
DERIVED_MAIL = "1d617610-8f05-577c-bbea-1743b58d855f"
DERIVED_PHONE = "89774d18-4405-5a35-bf9d-692857e112bd"
LONG_NAME = "n" * 51
EMOJI = "👍"
TOO_LONG = (INVALID, "attribute.value_too_long")
FIFTY = "Attributes." + "v" * 50


def _members(channel: str, count: int) -> bytes:
    """Write endpoints of one user."""
    rows = []
    for number in range(1, count + 1):
        address = f"m{number}@example.com" if channel == "EMAIL" else f"{number:064x}"
        rows.append((f"m{number}", channel, address, "u1"))
    return write_csv(USERS, *rows)


def _many_columns(names: list[str], *rows: list[str]) -> bytes:
    records = [
        (f"e{number}", "EMAIL", f"e{number}@example.com", *row)
        for number, row in enumerate(rows, 1)
    ]
    return write_csv((*MAIL_HEADER, *names), *records)


IDS = (
    Trouble(
        "id_characters",
        "The service allows no $, { and } in an Id; tabs and line breaks come from accidents.",
        write_csv(
            MAIL_HEADER,
            ("$1", "EMAIL", "e1@example.com"),
            ("{{id}}", "EMAIL", "e2@example.com"),
            ("a\tb", "EMAIL", "e3@example.com"),
            ("shop/7 é", "EMAIL", "e4@example.com"),
        ),
        (*all_rows(3, INVALID, "id.character_not_allowed"), ACCEPTED),
        stored={"shop/7 é": {"Address": "e4@example.com"}},
    ),
    Trouble(
        "id_missing",
        "A row without Id gets one from channel and normalized address, always the same.",
        write_csv(
            MAIL_HEADER,
            ("", "EMAIL", "ana@EXAMPLE.com"),
            ("", "SMS", "+1 206-555-0100"),
            (" ", "sms", "+12065550100"),
        ),
        (ACCEPTED, DUPLICATE, ACCEPTED),
        stored={
            DERIVED_MAIL: {"Address": "ana@example.com"},
            DERIVED_PHONE: {"Address": "+12065550100"},
        },
    ),
    Trouble(
        "duplicate_id_file_order",
        "Of rows with the same Id the last one wins, if no dates say otherwise.",
        write_csv(
            MAIL_HEADER,
            ("e1", "EMAIL", "old@example.com"),
            ("e2", "EMAIL", "other@example.com"),
            ("e1", "EMAIL", "new@example.com"),
        ),
        (DUPLICATE, ACCEPTED, ACCEPTED),
        stored={"e1": {"Address": "new@example.com"}},
    ),
    Trouble(
        "duplicate_id_opt_out",
        "An opt-out is not lost with a duplicate, unless a later EffectiveDate takes it back.",
        write_csv(
            (*DATED, "OptOut"),
            ("e1", "EMAIL", "e1@example.com", "", "ALL"),
            ("e1", "EMAIL", "e1@example.com", "", ""),
            ("e2", "EMAIL", "e2@example.com", "2026-05-01T10:00:00Z", "ALL"),
            ("e2", "EMAIL", "e2@example.com", "2026-05-02T10:00:00Z", "NONE"),
            ("e3", "EMAIL", "e3@example.com", "", "ALL"),
            ("e3", "EMAIL", "e3@example.com", "2026-05-02T10:00:00Z", "NONE"),
        ),
        (
            *(DUPLICATE, (ACCEPTED, "opt_out.kept")),
            *(DUPLICATE, ACCEPTED),
            *(DUPLICATE, (ACCEPTED, "opt_out.kept")),
        ),
        stored={
            "e1": {"OptOut": "ALL"},
            "e2": {"OptOut": "NONE"},
            "e3": {"OptOut": "ALL"},
        },
    ),
    Trouble(
        "duplicate_id_effective_date",
        "Of rows with the same Id the one with the latest EffectiveDate wins, zones considered.",
        write_csv(
            DATED,
            ("e1", "EMAIL", "new@example.com", "2026-05-01T10:00:00Z"),
            ("e1", "EMAIL", "old@example.com", "2026-05-01T11:30:00+02:00"),
            ("e1", "EMAIL", "undated@example.com", ""),
            ("e2", "EMAIL", "first@example.com", "2026-05-01T10:00:00Z"),
            ("e2", "EMAIL", "last@example.com", "2026-05-01T12:00:00+02:00"),
        ),
        (ACCEPTED, DUPLICATE, DUPLICATE, DUPLICATE, ACCEPTED),
        stored={"e1": {"Address": "new@example.com"}, "e2": {"Address": "last@example.com"}},
    ),
    Trouble(
        "duplicate_id_case",
        "Ids that differ only in case are the same endpoint.",
        write_csv(
            MAIL_HEADER, ("Anna-1", "EMAIL", "a@example.com"), ("ANNA-1", "EMAIL", "b@example.com")
        ),
        (DUPLICATE, ACCEPTED),
    ),
    Trouble(
        "duplicate_id_of_invalid_row",
        "An invalid row wins over nobody: the valid one before it is imported.",
        write_csv(
            MAIL_HEADER, ("e1", "EMAIL", "ana@example.com"), ("e1", "EMAIL", "ana(at)example.com")
        ),
        (ACCEPTED, (INVALID, "address.email_invalid")),
    ),
    Trouble(
        "shared_address",
        "One address under two Ids: the service deactivates the older one, which is warned of.",
        write_csv(
            MAIL_HEADER,
            ("e1", "SMS", "+12065550100"),
            ("e2", "SMS", "+1 206 555 0100"),
            ("e3", "VOICE", "+12065550100"),
        ),
        ((ACCEPTED, "address.shared"), ACCEPTED, ACCEPTED),
        stored={"e1": {"EndpointStatus": "INACTIVE"}, "e2": {"EndpointStatus": "ACTIVE"}},
    ),
)

CHANNELS = (
    Trouble(
        "channel_missing",
        "A row needs a channel.",
        write_csv(MAIL_HEADER, ("e1", "", "ana@example.com"), ("e2", " ", "ben@example.com")),
        all_rows(2, INVALID, "channel_type.missing"),
    ),
    Trouble(
        "channel_unknown",
        "Channels that the service does not have.",
        addresses("WhatsApp", "+12065550100", "+12065550101"),
        all_rows(2, INVALID, "channel_type.unknown"),
    ),
    Trouble(
        "channel_forms",
        "Channels in lower case and other spellings.",
        write_csv(
            MAIL_HEADER,
            ("e1", "email", "ana@example.com"),
            ("e2", "Sms", "+12065550100"),
            ("e3", "in-app", "device-1"),
            ("e4", "apns sandbox", "00" * 32),
        ),
        all_rows(4, ACCEPTED),
        stored={"e1": {"ChannelType": "EMAIL"}, "e4": {"ChannelType": "APNS_SANDBOX"}},
    ),
    Trouble(
        "default_channel",
        "The default channel is for rows that name none.",
        write_csv(MAIL_HEADER, ("e1", "", "+12065550100"), ("e2", "EMAIL", "ana@example.com")),
        (ACCEPTED, ACCEPTED),
        options={"default_channel": "SMS"},
        stored={"e1": {"ChannelType": "SMS"}},
    ),
    Trouble(
        "default_channel_without_column",
        "With a default channel the column may be absent.",
        write_csv(("Address",), ("ana@example.com",), ("ben@example.com",)),
        (ACCEPTED, ACCEPTED),
        options={"default_channel": "EMAIL"},
    ),
    Trouble(
        "address_missing",
        "A row needs an address.",
        addresses("EMAIL", "", "  ", "ana@example.com"),
        (*all_rows(2, INVALID, "address.missing"), ACCEPTED),
    ),
    Trouble(
        "opt_out_absent",
        "Who said nothing about messages is not opted in by an import.",
        mails("OptOut", "", "NONE"),
        (ACCEPTED, ACCEPTED),
        stored={"e1": {"OptOut": None}, "e2": {"OptOut": "NONE"}},
    ),
    Trouble(
        "all_at_once",
        "All that is wrong with a row is reported at once.",
        write_csv(
            (*MAIL_HEADER, "OptOut", "Location.Country", "Metrics.Score", "EffectiveDate"),
            ("{1}", "EMAIL", "ana", "maybe", "Atlantis", "many", "2026-01-31"),
        ),
        (
            (
                INVALID,
                "address.email_invalid",
                "effective_date.zone_missing",
                "id.character_not_allowed",
                "location.country_unknown",
                "metric.not_a_number",
                "opt_out.unknown",
            ),
        ),
    ),
)

USER_TROUBLES = (
    Trouble(
        "user_attributes_without_user",
        "User attributes without a User.UserId belong to nobody, which is warned of.",
        write_csv(
            (*USERS, "User.UserAttributes.Name"),
            ("e1", "EMAIL", "e1@example.com", "", "Ana"),
            ("e2", "EMAIL", "e2@example.com", "u2", "Ben"),
            ("e3", "EMAIL", "e3@example.com", "", ""),
        ),
        ((ACCEPTED, "user.id_missing"), ACCEPTED, ACCEPTED),
    ),
    Trouble(
        "user_of_16_emails",
        "The service refuses a user's sixteenth e-mail endpoint.",
        _members("EMAIL", 16),
        (*[ACCEPTED] * 15, (INVALID, "user.too_many_endpoints")),
    ),
    Trouble(
        "user_of_17_apns",
        "A user's sixteenth push endpoint makes the service deactivate the oldest.",
        _members("APNS", 17),
        (*[ACCEPTED] * 15, *all_rows(2, ACCEPTED, "user.endpoint_displaces")),
    ),
    Trouble(
        "user_of_16_apns_sandbox",
        "APNS_SANDBOX displaces nothing: the sixteenth is refused.",
        _members("APNS_SANDBOX", 16),
        (*[ACCEPTED] * 15, (INVALID, "user.too_many_endpoints")),
    ),
)

ATTRIBUTES = (
    Trouble(
        "attribute_value_length",
        "A value has at most 100 characters; a character is one, however many bytes it takes.",
        mails(
            "Attributes.Text",
            "x" * 100,
            "x" * 101,
            "é" * 100,
            EMOJI * 100,
            EMOJI * 101,
            " " + "x" * 100 + " ",
        ),
        (ACCEPTED, TOO_LONG, ACCEPTED, ACCEPTED, TOO_LONG, ACCEPTED),
    ),
    Trouble(
        "too_many_values",
        "An attribute has at most 50 values; empty cells are none.",
        _many_columns(
            ["Attributes.Tags"] * 51,
            [f"tag {number}" for number in range(50)] + [""],
            [f"tag {number}" for number in range(51)],
        ),
        (ACCEPTED, (INVALID, "attribute.too_many_values")),
    ),
    Trouble(
        "attribute_name_length",
        "A name has at most 50 characters; only rows that use a longer one are refused.",
        _many_columns(
            [FIFTY, f"Attributes.{LONG_NAME}", f"Metrics.{LONG_NAME}"],
            ["a", "", ""],
            ["a", "b", ""],
            ["a", "", "1"],
        ),
        (ACCEPTED, *all_rows(2, INVALID, "attribute.name_too_long")),
    ),
    Trouble(
        "attribute_name_discouraged",
        "The console cannot show names that hold # : ? \\ or /, which is warned of per column.",
        _many_columns(["Attributes.a/b", "Metrics.#", "Attributes.fine"], ["x", "1", "y"]),
        (ACCEPTED,),
        header=("attribute.name_discouraged", "attribute.name_discouraged"),
    ),
    Trouble(
        "endpoint_too_large",
        "An endpoint of more than 15 KB is refused though each of its values is allowed.",
        _many_columns(
            ["Attributes.A", "Attributes.B", "Attributes.C"] * 50,
            ["x" * 100] * 50 + [""] * 100,
            ["x" * 100] * 150,
            ["é" * 100] * 75 + [""] * 75,
        ),
        (ACCEPTED, (INVALID, "endpoint.too_large"), (INVALID, "endpoint.too_large")),
    ),
    Trouble(
        "attribute_names_251",
        "A run uses at most 250 names; only rows that use one beyond them are refused.",
        _many_columns(
            [
                *(f"Attributes.a{number}" for number in range(100)),
                *(f"Metrics.m{number}" for number in range(100)),
                *(f"User.UserAttributes.u{number}" for number in range(51)),
                "User.UserId",
            ],
            [*["1"] * 250, "", "u1"],
            [*["1"] * 251, "u2"],
        ),
        (ACCEPTED, (INVALID, "attribute.too_many_names")),
    ),
    Trouble(
        "attribute_names_unused",
        "A column that is empty throughout uses no name.",
        _many_columns(
            [f"Attributes.a{number}" for number in range(251)],
            ["1"] * 249 + [" ", "1"],
            ["1"] + [""] * 250,
        ),
        (ACCEPTED, ACCEPTED),
    ),
)

TROUBLES = (*IDS, *CHANNELS, *USER_TROUBLES, *ATTRIBUTES)
