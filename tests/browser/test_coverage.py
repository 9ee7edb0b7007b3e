"""Figures of coverage in a real browser: refused, looked at, proposed, taken in; by anybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.orm import Session

from payments import seed
from payments.core.database import Database
from payments.staff import Role
from tests.browser.pages import enter, opened, pictured, serving, spills, violations, visiting
from tests.console import employ, whole_app
from tests.coverage_files import NOW, Q3, csv_of, taken

pytestmark = pytest.mark.committed

PAGE = "/console/targets/figures"
ROWS: list[tuple[Any, ...]] = [
    ("H09.25741", "Phường Hiệp Thành", 20_000, 17_000),
    ("H09.25744", "Phường Phú Lợi", 40_000, 27_000),
    ("H09.25777", "Thị trấn Dầu Tiếng", 5_000, 3_000),
]


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application, the province's 91 communes, a quarter of figures, two people."""

    def unit(session: Session) -> None:
        seed.load_units(session, seed.read_units(), by="test", now=NOW)
        taken(session, Q3.after(-1), [*ROWS[:1], (*ROWS[1][:2], 20_000, 13_000)])
        employ(session, Role.RECONCILER, Role.APPROVER)

    database.write(unit)
    with whole_app(database_url, NOW) as whole:
        yield whole


def bring(page: Page, content: bytes) -> None:
    """Fills the form in and sends it."""
    page.locator("#file").set_input_files(
        {"name": "quy-3.csv", "mimeType": "text/csv", "buffer": content}
    )
    page.locator("#document").fill("Báo cáo số 128/BC-NHNN")
    page.locator("#dated").fill("2026-10-12")
    page.locator("#bring ~ form button.strong").click()


def fits(page: Page, name: str) -> None:
    """Nothing to push sideways, nothing a reader stumbles over, at two widths."""
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert not spills(page), (name, width)
        assert violations(page) == [], (name, width)
        pictured(page, f"coverage-{name}-{width}")


def test_figures_come_in_by_two_people(browser: Browser, app: Flask) -> None:
    """Each page fits a phone and a screen: the list, the look, the second person."""
    with serving(app) as address:
        with visiting(browser) as visit, opened(visit, f"{address}/sign-in") as page:
            enter(page, address, Role.RECONCILER, PAGE)
            fits(page, "list")
        with visiting(browser) as visit, opened(visit, f"{address}/sign-in") as page:
            enter(page, address, Role.RECONCILER, PAGE)
            bring(page, csv_of([*ROWS, ("", "Tổng cộng", "65.000", "47.000")]))
            expect(page.locator("[name=confirmed]")).to_have_count(1)
            fits(page, "look")
            page.locator("[name=confirmed]").check()
            page.locator("button.strong").click()
            expect(page.locator("form[action$='/withdraw']")).to_be_visible()
            draft = page.url.removeprefix(address)
        with visiting(browser) as visit, opened(visit, f"{address}/sign-in") as page:
            enter(page, address, Role.APPROVER, draft)
            fits(page, "approve")
            page.locator("button.strong").click()
            expect(page.locator("#taken")).to_be_visible()
            fits(page, "taken")
            page.locator("#taken ~ .sideways a").first.click()
            fits(page, "version")


def test_a_refusal_by_rows_fits_everybody(browser: Browser, app: Flask) -> None:
    """The form stands below it as it was filled in."""
    with serving(app) as address, visiting(browser) as visit, visit.new_page() as page:
        enter(page, address, Role.RECONCILER, PAGE)
        bring(page, csv_of([*ROWS, ("", "P. Phú Lợii", 9, 10), ("", "Tổng cộng", "x", 5)]))
        expect(page.locator("[role=alert] li")).to_have_count(2)
        expect(page.locator("#document")).to_have_value("Báo cáo số 128/BC-NHNN")
        fits(page, "refused")
