"""The page of a statement in a real browser: proposed by one person, confirmed by another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
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
    """The address of a day with two statements: one matched, one that does not add up."""

    def unit(session: Session) -> str:
        province = a_province(session)
        request = a_payment_request(province)
        paid(province, request, reference="FT26328000123")
        a_statement(province, BankLine(50_000, request.reference, reference="FT26328000123"))
        run(province)
        a_statement(province, BankLine(5_000, "sai", reference="X1"), closing=90_000, number="S2")
        employ(session, Role.RECONCILER, Role.APPROVER)
        return f"/console/days/{province.account.public_id}/{TODAY}"

    return database.write(unit)


@pytest.fixture
def app(day: str, database_url: str) -> Iterator[Flask]:
    """The whole application, the morning after."""
    with whole_app(database_url, NOON + timedelta(hours=20)) as whole:
        yield whole


def enter(page: Page, role: Role) -> None:
    """Signs a person in."""
    sign_in(page, role.value)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_statement_is_set_aside(browser: Browser, app: Flask, day: str, language: str) -> None:
    """From the day to its statements: one is matched and stays, the other is set aside."""
    with serving(app) as address:
        entry = f"{address}/sign-in?next={day}"
        with visiting(browser, language=language) as visit, opened(visit, entry) as page:
            sign_in(page, Role.RECONCILER)
            page.locator("#files ~ ul a").first.click()
            expect(page.locator("main")).to_contain_text(
                say("error.statement_matched", in_language=language)
            )
            fits_everybody(page, f"statement-matched-{language}")
            page.goto(f"{address}{day}")
            page.locator("#files ~ ul a").last.click()
            fits_everybody(page, f"statement-{language}")
            page.locator("[name=reason]").fill("Dòng 1 sai số tiền")
            page.locator("main form button").click()
            fits_everybody(page, f"statement-proposed-{language}")
            here = page.url
        with visiting(browser, language=language) as visit, opened(visit, entry) as page:
            sign_in(page, Role.APPROVER)
            page.goto(here)
            fits_everybody(page, f"statement-second-{language}")
            page.locator("main form[action$=confirm] button").click()
            expect(page.locator("main form")).to_have_count(0)
            expect(page.locator("main")).to_contain_text("Dòng 1 sai số tiền")
            fits_everybody(page, f"statement-aside-{language}")
            page.goto(f"{address}/console/statements")
            fits_everybody(page, f"statements-{language}")
