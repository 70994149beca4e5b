"""Options about thresholds: what is too much to be sent, or to be silent about."""

import click

from pipelines.terminal.options import option

ACTIONS = click.Choice(["stop", "warn", "off"])

THRESHOLD_OPTIONS = (
    option(
        "--max-invalid",
        metavar="SHARE|N",
        help="Stop before sending when more rows than this are invalid, such as 5% or 100.",
    ),
    option(
        "--warn-invalid",
        metavar="SHARE|N",
        help="Warn when more rows than this are invalid, such as 1%.",
    ),
    option(
        "--max-row-change",
        metavar="SHARE|N",
        default="30%",
        help="How many rows more or fewer a source may have than in the median of its last 7 runs; "
        "a share lets 10 pass in any case.",
    ),
    option(
        "--on-row-change",
        type=ACTIONS,
        default="warn",
        help="If a source has more or fewer rows than that: stop before sending, warn, or nothing.",
    ),
    option(
        "--on-empty-column",
        type=ACTIONS,
        default="warn",
        help="If a column that was full in the last runs is empty.",
    ),
    option(
        "--on-lost-channel",
        type=ACTIONS,
        default="warn",
        help="If a channel is gone from a source that had endpoints of it in the last runs.",
    ),
)
"""The same of single sources stands in the settings file (docs/thresholds.md)."""
