"""Layouts of sheets in a real browser: drafted, tried, saved, confirmed; without a script too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from payments.core.database import Database
from payments.core.words import say
from payments.staff import Role
from tests.browser.pages import enter, fits_everybody, opened, pictured, serving, visiting
from tests.builders import NOON, a_province
from tests.console import employ, whole_app
from tests.layout_pages import ACCOUNT, ANSWERS, PAGE, SHEET
from tests.statement_files import Movement, about_the_day

pytestmark = pytest.mark.committed


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application, an account and two people."""
    database.write(lambda session: a_province(session, number=ACCOUNT) and None)
    database.write(lambda session: employ(session, Role.RECONCILER, Role.APPROVER))
    with whole_app(database_url, NOON) as whole:
        yield whole


def bring(page: Page, content: bytes) -> None:
    """Chooses a file in the form."""
    page.locator("#file").set_input_files(
        {"name": "thang-11.csv", "mimeType": "text/csv", "buffer": content}
    )


def answer(page: Page, answers: dict[str, str]) -> None:
    """Gives each answer of the form, and tries them."""
    for name, value in answers.items():
        field = page.locator(f"#{name}")
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    page.locator("#answers ~ form button").click()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_new_banks_sheet(browser: Browser, app: Flask, language: str) -> None:
    """From the sample to the confirmed layout: each page fits everybody."""
    with serving(app) as address:
        with (
            visiting(browser, language=language) as visit,
            opened(visit, f"{address}/sign-in") as page,
        ):
            enter(page, address, Role.RECONCILER, PAGE)
            fits_everybody(page, f"layouts-{language}")
            bring(page, SHEET)
            page.locator("#name").fill("ngan_hang_moi")
            page.locator("#new ~ form button").click()
            expect(page.locator("#answers")).to_be_visible()
            fits_everybody(page, f"draft-{language}")
            answer(page, ANSWERS | {"thousands": "comma"})
            expect(page.locator(".note.tone-stop")).to_be_visible()
            fits_everybody(page, f"refused-{language}")
            answer(page, ANSWERS)
            expect(page.locator(".note.tone-done")).to_be_visible()
            fits_everybody(page, f"tried-{language}")
            page.locator("#reason").fill("Tờ hướng dẫn của ngân hàng")
            page.locator("#tried ~ form button.strong").click()
            expect(page.locator(".badge")).to_have_text(
                say("layout.state.waiting", in_language=language)
            )
            fits_everybody(page, f"waiting-{language}")
            page.goto(f"{address}/console/statements")
            bring(page, SHEET)
            page.locator("button[value=look]").click()
            fits_everybody(page, f"waits-{language}")
        with (
            visiting(browser, language=language) as visit,
            opened(visit, f"{address}/sign-in") as page,
        ):
            enter(page, address, Role.APPROVER, PAGE)
            page.locator("#saved ~ .sideways a").click()
            fits_everybody(page, f"confirm-{language}")
            page.locator("button.strong").click()
            expect(page.locator(".badge")).to_have_text(
                say("layout.state.active", in_language=language)
            )
            fits_everybody(page, f"active-{language}")
            page.goto(f"{address}{PAGE}")
            fits_everybody(page, f"listed-{language}")


def test_a_message_about_the_day_is_looked_at_without_a_script(
    browser: Browser, app: Flask
) -> None:
    """Its lines and what it is; there is no button to book it."""
    with (
        serving(app) as address,
        visiting(browser, java_script_enabled=False) as visit,
        opened(visit, f"{address}/sign-in") as page,
    ):
        enter(page, address, Role.RECONCILER, "/console/statements")
        bring(page, about_the_day("camt.054", [Movement(50_000, "TTHC1")], account=ACCOUNT))
        page.locator("button[value=look]").click()
        expect(page.locator(".note.tone-wait").first).to_be_visible()
        assert page.locator("form[action$='/import']").count() == 0
        pictured(page, "message")
