"""The pages of targets in a real browser: on a phone, wide, and a unit on one sheet of paper."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from flask import Flask
from playwright.sync_api import Browser
from pypdf import PdfReader
from sqlalchemy.orm import Session

from payments.core.config import Mode
from payments.core.database import Database
from payments.staff import Role
from reconciliation.jobs.rollups import count_months_of, roll_up_changes
from reconciliation.targets import practice
from tests.browser.pages import enter, pictured, serving, spills, violations, visiting
from tests.console import employ, whole_app
from tests.province_year import BY, lay_out, province

pytestmark = [pytest.mark.browser, pytest.mark.committed]

NOW = datetime(2026, 12, 30, 3, tzinfo=UTC)
WHOLE_YEAR = "from=2026-01-01&to=2026-12-30"
PAGES = {
    "targets": f"/console/targets?{WHOLE_YEAR}",
    "sheet": f"/console/targets/units/H09.724?{WHOLE_YEAR}",
    "open-data": "/open-data/",
}
SHEETS = ("H09", "H09.720", "H09.25741", "H09.d01")


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application over every sixtieth day of a year."""
    database.write(lambda session: province(session, now=datetime(2026, 1, 1, 3, tzinfo=UTC)))
    lay_out(database, 2_000, every=60)

    def unit(session: Session) -> None:
        practice.practise(session, mode=Mode.SANDBOX, by=BY, now=NOW)
        employ(session, Role.VIEWER)

    with time_machine.travel(NOW, tick=False):
        database.write(unit)
        roll_up_changes(database, now=NOW)
        count_months_of(database, now=NOW)
    with whole_app(database_url, NOW) as whole:
        yield whole


def test_where_the_province_stands_is_read_anywhere(browser: Browser, app: Flask) -> None:
    """Nothing to push sideways, nothing a reader stumbles over; a unit fits on one sheet."""
    with serving(app) as address, visiting(browser) as visit:
        page, complaints = visit.new_page(), []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else 0)
        enter(page, address, Role.VIEWER, "/console/targets")
        for name, path in PAGES.items():
            page.goto(address + path)
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            for width in (390, 1280):
                page.set_viewport_size({"width": width, "height": 800})
                assert not spills(page), (name, width)
                pictured(page, f"{name}-{width}")
                assert violations(page) == [], (name, width)
        for unit in SHEETS:
            page.goto(f"{address}/console/targets/units/{unit}?{WHOLE_YEAR}")
            sheet = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
            assert len(sheet.pages) == 1, unit
        assert complaints == []
