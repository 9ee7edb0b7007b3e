"""The documentation for callers, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from payments.app import create_app
from tests.browser.pages import fits_everybody, opened, serving, visiting
from tests.services import a_config


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """The service; what it tells callers of itself needs no database."""
    url = f"sqlite:///{tmp_path / 'none.db'}"
    return create_app(a_config(database_url=url, base_url="http://127.0.0.1"))


@pytest.mark.parametrize("script", [True, False])
def test_the_api_is_readable_with_nothing_from_elsewhere(
    browser: Browser, app: Flask, script: bool
) -> None:
    """From the contents to a call, from its body to what that is made of, without a script too."""
    with (
        serving(app) as address,
        visiting(browser, width=1280, java_script_enabled=script) as visit,
    ):
        asked: list[str] = []
        visit.on("request", lambda request: asked.append(request.url))
        with opened(visit, address + "/docs") as page:
            page.get_by_role("link", name="POST /api/v1/payment-requests", exact=True).click()
            call = page.locator("section:target")
            expect(call.locator("h3")).to_have_text("POST /api/v1/payment-requests")
            call.get_by_role("link", name="Order", exact=True).click()
            expect(page.locator("section:target")).to_contain_text("dossier")
        assert [url for url in asked if not url.startswith((address, "data:"))] == []


def test_every_code_has_its_place_on_the_page(browser: Browser, app: Flask) -> None:
    """A problem's type leads to its code, on a phone too."""
    with (
        serving(app) as address,
        visiting(browser, language="en") as visit,
        opened(visit, address + "/docs/errors#too_large") as page,
    ):
        expect(page.locator("tr:target")).to_contain_text("413")
        fits_everybody(page, "errors-en")
