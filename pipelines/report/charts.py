"""Charts: Vega-Lite specifications of what a page shows better than in figures.

Colours are the page's own variables, which Vega-Lite hands on as they are: one drawing serves the
light theme, the dark one and paper. Texts of sources are made plain first, see `showing`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pipelines.report.drawing import Spec
from pipelines.report.page_data import IssueLine
from pipelines.report.profile import DeliveryMoment, PastRun
from pipelines.report.showing import cut, show_plainly

WIDE = 900
"""Pixels of a chart over the whole column of a wide screen."""
NARROW = 320
"""Pixels of one on a telephone; and of small ones, which stand side by side elsewhere."""
MOST_CODES = 12
"""Issue codes in the chart; those beyond save next to nothing."""
MOST_BARS = 15

_CHARACTER = 7.2
"""Pixels of a character of a label at the most, in whatever font the reader has."""
_COUNT = ",.0f"

_CONFIG: Spec = {
    "aria": False,  # the page says in words what a chart shows
    "background": None,
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--soft)",
        "labelFontSize": 12,
        "labelPadding": 8,
        "gridColor": "var(--line)",
        "domain": False,
        "ticks": False,
        "title": None,
    },
    "text": {"fontSize": 12, "fill": "var(--soft)"},
}


def draw_pareto(issues: Sequence[IssueLine], invalid: int, width: int) -> Spec:
    """Show what correcting each issue saves, and what all down to it save together.

    Args:
        issues: Errors, most saved rows first.
        invalid: Rows that break a rule.
        width: In pixels.
    """
    is_narrow = width < WIDE
    values = [
        {
            "code": issue.code,
            "saved": issue.saved,
            "together": issue.saved_so_far,
            "share": f"{issue.saved_so_far / invalid:.0%}",
            "start": 0,
        }
        for issue in issues[:MOST_CODES]
    ]
    code = {"field": "code", "type": "nominal", "sort": None}
    axis = None if is_narrow else _list_axis(str(value["code"]) for value in values)
    plot = width - 10 - (0 if axis is None else axis["minExtent"])
    rows: dict[str, Any] = {"type": "quantitative", "scale": _scale(invalid, "100%", plot)}
    ticks = {
        "tickCount": 3 if is_narrow else 6,
        "tickMinStep": 1,
        "format": _COUNT,
        "orient": "top",
    }
    together = {"x": {**rows, "field": "together", "axis": ticks}}
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "color": "var(--invalid)", "height": 12},
            "encoding": {"x": {**rows, "field": "saved", "axis": ticks}},
        },
        {
            "mark": {"type": "line", "color": "var(--ink)", "strokeWidth": 1.5},
            "encoding": {**together, "order": {"field": "together"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 36, "color": "var(--ink)"},
            "encoding": together,
        },
        {
            "mark": {"type": "text", "align": "left", "dx": 7, "dy": 5 if is_narrow else -6},
            "encoding": {**together, "text": {"field": "share"}},
        },
    ]
    if is_narrow:
        above = {"type": "text", "align": "left", "dy": -15, "fill": "var(--ink)"}
        start = {"x": {**rows, "field": "start", "axis": ticks}, "text": {"field": "code"}}
        layers.append({"mark": above, "encoding": start})
    spec = _complete(values, width, {"step": 42 if is_narrow else 28})
    return {
        **spec,
        "encoding": {"y": {**code, "axis": axis}},
        "layer": layers,
    }


def draw_outcomes(rows: Sequence[tuple[str, Sequence[tuple[str, int]]]]) -> Spec:
    """Show how many endpoints of each group had which outcome, as stacked bars.

    Args:
        rows: Names of groups, most endpoints first, each with outcomes in the order of the page:
            the name of their colour and how many endpoints.
    """
    shown = rows[:MOST_BARS]
    values = [
        {"group": _name(name), "outcome": outcome, "place": place, "endpoints": endpoints}
        for name, outcomes in shown
        for place, (outcome, endpoints) in enumerate(outcomes)
    ]
    totals = [sum(endpoints for _, endpoints in outcomes) for _, outcomes in shown]
    colours = list(dict.fromkeys(str(value["outcome"]) for value in values))
    scale = {"domain": colours, "range": [f"var(--{colour})" for colour in colours]}
    group = {"field": "group", "type": "nominal", "sort": None}
    axis = _list_axis(_name(name) for name, _ in shown)
    most = max(totals)
    scale_x = _scale(most, f"{most:,}", NARROW - axis["minExtent"] - 10)
    along: Spec = {"type": "quantitative", "axis": None, "scale": scale_x}
    bars: Spec = {
        "mark": {"type": "bar", "height": 14},
        "encoding": {
            "x": {**along, "field": "endpoints"},
            "color": {"field": "outcome", "type": "nominal", "scale": scale, "legend": None},
            "order": {"field": "place"},
        },
    }
    ends: Spec = {
        "data": {
            "values": [
                {"group": _name(name), "total": total}
                for (name, _), total in zip(shown, totals, strict=True)
            ]
        },
        "mark": {"type": "text", "align": "left", "dx": 6},
        "encoding": {
            "x": {**along, "field": "total"},
            "text": {"field": "total", "type": "quantitative", "format": _COUNT},
        },
    }
    return {
        **_complete(values, NARROW, {"step": 24}),
        "encoding": {"y": {**group, "axis": axis}},
        "layer": [bars, ends],
    }


def draw_throughput(moments: Sequence[DeliveryMoment], width: int) -> Spec:
    """Show how many endpoints a second got their answer, over the time of sending."""
    values = [
        {"from": moment.at_s, "to": moment.at_s + moment.seconds, "rate": rate}
        for moment in moments
        if (rate := moment.endpoints / max(moment.seconds, 1e-9))
    ]
    bars = {"type": "rect", "color": "var(--accepted)"}
    height = {"field": "rate", "type": "quantitative", "axis": _side_axis()}
    bottom = {"datum": 0}
    return {
        **_complete(values, width, 150),
        "mark": bars,
        "encoding": {**_over_time(moments, width), "y": height, "y2": bottom},
    }


def draw_throttling(moments: Sequence[DeliveryMoment], width: int) -> Spec:
    """Show how many requests were throttled, or repeated for another reason, over that time."""
    values = [
        {"from": moment.at_s, "to": moment.at_s + moment.seconds, "low": 0, "count": count}
        for moment in moments
        if (count := max(moment.retries, moment.throttled))
    ]
    height = {"field": "count", "type": "quantitative", "axis": _side_axis(2)}
    return {
        **_complete(values, width, 50),
        "mark": {"type": "rect", "color": "var(--held)"},
        "encoding": {**_over_time(moments, width), "y": height, "y2": {"datum": 0}},
    }


def draw_trend(figures: Sequence[float], colour: str, form: str) -> Spec:
    """Show one figure of the last runs and, marked, of this one.

    Args:
        figures: Oldest first; the last one is this run's.
        colour: Name of its colour.
        form: How d3 writes it (`,.0f`, `.1%`).
    """
    values = [
        {"run": run, "figure": figure, "is_now": run == len(figures) - 1}
        for run, figure in enumerate(figures)
    ]
    axis = {"tickCount": 3, "format": form, "minExtent": 52, "maxExtent": 52}
    top = max([*figures, 0])
    height = {
        "field": "figure",
        "type": "quantitative",
        "scale": {"domain": [0, top * 1.15 or 1], "nice": False},
        "axis": axis,
    }
    now: Spec = {"test": "datum.is_now", "value": 90}
    return {
        **_complete(values, NARROW, 90),
        "padding": {"left": 0, "right": 10, "top": 4, "bottom": 4},
        "encoding": {
            "x": {"field": "run", "type": "quantitative", "axis": None, "scale": {"nice": False}},
            "y": height,
        },
        "layer": [
            {"mark": {"type": "line", "color": f"var(--{colour})", "strokeWidth": 1.5}},
            {
                "mark": {"type": "point", "filled": True, "opacity": 1},
                "encoding": {
                    "size": {"condition": now, "value": 22},
                    "color": {"value": f"var(--{colour})"},
                },
            },
        ],
    }


def list_trends(past: Iterable[PastRun], now: PastRun) -> dict[str, Spec]:
    """Give the charts of the last runs and this one, by the name of what they show."""
    runs = [*past, now]
    return {
        "rows": draw_trend([run.rows for run in runs], "ink", _COUNT),
        "invalid": draw_trend([run.invalid / max(run.rows, 1) for run in runs], "invalid", ".1%"),
        "seconds": draw_trend([run.seconds for run in runs], "soft", ",.1f"),
    }


def _complete(values: list[dict[str, Any]], width: int, height: int | Spec) -> Spec:
    return {
        "config": _CONFIG,
        "data": {"values": values},
        "width": width,
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
    }


def _over_time(moments: Sequence[DeliveryMoment], width: int) -> Spec:
    end = max(moment.at_s + moment.seconds for moment in moments)
    ticks = {"grid": False, "tickCount": 8 if width == WIDE else 4, "labelExpr": "datum.label+' s'"}
    scale = {"domain": [0, end], "nice": False}
    return {
        "x": {"field": "from", "type": "quantitative", "axis": ticks, "scale": scale},
        "x2": {"field": "to"},
    }


def _side_axis(ticks: int = 4) -> Spec:
    # As wide in both charts over time, so that one stands exactly below the other.
    return {
        **{"tickCount": ticks, "tickMinStep": 1, "format": _COUNT},
        **{"minExtent": 52, "maxExtent": 52},
    }


def _scale(most: int, label: str, plot: float) -> Spec:
    """Give the scale of bars whose longest one leaves room for a label behind it.

    Args:
        most: What the longest bar shows.
        label: The label.
        plot: Width of the plot in pixels.
    """
    room = (len(label) + 1) * _CHARACTER
    return {"domain": [0, max(most, 1) * plot / max(plot - room, plot / 4)], "nice": False}


def _list_axis(labels: Iterable[str]) -> Spec:
    """Give the axis of bars that have names: with room for the longest one."""
    longest = max(len(label) for label in labels)
    return {
        **{"labelColor": "var(--ink)", "labelLimit": 400, "grid": False},
        "minExtent": longest * _CHARACTER + 8,
    }


def _name(name: str) -> str:
    return cut(show_plainly(name), 24)
