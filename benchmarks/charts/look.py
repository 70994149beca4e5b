"""Colours and type of the charts: to be read on white as well as on GitHub's dark background."""

from pathlib import Path

import altair as alt

INK, MUTED = "#6e7781", "#7b8591"
"""About 4.5 to 1 on white, and 4 to 1 on #0d1117."""
OURS, OURS_TOO, THEIRS = "#2f81f7", "#d2822d", "#8b949e"
GRID = "#8b949e40"
FONT = "-apple-system, BlinkMacSystemFont, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"


def finish(chart: alt.TopLevelMixin, results: Path) -> None:
    """Write a chart as SVG beside the results it shows."""
    chart.configure(background="transparent", font=FONT, padding=8).configure_view(
        stroke=None
    ).configure_axis(
        labelColor=INK,
        titleColor=INK,
        gridColor=GRID,
        domainColor=GRID,
        tickColor=GRID,
        labelFontSize=13,
        titleFontSize=12,
        titleFontWeight="normal",
        labelLimit=260,
        labelFlush=False,
        labelPadding=6,
    ).configure_title(
        color=INK, fontSize=15, subtitleFontSize=12, anchor="start", offset=12
    ).configure_legend(labelColor=INK, labelFontSize=13, title=None, orient="top").save(
        results.with_suffix(".svg")
    )
