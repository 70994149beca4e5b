"""Previewing: what `plan` shows of sources besides counts, from the partitions that it prepared.

Values are masked as in reports: a preview is looked at over shoulders, and pasted into tickets.
"""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from pipelines.preparing import read_staged
from pipelines.report.preview import (
    ColumnPreview,
    EndpointPreview,
    Preview,
    RecordPreview,
    SourcePreview,
)
from pipelines.report.results import read_found
from pipelines.settings import ImportSettings
from pipelines.steps.endpoint_rows import drop_repeated
from pipelines.steps.map_columns import ColumnPlan, map_columns, plan_columns
from pipelines.steps.normalize import NormalizeParams, normalize
from pipelines.steps.outcomes import settle_compared
from pipelines.steps.result import ERROR_CODES
from pipelines.storage.manifest import Manifest, PartitionRecord
from pipelines.storage.run_dir import RunDirectory
from schemas.columns import CLEAR, PHONE_REGION, SCALAR_COLUMNS
from schemas.mapping import ColumnRule
from schemas.masking import PERSONAL_COLUMNS, mask, mask_cell
from schemas.outcomes import Outcome
from schemas.row_keys import endpoint_of, row_of

RECORDS = 3
"""Records that are shown, of those that the mapping takes if there are any."""
LOOKED_AT = 1000
"""Records among which they are looked for."""
LONGEST_VALUE = 60
"""Characters of a value that are shown."""


def make_preview(run: RunDirectory, manifest: Manifest, settings: ImportSettings) -> Preview:
    """Show sources and first records of a run that is prepared and resolved."""
    mapping = manifest.read_mapping()
    sources = []
    for record in manifest.inputs:
        columns = show_columns(plan_columns(record.header, mapping))
        sources.append(
            SourcePreview(
                name=record.path,
                rows=record.rows,
                format=record.format,
                reading=record.reading,
                columns=columns,
            )
        )
    part = next((part for part in manifest.partitions if part.rows), None)
    if part is None:
        return Preview(sources=sources, records=[])
    plan = plan_columns(manifest.inputs[part.input].header, mapping)
    return Preview(sources=sources, records=list(_show_records(run, part, plan, settings)))


def show_columns(plan: ColumnPlan) -> list[ColumnPreview]:
    """Say what becomes of each column of a header, and what the mapping says of all rows alike."""
    names: dict[int | None, dict[str, None]] = {}
    for position, target, told in _find_targets(plan):
        names.setdefault(position, {})[f"{target}{told}"] = None
    columns = [
        ColumnPreview(
            name=name,
            becomes=list(names.get(position, ())),
            is_ignored=position not in names and name not in plan.unmapped,
        )
        for position, name in enumerate(plan.source.header)
    ]
    fixed = [ColumnPreview(name=None, becomes=list(names[None]))] if None in names else []
    return columns + fixed


def _find_targets(plan: ColumnPlan) -> Iterator[tuple[int | None, str, str]]:
    """Yield positions in the header, endpoint columns, and what is to be told of the rule.

    Of columns that decide about others, what they are asked for stands in the place of these.
    """
    for target, positions in plan.positions.items():
        for position in positions:
            yield position, target, ""
    shared = plan.mapping.columns if plan.mapping is not None else {}
    for number, endpoint in enumerate(plan.endpoints):
        for target, rule in plan.rules_of(number).items():
            is_own = endpoint is not None and shared.get(target) is not rule
            told = f" of {endpoint.name}" if is_own and endpoint is not None else ""
            if rule.constant is not None:
                yield None, target, f"{told} = {rule.constant}"
            for position in plan.source.find_all(rule.columns):
                yield position, target, told + _say_rule(rule)
            for position in plan.source.find_all(
                [rule.region_column] if rule.region_column else []
            ):
                yield position, "phone_region", told
    conditions = plan.mapping.all_conditions if plan.mapping is not None else ()
    for position in plan.source.find_all(condition.column for condition in conditions):
        yield position, "where", ""


def _say_rule(rule: ColumnRule) -> str:
    done = rule.model_dump(mode="json", exclude_defaults=True, exclude={"source", "optional"})
    told = "; ".join(f"{name} {_as_text(value)}" for name, value in done.items())
    return f" ({told})" if told else ""


def _show_records(
    run: RunDirectory, part: PartitionRecord, plan: ColumnPlan, settings: ImportSettings
) -> Iterator[RecordPreview]:
    staged = read_staged(run, part.number, rows=LOOKED_AT)
    mapped = map_columns(staged.filter(pl.col("malformed").is_null()), plan)
    taken = staged.join(mapped.left_out, on="row_key", how="anti", maintain_order="left")
    staged = (staged if taken.is_empty() else taken).head(RECORDS)
    params = NormalizeParams(settings.default_country, settings.default_channel)
    rows = staged["source_row"].implode()
    shown = mapped.frame.filter(row_of(pl.col("row_key")).is_in(rows))
    endpoints = drop_repeated(normalize(shown, params).frame)
    found = read_found(run, part.number).filter(row_of(pl.col("row_key")).is_in(rows))
    decided = pl.read_parquet(run.decisions).filter(pl.col("partition") == part.number)
    fates = dict(decided.select("row_key", "outcome").iter_rows())
    if run.comparison.is_file():
        compared = settle_compared(pl.read_parquet(run.part("compared", part.number)))
        fates |= dict(compared.select("row_key", "outcome").iter_rows())
    left_out = set(mapped.left_out["row_key"])
    for record in staged.iter_rows(named=True):
        own = row_of(pl.col("row_key")) == record["source_row"]
        keys: dict[int, Mapping[str, object]] = {key: {} for key in found.filter(own)["row_key"]}
        keys |= {row["row_key"]: row for row in endpoints.filter(own).iter_rows(named=True)}
        yield RecordPreview(
            source_row=record["source_row"],
            values=_show_source(record, plan),
            endpoints=[]
            if record["row_key"] in left_out
            else [
                _show_endpoint(key, keys[key], plan, found, fates.get(key)) for key in sorted(keys)
            ],
        )


def _show_source(record: Mapping[str, object], plan: ColumnPlan) -> list[tuple[str, str]]:
    personal = {place for place, target, _ in _find_targets(plan) if target in PERSONAL_COLUMNS}
    values = []
    for position, name in enumerate(plan.source.header):
        text = _as_text(record[f"c{position}"])
        if text.strip():
            shown = mask(text) if position in personal else mask_cell(name, text)
            values.append((name, shown))
    return values


def _show_endpoint(
    key: int,
    row: Mapping[str, object],
    plan: ColumnPlan,
    found: pl.DataFrame,
    fate: str | None,
) -> EndpointPreview:
    issues = found.filter(pl.col("row_key") == key)
    is_invalid = issues["code"].is_in(ERROR_CODES).any()
    rule = plan.endpoints[pl.select(endpoint_of(pl.lit(key))).item()] if row else None
    return EndpointPreview(
        name=rule.name if rule is not None else None,
        outcome=Outcome.INVALID.value if is_invalid else fate or Outcome.UNPROCESSED.value,
        values=list(_show_values(row)),
        issues=[_say_issue(*issue) for issue in issues.select("column", "code", "value").rows()],
    )


def _show_values(row: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    order = {name: place for place, name in enumerate(SCALAR_COLUMNS)}
    for name, value in sorted(row.items(), key=lambda cell: order.get(cell[0], len(order))):
        if name in ("row_key", PHONE_REGION):
            continue
        if name.startswith(CLEAR):
            if value and row.get(name.removeprefix(CLEAR)) is None:
                yield name.removeprefix(CLEAR), "(cleared)"
        elif value is not None:
            yield name, mask_cell(name, _as_text(value))


def _say_issue(column: str | None, code: str, value: str | None) -> str:
    shown = "" if value is None else f" ({mask_cell(column, value)[:LONGEST_VALUE]})"
    return f"{column}: {code}{shown}" if column else f"{code}{shown}"


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        value = [f"{name}: {'blank' if item is None else item}" for name, item in value.items()]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(str(item) for item in value)[:LONGEST_VALUE]
    return str(value)[:LONGEST_VALUE]
