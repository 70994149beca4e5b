"""report.html: one page, with no network, that shows what a run found and did."""

from jinja2 import Environment, PackageLoader, select_autoescape

from pipelines.report.page_data import PageData
from pipelines.sources.layouts import describe_reading
from schemas.masking import mask_cell
from schemas.outcomes import MEANINGS

LONGEST_EXAMPLE = 80
"""Characters of an example value that are shown."""


def render_page(data: PageData, *, show_addresses: bool) -> str:
    """Render the page.

    Args:
        data: What it shows.
        show_addresses: Whether to show personal values as they are; else they are masked.
    """
    environment = Environment(
        loader=PackageLoader("pipelines.report"), autoescape=select_autoescape(["j2", "html"])
    )

    def example(value: str | None, column: str | None) -> str:
        cut = (value or "")[:LONGEST_EXAMPLE]
        return cut if show_addresses else mask_cell(column, cut)

    summary = data.summary
    return environment.get_template("report.html.j2").render(
        manifest=data.manifest,
        summary=summary,
        verdict=data.verdict,
        outcomes=[
            (outcome, n, n / max(summary.rows, 1)) for outcome, n in summary.by_outcome().items()
        ],
        meanings=MEANINGS,
        describe_reading=describe_reading,
        issues=data.issues,
        example=example,
    )
