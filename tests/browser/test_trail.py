"""The audit trail in a browser: as an auditor finds it, at each width, the details opened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from payments.core.database import Database
from payments.jobs.auditing import read_audit
from payments.staff import Role
from tests.browser.pages import enter, fits_everybody, opened, serving, visiting
from tests.builders import NOON
from tests.console import employ, whole_app

pytestmark = pytest.mark.committed


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application with people of every role, its chain read."""
    database.write(lambda session: employ(session, *Role))
    with whole_app(database_url, NOON) as whole:
        read_audit(whole.extensions["cashless"], NOON)
        yield whole


def test_an_auditor_finds_who_did_what(browser: Browser, app: Flask) -> None:
    """All entries, then those of one action; nothing is cut and nothing stumbled over."""
    with (
        serving(app) as address,
        visiting(browser) as visitor,
        opened(visitor, f"{address}/sign-in") as page,
    ):
        enter(page, address, Role.AUDITOR, "/console/audit")
        page.locator("tbody details summary").first.click()
        fits_everybody(page, "audit")
        page.goto(f"{address}/console/audit?what=staff.signed_in&who=auditor")
        expect(page.locator("tbody tr")).to_have_count(1)
        fits_everybody(page, "audit-found")
