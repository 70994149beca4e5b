"""Intake: from sources to prepared partitions.

A partition is prepared as soon as it is staged, while the next one is read. Only where the sources
name more attributes than the service keeps, all of them are staged first: which of the names hold
a value decides about every row.
"""

from collections.abc import Callable

from prefect.futures import PrefectFuture, wait

from pipelines.phases import phase
from pipelines.preparing import may_have_excess
from pipelines.settings import ImportSettings
from pipelines.staging import SourceLayout, read_layout
from pipelines.storage.manifest import Manifest, PartitionRecord, save_manifest
from pipelines.storage.run_dir import RunDirectory
from pipelines.storage.sources import SourceFormat
from pipelines.tasks import find_excess_columns, prepare_partition, stage_source


def take_in(run: RunDirectory, manifest: Manifest, settings: ImportSettings) -> int | None:
    """Stage and prepare what is not yet; give the number of valid rows, None if stopped.

    Raises:
        SourceError: A source cannot be read; the headers of all are looked at first.
        StorageError: The run directory cannot be written.
    """
    futures: list[PrefectFuture[int | None]] = []
    excess: list[str] = []
    layouts = read_layouts(manifest, settings)
    is_known = not may_have_excess(layout.header for layout in layouts)

    def prepare(part: PartitionRecord) -> None:
        with_items = manifest.command == "run"
        futures.append(
            prepare_partition.submit(
                run, part, layouts[part.input], excess, settings, with_items=with_items
            )
        )

    def prepare_all() -> None:
        for part in manifest.partitions:
            prepare(part)

    try:
        with phase(manifest, "stage"):
            if is_known:
                prepare_all()  # those of an earlier attempt
            stage(run, manifest, settings, prepare if is_known else lambda part: None)
        with phase(manifest, "prepare", manifest.rows):
            if not is_known:
                excess += find_excess_columns(run, manifest.inputs, manifest.partitions)
                prepare_all()
            wait(list(futures))
    finally:
        wait(list(futures))  # from here on nobody writes into the run
    valid = [future.result() for future in futures]
    return None if None in valid else sum(rows or 0 for rows in valid)


def read_layouts(manifest: Manifest, settings: ImportSettings) -> list[SourceLayout]:
    """Give the layouts of all sources: of those that are staged, as it was then."""
    staged = [SourceLayout(SourceFormat(i.format), i.header) for i in manifest.inputs]
    if manifest.is_staged:
        return staged
    has_channel = settings.default_channel is not None
    left = manifest.sources[len(staged) :]
    return staged + [read_layout(stamp, has_channel=has_channel) for stamp in left]


def stage(
    run: RunDirectory,
    manifest: Manifest,
    settings: ImportSettings,
    announce: Callable[[PartitionRecord], None],
) -> None:
    """Read the sources that are not staged yet into partitions, one after the other."""
    left = None if settings.limit is None else settings.limit - manifest.rows
    for index, stamp in enumerate(manifest.sources):
        if manifest.is_staged or index < len(manifest.inputs):
            continue
        if left is not None and left <= 0:
            break
        first = len(manifest.partitions)
        staged = stage_source(run, stamp, index, first, settings, left, announce)
        manifest.inputs.append(staged.input)
        manifest.partitions.extend(staged.partitions)
        left = None if left is None else left - staged.input.rows
        save_manifest(manifest, run)
    manifest.is_staged = True
    save_manifest(manifest, run)
