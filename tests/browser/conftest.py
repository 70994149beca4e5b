"""Fixtures for what is looked at in a browser: one Chromium for the tests of a process."""

import os
import shutil
from collections.abc import Iterator

import pytest
from browser_support import ARGUMENTS
from playwright.sync_api import Browser, sync_playwright

from pipelines.report.drawing import SWITCH


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium; where it is missing its tests are skipped, but not in CI."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        assert not os.environ.get("CI"), "Chromium is missing: apt-get install chromium"
        pytest.skip("Chromium is missing")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def with_charts() -> Iterator[None]:
    """Charts are drawn: here they are what it is about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(SWITCH, raising=False)
        yield
