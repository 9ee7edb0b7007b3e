"""Today: is each account proved, what waits for whoever looks, how old is the oldest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from payments.core import approvals
from payments.core.database import Database
from payments.staff import Role
from tests.bank import BankLine, a_statement, run
from tests.builders import NOON, a_payment_request, a_province, paid
from tests.console import SignIn, employ, whole_app

pytestmark = pytest.mark.committed


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """A day that is not proved, one break that nobody has, a proposal of somebody; a week on."""

    def unit(session: Session) -> None:
        province = a_province(session)
        request = a_payment_request(province)
        paid(province, request)
        a_statement(province, BankLine(50_000, request.reference), BankLine(-9_000, "khong biet"))
        run(province)
        employ(session, Role.VIEWER, Role.RECONCILER, Role.APPROVER)
        told = {"shown": {}, "reason": "as agreed", "now": NOON}
        approvals.propose(session, "break.assign", "break:1", by="staff:77", **told)

    database.write(unit)
    with whole_app(database_url, NOON + timedelta(days=9)) as whole:
        yield whole


def test_today_says_what_waits_for_whom(app: Flask, sign_in: SignIn) -> None:
    """A reconciler sees what nobody has, an approver what others proposed, a viewer nothing."""
    pages = {role: sign_in(role).see("/console/") for role in (Role.VIEWER, Role.RECONCILER)}
    pages[Role.APPROVER] = sign_in(Role.APPROVER).see("/console/")
    for page in pages.values():
        assert "0/1" in page
        assert "8 days" in page
        assert 'class="bar"' in page
    assert "Nothing waits for you." in pages[Role.VIEWER]
    assert "1 breaks that nobody looks after" in pages[Role.RECONCILER]
    assert "to approve" not in pages[Role.RECONCILER]
    assert "1 decisions about breaks to approve" in pages[Role.APPROVER]
    assert "nobody looks after" not in pages[Role.APPROVER]
