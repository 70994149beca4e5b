"""The run directory: made once, private, and found again."""

import os
import stat
from datetime import UTC, datetime

import pytest

from pipelines.errors import ConfigurationError, RunStateError
from pipelines.storage.run_dir import (
    FOLDERS,
    RunDirectory,
    create_run_directory,
    list_runs,
    open_run_directory,
)


def test_everything_in_it_is_private(tmp_path):
    run = create_run_directory(tmp_path / "runs", "r1")
    paths = [run.path.parent, run.path, *run.path.iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o700}
    assert {path.name for path in run.path.iterdir()} == set(FOLDERS)


def test_folders_that_an_older_version_did_not_know_are_made(tmp_path):
    run = create_run_directory(tmp_path, "r1")
    (run.path / "profiled").rmdir()
    run.make_folders()
    assert {path.name for path in run.path.iterdir()} == set(FOLDERS)


def test_a_runs_directory_that_exists_is_left_as_it_is(tmp_path):
    tmp_path.chmod(0o755)
    create_run_directory(tmp_path, "r1")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.parametrize("run_id", ["r", "2026-01-02T030405Z", "a.b_c-d", "x" * 100])
def test_a_run_id_that_is_a_file_name(tmp_path, run_id):
    assert create_run_directory(tmp_path, run_id).run_id == run_id


@pytest.mark.parametrize(
    "run_id",
    ["", ".", "..", "../x", "a/b", "/x", ".hidden", "-x", "a b", "x\n", "ü", "x" * 101, "a\0b"],
)
@pytest.mark.parametrize("make", [create_run_directory, open_run_directory])
def test_a_run_id_that_is_no_plain_file_name_is_refused(tmp_path, run_id, make):
    with pytest.raises(ConfigurationError, match="cannot name a run"):
        make(tmp_path / "runs", run_id)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("run_id", ["con", "NUL", "aux.2026", "LPT1", "night."])
def test_a_run_id_that_windows_cannot_have_is_refused(tmp_path, run_id):
    with pytest.raises(ConfigurationError, match="Windows has no file of that name"):
        create_run_directory(tmp_path / "runs", run_id)
    assert create_run_directory(tmp_path / "runs", f"my-{run_id}-1").path.is_dir()


def test_a_run_that_exists_is_refused_and_kept(tmp_path):
    run = create_run_directory(tmp_path, "r1")
    run.manifest.write_text("mine")
    with pytest.raises(RunStateError, match=r"There is a run r1 in .* already"):
        create_run_directory(tmp_path, "r1")
    assert run.manifest.read_text() == "mine"


def test_a_directory_that_is_no_run_is_refused_and_kept(tmp_path):
    """It may be the user's own; or a run was killed there at its first moment."""
    mine = tmp_path / "r1" / "mine"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(RunStateError, match=r"r1 is there already and no run, .* Remove it, or"):
        create_run_directory(tmp_path, "r1")
    assert mine.read_text() == "mine"


def test_runs_that_would_stand_in_a_file_are_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"is no directory.*--runs-dir"):
        create_run_directory(tmp_path / "file", "r1")


def test_runs_below_a_file_are_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="--runs-dir"):
        create_run_directory(tmp_path / "file" / "runs", "r1")


def test_a_run_is_found_by_its_manifest(tmp_path):
    run = create_run_directory(tmp_path, "r1")
    with pytest.raises(RunStateError, match="There is no run r1"):
        open_run_directory(tmp_path, "r1")
    run.manifest.touch()
    assert open_run_directory(tmp_path, "r1") == run


def test_runs_are_listed_by_their_manifests(tmp_path):
    for run_id in ("b", "a", "c"):
        create_run_directory(tmp_path, run_id).manifest.touch()
    create_run_directory(tmp_path, "without-manifest")
    assert {run.run_id for run in list_runs(tmp_path)} == {"a", "b", "c"}


def test_no_runs_directory_has_no_runs(tmp_path):
    assert list_runs(tmp_path / "none") == []


def test_partitions_sort_by_name_as_by_number(tmp_path):
    run = RunDirectory(tmp_path)
    for paths in (
        [run.part("staged", number) for number in (0, 9, 10, 99_999)],
        [run.answers(number) for number in (0, 9, 10, 99_999)],
    ):
        assert sorted(paths) == paths


def test_removing_working_files_keeps_the_results(tmp_path):
    run = create_run_directory(tmp_path, "r1")
    kept = [run.manifest, run.summary, run.errors, run.issues, run.part("outcomes", 0)]
    for path in [*kept, run.part("staged", 0), run.decisions, run.answers(0)]:
        path.touch()
    run.remove_working_files()
    assert {p for p in run.path.rglob("*") if p.is_file()} == set(kept)
    run.remove_working_files()


def test_only_what_a_killed_process_left_half_written_is_removed(tmp_path):
    run = create_run_directory(tmp_path, "r1")
    kept = [
        run.manifest,
        run.path / "lock",
        run.part("staged", 0),
        run.answers(0),
        run.path / "x.tmp",
    ]
    left = [run.path / ".manifest.json.17.tmp"]
    left += [
        run.path / folder / f".part-{n:05d}.parquet.17.tmp" for folder in FOLDERS for n in (0, 1)
    ]
    for path in [*kept, *left]:
        path.touch()
    run.remove_leftovers()
    assert {p for p in run.path.rglob("*") if p.is_file()} == set(kept)


def test_nothing_is_left_where_working_files_are_removed(tmp_path):
    run = create_run_directory(tmp_path, "r1")
    run.remove_working_files()
    run.remove_leftovers()
    assert [path.name for path in run.path.iterdir()] == ["outcomes"]


def test_the_last_file_tells_when_a_run_was_last_alive(tmp_path):
    run = create_run_directory(tmp_path, "r1")
    files = [run.manifest, run.part("staged", 0), run.answers(0), run.path / "lock"]
    for second, path in enumerate(files):
        path.touch()
        os.utime(path, (0, 1_800_000_000 + second))
    # Whoever asks takes the lock before.
    assert run.last_written_at() == datetime.fromtimestamp(1_800_000_002, UTC)
