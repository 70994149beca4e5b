"""report.html of real runs and of made figures, as Chromium shows it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_support import Opened, opened
from import_support import run_check, run_import
from page_support import make_empty_page, make_page
from playwright.sync_api import Browser, expect

from pipelines.local_server.process import LocalServer, ServerOptions
from pipelines.report.page import render_page

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
NAMES = ("import", "clean", "empty", "figures", "attributes", "nothing")


@pytest.fixture(scope="module")
def pages(
    prefect_api: None, with_charts: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Make the pages: of the dirty sample imported, the clean one and an empty one checked, and of
    figures with something in every part, with a hundred attributes, and with nothing at all.
    """
    folder = tmp_path_factory.mktemp("pages")
    with LocalServer(
        ServerOptions(port=0, db=folder / "server.sqlite3", applications=("local",))
    ) as server:
        run_import(folder, server.url, SAMPLES / "audience.csv", run_id="import")
    run_check(folder, SAMPLES / "clean.csv", run_id="clean")
    run_check(folder, SAMPLES / "troubles" / "header_only.csv", run_id="empty")
    made = {
        "figures": make_page(),
        "attributes": make_page("check", columns=100),
        "nothing": make_empty_page(),
    }
    for name, data in made.items():
        (folder / "runs" / name).mkdir()
        html = render_page(data, show_addresses=False)
        (folder / "runs" / name / "report.html").write_text(html, encoding="utf-8")
    return {name: folder / "runs" / name / "report.html" for name in NAMES}


@pytest.fixture(scope="module")
def figures(chromium: Browser, pages: dict[str, Path]) -> Iterator[Opened]:
    with opened(chromium, pages["figures"]) as view:
        yield view


@pytest.mark.parametrize("name", NAMES)
def test_page_is_whole_and_fits(name: str, chromium: Browser, pages: dict[str, Path]) -> None:
    """No error, no request but the page's own, no violation, and no scrolling to the side."""
    with opened(chromium, pages[name]) as view:
        for width in (1280, 360, 320):
            view.page.set_viewport_size({"width": width, "height": 800})
            assert view.overflow() == 0
        assert view.violations(contrast=False) == []
        assert view.complaints == []
        assert view.requests == [pages[name].as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width"), [("figures", 1280), ("import", 360)])
def test_everyone_can_read_it(
    name: str, width: int, scheme: str, chromium: Browser, pages: dict[str, Path]
) -> None:
    with opened(chromium, pages[name], width, color_scheme=scheme) as view:
        assert view.violations() == []


def test_charts_are_drawn(figures: Opened) -> None:
    shown = figures.page.locator(".chart svg:visible")
    assert shown.count() == 8
    for chart in shown.all():
        assert chart.locator("path[fill^='var(--'], path[stroke^='var(--']").count() > 0
        box = chart.bounding_box()
        assert box is not None
        assert box["width"] > 200
        assert box["height"] > 40
    colour = "e => getComputedStyle(e).fill"
    bar = figures.page.locator(".chart:visible path[fill='var(--invalid)']").first
    assert bar.evaluate(colour) == "rgb(191, 59, 43)"
    ids = figures.page.evaluate("Array.from(document.querySelectorAll('[id]'), e => e.id)")
    assert len(ids) == len(set(ids))


def test_charts_of_a_run_are_drawn(chromium: Browser, pages: dict[str, Path]) -> None:
    with opened(chromium, pages["import"]) as view:
        assert "could not be drawn" not in view.page.content()
        assert view.page.get_by_role("heading", level=1).inner_text()


def test_one_variant_of_a_chart_is_shown(chromium: Browser, pages: dict[str, Path]) -> None:
    with opened(chromium, pages["figures"], 360) as view:
        chart = view.page.locator("#fix ~ figure .chart")
        assert chart.locator("svg").count() == 2
        assert chart.locator("svg:visible").count() == 1
        size = "e => parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().a"
        texts = chart.locator("svg:visible text").all()
        assert min(text.evaluate(size) for text in texts) >= 11


def column_of(view: Opened, table: str, number: int) -> list[str]:
    return view.texts(f"#{table}-table tbody tr:visible > :nth-child({number})")


def test_table_sorts_by_click_and_by_keyboard(figures: Opened) -> None:
    page = figures.page
    header = page.locator("#channels-table th", has_text="Invalid")
    button = header.get_by_role("button")
    rising = column_of(figures, "channels", 5)[::-1]
    button.click()
    assert header.get_attribute("aria-sort") == "descending"
    assert column_of(figures, "channels", 5) == rising[::-1]
    button.focus()
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "ascending"
    assert column_of(figures, "channels", 5) == rising
    assert page.locator("#channels-table [aria-sort]").count() == 1
    page.locator("#channels-table th", has_text="Channel").get_by_role("button").click()
    assert column_of(figures, "channels", 1) == ["EMAIL", "GCM", "SMS"]


def test_figures_sort_as_figures(chromium: Browser, pages: dict[str, Path]) -> None:
    with opened(chromium, pages["attributes"]) as view:
        view.page.locator("#columns-table th", has_text="Distinct").get_by_role("button").click()
        told = [int(re.sub(r"\D", "", text)) for text in column_of(view, "columns", 3)]
        assert told == sorted(told, reverse=True)
        assert len(told) == 103


def test_columns_are_whole_until_there_are_many(chromium: Browser, pages: dict[str, Path]) -> None:
    hidden = "e => e.parentElement.scrollHeight - e.parentElement.clientHeight"
    with opened(chromium, pages["import"]) as view:
        assert view.page.locator("#columns-table").evaluate(hidden) == 0
        assert "The table scrolls." not in view.page.content()
    with opened(chromium, pages["attributes"]) as view:
        assert view.page.locator("#columns-table").evaluate(hidden) > 500
        assert "The table scrolls." in view.page.content()


def test_table_filters(chromium: Browser, pages: dict[str, Path]) -> None:
    with opened(chromium, pages["attributes"]) as view:
        field = view.page.locator("#columns-table-filter")
        count = view.page.locator("output[for=columns-table-filter]")
        expect(count).to_have_text("103 of 103")
        assert count.get_attribute("aria-live") == "polite"
        field.fill("TRAIT_09")
        expect(count).to_have_text("10 of 103")
        names = [f"Attributes.trait_09{n}" for n in range(10)]
        assert column_of(view, "columns", 1) == names
        field.fill("nothing has this")
        expect(count).to_have_text("0 of 103")
        field.fill("")
        expect(count).to_have_text("103 of 103")


def test_page_is_complete_without_scripts(chromium: Browser, pages: dict[str, Path]) -> None:
    with opened(chromium, pages["figures"], java_script_enabled=False) as view:
        assert view.page.locator("button, input").count() == 0
        assert view.page.locator("#fix-table tbody tr:visible").count() == 6
        assert view.page.locator(".chart svg:visible").count() == 8
        assert view.page.locator("#columns-table tbody tr:visible").count() == 7


def test_print_keeps_what_is_folded(chromium: Browser, pages: dict[str, Path]) -> None:
    with opened(chromium, pages["figures"], 800, color_scheme="dark") as view:
        page = view.page
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("nav").is_hidden()
        assert page.locator("details:not([open])").count() == 0
        assert page.locator("#countries-table tbody tr:visible").count() == 16
        assert page.locator("#fix-table tbody tr:visible").count() == 6
        paper = "getComputedStyle(document.documentElement).getPropertyValue('--paper')"
        assert page.evaluate(paper) == "#fff"
        assert len(page.pdf(format="A4")) > 20_000
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("details:not([open])").count() > 0


def test_keyboard_reaches_the_figures(chromium: Browser, pages: dict[str, Path]) -> None:
    with opened(chromium, pages["figures"]) as view:
        view.page.keyboard.press("Tab")
        skip = view.page.locator("a.skip")
        assert skip.evaluate("e => e === document.activeElement")
        view.page.keyboard.press("Enter")
        assert view.page.url.endswith("#outcome")
