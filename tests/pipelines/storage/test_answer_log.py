"""The answer log: what is read is a beginning of what was written, whatever happens to the file."""

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.errors import RunStateError, StorageError
from pipelines.storage.answer_log import AnswerLog, read_answers

STAMP = {"items": 3, "crc32": 2**32 - 1}
VALUES = st.one_of(st.none(), st.integers(-(2**53), 2**53), st.text(max_size=20), st.just("\n\0é"))
RECORDS = st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=3), max_size=8)


def write(path, records, *, complete=False):
    log = AnswerLog.open(path, STAMP)
    for record in records:
        log.append(record)
    log.close(complete=complete)


@contextmanager
def log_file(content=None):
    """A path for hypothesis, which takes no fixture per example."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "part-00000.log")
        if content is not None:
            path.write_bytes(content)
        yield path


def written(records, *, complete):
    with log_file() as path:
        write(path, records, complete=complete)
        return path.read_bytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "part-00000.log"


# -- what is written is read ---------------------------------------------------------------


@settings(deadline=None)
@given(records=RECORDS, complete=st.booleans())
def test_answers_come_back_as_they_were(records, complete):
    with log_file(written(records, complete=complete)) as path:
        read = read_answers(path)
        log = AnswerLog.open(path, STAMP)
        log.close(complete=False)
        assert (read.stamp, read.records, read.is_complete) == (STAMP, records, complete)
        assert (log.records, log.is_complete) == (records, complete)


@settings(deadline=None)
@given(parts=st.lists(RECORDS, max_size=4))
def test_a_log_is_gone_on_with_where_it_ended(parts):
    with log_file() as path:
        for records in parts:
            write(path, records)
        write(path, [], complete=True)
        read = read_answers(path)
    assert read.records == [record for records in parts for record in records]
    assert read.is_complete


def test_a_log_can_be_read_with_common_tools(path):
    write(path, [{"start": 0, "message": "é\n"}], complete=True)
    texts = [line[9:] for line in path.read_text().splitlines()]
    assert texts == ['{"items":3,"crc32":4294967295}', '{"start":0,"message":"é\\n"}', '"end"']


def test_a_missing_log_is_empty_and_stays_missing(path):
    read = read_answers(path)
    assert (read.stamp, read.records, read.is_complete) == (None, [], False)
    assert not path.exists()


def test_only_the_owner_may_read(path):
    write(path, [])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_threads_append_whole_lines(path):
    log = AnswerLog.open(path, STAMP)

    def append(thread):
        for number in range(300):
            log.append({"thread": thread, "number": number, "text": "x" * number})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(append, range(8)))
    log.close(complete=True)
    read = read_answers(path)
    assert read.is_complete
    for thread in range(8):
        numbers = [r["number"] for r in read.records if r["thread"] == thread]
        assert numbers == list(range(300))


# -- what is refused -----------------------------------------------------------------------


@pytest.mark.parametrize("other", [{"items": 4, "crc32": 2**32 - 1}, {"items": 3}, {}])
def test_a_log_about_other_items_is_refused_and_kept(path, other):
    write(path, [{"n": 1}])
    before = path.read_bytes()
    with pytest.raises(RunStateError, match=f"{path} .*other items.*new run"):
        AnswerLog.open(path, other)
    assert path.read_bytes() == before


@pytest.mark.parametrize("complete", [True, False])
def test_a_closed_log_takes_no_more(path, complete):
    log = AnswerLog.open(path, STAMP)
    log.close(complete=complete)
    log.close(complete=True)
    with pytest.raises(ValueError, match="is closed"):
        log.append({"n": 1})
    assert read_answers(path).is_complete is complete
    assert read_answers(path).records == []


def test_a_complete_log_takes_no_more_when_it_is_opened_again(path):
    write(path, [{"n": 1}], complete=True)
    log = AnswerLog.open(path, STAMP)
    with pytest.raises(ValueError, match="is closed"):
        log.append({"n": 2})
    log.close(complete=True)
    assert read_answers(path).records == [{"n": 1}]
    assert path.read_text().count('"end"') == 1


def test_a_log_in_a_folder_that_is_gone(tmp_path):
    path = tmp_path / "gone" / "x.log"
    with pytest.raises(StorageError, match=f"{path} cannot be written: No such file"):
        AnswerLog.open(path, STAMP)


def test_a_log_that_cannot_be_read(path):
    path.mkdir()
    with pytest.raises(RunStateError, match=f"{path} cannot be read"):
        read_answers(path)


# -- torn and damaged files ----------------------------------------------------------------


@settings(deadline=None)
@given(records=RECORDS, complete=st.booleans(), data=st.data())
def test_a_torn_log_reads_as_its_whole_lines(records, complete, data):
    content = written(records, complete=complete)
    kept = content[: data.draw(st.integers(0, len(content)))]
    with log_file(kept) as path:
        read = read_answers(path)
        assert path.read_bytes() == kept
    lines = kept.count(b"\n")
    assert read.stamp == (STAMP if lines else None)
    assert read.records == records[: max(lines - 1, 0)]
    assert read.is_complete is (kept == content and complete)


@settings(deadline=None)
@given(records=RECORDS, more=RECORDS, data=st.data())
def test_a_torn_log_is_gone_on_with_behind_its_last_whole_line(records, more, data):
    content = written(records, complete=False)
    kept = content[: data.draw(st.integers(0, len(content)))]
    with log_file(kept) as path:
        log = AnswerLog.open(path, STAMP)
        before = log.records
        for record in more:
            log.append(record)
        log.close(complete=True)
        read = read_answers(path)
    assert before == records[: len(before)]
    assert read.records == [*before, *more]
    assert read.is_complete


@st.composite
def damages(draw, content):
    """The content with bytes changed, put in, taken out or doubled somewhere."""
    start = draw(st.integers(0, len(content)))
    stop = draw(st.integers(start, min(len(content), start + 60)))
    put = draw(
        st.one_of(
            st.binary(max_size=12),
            st.just(b"\0" * (stop - start)),
            st.just(content[start:stop] * 2),
            st.sampled_from([b"", b"\n", b"00000000 \n", b'00000000 "end"\n']),
        )
    )
    return content[:start] + put + content[stop:]


@settings(max_examples=500, deadline=None)
@given(records=RECORDS, complete=st.booleans(), data=st.data())
def test_a_damaged_log_never_yields_what_was_not_written(records, complete, data):
    content = written(records, complete=complete)
    damaged = data.draw(damages(content))
    with log_file(damaged) as path:
        read = read_answers(path)
        assert read.records == records[: len(read.records)]
        assert not read.is_complete or (complete and read.records == records)
        more = [] if read.is_complete else [{"n": "behind"}]
        write(path, more)
        assert read_answers(path).records == [*read.records, *more]


@pytest.mark.parametrize(
    ("change", "left"),
    [
        pytest.param(lambda lines: lines[:2] + lines[3:], 1, id="lost"),
        pytest.param(lambda lines: [*lines[:3], lines[2], *lines[3:]], 2, id="doubled"),
        pytest.param(lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], 1, id="swapped"),
        pytest.param(lambda lines: [*lines[:2], b"\0" * len(lines[2]), *lines[3:]], 1, id="zeros"),
        pytest.param(lambda lines: [*lines[:2], b"\n", *lines[2:]], 1, id="blank line"),
        pytest.param(lambda lines: lines[1:], 0, id="without its stamp"),
        pytest.param(lambda lines: [lines[0], lines[-1]], 0, id="an end without answers"),
        pytest.param(lambda lines: [*lines, b"more\n"], 4, id="more behind the end"),
    ],
)
def test_whole_lines_that_are_out_of_place_end_the_reading(path, change, left):
    records = [{"n": number} for number in range(4)]
    write(path, records, complete=True)
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    read = read_answers(path)
    assert read.records == records[:left]
    assert read.is_complete is (left == 4)


def test_answers_behind_a_damage_do_not_come_back_later(path):
    write(path, [{"n": number} for number in range(4)], complete=True)
    path.write_bytes(path.read_bytes().replace(b'"n":1', b'"n":7'))
    write(path, [{"n": "again"}])
    assert read_answers(path).records == [{"n": 0}, {"n": "again"}]


# -- a full disk and a killed process ------------------------------------------------------


@contextmanager
def largest_file(size):
    """Let no file of this process grow beyond a size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


IN_A_CHILD = """
import resource, signal, sys
from pathlib import Path
from pipelines.errors import StorageError
from pipelines.storage.answer_log import AnswerLog

path = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
log = AnswerLog.open(path, {"items": 3})
number = 0
try:
    while True:
        log.append({"n": number, "text": "x" * 50})
        number += 1
except StorageError as error:
    print(number, path.stat().st_size)
    print(error)
log.close(complete=False)
"""


def test_a_disk_that_is_full_leaves_whole_lines(path):
    done = subprocess.run(
        [sys.executable, "-c", IN_A_CHILD, path], capture_output=True, text=True, check=True
    )
    counts, error = done.stdout.splitlines()
    number, size = map(int, counts.split())
    assert number > 5
    assert error.startswith(f"{path} cannot be written: File too large. Make room")
    assert error.endswith("resume the run.")
    assert path.stat().st_size == size <= 1000
    assert path.read_bytes().endswith(b"\n")
    read = read_answers(path)
    assert [record["n"] for record in read.records] == list(range(number))
    assert not read.is_complete


@pytest.mark.parametrize("room", range(0, 40, 3))
def test_answers_go_on_behind_the_last_whole_line_once_there_is_room(path, room):
    log = AnswerLog.open(path, STAMP)
    log.append({"n": 0})
    with largest_file(path.stat().st_size + room), pytest.raises(StorageError, match="Make room"):
        log.append({"n": 1, "text": "x" * 50})
    log.append({"n": 2})
    log.close(complete=True)
    read = read_answers(path)
    assert (read.records, read.is_complete) == ([{"n": 0}, {"n": 2}], True)


def test_half_a_line_that_cannot_be_cut_off_is_cut_off_before_the_next_one(path, monkeypatch):
    log = AnswerLog.open(path, STAMP)
    log.append({"n": 0})
    size = path.stat().st_size

    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch, largest_file(size + 20):
        patch.setattr(os, "ftruncate", fail)
        with pytest.raises(StorageError, match="File too large"):
            log.append({"n": 1, "text": "x" * 50})
        assert path.stat().st_size == size + 20
        with pytest.raises(StorageError, match="Input/output error"):
            log.append({"n": 1})
    log.append({"n": 2})
    log.close(complete=True)
    read = read_answers(path)
    assert (read.records, read.is_complete) == ([{"n": 0}, {"n": 2}], True)


@pytest.mark.parametrize("room", [0, 5])
def test_a_log_whose_stamp_does_not_fit_can_be_opened_later(path, room):
    with largest_file(room), pytest.raises(StorageError, match="Make room"):
        AnswerLog.open(path, STAMP)
    write(path, [{"n": 0}])
    assert read_answers(path).records == [{"n": 0}]


def test_an_end_that_does_not_fit_is_not_there(path):
    log = AnswerLog.open(path, STAMP)
    with largest_file(path.stat().st_size + 3), pytest.raises(StorageError, match="Make room"):
        log.close(complete=True)
    log.close(complete=True)
    assert not read_answers(path).is_complete
    write(path, [], complete=True)
    assert read_answers(path).is_complete


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_device_that_is_full(tmp_path):
    path = tmp_path / "x.log"
    path.symlink_to("/dev/full")
    file = os.open(path, os.O_WRONLY)
    log = AnswerLog(path, file, read_answers(tmp_path / "none"), 0, 0)
    with pytest.raises(StorageError, match=r"No space left on device\. Make room"):
        log.append({"n": 0})
    os.close(file)


APPEND_FOR_EVER = """
import itertools, sys
from pathlib import Path
from pipelines.storage.answer_log import AnswerLog

log = AnswerLog.open(Path(sys.argv[1]), {"items": 3, "crc32": 2**32 - 1})
for number in itertools.count(len(log.records)):
    log.append({"n": number, "text": "x" * (number % 500)})
    print(number, flush=True)
"""


def test_a_killed_process_loses_no_answer_that_it_had_written(path):
    before = 0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", APPEND_FOR_EVER, path], stdout=subprocess.PIPE
        ) as child:
            try:
                told = b"".join(child.stdout.readline() for _ in range(200))
            finally:
                child.send_signal(signal.SIGKILL)
            told += child.stdout.read()
        last = int(told[: told.rfind(b"\n")].rpartition(b"\n")[2])
        numbers = [record["n"] for record in read_answers(path).records]
        assert numbers == list(range(len(numbers)))
        # The one behind what it told may be written or not.
        assert len(numbers) in (last + 1, last + 2)
        assert len(numbers) >= before + 200
        before = len(numbers)
