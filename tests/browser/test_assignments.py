"""Money given to a wrong request and taken from it again, in a real browser."""

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
from tests.bank import BankLine, a_statement, run
from tests.browser.pages import enter, fits_everybody, opened, serving, visiting
from tests.builders import NOON, a_message, a_payment_request, a_province, settle
from tests.console import employ, whole_app

pytestmark = pytest.mark.committed

MEMO = "NGUYEN VAN MAU nop le phi cap phieu ly lich tu phap"
QUEUE = "/console/breaks?kind=unidentified"


@pytest.fixture
def reference(database: Database) -> str:
    """A request that waits, and money that names none."""

    def unit(session: Session) -> str:
        province = a_province(session)
        a_message(province, MEMO, amount=50_000, reference="FT1")
        settle(province)
        a_statement(province, BankLine(50_000, MEMO, reference="FT1"))
        run(province)
        employ(session, Role.RECONCILER)
        return a_payment_request(province).reference

    return database.write(unit)


@pytest.fixture
def app(reference: str, database_url: str) -> Iterator[Flask]:
    """The whole application, the morning after."""
    with whole_app(database_url, NOON + timedelta(hours=20)) as whole:
        yield whole


@pytest.mark.parametrize("language", ["vi", "en"])
def test_an_assignment_is_taken_back(
    browser: Browser, app: Flask, reference: str, language: str
) -> None:
    """From the break to the request, from what was decided to the credit, and back to the break."""
    with (
        serving(app) as address,
        visiting(browser, language=language) as visit,
        opened(visit, f"{address}/sign-in") as page,
    ):
        enter(page, address, Role.RECONCILER, QUEUE)
        page.locator("table a", has_text=say("break.unidentified", in_language=language)).click()
        page.locator("summary", has_text=say("decision.assign", in_language=language)).click()
        page.locator("[name=reference]:visible").first.fill(reference)
        page.locator("details[open] [name=reason]").fill("Gọi điện hỏi người nộp")
        page.locator("details[open] button.strong").click()
        fits_everybody(page, f"assigned-{language}")
        page.locator(".note.tone-done a").click()
        fits_everybody(page, f"credit-{language}")
        page.locator("[name=reason]").fill("Trùng tên, không phải người này")
        page.locator("#assigned ~ form button").click()
        expect(page.locator("#assigned")).to_have_count(0)
        expect(page.locator("main")).to_contain_text("Trùng tên, không phải người này")
        fits_everybody(page, f"credit-unassigned-{language}")
        page.locator("#open ~ ul a").click()
        expect(page.locator("#decide")).to_be_visible()
        fits_everybody(page, f"break-again-{language}")
