"""The pages of payouts in a real browser: from a break to a file for the bank, in two languages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from payments.core.database import Database
from payments.payment_requests import PaymentRequest
from payments.staff import Role
from tests.browser.pages import enter, fits_everybody, opened, serving, visiting
from tests.console import whole_app
from tests.refund_pages import FILES, MORNING, OTHER, PAYOUTS, Here, a_treasury, breaks_of, form_of

pytestmark = pytest.mark.committed


@pytest.fixture
def here(database: Database) -> Here:
    """Money to give back, and people of every role."""
    return database.write(a_treasury)


@pytest.fixture
def app(here: Here, database_url: str) -> Iterator[Flask]:
    """The whole application, the morning after."""
    with whole_app(database_url, MORNING) as whole:
        yield whole


def fill(page: Page, reason: str, *, account: str = "") -> None:
    """Fills in what the form does not know."""
    page.locator("[name=bin]").select_option("970422")
    page.locator("[name=reason]").fill(reason)
    if account:
        page.locator("[name=account]").fill(account)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_money_goes_back_to_the_account_that_the_payer_named(
    browser: Browser, app: Flask, here: Here, database: Database, language: str
) -> None:
    """The payer names it, staff have it in the form, whoever approves sees that it is theirs."""
    known = select(PaymentRequest.token).where(PaymentRequest.reference == here.reference)
    token = database.read(lambda session: session.scalars(known).one())
    with serving(app) as address:
        with (
            visiting(browser, language=language) as visit,
            opened(visit, f"{address}/p/{token}") as page,
        ):
            page.locator("#back-to a").click()
            for field, told in (("account", OTHER), ("name", "Nguyen Van Mau")):
                page.locator(f"#{field}").fill(told)
            page.locator("#bank").select_option("970422")
            page.locator("form button").last.click()
            expect(page.locator("#back-to")).to_contain_text("…3456, MB Bank")
        with (
            visiting(browser, language=language) as visit,
            opened(visit, f"{address}/sign-in") as page,
        ):
            enter(page, address, Role.RECONCILER, breaks_of(database, here.credits["overpaid"]))
            expect(page.locator("#about ~ dl")).to_contain_text("MB Bank …3456")
            fits_everybody(page, f"named-break-{language}")
            page.goto(address + form_of(here.credits["overpaid"]))
            expect(page.locator(".note.tone-wait")).to_contain_text(OTHER)
            fits_everybody(page, f"named-form-{language}")
            page.locator(".note.tone-wait a").click()
            expect(page.locator("[name=account]")).to_have_value(OTHER)
            fits_everybody(page, f"named-form-filled-{language}")
            page.locator("[name=reason]").fill("Người nộp khai tài khoản khác")
            page.locator("button.strong").click()
            page.locator("[name=elsewhere]").check()
            page.locator("button.strong").click()
            expect(page.locator("#goes-to ~ .note")).to_be_visible()
            fits_everybody(page, f"named-payout-{language}")
            page.goto(f"{address}/console/requests/{here.reference}")
            fits_everybody(page, f"named-request-{language}")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_money_is_given_back(
    browser: Browser, app: Flask, here: Here, database: Database, language: str
) -> None:
    """Break, form, warning, proposal, approval, file: each page fits everybody."""
    about = breaks_of(database, here.credits["duplicate"])
    with serving(app) as address:
        with (
            visiting(browser, language=language) as visit,
            opened(visit, f"{address}/sign-in") as page,
        ):
            enter(page, address, Role.RECONCILER, PAYOUTS)
            fits_everybody(page, f"payouts-empty-{language}")
            page.goto(address + about)
            fits_everybody(page, f"refund-break-{language}")
            page.locator("#decide ~ p a.button").first.click()
            fits_everybody(page, f"refund-form-{language}")
            fill(page, "Nộp hai lần cho một hồ sơ")
            page.locator("button.strong").click()
            expect(page.locator("#history")).to_be_visible()
            fits_everybody(page, f"payout-mine-{language}")
            page.goto(address + about)
            fits_everybody(page, f"refund-under-way-{language}")
            page.goto(address + form_of(here.credits["overpaid"], "fees"))
            fits_everybody(page, f"refund-fees-{language}")
            page.goto(address + form_of(here.credits["unidentified"]))
            fill(page, "Giấy ủy quyền số 12", account=OTHER)
            page.locator("button.strong").click()
            expect(page.locator("#elsewhere")).to_be_visible()
            fits_everybody(page, f"refund-elsewhere-{language}")
            page.locator("[name=elsewhere]").check()
            page.locator("button.strong").click()
            expect(page.locator("#history")).to_be_visible()
        with (
            visiting(browser, language=language) as visit,
            opened(visit, f"{address}/sign-in") as page,
        ):
            enter(page, address, Role.APPROVER, PAYOUTS)
            fits_everybody(page, f"payouts-{language}")
            page.locator("#list ~ .sideways a").first.click()
            fits_everybody(page, f"payout-elsewhere-{language}")
            page.locator("#goes-to ~ form button").click()
            expect(page.locator("#goes-to ~ dl")).to_contain_text(OTHER)
            fits_everybody(page, f"payout-opened-{language}")
            page.locator("button.strong").click()
            expect(page.locator("#decide")).to_be_visible()
            fits_everybody(page, f"payout-third-{language}")
            page.goto(f"{address}{PAYOUTS}?state=proposed")
            page.locator("#list ~ .sideways a").last.click()
            page.locator("button.strong").click()
            expect(page.locator("#reject")).to_be_visible()
            fits_everybody(page, f"payout-approved-{language}")
        with (
            visiting(browser, language=language) as visit,
            opened(visit, f"{address}/sign-in") as page,
        ):
            enter(page, address, Role.RECONCILER, FILES)
            fits_everybody(page, f"files-{language}")
            page.locator("button.strong").click()
            expect(page.locator("#totals")).to_be_visible()
            fits_everybody(page, f"file-{language}")
            page.goto(f"{address}/console/credits/{here.credits['duplicate']}")
            fits_everybody(page, f"refund-credit-{language}")
