"""The profile of checked sources, from the files that their phases left."""

import json

import polars as pl
import pytest
from phases_support import check_files

from pipelines import profiling
from pipelines.profiling import profile_run, profile_sources
from pipelines.steps.audience import add_up_audience, count_audience
from schemas.outcomes import Outcome

HEADER = "Id,ChannelType,Address,User.UserId,Attributes.Plan,Attributes.Plan\n"
ROWS = [
    "1,SMS,+12065550100,u1,gold,",
    "2,sms,+12065550100,u1,,",
    "3,EMAIL,ana@example.com,,gold,tin",
    "3,EMAIL,bo@example.com,u1, ,gold",
    "4,EMAIL,nobody,u2,gold,",
    ",EMAIL,cy@example.com,u2,,",
    "5,EMAIL",
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two files found by a glob, and an empty one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(HEADER + "\n".join(ROWS[:4]))
    (tmp_path / "b.csv").write_text(HEADER + "\n".join(ROWS[4:]))
    (tmp_path / "none.csv").write_text("Address,ChannelType,Attributes.Plan\n")
    return tmp_path


def check(folder, *sources, **options):
    return check_files(folder / "runs", *sources, **options)


def profile(checked):
    parts = [part.number for part in checked.manifest.partitions]
    rows = [pl.read_parquet(checked.run.part("rows", number)) for number in parts]
    outcomes = [pl.read_parquet(checked.run.part("outcomes", number)) for number in parts]
    audience = [
        count_audience(part, done["outcome"]) for part, done in zip(rows, outcomes, strict=True)
    ]
    return profile_run(checked.run, checked.manifest, add_up_audience(audience))


def test_sources_are_told_by_the_names_that_they_were_given(folder):
    checked = check(folder, "?.csv", "none.csv")
    found, empty = profile_sources(checked.run, checked.manifest)
    assert (found.name, found.rows, found.invalid) == ("?.csv", 7, 2)
    assert found.channels == {"SMS": 2, "EMAIL": 4}
    assert found.filled == {
        "Id": 5,
        "ChannelType": 6,
        "Address": 6,
        "User.UserId": 5,
        "Attributes.Plan": 4,
    }
    assert (empty.name, empty.rows, empty.channels) == ("none.csv", 0, {})
    assert empty.filled == {"Address": 0, "ChannelType": 0, "Attributes.Plan": 0}


def test_a_run_is_profiled(folder):
    done = profile(check(folder, "a.csv", "b.csv"))
    columns = {column.name: column for column in done.columns}
    plan = columns["Attributes.Plan"]
    assert (plan.rows, plan.filled, plan.distinct, plan.limit) == (6, 4, 2, 100)
    assert [(value.value, value.rows) for value in plan.top] == [("gold", 4), ("tin", 1)]
    assert columns["Address"].limit is None
    assert (done.repeated_ids, done.shared_addresses) == (1, 1)
    (shared,) = done.most_shared
    assert (shared.channel, shared.address, shared.endpoints) == ("SMS", "+12065550100", 2)
    assert done.users == 2
    assert done.users_by_endpoints == {
        "1": 1,
        "2": 0,
        "3-5": 1,
        "6-10": 0,
        "11-15": 0,
        "more": 0,
    }
    assert [(user.user_id, user.endpoints) for user in done.most_crowded] == [("u1", 3)]
    audience = {(a.channel, a.country, a.outcome): a.endpoints for a in done.audience}
    assert audience == {
        ("SMS", "US", "unprocessed"): 2,
        ("EMAIL", None, "unprocessed"): 2,
        ("EMAIL", None, "duplicate"): 1,
        ("EMAIL", None, "invalid"): 1,
        (None, None, "invalid"): 1,
    }


@pytest.mark.parametrize("rows", [100, 130, 419])
def test_it_does_not_depend_on_how_the_source_is_cut(folder, rows):
    (folder / "all.csv").write_text(HEADER + "\n".join(ROWS * 60))
    whole = profile(check(folder, "all.csv"))
    assert profile(check(folder, "all.csv", partition_rows=rows)) == whole


def test_partitions_are_merged_a_few_at_a_time(folder, monkeypatch):
    (folder / "all.csv").write_text(HEADER + "\n".join(ROWS * 60))
    whole = profile(check(folder, "all.csv"))
    monkeypatch.setattr(profiling, "MERGED_AT_ONCE", 2)
    assert profile(check(folder, "all.csv", partition_rows=100)) == whole


def test_endpoints_are_counted_where_a_row_gives_several(folder):
    (folder / "x.csv").write_text("mail,phone\na@example.com,+12065550100\n,+447400123456\n,\n")
    mapping = folder / "m.json"
    rules = [
        {"name": "m", "columns": {"Address": "mail", "ChannelType": {"constant": "EMAIL"}}},
        {"name": "p", "columns": {"Address": "phone", "ChannelType": {"constant": "SMS"}}},
    ]
    where = [{"column": "mail", "not_equals": "gone"}]
    mapping.write_text(json.dumps({"endpoints": rules, "ignore": "*", "where": where}))
    checked = check(folder, "x.csv", mapping=str(mapping))
    (source,) = profile_sources(checked.run, checked.manifest)
    assert (source.rows, source.invalid) == (3, 1)
    assert source.channels == {"EMAIL": 1, "SMS": 2}
    assert source.filled == {"Address": 3, "ChannelType": 3}


def test_what_an_older_version_prepared_is_told_as_far_as_it_is_known(folder):
    checked = check(folder, "a.csv")
    checked.run.part("profiled", 0).unlink()
    rows = checked.run.part("rows", 0)
    pl.read_parquet(rows).drop("channel", "audience_country").write_parquet(rows)
    checked.run.users.unlink()
    done = profile(checked)
    assert (done.columns, done.users, done.shared_addresses) == ([], 0, 1)
    (source,) = done.sources
    assert (source.rows, source.filled, source.channels) == (4, {}, {})
    assert [(a.channel, a.outcome) for a in done.audience] == [
        (None, Outcome.UNPROCESSED),
        (None, Outcome.DUPLICATE),
    ]


def test_a_run_that_stopped_before_is_told_by_its_rows(folder):
    (folder / "all.csv").write_text(HEADER + "\n".join(ROWS[:1] * 150))
    checked = check(folder, "all.csv", partition_rows=100)
    run = checked.run
    for path in (run.decisions, run.run_issues, run.users, run.part("prepared", 1)):
        path.unlink()
    for folder_name in ("rows", "found", "profiled"):
        run.part(folder_name, 1).unlink()
    manifest = checked.manifest
    (source,) = profile_sources(run, manifest)
    assert (source.rows, source.invalid, source.channels) == (150, 0, {"SMS": 100})
    done = profile_run(run, manifest, add_up_audience([]))
    assert done.columns[0].rows == 100
    assert (done.repeated_ids, done.shared_addresses, done.users) == (0, 0, 0)


def test_all_rows_may_be_malformed(folder):
    (folder / "bad.csv").write_text("ChannelType,Address\n" + "x\n" * 3)
    done = profile(check(folder, "bad.csv"))
    assert {(column.name, column.rows, column.filled) for column in done.columns} == {
        ("ChannelType", 0, 0),
        ("Address", 0, 0),
    }
    assert done.sources[0].invalid == 3


class Watched(list):
    """Counts how often it is gone through."""

    passes = 0

    def __iter__(self):
        self.passes += 1
        return super().__iter__()


@pytest.mark.parametrize("names", [["a.csv"], ["a.csv", "b.csv", "none.csv"]])
def test_partitions_are_gone_through_as_often_for_many_files_as_for_one(folder, names):
    checked = check(folder, *names)
    parts = Watched(checked.manifest.partitions)
    profile_sources(checked.run, checked.manifest.model_copy(update={"partitions": parts}))
    assert parts.passes == 2  # once for the invalid ones
