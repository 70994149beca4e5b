"""Troubles with files: encodings, records, quotes and headers."""

from making.trouble import ACCEPTED, DUPLICATE, INVALID, MAIL_HEADER, Trouble, write_csv

ANA = ("e1", "EMAIL", "ana@example.com")
BEN = ("e2", "EMAIL", "ben@example.com")
TWO = write_csv(MAIL_HEADER, ANA, BEN)
MALFORMED = (INVALID, "record.malformed")
CITY = (*MAIL_HEADER, "Location.City")
RUBBISH = bytes((number * 73 + 19) % 256 for number in range(600))

ENCODINGS = (
    Trouble(
        "bom",
        "A byte order mark before the header is not part of the first column's name.",
        b"\xef\xbb\xbf" + TWO,
        (ACCEPTED, ACCEPTED),
    ),
    Trouble(
        "crlf",
        "Windows line ends are line ends, not part of the last column.",
        TWO.replace(b"\n", b"\r\n"),
        (ACCEPTED, ACCEPTED),
        stored={"e2": {"Address": "ben@example.com"}},
    ),
    Trouble("utf16", "UTF-16 is found out.", TWO.decode().encode("utf-16"), (ACCEPTED, ACCEPTED)),
    Trouble(
        "latin1",
        "Latin-1 is found out.",
        write_csv(CITY, (*ANA, "Lyon"), (*BEN, "Besançon")).decode().encode("latin-1"),
        (ACCEPTED, ACCEPTED),
        stored={"e2": {"Location.City": "Besançon"}},
    ),
    Trouble(
        "undecodable",
        "A stray byte makes its row invalid, and no other one.",
        write_csv(CITY, (*ANA, "Besançon"), (*BEN, "Ly?n")).replace(b"?", b"\xff"),
        (ACCEPTED, (INVALID, "text.undecodable")),
        options={"encoding": "utf-8"},
    ),
    Trouble(
        "lone_surrogate",
        "A lone surrogate, written as some programs do, is no UTF-8.",
        write_csv(CITY, (*ANA, "Ly?n")).replace(b"?", b"\xed\xa0\xbd"),
        error=("UTF-8",),
    ),
    Trouble(
        "nul",
        "A NUL character makes its row invalid, not the file unreadable.",
        write_csv(CITY, (*ANA, "Lyon"), (*BEN, "Ly\x00on")),
        (ACCEPTED, (INVALID, "text.control_character")),
    ),
    Trouble("binary", "Binary rubbish cannot be read.", RUBBISH, error=("binary",)),
    Trouble("empty", "An empty file has not even a header.", b"", error=("empty",)),
    Trouble("header_only", "A header without records is a run of no rows.", write_csv(MAIL_HEADER)),
    Trouble(
        "compressed",
        "A gzip-compressed file that is named .csv is recognized.",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        error=("gzip",),
    ),
    Trouble(
        "not_parquet",
        "A CSV file that is named .parquet is not a Parquet file.",
        TWO,
        error=("Parquet",),
        ending="parquet",
    ),
)

RECORDS = (
    Trouble(
        "quoted_text",
        "Line breaks, commas and quotes within quotes are part of the value.",
        write_csv(
            (*MAIL_HEADER, "Attributes.Motto", "Location.City"),
            (*ANA, 'She said "yes"', "Washington, D.C."),
            (*BEN, "one\ntwo\r\nthree", "Frankfurt\n(Oder)"),
            ("e3", "EMAIL", "eva@example.com", '"', ",\n,"),
        ),
        (ACCEPTED, ACCEPTED, ACCEPTED),
        stored={
            "e1": {
                "Attributes.Motto": ['She said "yes"'],
                "Location.City": "Washington, D.C.",
            },
            "e2": {"Location.City": "Frankfurt\n(Oder)"},
            "e3": {"Attributes.Motto": ['"'], "Location.City": ",\n,"},
        },
    ),
    Trouble(
        "ragged_records",
        "Records with too few or too many fields are invalid, those around them are not.",
        TWO + b"e3,EMAIL\ne4,EMAIL,dan@example.com,one,two\ne5,EMAIL,eva@example.com\n",
        (ACCEPTED, ACCEPTED, MALFORMED, MALFORMED, ACCEPTED),
    ),
    Trouble(
        "ragged_records_quoted",
        "The number of a malformed record is right behind values with line breaks.",
        b'Id,ChannelType,Address,Location.City\ne1,EMAIL,ana@example.com,"a\nb\nc"\ne2,EMAIL\n'
        b'e3,EMAIL,eva@example.com,"x\ny"\n',
        (ACCEPTED, MALFORMED, ACCEPTED),
    ),
    Trouble(
        "malformed_first",
        "The first record is malformed.",
        b"Id,ChannelType,Address\ne1,EMAIL\ne2,EMAIL,ben@example.com\n",
        (MALFORMED, ACCEPTED),
    ),
    Trouble(
        "malformed_at_end",
        "The last record is malformed and has no line end, as in a download that broke off.",
        TWO + b"e3,EMA",
        (ACCEPTED, ACCEPTED, MALFORMED),
    ),
    Trouble(
        "all_malformed",
        "No record is well-formed.",
        b"Id,ChannelType,Address\ne1\ne2,EMAIL,ben@example.com,x\n",
        (MALFORMED, MALFORMED),
    ),
    Trouble(
        "no_line_end",
        "The last record counts without a line end, too.",
        TWO.removesuffix(b"\n"),
        (ACCEPTED, ACCEPTED),
    ),
    Trouble(
        "blank_lines",
        "Blank lines are no records and are not counted.",
        b"Id,ChannelType,Address\n\ne1,EMAIL,ana@example.com\n\n\ne2,EMAIL,not-an-address\n\n",
        (ACCEPTED, (INVALID, "address.email_invalid")),
    ),
    Trouble(
        "blank_lines_and_malformed",
        "The number of a malformed record does not count blank lines.",
        b"Id,ChannelType,Address\n\n\ne1,EMAIL,ana@example.com\n\ne2,EMAIL\n\n"
        b"e3,EMAIL,eva@example.com\n",
        (ACCEPTED, MALFORMED, ACCEPTED),
    ),
    Trouble(
        "empty_records",
        "Records of nothing but commas are records: channel and address are missing.",
        TWO + b",,\n",
        (ACCEPTED, ACCEPTED, (INVALID, "address.missing", "channel_type.missing")),
    ),
    Trouble(
        "unclosed_quote",
        "A quote in the last column that is never closed swallows the rest: the file is refused.",
        b'Id,ChannelType,Address,Location.City\ne1,EMAIL,ana@example.com,"Lyon\n'
        b"e2,EMAIL,ben@example.com,Nice\n",
        error=("quote", "record 1"),
    ),
    Trouble(
        "unclosed_quote_in_the_middle",
        "A quote in an inner column that is never closed swallows records just as well.",
        b'Id,ChannelType,Address,Location.City\ne1,EMAIL,ana@example.com,Lyon\ne2,"EMAIL,'
        b"ben@example.com,Nice\ne3,EMAIL,eva@example.com,Nancy\n",
        error=("quote",),
    ),
    Trouble(
        "swallowed_records",
        "A quote that a later record closes swallows the records in between: its row is refused.",
        b"Id,ChannelType,Address,Attributes.Note\n"
        b'e1,EMAIL,ana@example.com,"hello\ne2,EMAIL,ben@example.com,x\n'
        b'e3,EMAIL,eva@example.com,"y"\ne4,EMAIL,leo@example.com,fine\n',
        ((INVALID, "record.swallowed_others"), ACCEPTED),
    ),
    Trouble(
        "stray_quote",
        "A quote inside an unquoted value is a character like others.",
        b'Id,ChannelType,Address,Demographic.Model\ne1,EMAIL,ana@example.com,TV 42"\n'
        b"e2,EMAIL,ben@example.com,Pixel\n",
        (ACCEPTED, ACCEPTED),
        stored={"e1": {"Demographic.Model": 'TV 42"'}},
    ),
)

HEADERS = (
    Trouble(
        "no_address_column",
        "Without a column Address nothing can be imported; the message lists the columns.",
        write_csv(("Id", "ChannelType", "E-Mail"), ANA),
        error=("Address", "E-Mail"),
    ),
    Trouble(
        "no_channel_column",
        "Without a column ChannelType a default channel is needed.",
        write_csv(("Id", "Address"), ("e1", "ana@example.com")),
        error=("ChannelType", "--default-channel"),
    ),
    Trouble(
        "repeated_address_column",
        "Address holds one value: two such columns cannot be understood.",
        write_csv((*MAIL_HEADER, "Address"), (*ANA, "ana@example.org")),
        error=("Address", "more than once"),
    ),
    Trouble(
        "semicolons",
        "Semicolons between the fields, as some spreadsheets write, are found out.",
        TWO.replace(b",", b";"),
        (ACCEPTED, ACCEPTED),
        stored={"e2": {"Address": "ben@example.com"}},
    ),
    Trouble(
        "repeated_headers",
        "A header that is repeated holds several values; empty cells are none.",
        write_csv(
            (
                *MAIL_HEADER,
                "Attributes.Interests",
                "Attributes.Interests",
                "User.UserId",
                "User.UserAttributes.Teams",
                "User.UserAttributes.Teams",
            ),
            (*ANA, "jazz", "running", "u1", "red", "blue"),
            (*BEN, "", "chess", "u2", "", ""),
        ),
        (ACCEPTED, ACCEPTED),
        stored={
            "e1": {
                "Attributes.Interests": ["jazz", "running"],
                "User.UserAttributes.Teams": ["red", "blue"],
            },
            "e2": {"Attributes.Interests": ["chess"], "User.UserAttributes": None},
        },
    ),
    Trouble(
        "header_spelling",
        "Case and surrounding spaces of the service's own names do not matter.",
        write_csv(
            (" id", "CHANNELTYPE ", "address", "location.country", "attributes.Plan"),
            (*ANA, "FR", "free"),
        ),
        (ACCEPTED,),
        stored={"e1": {"Location.Country": "FR", "Attributes.Plan": ["free"]}},
    ),
    Trouble(
        "unmapped_columns",
        "A column that is none of the endpoint's is warned of, once, and not imported.",
        write_csv((*MAIL_HEADER, "First name", "CRM_Score"), (*ANA, "Ana", "7"), (*BEN, "Ben", "")),
        (ACCEPTED, ACCEPTED),
        header=("column.unmapped", "column.unmapped"),
    ),
    Trouble(
        "read_only_columns",
        "What only the service writes is ignored, so that an export can be imported again.",
        write_csv(
            (*MAIL_HEADER, "ApplicationId", "CohortId", "CreationDate"),
            (*ANA, "0123456789abcdef0123456789abcdef", "42", "2025-01-01T00:00:00Z"),
        ),
        (ACCEPTED,),
    ),
    Trouble(
        "fed_back_errors",
        "The columns that errors.csv adds are ignored when it is fed back.",
        write_csv(
            (
                *MAIL_HEADER,
                *("_source_file", "_source_row", "_outcome", "_error_codes", "_error_messages"),
            ),
            (*ANA, "audience.csv", "17", "invalid", "address.email_invalid", "Address: wrong."),
        ),
        (ACCEPTED,),
    ),
    Trouble(
        "all_duplicates",
        "The same record three times is one endpoint.",
        write_csv(MAIL_HEADER, ANA, ANA, ANA),
        (DUPLICATE, DUPLICATE, ACCEPTED),
    ),
)

TROUBLES = (*ENCODINGS, *RECORDS, *HEADERS)
