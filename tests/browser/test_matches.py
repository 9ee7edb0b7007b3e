"""The page of a match in a real browser: from the day to revoking it, on a phone and on a desk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect
from sqlalchemy.orm import Session

from payments.core.database import Database
from payments.core.words import say
from payments.staff import Role
from tests.bank import TODAY, BankLine, a_statement, run
from tests.browser.pages import fits_everybody, opened, serving, sign_in, visiting
from tests.builders import NOON, a_payment_request, a_province, paid
from tests.console import employ, whole_app

pytestmark = pytest.mark.committed


@pytest.fixture
def day(database: Database) -> str:
    """The address of a day with a request that was paid and seen."""

    def unit(session: Session) -> str:
        province = a_province(session)
        request = a_payment_request(province)
        paid(province, request, reference="FT26328000123")
        a_statement(province, BankLine(50_000, request.reference, reference="FT26328000123"))
        run(province)
        employ(session, Role.RECONCILER)
        return f"/console/days/{province.account.public_id}/{TODAY}"

    return database.write(unit)


@pytest.fixture
def app(day: str, database_url: str) -> Iterator[Flask]:
    """The whole application, the morning after."""
    with whole_app(database_url, NOON + timedelta(hours=20)) as whole:
        yield whole


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_match_is_revoked(browser: Browser, app: Flask, day: str, language: str) -> None:
    """From the day's line to its match, revoked with a reason: each page fits everybody."""
    with (
        serving(app) as address,
        visiting(browser, language=language) as visit,
        opened(visit, f"{address}/sign-in?next={day}") as page,
    ):
        sign_in(page, Role.RECONCILER)
        page.locator("#lines ~ details summary").click()
        page.locator("#lines ~ details a").first.click()
        fits_everybody(page, f"match-{language}")
        page.locator("[name=reason]").fill("Nhầm dòng sao kê")
        page.locator("main form button").click()
        expect(page.locator("main")).to_contain_text("Nhầm dòng sao kê")
        expect(page.locator("[name=reason]")).to_have_count(0)
        unseen = say("break.callback_without_line", in_language=language)
        expect(page.locator("main")).to_contain_text(unseen)
        fits_everybody(page, f"match-revoked-{language}")
        page.goto(f"{address}{day}/three-way?differs=all")
        fits_everybody(page, f"three-way-{language}")
        for side in ("credits", "requests", "lines"):
            page.goto(f"{address}{day}/three-way?differs=all")
            page.locator(f"main a[href*='/console/{side}/']").first.click()
            fits_everybody(page, f"{side}-{language}")
