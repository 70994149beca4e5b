"""The preview of a plan for people: how each source is read, its columns, first records."""

from itertools import zip_longest

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipelines.report.preview import EndpointPreview, Preview, RecordPreview, SourcePreview
from pipelines.sources.layouts import describe_reading
from pipelines.terminal.plain_text import write_plainly
from schemas.outcomes import Outcome

MOST_SOURCES = 5
"""Sources that are shown; preview.json has them all."""
MOST_COLUMNS = 60
"""Columns of a source that are shown."""


def print_preview(console: Console, preview: Preview) -> None:
    """Print it."""
    seen: list[list[object]] = []
    for source in preview.sources[:MOST_SOURCES]:
        console.print(_text(_say_reading(source), style="bold"), soft_wrap=True)
        if source.columns not in seen:  # sources are often of one kind
            console.print(_columns(source))
            seen.append(list(source.columns))
    if len(preview.sources) > MOST_SOURCES:
        console.print(f"and {len(preview.sources) - MOST_SOURCES} more sources")
    for record in preview.records:
        console.print(_record(record))


def _say_reading(source: SourcePreview) -> str:
    told = describe_reading({"format": source.format, **source.reading})
    return f"{source.name}: {told}; {source.rows:,} records"


def _columns(source: SourcePreview) -> Table:
    table = Table.grid(padding=(0, 2))
    for column in source.columns[:MOST_COLUMNS]:
        left_out = "ignored" if column.is_ignored else "not imported"
        told = write_plainly(", ".join(column.becomes))
        becomes = Text(told) if column.becomes else Text(left_out, "dim")
        table.add_row(_text(f"  {column.name or '(every row)'}"), "→", becomes)
    if len(source.columns) > MOST_COLUMNS:
        table.add_row(f"  and {len(source.columns) - MOST_COLUMNS} more", "", "")
    return table


def _record(record: RecordPreview) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    before = [_text(f"  {name}: {value}") for name, value in record.values]
    after = [line for endpoint in record.endpoints for line in _endpoint(endpoint)]
    if not record.endpoints:
        after = [Text("left out, as the mapping says", style="dim")]
    for left, right in zip_longest(before, after, fillvalue=Text("")):
        table.add_row(left, right)
    return Group(Text(f"Record {record.source_row:,}, before and after", style="bold"), table)


def _endpoint(endpoint: EndpointPreview) -> list[Text]:
    is_fine = endpoint.outcome == Outcome.UNPROCESSED.value
    name = f"{endpoint.name}: " if endpoint.name else ""
    fate = "would be sent" if is_fine else endpoint.outcome
    lines = [Text(f"{name}{fate}", style="green" if is_fine else "red")]
    lines += [_text(f"  {column}: {value}") for column, value in endpoint.values]
    lines += [_text(f"  {issue}", style="yellow") for issue in endpoint.issues]
    return lines


def _text(text: str, style: str = "") -> Text:
    return Text(write_plainly(text), style=style)
