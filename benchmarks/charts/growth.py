"""Draws growth.svg: time per row and memory by number of rows. Runs in the charts' environment."""

import json
import sys
from pathlib import Path

import altair as alt
from look import OURS, OURS_TOO, finish


def main(results: Path) -> None:
    """Draw the chart of a file of results beside it."""
    found = json.loads(results.read_text())
    points = [
        {
            "command": figures["name"],
            "rows": figures["rows"],
            "per_million": figures["seconds"] / figures["rows"] * 1e6,
            "peak_mb": figures["peak_mb"],
        }
        for figures in found["results"]
    ]
    sizes = sorted({point["rows"] for point in points})

    def panel(column: str, title: str) -> alt.Chart:
        spell = "datum.value >= 1e6 ? datum.value / 1e6 + ' M' : datum.value / 1e3 + ' k'"
        x_axis = alt.Axis(values=sizes, labelExpr=spell, grid=False, title="rows")
        return (
            alt.Chart(alt.Data(values=points))
            .mark_line(point={"size": 50, "filled": True}, strokeWidth=2)
            .encode(
                x=alt.X("rows:Q", scale=alt.Scale(type="log"), axis=x_axis),
                y=alt.Y(f"{column}:Q", scale=alt.Scale(zero=True), title=None),
                color=alt.Color(
                    "command:N",
                    scale=alt.Scale(domain=["run", "check"], range=[OURS, OURS_TOO]),
                ),
            )
            .properties(width=300, height=190, title=title)
        )

    per_row = panel("per_million", "Seconds per million rows, start-up left out")
    finish(per_row | panel("peak_mb", "Most memory, MB"), results)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
