"""Run directories on S3: files, logs and locks, against a server that speaks S3."""

import pickle
import threading
import time
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from pipelines.errors import RunStateError, StorageError
from pipelines.settings import ImportSettings
from pipelines.storage import log_upload, mirror, s3_lock
from pipelines.storage.answer_log import AnswerLog, read_answers
from pipelines.storage.atomic import replacing, write_parquet, write_text
from pipelines.storage.mirror import MirroredRun
from pipelines.storage.places import S3Folder
from pipelines.storage.run_dir import (
    create_run_directory,
    list_runs,
    open_run_directory,
    refuse_existing_run,
)
from pipelines.storage.run_lock import locked, read_owner

LONG_S = 30


@pytest.fixture
def run(runs_dir) -> MirroredRun:
    made = create_run_directory(runs_dir, "one")
    assert isinstance(made, MirroredRun)
    return made


def wait_for(is_done) -> None:
    last = time.monotonic() + LONG_S
    while not is_done():
        assert time.monotonic() < last
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("text", "bucket", "prefix"),
    [
        ("s3://b", "b", ""),
        ("s3://b/", "b", ""),
        ("s3://b/p", "b", "p"),
        ("s3://b/p/q/", "b", "p/q"),
    ],
)
def test_place_is_read_and_written(text, bucket, prefix):
    place = S3Folder.parse(text)
    assert (place.bucket, place.prefix) == (bucket, prefix)
    assert S3Folder.parse(str(place)) == place
    assert (place / "one").parent == place


@pytest.mark.parametrize("text", ["s3://", "s3:///p", "s3:/b/p", "b/p", ""])
def test_text_that_is_no_place(text):
    with pytest.raises(ValueError, match="s3://bucket"):
        S3Folder.parse(text)


@pytest.mark.parametrize("place", ["runs", Path("runs"), "s3://b/p", S3Folder("b", "p")])
def test_settings_keep_a_place_in_any_form(place):
    settings = ImportSettings(sources=["x"], runs_dir=place)
    assert str(settings.runs_dir) == str(place)
    assert ImportSettings.model_validate(settings.model_dump()) == settings
    assert ImportSettings.model_validate(settings.model_dump(mode="json")) == settings
    assert ImportSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize("place", ["s3://", 3])
def test_settings_refuse_what_is_no_place(place):
    with pytest.raises(ValidationError, match="s3://bucket/runs"):
        ImportSettings(sources=["x"], runs_dir=place)


class TestFiles:
    def test_what_is_written_is_an_object(self, run):
        frame = pl.DataFrame({"a": [1, 2]})
        write_parquet(frame, run.part("staged", 3))
        assert list(run.store.list_objects()) == ["staged/part-00003.parquet"]
        assert pl.read_parquet(run.part("staged", 3)).equals(frame)

    def test_what_another_process_wrote_is_fetched_and_fetched_anew(self, run):
        assert not run.manifest.exists()
        run.store.write("manifest.json", b"first")
        assert run.manifest.read_bytes() == b"first"
        run.store.write("manifest.json", b"again")  # as long, and within the same second
        assert run.manifest.read_bytes() == b"again"
        run.store.delete(["manifest.json"])
        assert not run.manifest.exists()

    def test_what_did_not_change_is_not_fetched_again(self, run):
        run.store.write("manifest.json", b"first")
        before = run.manifest.stat().st_ino
        assert run.manifest.stat().st_ino == before

    def test_file_that_is_not_finished_is_nowhere(self, run):
        def fail() -> None:
            with replacing(run.manifest) as temporary:
                temporary.write_text("half")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert run.store.list_objects() == {}
        assert not run.manifest.exists()

    def test_what_cannot_be_uploaded_is_not_there(self, run, s3):
        gone = create_run_directory(S3Folder("bucket", "x"), "r")
        broken = MirroredRun(gone.path, S3Folder("no-such-bucket", "x/r"))
        with pytest.raises(StorageError, match="Make the bucket"):
            broken.upload(write_local(gone), gone.path / "manifest.json")

    def test_files_are_listed_and_removed(self, run):
        for number in (1, 0):
            write_text("x", run.part("outcomes", number))
            write_text("x", run.part("staged", number))
        write_text("x", run.unprocessed)
        found = run.list_files("outcomes", ".parquet")
        assert [path.name for path in found] == ["part-00000.parquet", "part-00001.parquet"]
        run.remove(run.unprocessed)
        run.remove(run.unprocessed)
        run.remove_working_files()
        assert sorted(run.store.list_objects()) == [
            "outcomes/part-00000.parquet",
            "outcomes/part-00001.parquet",
        ]
        assert not run.part("staged", 0).exists()

    def test_other_processes_get_the_place(self, run):
        text = pickle.dumps(run)
        assert str(run.path).encode() not in text
        assert pickle.loads(text) == run
        assert run.show(run.errors) == f"{run.location}/errors.csv"

    def test_mirrors_of_earlier_runs_go_in_time(self, run, runs_dir, monkeypatch):
        write_text("x", run.manifest)
        create_run_directory(runs_dir, "two")
        assert run.path.is_dir()
        monkeypatch.setattr(mirror, "KEEP_S", -1.0)
        create_run_directory(runs_dir, "three")
        assert not run.path.exists()
        assert open_run_directory(runs_dir, "one").manifest.read_text() == "x"

    def test_runs_are_found(self, runs_dir, run):
        with pytest.raises(RunStateError, match="There is no run one in s3://bucket/runs-"):
            open_run_directory(runs_dir, "one")
        assert list_runs(runs_dir) == []
        write_text("{}", run.manifest)
        assert open_run_directory(runs_dir, "one") == run
        assert list_runs(runs_dir) == [run]
        with pytest.raises(RunStateError, match="There is a run one"):
            refuse_existing_run(runs_dir, "one")

    @pytest.mark.usefixtures("s3")
    def test_missing_bucket_is_told(self):
        with pytest.raises(StorageError, match=r"s3://no-such-bucket.*Make the bucket"):
            list_runs(S3Folder("no-such-bucket", ""))


def write_local(run):
    path = run.path / "local.tmp"
    path.write_text("x")
    return path


class TestLog:
    @pytest.fixture(autouse=True)
    def often(self, monkeypatch):
        monkeypatch.setattr(log_upload, "UPLOAD_EVERY_S", 0.02)

    def stored(self, run, folder) -> list[dict[str, int]]:
        copy = folder / "copy.log"
        run.store.download("delivered/part-00000.log", copy, None)
        return read_answers(copy).records

    def test_answers_are_uploaded_while_it_is_open(self, run, tmp_path):
        log = AnswerLog.open(run.answers(0), {"items": 2})
        assert self.stored(run, tmp_path) == []
        log.append({"start": 0})
        wait_for(lambda: self.stored(run, tmp_path) == [{"start": 0}])
        log.append({"start": 1})
        log.close(complete=True)
        assert read_answers(run.answers(0)).is_complete
        assert self.stored(run, tmp_path) == [{"start": 0}, {"start": 1}]

    def test_asking_for_it_while_it_is_open_leaves_it_alone(self, run, monkeypatch):
        monkeypatch.setattr(log_upload, "UPLOAD_EVERY_S", LONG_S)
        log = AnswerLog.open(run.answers(0), {"items": 2})
        log.append({"start": 0})  # not uploaded yet
        assert read_answers(run.answers(0)).records == [{"start": 0}]
        log.close(complete=False)
        assert read_answers(run.answers(0)).records == [{"start": 0}]

    def test_it_goes_on_where_another_process_was_killed(self, run, tmp_path):
        first = AnswerLog.open(run.answers(0), {"items": 2})
        first.append({"start": 0})
        first.close(complete=False)
        log = AnswerLog.open(run.answers(0), {"items": 2})
        assert log.records == [{"start": 0}]
        log.append({"start": 1})
        log.close(complete=True)
        assert self.stored(run, tmp_path) == [{"start": 0}, {"start": 1}]

    def test_a_process_that_was_given_up_writes_over_nothing(self, run):
        log = AnswerLog.open(run.answers(0), {"items": 2})
        run.store.write("delivered/part-00000.log", b"of another process")

        def append() -> bool:
            log.append({"start": 0})
            return False

        with pytest.raises(StorageError, match="took this shipment over"):
            wait_for(append)
        with pytest.raises(StorageError, match="took this shipment over"):
            log.close(complete=True)
        assert run.store.read("delivered/part-00000.log").content == b"of another process"


class TestLock:
    def test_one_holds_it_at_a_time(self, run):
        with locked(run):
            owner = read_owner(run)
            held = pytest.raises(RunStateError, match=f"process {owner.pid} on {owner.host}")
            with held, locked(run):
                pass
            assert read_owner(run) == owner
        assert read_owner(run) is None
        with locked(run):
            assert read_owner(run) is not None

    def test_of_many_at_once_one_gets_it(self, run):
        held, refused = [], []
        both = threading.Barrier(6)
        done = threading.Barrier(6)

        def take() -> None:
            both.wait(LONG_S)
            try:
                with locked(run):
                    held.append(1)
                    done.wait(LONG_S)
            except RunStateError:
                refused.append(1)
                done.wait(LONG_S)

        threads = [threading.Thread(target=take) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(held), len(refused)) == (1, 5)

    def test_it_is_renewed(self, run, monkeypatch):
        monkeypatch.setattr(s3_lock, "RENEW_EVERY_S", 0.01)
        with locked(run):
            owner = read_owner(run)
            before = run.store.list_objects()["lock"]
            wait_for(lambda: run.store.list_objects()["lock"] > before)
            assert read_owner(run) == owner

    def test_owner_that_was_not_heard_of_is_replaced_and_writes_nothing_more(
        self, run, monkeypatch
    ):
        monkeypatch.setattr(s3_lock, "RENEW_EVERY_S", 0.05)
        with locked(run):
            # What another process would do if this one had not been heard of for a minute.
            run.store.write("lock", b'{"pid":1,"host":"h","started_at":"2026-01-01T00:00:00Z"}')

            def write() -> bool:
                write_text("x", run.manifest)
                return False

            with pytest.raises(StorageError, match=r"has taken s3://bucket/.* over"):
                wait_for(write)
        assert read_owner(run).pid == 1

    def test_lock_of_a_dead_owner_is_taken_over(self, run, monkeypatch):
        text = b'{"pid":1,"host":"h","started_at":"2026-01-01T00:00:00Z"}'
        run.store.write("lock", text)
        with pytest.raises(RunStateError, match="process 1 on h"), locked(run):
            pass
        monkeypatch.setattr(s3_lock, "EXPIRES_S", -1)
        with locked(run):
            assert run.store.read("lock").content != text
