"""The phases of a check one after the other, in this process, without Prefect: for small files."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from pipelines.intake import read_layouts
from pipelines.mapping_files import load_mapping
from pipelines.preparing import prepare
from pipelines.settings import ImportSettings
from pipelines.sources.finding import find_sources
from pipelines.sources.stamps import stamp_source
from pipelines.staging import stage
from pipelines.storage.manifest import Attempt, Manifest, read_versions
from pipelines.storage.run_dir import RunDirectory, create_run_directory
from pipelines.tasks import resolve_run, settle_rows


@dataclass(frozen=True, slots=True)
class CheckedRun:
    """A run that is settled; its working files are there."""

    run: RunDirectory
    manifest: Manifest
    settings: ImportSettings

    def read(self, folder: str) -> pl.DataFrame:
        """Read a table of all partitions; there is at least one."""
        return pl.concat(pl.read_parquet(path) for path in self.run.list_files(folder, ".parquet"))

    def read_items(self) -> dict[int, list[dict[str, Any]]]:
        """Give what would be sent, by the number of the record over all partitions."""
        items: dict[int, list[dict[str, Any]]] = {}
        for key, item in self.read("prepared").select("row_key", "item").rows():
            items.setdefault(key // 16, []).append(orjson.loads(item))
        return items


def check_files(folder: Path, *sources: str | Path, **options: Any) -> CheckedRun:
    """Check sources with settings, up to their outcomes.

    Raises:
        EndpointImportError: They cannot be read, or the settings cannot work.
    """
    settings = ImportSettings(sources=[str(source) for source in sources], **options)
    now = datetime.now(UTC)
    mapping = load_mapping(settings.mapping)
    stamps = [stamp_source(source) for source in find_sources(settings.sources)]
    folder.mkdir(exist_ok=True)
    run = create_run_directory(folder, f"r{len(list(folder.iterdir()))}")
    manifest = Manifest(
        run_id=run.run_id,
        command="plan",
        settings=settings.model_dump(mode="json"),
        mapping=mapping.as_written() if mapping is not None else None,
        versions=read_versions(),
        folder=str(Path.cwd()),
        sources=stamps,
        started_at=now,
        attempts=[Attempt(started_at=now)],
    )
    layouts = read_layouts(manifest, settings)
    for index, stamp in enumerate(stamps):
        first = len(manifest.partitions)
        staged = stage(run, stamp, index, first, settings, None, lambda _: None, mapping)
        manifest.inputs.append(staged.input)
        manifest.partitions.extend(staged.partitions)
    for part in manifest.partitions:
        prepare(run, part, layouts[part.input], [], settings, with_items=True)
    resolve_run.fn(run, manifest)
    files = {part.number: manifest.source_of(part.number).path for part in manifest.partitions}
    packed = orjson.dumps(files, option=orjson.OPT_NON_STR_KEYS)
    settle = partial(settle_rows.fn, run, place=None, packed_files=packed)
    for part in manifest.partitions:
        settle(part, endpoint_names=manifest.endpoint_names, sends=False)
    return CheckedRun(run, manifest, settings)
