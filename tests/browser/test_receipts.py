"""Receipts in a real browser: the list, one receipt, a decision that waits, small and large."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import receipts
from payments.core.database import Database
from payments.payment_requests import PaymentRequest
from payments.receipts import Act
from payments.staff import Role
from tests.browser.pages import enter, fits_everybody, opened, serving, visiting
from tests.builders import BY, NOON, a_payment_request, a_province, paid
from tests.console import employ, whole_app
from tests.receipts import issue, open_a_pair

pytestmark = pytest.mark.committed


@pytest.fixture
def addresses(database: Database) -> list[str]:
    """The list, a receipt that counts, one about which a decision waits, and one that ended."""

    def unit(session: Session) -> list[str]:
        province = a_province(session)
        open_a_pair(session)
        for _ in range(2):
            paid(province, a_payment_request(province, amount=150_000, le_phi=50_000))
        phi, le_phi, other, _ = issue(province)
        receipts.propose(session, le_phi, Act.CANCEL, reason="sai đơn vị thu", by=BY, now=NOON)
        this = select(PaymentRequest.id).where(PaymentRequest.id == other.payment_request_id)
        receipts.cancel_all(session, this, reason="bank_reversal", by="job:settle", now=NOON)
        employ(session, Role.RECONCILER, Role.APPROVER)
        return ["/console/receipts"] + [
            f"/console/receipts/{one.public_id}" for one in (phi, le_phi, other)
        ]

    return database.write(unit)


@pytest.fixture
def app(addresses: list[str], database_url: str) -> Iterator[Flask]:
    """The whole application."""
    with whole_app(database_url, NOON) as whole:
        yield whole


@pytest.mark.parametrize(
    ("role", "language"),
    [(Role.RECONCILER, "vi"), (Role.APPROVER, "vi"), (Role.RECONCILER, "en")],
)
def test_every_page_is_fit_for_every_reader(
    browser: Browser, app: Flask, addresses: list[str], role: Role, language: str
) -> None:
    """On every width: no axe finding, nothing pushed sideways, no complaint of the browser."""
    with serving(app) as site, visiting(browser, language=language) as visit:
        enter(visit.new_page(), site, role, addresses[0])
        for number, address in enumerate(addresses):
            with opened(visit, site + address) as page:
                for folded in page.locator("details").all():
                    folded.locator("summary").click()
                fits_everybody(page, f"receipts-{number}-{role}-{language}")
