"""Intake: from sources to prepared partitions.

A partition is prepared as soon as it is staged, while the next one is read. Only where the sources
name more attributes than the service keeps, all of them are staged first: which of the names hold
a value decides about every row.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from prefect import get_run_logger
from prefect.futures import PrefectFuture, wait

from pipelines import progress
from pipelines.errors import SourceError, StorageError
from pipelines.phases import phase
from pipelines.preparing import may_have_excess
from pipelines.report.showing import show_plainly
from pipelines.settings import ImportSettings
from pipelines.sources.base import SourceFormat
from pipelines.sources.layouts import describe_reading
from pipelines.staging import SourceLayout, read_layout, source_bytes
from pipelines.storage.manifest import Manifest, PartitionRecord, save_manifest
from pipelines.storage.run_dir import RunDirectory, read_number
from pipelines.storage.stop_request import request_stop
from pipelines.syncing.comparing import is_compared
from pipelines.tasks import find_excess_columns, prepare_partition, stage_source


def take_in(run: RunDirectory, manifest: Manifest, settings: ImportSettings) -> int | None:
    """Stage and prepare what is not yet; give the number of valid rows, None if stopped.

    Raises:
        SourceError: A source cannot be read; the headers of all are looked at first.
        StorageError: The run directory cannot be written.
    """
    futures: list[PrefectFuture[int | None]] = []
    running: deque[Any] = deque()
    excess: list[str] = []
    layouts = read_layouts(manifest, settings)
    if not manifest.is_staged:
        forget_partitions(run, len(manifest.partitions))
    is_known = not may_have_excess(layouts)

    def prepare(part: PartitionRecord) -> None:
        with_items = manifest.command == "run" or is_compared(manifest, settings)
        future = prepare_partition.submit(
            run, part, layouts[part.input], excess, settings, with_items=with_items
        )
        futures.append(future)
        running.append(future)
        while running and running[0].wrapped_future.done():
            running.popleft().result()  # a failure ends the reading too

    def prepare_all() -> None:
        for part in manifest.partitions:
            prepare(part)

    try:
        with phase(manifest, "stage"):
            if is_known:
                prepare_all()  # those of an earlier attempt
            stage_sources(run, manifest, settings, layouts, prepare if is_known else _ignore)
        get_run_logger().info(
            "stage: %s records of %s in %s s",
            f"{manifest.rows:,}",
            _count(len(manifest.inputs), "source"),
            manifest.phase_seconds["stage"],
        )
        with phase(manifest, "prepare", manifest.rows):
            if not is_known:
                excess += find_excess_columns(run, layouts, manifest.partitions)
                prepare_all()
            wait(list(futures))
    except BaseException:
        with suppress(StorageError):
            request_stop(run)  # what is not begun is not prepared any more
        wait(list(futures))  # from here on nobody writes into the run
        run.remove(run.stop_request)
        raise
    valid = [future.result() for future in futures]
    if None in valid:
        return None
    endpoints = sum(rows or 0 for rows in valid)
    get_run_logger().info(
        "prepare: %s in %s s",
        _count(endpoints, "valid endpoint"),
        manifest.phase_seconds["prepare"],
    )
    return endpoints


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _ignore(_: PartitionRecord) -> None:
    """Leave a partition for later."""


def read_layouts(manifest: Manifest, settings: ImportSettings) -> list[SourceLayout]:
    """Give the layouts of the sources: of those that are staged, as it was then.

    A limit may be reached before a source that cannot be read: that and what follows is left out.
    """
    mapping = manifest.read_mapping()
    layouts = [
        SourceLayout(SourceFormat(i.format), i.header, i.reading, mapping) for i in manifest.inputs
    ]
    if manifest.is_staged:
        return layouts
    for stamp in manifest.sources[len(layouts) :]:
        try:
            layouts.append(read_layout(stamp, settings, mapping))
        except SourceError:
            if settings.limit is None or not layouts:
                raise
            break
    return layouts


def forget_partitions(run: RunDirectory, first: int) -> None:
    """Remove what was prepared of a source whose reading did not come to its end.

    Only there it shows whether the source has changed meanwhile.

    Args:
        run: The run.
        first: Number of the first partition of that source.
    """
    # The first tells that all are there.
    for folder in ("prepared", "rows", "left_out", "found", "profiled"):
        for path in run.list_files(folder, ".parquet"):
            if read_number(path) >= first:
                run.remove(path)


def stage_sources(
    run: RunDirectory,
    manifest: Manifest,
    settings: ImportSettings,
    layouts: list[SourceLayout],
    announce: Callable[[PartitionRecord], None],
) -> None:
    """Read the sources that are not staged yet into partitions, one after the other."""
    left = None if settings.limit is None else settings.limit - manifest.rows
    mapping = manifest.read_mapping()
    if left is None and not manifest.is_staged:  # a limit may be reached anywhere
        unread = manifest.sources[len(manifest.inputs) :]
        progress.measure("stage", sum(map(source_bytes, unread)))
    for index, stamp in enumerate(manifest.sources):
        if manifest.is_staged or index < len(manifest.inputs):
            continue
        if left is not None and left <= 0:
            break
        if index == len(layouts):
            layouts.append(read_layout(stamp, settings, mapping))  # says what is wrong with it
        first, layout = len(manifest.partitions), layouts[index]
        how = describe_reading({"format": layout.format, **layout.reading})
        name = show_plainly(stamp.source.name)
        get_run_logger().info("%s: %s", name, how)
        progress.note(f"reading {name}: {how}")
        staged = stage_source(run, stamp, index, first, settings, left, announce, mapping)
        manifest.inputs.append(staged.input)
        manifest.partitions.extend(staged.partitions)
        left = None if left is None else left - staged.input.rows
        save_manifest(manifest, run)
    manifest.is_staged = True
    save_manifest(manifest, run)
