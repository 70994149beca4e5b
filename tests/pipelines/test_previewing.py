"""The preview: what it shows of sources, columns and first records, and that it hides addresses."""

from io import StringIO

import pytest
from phases_support import check_files
from rich.console import Console

from pipelines.previewing import RECORDS, make_preview
from pipelines.terminal.preview_text import print_preview

CONTACTS = """\
Record ID,Email,Mobile,Interests,Notes,Extra,Land
u1001,ana@example.com,(206) 555-0100,tea; cake,hello,x,
u1002,nobody,,,,,
u1003,,,tea,,,
u1004,dan@example.com,,,,,
u1005,eve@example.com,,,,,
"""
MAPPING = """\
columns:
  User.UserId: Record ID
  Attributes.Interests: {from: Interests, split: ";"}
  Location.City: {from: Notes, blank: clear}
endpoints:
  - {name: email, columns: {Address: Email, ChannelType: {constant: EMAIL}}}
  - name: mobile
    columns: {Address: {from: Mobile, phone_region: "{Land}"}, ChannelType: {constant: SMS}}
where: [{column: Record ID, not_equals: u1002}]
"""


@pytest.fixture
def preview(tmp_path):
    (tmp_path / "contacts.csv").write_text(CONTACTS)
    (tmp_path / "m.yaml").write_text(MAPPING)
    checked = check_files(
        tmp_path / "runs",
        tmp_path / "contacts.csv",
        mapping=str(tmp_path / "m.yaml"),
        default_country="US",
    )
    return make_preview(checked.run, checked.manifest, checked.settings)


def test_columns_say_what_becomes_of_them(preview):
    (source,) = preview.sources
    assert (source.rows, source.reading["encoding"]) == (5, "utf-8")
    assert [(c.name, c.becomes, c.is_ignored) for c in source.columns] == [
        ("Record ID", ["User.UserId", "where"], False),
        ("Email", ["Address of email"], False),
        ("Mobile", ["Address of mobile (phone_region {Land})"], False),
        ("Interests", ["Attributes.Interests (split ;)"], False),
        ("Notes", ["Location.City (blank clear)"], False),
        ("Extra", [], False),
        ("Land", ["phone_region of mobile"], False),
        (None, ["ChannelType of email = EMAIL", "ChannelType of mobile = SMS"], False),
    ]


def test_first_records_stand_before_and_after(preview):
    assert [record.source_row for record in preview.records] == [1, 3, 4]
    assert len(preview.records) == RECORDS
    first, nothing, cleared = preview.records
    assert dict(first.values)["Interests"] == "tea; cake"
    assert [(e.name, e.outcome) for e in first.endpoints] == [
        ("email", "unprocessed"),
        ("mobile", "unprocessed"),
    ]
    assert [name for name, _ in first.endpoints[1].values][1:3] == ["ChannelType", "Address"]
    assert [(e.name, e.outcome, e.issues) for e in nothing.endpoints] == [
        (None, "invalid", ["Address: address.missing"])
    ]
    assert dict(cleared.endpoints[0].values)["Location.City"] == "(cleared)"


def test_addresses_and_ids_are_hidden(preview):
    shown = preview.model_dump_json()
    for secret in ("ana@", "555", "u1001", "dan@"):
        assert secret not in shown
    assert "@example.com" in shown


def test_it_is_printed_as_it_is(preview):
    written = StringIO()
    print_preview(Console(width=100, file=written), preview)
    text = written.getvalue()
    assert "5 records" in text
    assert "Record 3, before and after" in text
    assert "Attributes.Interests (split ;)" in text
    assert "mobile: would be sent" in text


def test_a_terminal_obeys_no_name_and_no_value(tmp_path):
    (tmp_path / "a.csv").write_text(
        "ChannelType,Address,Attributes.\x1b[31mA\nEMAIL,ana@example.com,\x1b]0;x\x07\n"
    )
    checked = check_files(tmp_path / "runs", tmp_path / "a.csv")
    written = StringIO()
    print_preview(
        Console(width=100, file=written),
        make_preview(checked.run, checked.manifest, checked.settings),
    )
    assert "Attributes. [31mA:  ]0;x" in written.getvalue()
    assert written.getvalue().replace("\n", "").isprintable()


def test_records_that_cannot_be_read_are_shown_as_such(tmp_path):
    (tmp_path / "a.csv").write_text("ChannelType,Address\nEMAIL\nEMAIL,ana@example.com\n")
    checked = check_files(tmp_path / "runs", tmp_path / "a.csv")
    preview = make_preview(checked.run, checked.manifest, checked.settings)
    malformed, fine = preview.records
    assert malformed.values == []
    assert [(e.outcome, e.issues) for e in malformed.endpoints] == [
        ("invalid", ["record.malformed (•••••)"])
    ]
    assert fine.endpoints[0].outcome == "unprocessed"


def test_no_records_have_a_preview_too(tmp_path):
    (tmp_path / "a.csv").write_text("ChannelType,Address\n")
    checked = check_files(tmp_path / "runs", tmp_path / "a.csv")
    preview = make_preview(checked.run, checked.manifest, checked.settings)
    assert (len(preview.sources), preview.records) == (1, [])
