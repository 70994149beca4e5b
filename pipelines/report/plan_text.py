"""The plan in words: a few lines, each with its figure."""

from pipelines.report.cost import REQUEST_S, Bound
from pipelines.report.durations import say_duration
from pipelines.report.plan import ANSWERS_S, CHANGED_SHARE, USUAL_ANSWER_S, ImportPlan, Knob
from pipelines.report.retirement import say_retirement
from schemas.sync import RetirePolicy

WORTH_S = 10
"""Time of sending below which nobody wants it shorter, in seconds."""


def say_plan(plan: ImportPlan) -> str:
    """Say what an import would take, what bounds it, and what would shorten it."""
    only = ""
    if plan.limit:
        only = f" This is about the first {_count(plan.limit, 'record')} only (--limit)."
    retiring = (
        [say_retirement(plan.to_retire, plan.policy, plan.retire_rate)] if plan.to_retire else []
    )
    if plan.rows == 0:
        return "\n".join([f"`run` would send nothing.{only}", *retiring, *_say_lateness(plan)])
    would = (
        f"`run` would send {_count(plan.rows, 'endpoint')} in {_count(plan.requests, 'request')}"
    )
    lines = [f"{would}{_say_time(plan)}{only}", _say_bound(plan), *retiring, *_say_lateness(plan)]
    minutes = plan.minutes if plan.minutes is not None else plan.minutes_at(USUAL_ANSWER_S)
    if minutes * 60 > WORTH_S:
        lines += [
            "What would shorten it:",
            *(f"  {_say_knob(knob, plan)}" for knob in plan.knobs()),
        ]
    return "\n".join(lines)


def _say_lateness(plan: ImportPlan) -> list[str]:
    if plan.every_s is None or plan.seconds <= plan.every_s:
        return []
    # A hundred times as fast, as one request takes so many.
    is_delete = plan.to_retire and plan.policy is RetirePolicy.DELETE
    remedy = " --retire optout or inactive is faster." if is_delete else ""
    return [
        f"That is {say_duration(plan.seconds)} in all, longer than the time between two runs "
        f"(--every, {say_duration(plan.every_s)}): the next one would find this one at work."
        f"{remedy}"
    ]


def _say_time(plan: ImportPlan) -> str:
    if plan.minutes is None:
        return ", as fast as the service answers."
    whose = "AWS's published quota" if plan.is_published else "as --rate says"
    time = say_duration(plan.minutes * 60)
    return f": {time} at {plan.requests_per_second:g} requests/s, {whose}."


def _say_bound(plan: ImportPlan) -> str:
    check = f"Reading and checking come before that: {say_duration(plan.check_s)}, as now."
    if plan.minutes_at(max(ANSWERS_S)) * 60 < 1:
        return check
    quota = plan.requests_per_second
    if quota is None:
        times = ", ".join(
            f"{say_duration(plan.minutes_at(answer_s) * 60)} at {_ms(answer_s)}"
            for answer_s in ANSWERS_S
        )
        return f"With {plan.in_flight} in flight that is {times} an answer. {check}"
    if quota >= 1 / REQUEST_S:
        own = f"about {1 / REQUEST_S:,.0f} requests/s in one process"
        return f"This tool's own work bounds it: {own}. {check}"
    # Until an answer comes, so many slots pass as are in flight.
    slowest = f"{_ms(plan.in_flight / quota)} (with {plan.in_flight} in flight)"
    if plan.bound is Bound.QUOTA:
        return f"That bounds it as long as answers take less than {slowest}. {check}"
    return f"The service's answers bound it instead if they take more than {slowest}. {check}"


def _say_knob(knob: Knob, plan: ImportPlan) -> str:
    time = say_duration((knob.minutes or 0.0) * 60)
    at = "" if plan.bound is Bound.QUOTA else f", at {_ms(USUAL_ANSWER_S)} an answer"
    if knob.name == "changed_rows":
        told = "only the rows that changed (--sync-mode changed)"
        return f"{told}: {time} if {CHANGED_SHARE:.0%} did{at}"
    if knob.name == "quota":
        return f"a quota of {knob.value:g} requests/s, told by --rate {knob.value:g}: {time}"
    if knob.name == "in_flight":
        return (
            f"more in flight, if the service stands it (--max-in-flight {knob.value:g}): {time}{at}"
        )
    megabytes = max(1, round(knob.value / 1e6))
    return (
        f"an import job, if that service offers one: {megabytes:,} MB, and none of these requests"
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms" if seconds < 1 else f"{seconds:,.3g} s"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
