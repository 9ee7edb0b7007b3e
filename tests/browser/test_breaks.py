"""The pages of breaks in a real browser: on a phone, on a desk, by keyboard, in two languages."""

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
from tests.builders import NOON, a_message, a_payment_request, a_province, paid, settle
from tests.console import employ, whole_app

pytestmark = pytest.mark.committed

BIG = 3_000_000
QUEUE = "/console/breaks"


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """A morning with breaks of several kinds, and people to work them."""

    def unit(session: Session) -> None:
        province = a_province(session)
        request = a_payment_request(province, amount=BIG)
        reference = request.reference
        wrong = reference[:7] + str((int(reference[7]) + 3) % 10) + reference[8:]
        a_message(province, wrong, amount=BIG, reference="FT1", payer="0123456789")
        a_message(province, "", amount=50_000)
        settle(province)
        twice = a_payment_request(province)
        for _ in range(2):
            paid(province, twice)
        a_statement(
            province,
            BankLine(BIG, wrong, reference="FT1"),
            BankLine(50_000, "NGUYEN VAN MAU nop le phi cap phieu ly lich tu phap"),
            *[BankLine(50_000, twice.reference, reference=r) for r in "AB"],
            BankLine(-11_000, "THU PHI QLTK THANG 11"),
            BankLine(-5_500, "THU PHI SMS"),
        )
        run(province, now=NOON)
        employ(session, Role.RECONCILER, Role.APPROVER)

    database.write(unit)
    with whole_app(database_url, NOON + timedelta(hours=20)) as whole:
        yield whole


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_morning_of_breaks(browser: Browser, app: Flask, language: str) -> None:
    """The queue, a break with a suggestion, a proposal, its approval: each page fits everybody."""
    damaged = say("break.damaged_code", in_language=language)
    with serving(app) as address:
        with (
            visiting(browser, language=language) as visit,
            opened(visit, f"{address}/sign-in") as page,
        ):
            enter(page, address, Role.RECONCILER, QUEUE)
            fits_everybody(page, f"queue-{language}")
            page.locator("table a", has_text=damaged).click()
            for folded in page.locator("details.decision > summary").all():
                folded.click()
            fits_everybody(page, f"break-{language}")
            page.locator(".suggestion [name=reason]").first.fill("Cùng người nộp")
            page.locator(".suggestion button").first.click()
            expect(page.locator("#proposal")).to_be_visible()
            fits_everybody(page, f"proposed-{language}")
            page.goto(f"{address}/console/breaks?kind=debit_unexplained")
            fits_everybody(page, f"many-{language}")
            page.goto(f"{address}/console/breaks?kind=callback_without_line")
            page.locator("#list ~ form table a, #list ~ .sideways table a").first.click()
            for folded in page.locator("details.decision > summary").all():
                folded.click()
            fits_everybody(page, f"break-late-{language}")
        with (
            visiting(browser, language=language) as visit,
            opened(visit, f"{address}/sign-in") as page,
        ):
            enter(page, address, Role.APPROVER, QUEUE)
            page.locator("table a", has_text=damaged).click()
            fits_everybody(page, f"approve-{language}")
            page.locator("button.strong").click()
            expect(page.locator(".note.tone-done")).to_be_visible()
            fits_everybody(page, f"done-{language}")
            page.goto(f"{address}/console/breaks?age=over_30")
            fits_everybody(page, f"none-{language}")


def test_a_break_is_decided_by_keyboard_without_a_script(browser: Browser, app: Flask) -> None:
    """Tab to it, open it, write the reason, press Enter."""
    with (
        serving(app) as address,
        visiting(browser, java_script_enabled=False) as visit,
        opened(visit, f"{address}/sign-in") as page,
    ):
        enter(page, address, Role.RECONCILER, QUEUE)
        page.goto(f"{address}/console/breaks?kind=debit_unexplained")
        page.locator("table a").last.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#decide")).to_be_visible()
        page.locator("details.decision > summary").first.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("Phí tháng 11")
        page.keyboard.press("Enter")
        expect(page.locator(".note.tone-done")).to_be_visible()


def test_the_queue_is_worked_by_single_keys_that_can_be_turned_off(
    browser: Browser, app: Flask
) -> None:
    """j and k move, Enter opens, d leads to a decision, u back, ? explains; off, nothing moves."""
    with (
        serving(app) as address,
        visiting(browser, width=1280) as visit,
        opened(visit, f"{address}/sign-in") as page,
    ):
        enter(page, address, Role.RECONCILER, QUEUE)
        expect(page.locator("[data-keys]")).to_be_visible()
        rows = page.locator("[data-queue] tr th a")
        for key, row in (("j", 0), ("j", 1), ("k", 0)):
            page.keyboard.press(key)
            expect(rows.nth(row)).to_be_focused()
        page.keyboard.press("?")
        expect(page.locator("dialog")).to_be_visible()
        fits_everybody(page, "keys")
        page.keyboard.press("Escape")
        rows.first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("[data-keys=break]")).to_be_visible()
        page.keyboard.press("d")
        assert page.evaluate("document.activeElement.matches('summary, .suggestion input')")
        page.keyboard.press("Escape")
        page.keyboard.press("u")
        expect(page).to_have_url(f"{address}{QUEUE}")
        expect(page.locator("[data-keys=queue]")).to_be_visible()
        page.keyboard.press("?")
        page.locator("[data-switch]").uncheck()
        page.keyboard.press("Escape")
        page.reload()
        page.keyboard.press("j")
        expect(rows.first).not_to_be_focused()
