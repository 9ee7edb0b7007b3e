"""Signing in with a phone, one's own account and the proof before a decision, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.orm import Session

from payments.core.config import FactorFor
from payments.core.database import Database
from payments.staff import Role
from tests.browser.pages import fits_everybody, opened, pictured, serving, sign_in, visiting
from tests.builders import NOON
from tests.console import PASSWORD, employ, whole_app
from tests.phones import Phone

pytestmark = pytest.mark.committed

MORNING = NOON + timedelta(hours=20)
STEP = timedelta(seconds=30)


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application, where those who decide need a phone."""

    def unit(session: Session) -> None:
        employ(session, *Role)

    database.write(unit)
    with whole_app(database_url, MORNING, second_factor=FactorFor.DECIDERS) as whole:
        yield whole


def enrolled(page: Page, language: str) -> Phone:
    """Sets up a phone on the page that asks for it, and keeps pictures of the way."""
    page.locator("main button[type=submit]").click()
    secret = page.locator(".typed strong").inner_text()
    phone = Phone(re.sub(r"\s", "", secret))
    fits_everybody(page, f"factor-{language}")
    page.locator("[name=code]").fill("000000")
    page.locator("main button[type=submit]").click()
    expect(page.locator("#refusal")).to_be_visible()
    page.locator("[name=code]").fill(phone.shows(MORNING))
    page.locator("main button[type=submit]").click()
    fits_everybody(page, f"codes-{language}")
    expect(page.locator(".codes li")).to_have_count(10)
    return phone


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_phone_is_set_up_and_asked_for(browser: Browser, app: Flask, language: str) -> None:
    """From the password to the first code, the recovery codes, the account, and in again."""
    with serving(app) as address:
        entry = f"{address}/sign-in"
        with visiting(browser, language=language) as visit:
            page = visit.new_page()
            page.goto(entry)
            sign_in(page, Role.APPROVER)
            expect(page).to_have_url(f"{address}/console/me/factor")
            phone = enrolled(page, language)
            page.goto(f"{address}/console/me")
            fits_everybody(page, f"me-{language}")
            page.goto(f"{address}/console/me/password")
            fits_everybody(page, f"password-{language}")
        later = MORNING + 2 * STEP
        with (
            time_machine.travel(later, tick=False),
            visiting(browser, language=language) as visit,
            opened(visit, entry) as page,
        ):
            sign_in(page, Role.APPROVER)
            fits_everybody(page, f"code-{language}")
            page.locator("[name=proof]").fill(phone.shows(later))
            page.locator("main button[type=submit]").first.click()
            expect(page).to_have_url(f"{address}/console/")
            page.goto(f"{address}/console/me")
            expect(page.locator(".timeline li")).to_have_count(2)
            pictured(page, f"me-two-{language}")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_proof_is_asked_for_before_it_is_done(
    browser: Browser, app: Flask, language: str
) -> None:
    """A person without a phone gives the password again, and is where they were going."""
    with (
        serving(app) as address,
        visiting(browser, language=language) as visit,
    ):
        page = visit.new_page()
        page.goto(f"{address}/sign-in?next=/console/me")
        sign_in(page, Role.VIEWER)
        with time_machine.travel(MORNING + 10 * STEP, tick=False):
            page.locator("main button[type=submit]").first.click()
            fits_everybody(page, f"prove-{language}")
            page.locator("[name=proof]").fill("sai")
            page.locator("main button[type=submit]").first.click()
            expect(page.locator("#refusal")).to_be_visible()
            page.locator("[name=proof]").fill(PASSWORD)
            page.locator("main button[type=submit]").first.click()
            expect(page).to_have_url(f"{address}/console/me/factor")
            expect(page.locator(".totp svg")).to_be_visible()
