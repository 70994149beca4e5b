"""Names and values of sources that try to be more than text."""

from collections.abc import Iterator

import pytest
from browser_support import Opened, opened
from page_support import NASTY, make_nasty_page
from playwright.sync_api import Browser

from pipelines.report.page import render_page


@pytest.fixture(scope="module")
def nasty(
    chromium: Browser, with_charts: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    path = tmp_path_factory.mktemp("pages") / "nasty.html"
    path.write_text(render_page(make_nasty_page(), show_addresses=True), encoding="utf-8")
    with opened(chromium, path) as view:
        yield view


def test_nothing_is_run_or_asked_for(nasty: Opened) -> None:
    assert nasty.complaints == []
    assert len(nasty.requests) == 1
    assert nasty.page.locator("script").count() == 1
    assert nasty.page.locator("img").count() == 0
    assert nasty.page.title().endswith("endpoint-import")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("script", NASTY["script"]),
        ("closing", NASTY["closing"]),
        ("quotes", NASTY["quotes"]),
        ("template", NASTY["template"]),
        ("direction", "abc⟨U+202E⟩gnp.exe"),
        ("controls", "a␀b␇c␛[31md␡"),
        ("unseen", "zero⟨U+200B⟩width⟨U+FEFF⟩⟨U+2028⟩line"),
        ("surrogate", "lone⟨U+D800⟩"),
    ],
)
def test_value_shows_as_text(name: str, text: str, nasty: Opened) -> None:
    assert text in nasty.texts(".example bdi.value")
    assert text in nasty.texts("#shared-table bdi.value")
    assert text in nasty.texts("#crowded-table bdi.value")


def test_charts_are_there(nasty: Opened) -> None:
    assert nasty.page.locator(".chart svg:visible").count() == 6
    texts = nasty.page.locator(".chart svg text").all_text_contents()
    assert any("⟨U+202E⟩" in text for text in texts)


def test_long_value_can_be_opened(nasty: Opened) -> None:
    folded = nasty.page.locator(".example details.long").first
    short = folded.locator("summary bdi")
    full = folded.locator("> bdi")
    assert len(short.inner_text()) == 80
    assert full.is_hidden()
    folded.locator("summary").click()
    assert len(full.inner_text()) == 1_000


def test_it_fits(nasty: Opened) -> None:
    assert nasty.overflow() == 0
    nasty.page.set_viewport_size({"width": 320, "height": 800})
    assert nasty.overflow() == 0
    assert nasty.violations() == []
