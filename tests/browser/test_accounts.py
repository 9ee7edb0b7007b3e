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

from payments import staff
from payments.core.config import FactorFor
from payments.core.database import Database
from payments.staff import Role, grants
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


@pytest.fixture
def open_app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application, where nobody needs a phone; somebody waits for their roles."""

    def unit(session: Session) -> None:
        employ(session, *Role)
        told = {"password": PASSWORD, "by": "command:test", "now": NOON}
        staff.add(session, "second", name="Nguyễn Văn Hai", roles=[Role.ADMINISTRATOR], **told)
        lan = staff.add_without_roles(session, "lan", name="Trần Thị Lan", **told)
        second = staff.by_username(session, "second")
        by = staff.actor(second.id)
        reason = "Quyết định 12/QĐ-STC: nhận việc đối soát từ tháng 12"
        grants.give(session, lan.id, ["reconciler"], reason=reason, by=by, now=NOON)

    database.write(unit)
    with whole_app(database_url, MORNING) as whole:
        yield whole


@pytest.mark.parametrize("language", ["vi", "en"])
def test_people_are_let_in_and_given_roles(
    browser: Browser, open_app: Flask, language: str
) -> None:
    """The list, a new person with a password shown once, and what another proposed."""
    with (
        serving(open_app) as address,
        visiting(browser, language=language) as visit,
        opened(visit, f"{address}/sign-in") as page,
    ):
        sign_in(page, Role.ADMINISTRATOR)
        expect(page).to_have_url(f"{address}/console/people")
        fits_everybody(page, f"people-{language}")
        page.get_by_role("link", name="Trần Thị Lan").first.click()
        for summary in page.locator("summary").all():
            summary.click()
        fits_everybody(page, f"person-{language}")
        page.locator("form[action$=approve] button").click()
        expect(page.locator("form[action$=approve]")).to_have_count(0)
        page.locator("summary").first.click()
        fits_everybody(page, f"person-roles-{language}")
        page.goto(f"{address}/console/people/new")
        fits_everybody(page, f"new-{language}")
        page.locator("[name=name]").fill("Lê Văn Bình")
        page.locator("[name=username]").fill("binh")
        page.locator("[value=viewer]").check()
        page.locator("[name=reason]").fill("QĐ 13")
        page.locator("main button[type=submit]").click()
        fits_everybody(page, f"password-once-{language}")
        expect(page.locator(".typed strong")).to_be_visible()
