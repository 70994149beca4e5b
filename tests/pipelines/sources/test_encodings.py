"""Encodings: found out where the text says so, asked for where it does not; no byte is fatal."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from csv_support import read_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.sources.base import LocalContent
from pipelines.sources.encodings import (
    SAMPLE_BYTES,
    Sample,
    Utf8Stream,
    detect_encoding,
    read_sample,
)
from schemas.undecoded import FIRST, mark

ROOT = Path(__file__).parents[3]
UTF = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]


def contents(names, encoding):
    lines = ["Id,Address,Name", *(f"{n},a{n}@example.com,{name}" for n, name in enumerate(names))]
    return "\n".join([*lines, ""]).encode(encoding, errors="surrogateescape")


def detect(content):
    return detect_encoding(Sample(content), "x.csv")


@pytest.mark.parametrize("encoding", UTF)
@pytest.mark.parametrize("name", ["Ana", "José", "田中 太郎", "😀"])
def test_unicode_is_found_out(encoding, name):
    content = contents([name, "Smith"], encoding)
    _, rows, _ = read_bytes(content)
    assert rows[0] == (1, None, "0", "a0@example.com", name)


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        pytest.param("cp1252", ["José"], id="a single word"),
        pytest.param("cp1252", ["François", "Müller"], id="Western"),
        pytest.param("cp1252", ["garçon", "été", "où", "naïve"], id="French"),
        pytest.param("cp1252", ["Béatrice", "Chloé", "Hélène", "Gaël", "Benoît"], id="names"),
        pytest.param("cp1252", ["Straße", "Köln", "Jürgen", "Größe"], id="German"),
        pytest.param("cp1252", ["Peña", "García", "Ibáñez"], id="Spanish"),
        pytest.param("cp1252", ["João", "Conceição"], id="Portuguese"),
        pytest.param("cp1252", ["Søren", "Kjær", "Åse"], id="Danish"),
        pytest.param("cp1252", ["O’Brien", "12 €", "“quoted”"], id="signs"),
        pytest.param("cp1250", ["Łódź", "Gdańsk"], id="Polish"),
        pytest.param("cp1250", ["Świętosława", "Żółć", "Małgorzata"], id="more Polish"),
        pytest.param("cp1250", ["Dvořák", "Novák", "Černý"], id="Czech"),
        pytest.param("iso8859_2", ["Świętosława", "Żółć"], id="Latin-2"),
        pytest.param("cp1251", ["Екатерина Петрова", "Москва"], id="Russian"),
        pytest.param("cp1251", ["ИВАНОВ"], id="Russian capitals"),
        pytest.param("cp1251", ["Шевченко", "Київ"], id="Ukrainian"),
        pytest.param("koi8_r", ["Иванов", "Пётр"], id="KOI8"),
        pytest.param("cp866", ["Иванов", "Москва"], id="DOS Cyrillic"),
        pytest.param("cp932", ["田中 太郎"], id="Japanese name"),
        pytest.param("cp932", ["佐藤 花子", "東京都", "ポール"], id="Japanese"),
        pytest.param("euc_jp", ["田中 太郎", "山田さん", "東京都"], id="EUC-JP"),
        pytest.param("gb18030", ["张伟", "李娜", "上海市", "广东省深圳市"], id="Chinese"),
        pytest.param("big5", ["王小明", "台北市", "陳美玲", "高雄市"], id="traditional Chinese"),
        pytest.param("cp949", ["김민수", "서울특별시", "이영희"], id="Korean"),
        pytest.param("cp1254", ["Çağlar", "Gülşen", "İstanbul"], id="Turkish"),
        pytest.param("mac_roman", ["Hélène", "François", "Étienne"], id="Mac"),
        pytest.param("cp850", ["Müller", "Köln"], id="DOS"),
        pytest.param("cp1253", ["Παπαδόπουλος", "Αθήνα"], id="Greek"),
        pytest.param("cp1257", ["Jānis", "Rīga", "Šķēle"], id="Latvian"),
    ],
)
def test_legacy_encodings_are_told_by_their_words(encoding, names):
    _, rows, _ = read_bytes(contents(names, encoding))
    assert [row[-1] for row in rows] == names


@pytest.mark.parametrize(
    ("encoding", "name", "readings"),
    [
        pytest.param("cp1252", "Muñoz", ["'Muñoz' with --encoding cp1252", "'Muńoz'"], id="es"),
        pytest.param("cp1250", "Gdańsk", ["'Gdañsk'", "'Gdańsk' with --encoding cp1250"], id="pl"),
        pytest.param("cp1254", "Yıldız", ["'Yýldýz'", "'Yıldız' with --encoding cp1254"], id="tr"),
        pytest.param("cp949", "김", ["'김' with --encoding cp949"], id="ko"),
        pytest.param("mac_roman", "Müller", ["'Müller' with --encoding mac_roman"], id="mac"),
        pytest.param("cp932", "ﾀﾅｶ", ["'ﾀﾅｶ' with --encoding cp932"], id="half-width"),
    ],
)
def test_a_weak_guess_is_asked_for(encoding, name, readings):
    content = contents([name], encoding)
    with pytest.raises(SourceError) as caught:
        read_bytes(content)
    assert all(reading in str(caught.value) for reading in readings)
    assert read_bytes(content, encoding=encoding)[1][0][-1] == name


def test_the_question_masks_addresses():
    content = "Id,Address\n1,muñoz@example.com\n".encode("cp1252")
    with pytest.raises(SourceError, match="example") as caught:
        read_bytes(content)
    assert "oz@" not in str(caught.value)


@pytest.mark.parametrize("given", ["cp1252", "latin-1", "utf-8", "utf-16"])
def test_a_file_that_says_it_is_utf8_is_whatever_is_given(given):
    header, rows, _ = read_bytes(contents(["José"], "utf-8-sig"), encoding=given)
    plain_header, plain_rows, _ = read_bytes(contents(["José"], "utf-8"))
    assert (header, rows) == (plain_header, plain_rows)


@pytest.mark.parametrize("written", ["utf-16", "utf-16-le"])
def test_utf16_as_given_needs_no_mark(written):
    _, rows, reading = read_bytes(contents(["José"], written), encoding="utf-16")
    assert rows[0][-1] == "José"
    assert reading["encoding"] == "utf-16-le"


def test_half_a_surrogate_pair_is_marked():
    with Utf8Stream(io.BytesIO(b"a+2AA-b"), "utf-7") as stream:
        assert stream.read().decode() == f"a{mark(chr(0xD800).encode('utf-8', 'surrogatepass'))}b"


def test_utf8_with_a_stray_byte_is_utf8():
    _, rows, reading = read_bytes(contents(["José", "Müller", "Jos\udce9"], "utf-8"))
    assert reading["encoding"] == "utf-8"
    assert [row[-1] for row in rows] == ["José", "Müller", "Jos" + mark(b"\xe9")]


def test_legacy_text_with_a_stray_byte_is_read_in_its_encoding():
    content = contents(["José", "Zoë Müller"], "cp1252") + b"2,x\x81y@example.com,z\n"
    assert detect(content) == "cp1252"


def test_a_half_and_half_file_is_asked_for():
    with pytest.raises(SourceError, match=r"--encoding utf-8"):
        read_bytes(contents(["José", "Jos\udce9"], "utf-8"))


def test_what_is_further_on_is_looked_at(tmp_path):
    path = tmp_path / "x.csv"
    plain = "1,a@example.com,Ana\n" * (2 * SAMPLE_BYTES // 20)
    path.write_bytes((plain + "2,b@example.com,Größe\n" * 200_000).encode("cp1252"))
    assert detect_encoding(read_sample(LocalContent(path)), "x.csv") == "cp1252"


# -- bytes that do not decode ---------------------------------------------------------------


@settings(deadline=None)
@given(
    rows=st.lists(st.text("aé田😀 ", min_size=1, max_size=5), min_size=1, max_size=30),
    stray=st.sampled_from([b"\xff", b"\xe9", b"\x80", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90"]),
    data=st.data(),
)
def test_a_stray_byte_spoils_exactly_its_own_record(rows, stray, data):
    number = data.draw(st.integers(0, len(rows) - 1))
    cells = [f"{row}x".encode() for row in rows]
    at = data.draw(st.sampled_from([0, len(cells[number])]))
    cells[number] = cells[number][:at] + stray + cells[number][at:]
    content = b"Id,Name\n" + b"".join(b"%d,%s\n" % (n, cell) for n, cell in enumerate(cells))
    _, read, _ = read_bytes(content, encoding="utf-8")
    expected = [(n + 1, None, str(n), f"{row}x") for n, row in enumerate(rows)]
    assert [r for r in read if r[0] != number + 1] == [e for e in expected if e[0] != number + 1]
    (spoilt,) = [r for r in read if r[0] == number + 1]
    assert spoilt[3].replace(mark(stray), "") == f"{rows[number]}x"


@settings(deadline=None, max_examples=300)
@given(
    content=st.one_of(
        st.binary(max_size=80),
        st.text(st.sampled_from("ab,;\t\"'\\\r\n \0é"), max_size=80).map(str.encode),
    )
)
def test_any_bytes_end_in_rows_or_a_clear_error(content):
    try:
        header, rows, _ = read_bytes(content)
    except SourceError:
        return
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert all(len(row) == len(header) + 2 for row in rows)


@settings(deadline=None)
@given(
    text=st.text(max_size=60),
    encoding=st.sampled_from([*UTF, "cp1252", "shift_jis", "gb18030"]),
    size=st.integers(1, 20),
)
def test_a_stream_gives_the_text_in_utf8(text, encoding, size):
    text = text.encode(encoding, errors="ignore").decode(encoding).removeprefix("\ufeff")
    stream = Utf8Stream(io.BytesIO(text.encode(encoding)), encoding)
    assert b"".join(iter(lambda: stream.read(size), b"")).decode() == text.removeprefix("\ufeff")


@settings(deadline=None)
@given(
    content=st.binary(max_size=60),
    encoding=st.sampled_from(["utf-8", "utf-16-le", "utf-32-be", "cp1252", "cp932", "gb18030"]),
    size=st.integers(1, 20),
)
def test_no_byte_is_lost_or_fatal(content, encoding, size):
    stream = Utf8Stream(io.BytesIO(content), encoding)
    text = b"".join(iter(lambda: stream.read(size), b"")).decode()
    marked = sum(FIRST <= ord(character) < FIRST + 256 for character in text)
    whole = content.decode(encoding, "mark-undecoded").removeprefix("\ufeff")
    assert text == whole
    assert marked == sum(FIRST <= ord(character) < FIRST + 256 for character in whole)


READ = """
import sys
from pathlib import Path
from pipelines.sources.base import LocalContent, ReadingOptions
from pipelines.sources.csv_reader import CsvReader
reader = CsvReader(LocalContent(Path(sys.argv[1])), ReadingOptions())
rows = sum(frame.height for frame in reader.read())
status = Path("/proc/self/status").read_text()  # not rusage, which the parent's size is part of
print(rows, int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""


@pytest.mark.parametrize("kind", ["records", "malformed"])
def test_a_file_in_utf16_is_read_in_little_memory(tmp_path, kind):
    line = "1,ana@example.com,some text" + (",one too many" if kind == "malformed" else "") + "\n"
    path = tmp_path / "x.csv"
    count = (40 << 20) // (2 * len(line))
    path.write_bytes(("Id,Address,Note\n" + line * count).encode("utf-16"))
    done = subprocess.run(
        [sys.executable, "-c", READ, path],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    rows, peak_mb = map(int, done.stdout.split())
    assert rows == count
    assert peak_mb < 300
