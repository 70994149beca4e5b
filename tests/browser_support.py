"""Pages opened in Chromium, with an eye on what they say and ask for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

ARGUMENTS = (
    *("--no-sandbox", "--headless=new", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
GRAVE = ("serious", "critical")


@dataclass
class Opened:
    """A page, and what became of it."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """Errors, and whatever else was written to the console."""

    def violations(self, *, contrast: bool = True) -> list[str]:
        """Give what axe-core finds that is serious or critical.

        Args:
            contrast: Whether to look at colours, too: nearly all of its time.
        """
        options = {
            "resultTypes": ["violations"],
            "rules": {"color-contrast": {"enabled": contrast}},
        }
        found = Axe().run(self.page, options=options).response["violations"]
        return [
            f"{violation['id']}: {node['html'][:200]}"
            for violation in found
            if violation["impact"] in GRAVE
            for node in violation["nodes"]
        ]

    def overflow(self) -> int:
        """Give by how many pixels the page is wider than the window."""
        return int(
            self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )

    def texts(self, selector: str) -> list[str]:
        """Give the texts of elements as they show."""
        return self.page.locator(selector).all_inner_texts()


@contextmanager
def opened(browser: Browser, path: Path, width: int = 1280, **options: Any) -> Iterator[Opened]:
    """Open a file in a window of its own."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    try:
        view = Opened(context.new_page())
        view.page.on("request", lambda request: view.requests.append(request.url))
        view.page.on("console", lambda message: view.complaints.append(message.text))
        view.page.on("pageerror", lambda error: view.complaints.append(str(error)))
        view.page.goto(path.as_uri())
        yield view
    finally:
        context.close()
