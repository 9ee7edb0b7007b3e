"""Forwarding fees in a real browser: what is due, proposing it, deciding a route."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from playwright.sync_api import Browser, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core.database import Database
from payments.staff import Role
from reconciliation import day_close
from reconciliation.breaks import Break
from tests.bank import TODAY, BankLine, a_statement, run
from tests.browser.pages import enter, fits_everybody, opened, serving, visiting
from tests.builders import NOON, the_province
from tests.console import whole_app
from tests.reconciliation.test_console_remittances import PAGE, ROUTE, ROUTES, a_due_fee
from tests.remittances import approved

pytestmark = pytest.mark.committed


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application, with a fee that is late."""
    database.write(a_due_fee)
    with whole_app(database_url, NOON + timedelta(hours=30)) as whole:
        yield whole


@pytest.mark.parametrize("language", ["vi", "en"])
def test_what_is_due_is_proposed(browser: Browser, app: Flask, language: str) -> None:
    """Before and after: each page fits everybody."""
    with (
        serving(app) as address,
        visiting(browser, language=language) as visit,
        opened(visit, f"{address}/sign-in") as page,
    ):
        enter(page, address, Role.RECONCILER, PAGE)
        fits_everybody(page, f"remittances-due-{language}")
        page.locator("main form button").click()
        expect(page.locator("#came")).to_be_visible()
        fits_everybody(page, f"remittances-{language}")


def swept(session: Session) -> str:
    """The bank sent what was due by itself: the address of the break that its debit is."""
    province, day = the_province(session), TODAY + timedelta(days=1)
    approved(province)
    line = BankLine(-50_000, "KBNN QUET SO DU CUOI NGAY", day=day)
    opening = province.balance("assets:bank")
    a_statement(province, line, opening=opening, day=day, now=NOON + timedelta(days=2))
    run(province, day)
    day_close.renew_breaks(session, province.account.id, now=NOON + timedelta(days=2))
    found = select(Break.public_id).where(Break.kind == "debit_unexplained")
    return f"/console/breaks/{session.scalars(found).one()}"


def test_the_banks_own_sweep_is_recognised(browser: Browser, app: Flask) -> None:
    """Its page names the remittances that it comes to; said to be them, they have left."""
    about = app.extensions["cashless"].database.write(swept)
    with (
        time_machine.travel(NOON + timedelta(days=2), tick=False),
        serving(app) as address,
        visiting(browser) as visit,
        opened(visit, f"{address}/sign-in") as page,
    ):
        enter(page, address, Role.RECONCILER, about)
        expect(page.locator("#sweep")).to_be_visible()
        page.locator("details:has([value=swept]) summary").click()
        fits_everybody(page, "sweep-vi")
        page.locator("#reason-swept").fill("ngân hàng tự chuyển lúc giờ chốt")
        page.locator("details:has([value=swept]) button").click()
        expect(page.locator("#sweep")).to_have_count(0)
        fits_everybody(page, "swept-vi")
        page.goto(f"{address}{PAGE}")
        expect(page.locator("table")).to_contain_text("Đã nộp")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_route_is_proposed_and_approved(browser: Browser, app: Flask, language: str) -> None:
    """The form by one, the button by another."""
    later = ROUTE | {"valid_from": "2026-12-01"}
    with serving(app) as address:
        with (
            visiting(browser, language=language) as visit,
            opened(visit, f"{address}/sign-in") as page,
        ):
            enter(page, address, Role.RECONCILER, ROUTES)
            fits_everybody(page, f"routes-form-{language}")
            for name, value in later.items():
                if name == "reason":
                    page.locator("[name=reason]").fill(value)
                elif name in ("kind", "bin"):
                    page.locator(f"#{name}").select_option(value)
                else:
                    page.locator(f"#{name}").fill(value)
            page.locator("form[action$='/routes'] button").click()
        with (
            visiting(browser, language=language) as visit,
            opened(visit, f"{address}/sign-in") as page,
        ):
            enter(page, address, Role.APPROVER, ROUTES)
            fits_everybody(page, f"routes-waiting-{language}")
            page.locator("form[action$='/approve'] button").click()
            expect(page.locator("form[action$='/approve']")).to_have_count(0)
