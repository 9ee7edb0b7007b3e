"""Today: is each account proved, what waits for whoever looks, how old is the oldest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from payments.core import approvals
from payments.core.database import Database
from payments.core.money import Dong
from payments.staff import Role
from reconciliation import bookings, day_close
from reconciliation.bookings import Kind
from tests.bank import TODAY, BankLine, a_statement, run
from tests.builders import NOON, a_payment_request, a_province, checker, paid, the_province
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


def test_whatever_another_proposed_waits_for_an_approver(
    app: Flask, database: Database, sign_in: SignIn
) -> None:
    """A day to close or to reopen however long ago it was, words, a balance, figures of a quarter.

    What they proposed themselves does not wait for them.
    """

    def unit(session: Session) -> str:
        province = the_province(session)
        account, later = province.account.id, NOON + timedelta(days=9)
        by = {"by": "staff:77", "now": later}
        for n in range(1, 10):
            a_statement(province, day=TODAY + timedelta(days=n), number=f"S{n}", opening=41_000)
            run(province, TODAY + timedelta(days=n), now=NOON + timedelta(days=n, hours=20))
        day_close.propose(session, account, TODAY, **by)
        told = {"kind": Kind.CHARGE, "words": "THU PHI SMS"}
        bookings.propose_pattern(session, account, **told, **by)
        bookings.propose_opening(session, account, amount=Dong(5_000), day=TODAY, **by)
        approvals.propose(
            session, "coverage.import", "coverage:1", shown={}, reason="as agreed", **by
        )
        return province.account.public_id

    public_id = database.write(unit)
    approver = sign_in(Role.APPROVER)
    page = approver.see("/console/")
    latest = (TODAY + timedelta(days=9)).isoformat()
    for words, where in (
        ("1 day to be closed", f"/console/days/{public_id}/{TODAY}"),
        ("1 words of charges or interest to confirm", f"/console/days/{public_id}/{latest}"),
        ("1 opening balance to approve", f"/console/days/{public_id}/{latest}"),
        ("1 sheets of payment accounts to approve", "/console/targets/figures"),
    ):
        assert f'<a href="{where}">{words}</a>' in page

    def reopen(session: Session) -> None:
        account, later = the_province(session).account.id, NOON + timedelta(days=9)
        day_close.close(session, account, TODAY, by=checker(session), now=later)
        told = {"reason": "a line is missing", "by": "staff:77", "now": later}
        day_close.propose_reopening(session, account, TODAY, **told)

    database.write(reopen)
    page = approver.see("/console/")
    assert f'<a href="/console/days/{public_id}/{TODAY}">1 day to be reopened</a>' in page
    assert "to be closed" not in page
