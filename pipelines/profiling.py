"""Profiling: what the rows of a run look like, from the files that its phases leave.

A partition that is not prepared adds nothing but its rows; nor does one to columns and channels
that was prepared by a version which did not look at them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import orjson
import polars as pl

from pipelines.report.profile import (
    AudienceCount,
    ColumnProfile,
    CrowdedUser,
    Profile,
    SharedAddress,
    SourceProfile,
    TopValue,
)
from pipelines.report.results import count_invalid, count_left_out_of
from pipelines.steps.map_columns import plan_columns
from pipelines.steps.profile import describe_profile, limit_of, merge_profiles
from pipelines.storage.manifest import Manifest
from pipelines.storage.run_dir import RunDirectory
from schemas.issues import ADDRESS_SHARED
from schemas.outcomes import Outcome

MOST_SHARED = 10
"""Shared addresses that are told."""
MERGED_AT_ONCE = 32
"""Profiles of partitions in memory at once: some hundred kilobytes each, of a wide source ten
megabytes."""
USER_GROUPS = {1: "1", 2: "2", 5: "3-5", 10: "6-10", 15: "11-15"}
"""Groups of users, by the most endpoints that one in it has."""
MORE = "more"


def profile_run(run: RunDirectory, manifest: Manifest, audience: pl.DataFrame) -> Profile:
    """Profile a run whose rows have their outcomes.

    Args:
        run: The run.
        manifest: Its manifest.
        audience: Its endpoints in the shape of `steps.audience.AUDIENCE_SCHEMA`.
    """
    shared = _find_shared(run)
    users = orjson.loads(run.users.read_bytes()) if run.users.is_file() else {}
    groups: Counter[str] = Counter()
    for endpoints, count in users.get("by_endpoints", ()):
        groups[_group_of(endpoints)] += count
    return Profile(
        columns=[*_profile_columns(run, manifest)],
        audience=[
            AudienceCount(channel=channel, country=country, outcome=outcome, endpoints=endpoints)
            for channel, country, outcome, endpoints in audience.iter_rows()
        ],
        sources=profile_sources(run, manifest),
        repeated_ids=_count_repeated_ids(run),
        shared_addresses=shared.height,
        most_shared=[SharedAddress(**line) for line in shared.head(MOST_SHARED).to_dicts()],
        users=groups.total(),
        users_by_endpoints={name: groups[name] for name in (*USER_GROUPS.values(), MORE)},
        most_crowded=[
            CrowdedUser(user_id=user_id, endpoints=endpoints)
            for user_id, endpoints in users.get("most", ())
        ],
    )


def profile_sources(run: RunDirectory, manifest: Manifest) -> list[SourceProfile]:
    """Say what each SOURCE, as the user named it, came to, in their order.

    May be asked for from `resolve` on: `invalid` counts what is known by then.
    """
    invalid, mapping = count_invalid(run, manifest), manifest.read_mapping()
    names = [stamp.named or stamp.path for stamp in manifest.sources]
    rows, faulty = Counter[str](), Counter[str]()
    channels, filled = (defaultdict[str, Counter[str]](Counter) for _ in range(2))
    for part in manifest.partitions:
        name = names[part.input]
        rows[name] += part.rows - count_left_out_of(run, part.number)
        faulty[name] += invalid.get(part.number, 0)
        channels[name].update(_count_channels(run, part.number))
        filled[name].update(_count_filled(run, part.number))
    for name, record in zip(names, manifest.inputs, strict=False):  # some may not be read yet
        if not record.rows:  # its columns are there, and empty
            filled[name].update(dict.fromkeys(plan_columns(record.header, mapping).targets, 0))
    return [
        SourceProfile(
            name=name,
            rows=rows[name],
            invalid=faulty[name],
            filled=filled[name],
            channels=channels[name],
        )
        for name in dict.fromkeys(names)
    ]


def _count_channels(run: RunDirectory, number: int) -> dict[str, int]:
    path = run.part("rows", number)
    if not path.is_file() or "channel" not in pl.read_parquet_schema(path):
        return {}
    channels = pl.read_parquet(path, columns=["channel"])["channel"].drop_nulls()
    return dict(channels.value_counts().iter_rows())


def _count_filled(run: RunDirectory, number: int) -> dict[str, int]:
    path = run.part("profiled", number)
    if not path.is_file():
        return {}
    return dict(pl.read_parquet(path, columns=["name", "filled"]).iter_rows())


def _profile_columns(run: RunDirectory, manifest: Manifest) -> Iterator[ColumnProfile]:
    paths = [run.part("profiled", part.number) for part in manifest.partitions]
    merged = _merge([path for path in paths if path.is_file()])
    for line in describe_profile(merged).to_dicts():
        top = [TopValue(**value) for value in line.pop("top")]
        yield ColumnProfile(**line, limit=limit_of(line["name"]), top=top)


def _merge(paths: Sequence[Path]) -> pl.DataFrame:
    merged = merge_profiles([])
    for start in range(0, len(paths), MERGED_AT_ONCE):
        parts: Iterable[pl.DataFrame] = map(pl.read_parquet, paths[start : start + MERGED_AT_ONCE])
        merged = merge_profiles([merged, *parts])
    return merged


def _count_repeated_ids(run: RunDirectory) -> int:
    if not run.decisions.is_file():
        return 0
    repeated = pl.scan_parquet(run.decisions).filter(pl.col("outcome") == Outcome.DUPLICATE.value)
    winner = pl.struct("winner_partition", "winner_key")
    return int(repeated.select(winner.n_unique()).collect().item())


def _find_shared(run: RunDirectory) -> pl.DataFrame:
    """Give `channel address endpoints` of addresses that several Ids have, most first."""
    schema = {"channel": pl.String, "address": pl.String, "endpoints": pl.Int64}
    found = [pl.DataFrame(schema=schema)]
    if run.run_issues.is_file():
        issues = pl.read_parquet(run.run_issues).filter(pl.col("code") == ADDRESS_SHARED.code)
        for (number,), part in issues.partition_by("partition", as_dict=True).items():
            channels = pl.read_parquet(
                run.part("prepared", int(number)), columns=["row_key", "channel_type"]
            )
            named = part.join(channels, on="row_key")
            found.append(named.select(channel="channel_type", address="value", endpoints=1))
    # Every one but the last of those who share an address has an issue.
    shared = pl.concat(found, how="vertical_relaxed").group_by("channel", "address")
    return shared.agg(pl.len().cast(pl.Int64).alias("endpoints") + 1).sort(
        "endpoints", "address", descending=[True, False]
    )


def _group_of(endpoints: int) -> str:
    return next((name for most, name in USER_GROUPS.items() if endpoints <= most), MORE)
