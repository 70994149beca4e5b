"""Pages of the report made from figures, without a run."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.report.next_steps import NextStep
from pipelines.report.page_data import IssueLine, PageData
from pipelines.report.profile import (
    AudienceCount,
    ColumnProfile,
    CrowdedUser,
    DeliveryMoment,
    PastRun,
    Profile,
    SharedAddress,
    TopValue,
)
from pipelines.report.summary import Summary
from pipelines.report.verdict import say_verdict
from pipelines.settings import ImportSettings
from pipelines.storage.manifest import Attempt, InputRecord, Manifest, RunStatus
from schemas.issues import ISSUE_KINDS
from schemas.outcomes import Outcome

AGAIN = "endpoint-import run runs/20260302T021500-night/errors.csv --default-country US"
AT = datetime(2026, 3, 2, 2, 15, tzinfo=UTC)
OUTCOMES = {"accepted": 9_120, "unchanged": 310, "invalid": 412, "duplicate": 95, "rejected": 3}
COUNTRIES = (
    "US",
    "BR",
    "DE",
    "FR",
    "GB",
    "IN",
    "JP",
    "MX",
    "NG",
    "PT",
    "ES",
    "IT",
    "CA",
    "AU",
    "PL",
)
NASTY = {
    "script": "<script>document.title='taken'</script>",
    "closing": "</script></style><img src=x onerror=alert(1)>",
    "quotes": '"\'` onmouseover=alert(1) x="',
    "template": "{{ 7 * 7 }}{% raw %}",
    "direction": "abc\u202egnp.exe",
    "controls": "a\x00b\x07c\x1b[31md\x7f",
    "unseen": "zero\u200bwidth\ufeff\u2028line",
    "surrogate": "lone\ud800",
    "long": "long " * 400,
}
"""Values that must show as text, and as nothing else."""


def make_summary(command: str = "run", **changes: Any) -> Summary:
    counts = dict.fromkeys((outcome.value for outcome in Outcome), 0)
    counts |= {name: changes.pop(name) for name in list(changes) if name in counts} or OUTCOMES
    rows = sum(counts.values())
    is_sent = command == "run"
    known: dict[str, Any] = {
        "run_id": "20260302T021500-night",
        "status": RunStatus.COMPLETED_WITH_ERRORS.value,
        "application_id": "local" if is_sent else None,
        "destination": "Amazon Pinpoint at http://127.0.0.1:8765" if is_sent else None,
        "rows": rows,
        **counts,
        "balanced": True,
        "requests": 118 if is_sent else 0,
        "retries": 6 if is_sent else 0,
        "throttled": 4 if is_sent else 0,
        "splits": 3 if is_sent else 0,
        "bytes_sent": 5_804_112 if is_sent else 0,
        "seconds": 12.84,
        "rows_per_second": rows / 12.84,
        "issues_by_code": {},
        "started_at": AT,
        "finished_at": AT + timedelta(seconds=13),
        "records": rows,
        "left_out": 0,
        "endpoints": rows,
        "endpoints_by_outcome": counts,
    }
    return Summary(**{**known, **changes})


def make_manifest(command: str = "run", **changes: Any) -> Manifest:
    settings = ImportSettings(sources=["exports/*.csv"], default_country="US", max_invalid="5%")
    known: dict[str, Any] = {
        "run_id": "20260302T021500-night",
        "command": command,
        "status": RunStatus.COMPLETED_WITH_ERRORS,
        "settings": settings.model_dump(mode="json"),
        "versions": {"python": "3.11.9", "endpoint-import": "0.1.0", "polars": "2.1.0"},
        "folder": "/srv",
        "sources": [],
        "inputs": [
            InputRecord(
                path="exports/audience-2026-03-02.csv",
                format="csv",
                size_bytes=2_480_113,
                sha256="9f2c" * 16,
                header=["Id"],
                reading={"encoding": "utf-8", "delimiter": ","},
                rows=9_940,
            )
        ],
        "phase_seconds": {"stage": 0.4, "prepare": 1.9, "resolve": 0.3, "deliver": 9.6},
        "started_at": AT,
        "attempts": [Attempt(started_at=AT)],
    }
    return Manifest(**{**known, **changes})


def make_line(code: str, rows: int, **changes: Any) -> IssueLine:
    kind = ISSUE_KINDS[code]
    line = IssueLine(
        code=code,
        severity=kind.severity.value,
        text=kind.text,
        remedy=kind.remedy,
        columns=("Address",),
        issues=rows,
        rows=rows,
        saved=0,
        saved_so_far=0,
        example="+1206555010",
        example_column="Address",
        example_file="exports/audience-2026-03-02.csv",
        example_row=17,
        suggestion=None,
    )
    return replace(line, **changes)


def make_lines() -> tuple[IssueLine, ...]:
    errors = [
        ("address.phone_invalid", 214, 171, "Address", "+1206555010"),
        ("address.email_invalid", 96, 88, "Address", "ana.sousa@example,com"),
        ("attribute.value_too_long", 61, 44, "Attributes.notes", "Called twice. " * 12),
        ("location.country_unknown", 58, 30, "Location.Country", "Untied States"),
        ("channel_type.unknown", 22, 19, "ChannelType", "EMAL"),
        ("opt_out.unknown", 14, 9, "OptOut", "maybe"),
    ]
    warnings = [
        ("address.shared", 48, "Address", "ana.sousa@example.com"),
        ("effective_date.zone_missing", 31, "EffectiveDate", "2026-01-12 09:14"),
    ]
    lines, so_far = [], 0
    for code, rows, saved, column, example in errors:
        if code in ISSUE_KINDS:
            so_far += saved + 8
            lines.append(
                make_line(
                    code,
                    rows,
                    saved=saved,
                    saved_so_far=so_far,
                    columns=(column,),
                    example_column=column,
                    example=example,
                    suggestion="ana.sousa@example.com" if "," in example else None,
                )
            )
    for code, rows, column, example in warnings:
        if code in ISSUE_KINDS:
            lines.append(
                make_line(code, rows, columns=(column,), example_column=column, example=example)
            )
    return tuple(lines)


def make_columns(count: int = 0) -> list[ColumnProfile]:
    columns = [
        ColumnProfile(
            name="Id", rows=9_940, filled=9_940, distinct=9_846, is_distinct_exact=False, longest=12
        ),
        ColumnProfile(
            name="Address",
            rows=9_940,
            filled=9_934,
            distinct=9_801,
            is_distinct_exact=False,
            longest=44,
        ),
        ColumnProfile(
            name="ChannelType",
            rows=9_940,
            filled=9_918,
            distinct=5,
            is_distinct_exact=True,
            longest=8,
            top=[TopValue(value="EMAIL", rows=6_120), TopValue(value="SMS", rows=3_204)],
        ),
    ]
    for number in range(count or 4):
        values = [TopValue(value=f"value {n} of {number}", rows=900 - 80 * n) for n in range(10)]
        columns.append(
            ColumnProfile(
                name=f"Attributes.trait_{number:03}",
                rows=9_940,
                filled=max(0, 9_940 - 97 * number),
                distinct=12 + number,
                is_distinct_exact=True,
                longest=30 + number,
                limit=100,
                over_limit=max(0, number - 70),
                top=values,
            )
        )
    return columns


def make_profile(columns: int = 0) -> Profile:
    fates = {"accepted": 0.92, "invalid": 0.05, "duplicate": 0.03}
    audience = [
        AudienceCount(channel=channel, country=country, outcome=outcome, endpoints=endpoints)
        for n, country in enumerate([*COUNTRIES, None])
        for m, channel in enumerate(("EMAIL", "SMS", "GCM"))
        for outcome, share in fates.items()
        if (endpoints := int(2_400 / (n + 1) / (m + 1) * share))
    ]
    moments = [
        DeliveryMoment(
            at_s=n * 0.2,
            seconds=0.2,
            endpoints=int(180 + 40 * ((n * 7) % 5)) if n % 17 else 20,
            requests=2,
            retries=0 if n % 17 else 2,
            throttled=0 if n % 17 else 1,
        )
        for n in range(48)
    ]
    return Profile(
        columns=make_columns(columns),
        audience=audience,
        repeated_ids=91,
        shared_addresses=24,
        most_shared=[
            SharedAddress(channel="EMAIL", address="info@example.com", endpoints=7),
            SharedAddress(channel="SMS", address="+12065550100", endpoints=4),
        ],
        users=8_102,
        users_by_endpoints={"1": 6_900, "2": 1_004, "3-5": 180, "6-10": 15, "11-15": 2, "more": 1},
        most_crowded=[CrowdedUser(user_id="user-000417", endpoints=16)],
        moments=moments,
    )


def make_past(count: int = 12) -> tuple[PastRun, ...]:
    return tuple(
        PastRun(
            run_id=f"202602{n + 10}T021500",
            started_at=AT - timedelta(days=count - n),
            status="completed_with_errors",
            rows=9_400 + 45 * n + 60 * (n % 3),
            invalid=380 + 14 * (n % 4),
            accepted=8_900 + 40 * n,
            seconds=11.8 + (n % 5) * 0.4,
        )
        for n in range(count)
    )


def make_page(command: str = "run", columns: int = 0, **changes: Any) -> PageData:
    """Make a page with something in each of its parts."""
    summary, manifest = make_summary(command), make_manifest(command)
    page = PageData(
        manifest=manifest,
        summary=summary,
        verdict=say_verdict(summary, manifest),
        profile=make_profile(columns),
        issues=make_lines(),
        past=make_past(),
        steps=(NextStep("Correct the 415 rows in errors.csv:", (AGAIN,)),),
    )
    return replace(page, **changes)


def make_empty_page() -> PageData:
    """Make the page of a file that has only a header."""
    summary = make_summary(invalid=0, status="completed", requests=0, bytes_sent=0)
    manifest = make_manifest(status=RunStatus.COMPLETED, inputs=[], phase_seconds={})
    verdict = say_verdict(summary, manifest)
    return PageData(manifest, summary, verdict, Profile(), (), ())


def make_nasty_page() -> PageData:
    """Make a page whose names and values try to be anything but text."""
    columns = [
        ColumnProfile(
            name=f"Attributes.{text[:40]}",
            rows=10,
            filled=10,
            distinct=2,
            is_distinct_exact=True,
            longest=len(text),
            limit=100,
            top=[TopValue(value=text, rows=6), TopValue(value="plain", rows=4)],
        )
        for text in NASTY.values()
    ]
    audience = [
        AudienceCount(channel=text, country=text, outcome="accepted", endpoints=5)
        for text in NASTY.values()
    ]
    shared = [SharedAddress(channel=text, address=text, endpoints=2) for text in NASTY.values()]
    lines = [
        make_line(
            code,
            5,
            saved=1,
            saved_so_far=n,
            columns=(text[:60],),
            example=text,
            example_column="Attributes.note",
            example_file=text[:60],
            suggestion=text,
        )
        for n, (code, text) in enumerate(zip(ISSUE_KINDS, NASTY.values(), strict=False), 1)
    ]
    profile = Profile(
        columns=columns, audience=audience, shared_addresses=9, most_shared=shared, users=1,
        most_crowded=[CrowdedUser(user_id=text, endpoints=2) for text in NASTY.values()],
    )  # fmt: skip
    manifest = make_manifest(message=NASTY["closing"] + NASTY["direction"])
    return make_page(profile=profile, issues=tuple(lines), manifest=manifest)
