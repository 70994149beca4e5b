"""The page as it is written: what it says, what it masks, and how large it gets."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from page_support import (
    make_columns,
    make_line,
    make_lines,
    make_manifest,
    make_page,
    make_profile,
    make_summary,
)

from pipelines.report.corrections import CodeCorrection, Correction
from pipelines.report.drawing import SWITCH
from pipelines.report.page import render_page
from pipelines.report.page_views import BREACHES, MOST_COLUMNS
from pipelines.report.profile import ColumnProfile, CrowdedUser, SharedAddress, TopValue
from pipelines.report.showing import FULL, SHORT, show_value
from pipelines.report.summary import Breach
from pipelines.settings import ImportSettings
from pipelines.steps.thresholds import Limits
from pipelines.storage.manifest import RunStatus
from schemas.issues import ISSUE_KINDS

SECRETS = ("ana.sousa", "2065550100", "user-000417", "Sousa")


@pytest.fixture(autouse=True)
def without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "off")


def personal_page():
    columns = [
        ColumnProfile(
            name=name,
            rows=9,
            filled=9,
            distinct=1,
            is_distinct_exact=True,
            longest=30,
            top=[TopValue(value=value, rows=9)],
        )
        for name, value in (
            ("Id", "user-000417"),
            ("Address", "ana.sousa@example.com"),
            ("User.UserId", "user-000417"),
            ("User.UserAttributes.Name", "Ana Sousa"),
            ("Attributes.phone", "+1 206 555 0100 2065550100"),
            ("Attributes.plan", "gold"),
        )
    ]
    profile = make_profile().model_copy(
        update={
            "columns": columns,
            "most_shared": [
                SharedAddress(channel="SMS", address="+12065550100", endpoints=2),
                SharedAddress(channel="ana.sousa@example.com", address="x", endpoints=2),
            ],
            "most_crowded": [CrowdedUser(user_id="user-000417", endpoints=16)],
        }
    )
    lines = (
        make_line(
            "address.email_invalid",
            1,
            example="ana.sousa@example,com",
            suggestion="ana.sousa@example.com",
        ),
        make_line("record.malformed", 1, example_column=None, example="7,Ana Sousa,+12065550100"),
        make_line("column.unmapped", 1, columns=("+12065550100",), example_column=None),
    )
    return make_page(profile=profile, issues=lines)


def test_personal_values_are_masked() -> None:
    html = render_page(personal_page(), show_addresses=False)
    assert [secret for secret in SECRETS if secret in html] == []
    assert "gold" in html
    assert "are masked on this page" in html


def test_personal_values_are_shown_if_asked_for() -> None:
    html = render_page(personal_page(), show_addresses=True)
    assert [secret for secret in SECRETS if secret not in html] == []
    assert "Keep it as private" in html


def test_page_without_charts_says_so() -> None:
    html = render_page(make_page(), show_addresses=False)
    assert "Charts could not be drawn" in html
    assert 'class="chart"' not in html


def test_check_calls_rows_importable_and_shows_no_delivery() -> None:
    html = render_page(make_page("check"), show_addresses=False)
    assert "Check, nothing sent" in html
    assert 'id="delivery"' not in html
    summary = make_summary("check", unprocessed=90, invalid=10)
    html = render_page(make_page("check", summary=summary), show_addresses=False)
    assert "importable" in html
    assert "unprocessed in summary.json" in html


def test_what_stopped_and_what_was_corrected_is_told() -> None:
    breaches = [
        Breach(threshold="on_lost_channel", source="a.csv", is_stop=True, message="SMS <is> gone."),
        Breach(threshold="max_invalid", source=None, is_stop=True, message="Too many."),
        Breach(threshold="max_row_change", source="a.csv", is_stop=False, message="Half of it."),
    ]
    summary = make_summary(
        breaches=breaches, corrects="before", to_correct=15, corrected=12, not_fed_back=2
    )
    message = "SMS <is> gone. Too many. Nothing was sent."
    manifest = make_manifest(status=RunStatus.GUARDED, message=message)
    html = render_page(make_page(summary=summary, manifest=manifest), show_addresses=False)
    notices = re.findall(r'class="notice (\w+)"><b>(.*?)</b> (.*?)</p>', html)
    assert notices == [
        ("stop", "Stopped: a channel is gone", "SMS &lt;is&gt; gone."),
        ("stop", "Stopped: too many invalid rows", "Too many."),
        ("warn", "Warning: fewer or more rows than usual", "Half of it."),
    ]
    assert re.search(r"<b>12 of 15</b> rows of run before fixed, 2 not fed back in", html)


def test_another_reason_to_stop_is_told_besides() -> None:
    breach = Breach(threshold="max_row_change", source=None, is_stop=False, message="Half of it.")
    manifest = make_manifest(status=RunStatus.STOPPED, message="A signal stopped the run.")
    summary = make_summary(breaches=[breach])
    html = render_page(make_page(summary=summary, manifest=manifest), show_addresses=False)
    assert "<b>Why it stopped</b> A signal stopped the run." in html
    assert html.count("Half of it.") == 1


def test_every_threshold_has_words() -> None:
    assert set(BREACHES) == {"max_invalid", "warn_invalid"} | {
        name for name in Limits.__dataclass_fields__ if name.startswith(("max_", "on_"))
    } - {"on_row_change"}


def test_of_a_run_that_sent_nothing_no_delivery_is_told() -> None:
    summary = make_summary(requests=0, bytes_sent=0)
    html = render_page(make_page(summary=summary), show_addresses=False)
    assert 'id="delivery"' not in html
    assert "#delivery" not in html
    assert 'id="delivery"' in render_page(make_page(), show_addresses=False)


def test_only_chosen_settings_are_in_view() -> None:
    html = render_page(make_page(), show_addresses=False)
    shown, folded = html.split('id="settings"')[1].split("<details>")[:2]
    assert re.findall(r"<dt>(\w+)</dt>", shown) == ["default_country", "max_invalid"]
    names = set(ImportSettings.model_fields) - {
        "sources",
        "run_id",
        "default_country",
        "max_invalid",
    }
    assert names <= set(re.findall(r"<dt>([\w-]+)</dt>", folded))


def test_nothing_but_the_pages_own_style_and_script_is_allowed() -> None:
    html = render_page(make_page(), show_addresses=False)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    for element in ("style", "script"):
        text = re.search(f"<{element}>(.*?)</{element}>", html, re.DOTALL)
        assert text is not None
        digest = base64.b64encode(hashlib.sha256(text[1].encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert " style=" not in html


def widest(text: str) -> Iterator[ColumnProfile]:
    for column in make_columns(MOST_COLUMNS + 1):
        top = [TopValue(value=f"{n}{text}", rows=9) for n in range(10)]
        yield column.model_copy(update={"name": column.name + text, "top": top})


@pytest.mark.parametrize("sign", ['"', "\u202e", "😀", "<"])
def test_page_stays_small_whatever_the_source_holds(sign: str) -> None:
    text = sign * 2_000
    lines = tuple(make_line(code, 9, example=text, suggestion=text) for code in ISSUE_KINDS)
    profile = make_profile().model_copy(update={"columns": list(widest(text))})
    past = make_page().past
    html = render_page(make_page(profile=profile, issues=lines, past=past), show_addresses=True)
    assert len(html.encode()) < 3_000_000
    assert f"The first {MOST_COLUMNS} are shown" in html


def test_issues_are_told_in_words_and_by_the_names_of_the_source() -> None:
    mapping = {
        "endpoints": [
            {"name": name, "columns": {"ChannelType": {"constant": channel}, "Address": rule}}
            for name, channel, rule in (
                ("mail", "EMAIL", {"from": ["E-Mail"]}),
                ("phone", "SMS", {"from": ["Mobile <SMS>"]}),
            )
        ]
    }
    page = make_page(
        issues=(
            make_line("address.phone_invalid", 2),
            make_line("address.missing", 2),
            make_line("column.unmapped", 1, columns=("Fax",), example_column=None),
        )
    )
    first = page.manifest.inputs[0].model_copy(update={"header": ["E-Mail", "Mobile <SMS>"]})
    html = render_page(
        replace(page, manifest=make_manifest(mapping=mapping, inputs=[first])), show_addresses=False
    )
    heads = re.findall(r'<th scope="row" class="issue">(.*?)</th>', html)
    told = [re.sub(r"<[^>]+>", "|", head).strip("|") for head in heads]
    phone = ISSUE_KINDS["address.phone_invalid"].text
    assert told[0] == f"{phone}|||Mobile &lt;SMS&gt; (Address)||||address.phone_invalid"
    assert "E-Mail, Mobile &lt;SMS&gt; (Address)" in told[1]
    assert '<td class="remedy">Map it, or list it under `ignore`' in html
    assert "Rename it to a Pinpoint column" not in html
    assert "Rename it to a Pinpoint column" in render_page(page, show_addresses=False)


def test_several_files_are_told_apart() -> None:
    page = make_page(issues=make_lines()[:1])
    html = render_page(page, show_addresses=False)
    assert "<bdi>row 17</bdi>" in html
    first = page.manifest.inputs[0]
    manifest = make_manifest(inputs=[first, first.model_copy(update={"path": "b.csv"})])
    html = render_page(replace(page, manifest=manifest), show_addresses=False)
    assert "<bdi>exports/audience-2026-03-02.csv, row 17</bdi>" in html


def test_long_values_cost_little() -> None:
    """What is not shown is not worked on: a whole file may be in one unclosed quote."""
    shown = show_value("Attributes.x", "\u202e" * 10_000_000, show_addresses=False)
    assert len(shown.text) == SHORT
    assert shown.more is not None
    assert len(shown.more) == FULL


def test_what_was_corrected_is_told_by_error():
    phone = CodeCorrection(code="address.phone_invalid", to_correct=41, corrected=30, still=11)
    origin = Correction(
        run_id="before",
        is_known=True,
        to_correct=60,
        fed_back=58,
        corrected=45,
        not_fed_back=2,
        others={"invalid": 12, "left_out": 1},
        codes=[phone],
        codes_now={"address.phone_invalid": 11},
    )
    page = re.sub(
        r"<[^>]+>", "", render_page(make_page(corrections=(origin,)), show_addresses=False)
    )
    assert "45 of 60 rows that run before left to be corrected are right now" in page
    assert "2 were not fed back in; 12 are invalid; 1 is left out." in page
    assert "address.phone_invalid413011" in page
    assert "What was corrected" not in render_page(make_page(), show_addresses=False)
