"""Draws speed.svg: rows per second of each that sends. Runs in the charts' environment."""

import json
import sys
from pathlib import Path

import altair as alt
from look import INK, MUTED, OURS, THEIRS, finish

NAMES = {
    "run": "endpoint-import run",
    "plain_boto3": "csv + boto3",
    "pandas_pandera": "pandas + pandera + boto3",
    "dlt_destination": "dlt",
    "singer_batch_sink": "singer-sdk",
}


def main(results: Path) -> None:
    """Draw the chart of a file of results beside it."""
    found = json.loads(results.read_text())
    shown = [f for f in found["results"] if f["name"] in NAMES]
    bars = [
        {
            "name": NAMES[figures["name"]],
            "speed": figures["rows_per_second"],
            "text": f"{figures['rows_per_second']:,}",
            "colour": OURS if figures["name"] == "run" else THEIRS,
        }
        for figures in sorted(shown, key=lambda figures: -figures["rows_per_second"])
    ]
    base = alt.Chart(alt.Data(values=bars)).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False)),
        x=alt.X("speed:Q", axis=None),
    )
    bar = base.mark_bar(cornerRadiusEnd=3, size=18).encode(
        color=alt.Color("colour:N", scale=None),
    )
    text = base.mark_text(align="left", dx=6, color=INK, fontSize=13).encode(text="text:N")
    cores = found["machine"]["cores"]
    title = alt.Title(
        "Rows imported per second",
        subtitle=f"24 columns, same file and same local service, {cores} cores; start-up left out",
        subtitleColor=MUTED,
    )
    finish((bar + text).properties(width=470, height=alt.Step(28), title=title), results)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
