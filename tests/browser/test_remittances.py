"""Forwarding fees in a real browser: what is due, proposing it, deciding a route."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from payments.core.database import Database
from payments.staff import Role
from tests.browser.pages import enter, fits_everybody, opened, serving, visiting
from tests.builders import NOON
from tests.console import whole_app
from tests.reconciliation.test_console_remittances import PAGE, ROUTE, ROUTES, a_due_fee

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
