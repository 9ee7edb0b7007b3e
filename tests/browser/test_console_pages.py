"""The console's lists on a phone: nothing is cut, nothing is endless, buttons speak our words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.orm import Session

from payments.core.database import Database
from payments.staff import Role
from tests.bank import TODAY, BankLine, a_statement, camt, run
from tests.browser.pages import opened, pictured, serving, sign_in, spills, violations, visiting
from tests.builders import NOON, a_payment_request, a_province, paid
from tests.console import employ, whole_app

pytestmark = pytest.mark.committed

MANY = 30
SCREENS = 9
"""So many screens of a phone a page may be long."""

FIRST = {
    "accounts": "/console/",
    "statements": "/console/statements",
    "breaks": "/console/breaks",
}
"""Where a day begins."""

LONG = FIRST | {
    "requests": "/console/requests",
    "lines": "/console/lines",
    "ledger-account": "/console/ledger/1",
}
"""Every list of the console that grows with the day's payments."""


@pytest.fixture
def day(database: Database) -> str:
    """The address of a day with a payment and many lines that nobody explained."""

    def unit(session: Session) -> str:
        province = a_province(session)
        request = a_payment_request(province)
        paid(province, request)
        charges = [BankLine(-1_000 - n, f"THU PHI QLTK THANG {n}") for n in range(MANY)]
        a_statement(province, BankLine(50_000, request.reference), *charges)
        run(province)
        employ(session, Role.RECONCILER)
        return f"/console/days/{province.account.public_id}/{TODAY}"

    return database.write(unit)


@pytest.fixture
def app(day: str, database_url: str) -> Iterator[Flask]:
    """The whole application, the morning after."""
    with whole_app(database_url, NOON + timedelta(hours=20)) as whole:
        yield whole


def cut(page: Page) -> int:
    """How many tables of the page are wider than their place."""
    wide: int = page.locator(".sideways").evaluate_all(
        "places => places.filter(one => one.scrollWidth > one.clientWidth + 1).length"
    )
    return wide


@pytest.mark.parametrize(("language", "pages"), [("vi", LONG), ("en", FIRST)])
def test_no_list_is_cut_or_endless_on_a_phone(
    browser: Browser, app: Flask, day: str, language: str, pages: dict[str, str]
) -> None:
    """Every page is read downwards, ends, and says nothing to the browser's console."""
    with (
        serving(app) as address,
        visiting(browser, language=language) as visit,
        opened(visit, f"{address}/sign-in") as page,
    ):
        sign_in(page, Role.RECONCILER)
        for name, path in (pages | {"day": day}).items():
            page.goto(address + path)
            for width in (1280, 390):
                page.set_viewport_size({"width": width, "height": 800})
                assert not spills(page), (name, width)
                tall = page.evaluate("document.documentElement.scrollHeight")
                pictured(page, f"{name}-{language}-{width}")
                assert tall < SCREENS * 800, (name, width, tall)
            assert cut(page) == 0, name
            assert violations(page) == [], name


@pytest.mark.parametrize("script", [True, False])
def test_a_file_is_chosen_by_a_button_of_ours(
    browser: Browser, app: Flask, *, script: bool
) -> None:
    """The button says it in the page's language, opens the choice, and the file's name is seen."""
    with (
        serving(app) as address,
        visiting(browser, java_script_enabled=script) as visit,
        opened(visit, f"{address}/sign-in?next=/console/statements") as page,
    ):
        sign_in(page, Role.RECONCILER)
        button = page.locator("label.button", has_text="Chọn tệp")
        expect(button).to_be_visible()
        with page.expect_file_chooser() as chosen:
            button.click()
        content = camt("0011001234567", [BankLine(1_000, "x")], number="S9")
        file = {"name": "sao-ke.xml", "mimeType": "text/xml", "buffer": content}
        chosen.value.set_files([file])
        pictured(page, f"chosen-{script}")
        page.get_by_role("button", name="Nhập", exact=True).click()
        expect(page.get_by_role("link", name="sao-ke.xml")).to_be_visible()
