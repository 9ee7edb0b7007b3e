"""The public tariff in a real browser: in both languages, on a phone and wide, without a script."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from payments.core.database import Database
from payments.seed import files, loading
from payments.web import kit, tariff
from tests.browser.pages import fits_everybody, opened, serving, visiting
from tests.builders import BY, NOON
from tests.services import BASE_URL

pytestmark = [pytest.mark.browser, pytest.mark.committed]


@pytest.fixture
def app(database: Database) -> Flask:
    """The page over the tariff that comes with the service."""
    listed = files.read_tariff()
    database.write(lambda session: loading.load_tariff(session, listed, by=BY, now=NOON))
    made = kit.new_app(base_url=BASE_URL)
    made.register_blueprint(tariff.blueprint(database))
    return made


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_tariff_is_fit_for_every_reader(browser: Browser, app: Flask, language: str) -> None:
    """All of it, and with who pays less folded out."""
    with (
        serving(app) as address,
        visiting(browser, language=language) as visit,
        opened(visit, f"{address}/tariff") as page,
    ):
        fits_everybody(page, f"tariff-{language}")
        page.goto(f"{address}/tariff?q=LLTP")
        page.locator("summary").click()
        fits_everybody(page, f"tariff-one-{language}")


def test_it_is_searched_without_a_script(browser: Browser, app: Flask) -> None:
    """By a word without its marks."""
    with (
        serving(app) as address,
        visiting(browser, java_script_enabled=False) as visit,
    ):
        page = visit.new_page()
        page.goto(f"{address}/tariff")
        page.get_by_role("searchbox").fill("chung thuc chu ky")
        page.get_by_role("button", name="Tìm").click()
        expect(page.locator("article")).to_have_count(1)
        expect(page.locator("article")).to_contain_text("10.000")
