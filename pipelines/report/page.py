"""report.html: one page, with no network, that shows what a run found and did."""

import base64
import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from pipelines.report import audience_views, charts, page_views
from pipelines.report.drawing import Drawing, Spec, start_drawing
from pipelines.report.page_data import PageData
from pipelines.report.profile import PastRun
from pipelines.report.settings_view import split_settings
from pipelines.report.showing import cut, say_share, show_name, show_plainly
from pipelines.sources.layouts import describe_reading
from schemas.limits import USER_ENDPOINTS
from schemas.outcomes import MEANINGS

MOST_INPUTS = 200
"""Files shown; manifest.json has all of them."""
MOST_WHOLE_ROWS = 40
"""Columns from which their table scrolls, so that what follows it is not too far away."""


def render_page(data: PageData, *, show_addresses: bool, drawing: Drawing | None = None) -> str:
    """Render the page.

    Args:
        data: What it shows.
        show_addresses: Whether to show personal values as they are; else they are masked.
        drawing: What draws its charts, and is used up by that; started here if none is given.
    """
    view = _view(data, show_addresses)
    with ExitStack() as stack:
        if drawing is None:
            drawing = stack.enter_context(start_drawing())
        specs = _list_charts(data, view)
        drawn = drawing.draw(specs)
    page = _environment().get_template("report.html.j2")
    svgs = {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704  # see `drawing`
    return page.render(view, charts=svgs, is_drawn=specs.keys() == drawn.keys())


def _view(data: PageData, show_addresses: bool) -> dict[str, Any]:
    summary = data.summary
    is_sent = bool(summary.requests or summary.retired or summary.refused_removals)
    now = PastRun(
        run_id=summary.run_id,
        started_at=summary.started_at,
        status=summary.status,
        rows=summary.rows,
        invalid=summary.invalid,
        accepted=summary.accepted,
        seconds=summary.seconds,
    )
    chosen, usual = split_settings(data.manifest)
    return {
        "manifest": data.manifest,
        "summary": summary,
        "profile": data.profile,
        "verdict": data.verdict,
        "is_masked": not show_addresses,
        "is_sent": is_sent,
        "notices": page_views.view_notices(data),
        "outcomes": page_views.view_outcomes(data),
        "errors": page_views.view_issues(data, "error", show_addresses=show_addresses),
        "warnings": page_views.view_issues(data, "warning", show_addresses=show_addresses),
        "columns": page_views.view_columns(data, show_addresses=show_addresses),
        "whole_rows": MOST_WHOLE_ROWS,
        "channels": audience_views.view_channels(data),
        "countries": audience_views.view_countries(data),
        "shared": audience_views.view_shared(data, show_addresses=show_addresses),
        "crowded": audience_views.view_crowded(data, show_addresses=show_addresses),
        "user_limit": USER_ENDPOINTS.value,
        "corrections": data.corrections,
        "steps": data.steps,
        "runs": [*data.past, now],
        "chosen": chosen,
        "usual": usual,
        "inputs": data.manifest.inputs[:MOST_INPUTS],
        "meanings": MEANINGS,
    }


def _list_charts(data: PageData, view: Mapping[str, Any]) -> dict[str, Spec]:
    specs: dict[str, Spec] = {}
    saving = [line for line in data.issues if line.severity == "error" and line.saved_so_far]
    if saving and data.summary.invalid:
        for name, width in (("wide", charts.WIDE), ("narrow", charts.NARROW)):
            specs[f"pareto-{name}"] = charts.draw_pareto(saving, data.summary.invalid, width)
    for name in ("channels", "countries"):
        if view[name]:
            specs[name] = charts.draw_outcomes([group.parts for group in view[name]])
    moments = data.profile.moments
    if moments and view["is_sent"]:
        is_slowed = any(moment.retries or moment.throttled for moment in moments)
        for name, width in (("wide", charts.WIDE), ("narrow", charts.NARROW)):
            specs[f"throughput-{name}"] = charts.draw_throughput(moments, width)
            if is_slowed:
                specs[f"throttling-{name}"] = charts.draw_throttling(moments, width)
    if data.past:
        trends = charts.list_trends(data.past, view["runs"][-1])
        specs.update({f"trend-{name}": spec for name, spec in trends.items()})
    return specs


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipelines.report"),
        autoescape=select_autoescape(["j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        n="{:,}".format, plain=show_plainly, cut=cut, show_name=show_name, reading=describe_reading
    )
    environment.globals.update(share=say_share)
    for name in ("css", "js"):
        text = (files("pipelines.report") / "templates" / f"page.{name}").read_text("utf-8")
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        environment.globals[name] = Markup(text)  # noqa: S704  # our own file
        environment.globals[f"{name}_hash"] = f"sha256-{digest}"
    return environment
