"""A real browser for tests: Chromium, driven by Playwright, against a server of this process.

    def test_something(browser, serving):
        with serving(app) as address, page_at(browser, address + "/p/…", width=390) as page:
            assert violations(page) == []

`browser` is one browser for the whole run (marker `browser`; skipped only where no Chromium is
installed and `CASHLESS_TEST_BROWSER` is not set). What a page does wrong by itself, such as a
breach of its content policy or a failed script, fails the test that opened it. A story that is told
in both languages is lived in Vietnamese each time, and in English by `make prove`; every page is
opened in both each time (test_every_page.py).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = os.environ.get("CASHLESS_TEST_BROWSER") or shutil.which("chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            if getattr(item, "callspec", None) and item.callspec.params.get("language") == "en":
                item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for all tests."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()
