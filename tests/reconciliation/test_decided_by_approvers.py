"""The database holds who closes a day, approves a balance and confirms words, whoever asks it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments import staff
from payments.core.money import Dong
from payments.staff import Role
from reconciliation import bookings, day_close
from reconciliation.bookings import Kind
from tests.bank import TODAY, BankLine, a_statement, run
from tests.builders import NOON, Province, a_payment_request, a_province, paid
from tests.console import employ

NIGHT = NOON + timedelta(hours=13)
MAKER = "staff:77"


@pytest.fixture
def province(session: Session) -> Province:
    """A province with a day that agrees, and people of every role."""
    one = a_province(session)
    request = a_payment_request(one)
    paid(one, request)
    a_statement(one, BankLine(50_000, request.reference))
    run(one)
    employ(session, *Role)
    return one


def close(province: Province, by: str) -> None:
    told = (province.session, province.account.id, TODAY)
    day_close.propose(*told, by=MAKER, now=NIGHT)
    day_close.close(*told, by=by, now=NIGHT)


def open_account(province: Province, by: str) -> None:
    told = {"amount": Dong(9_000), "day": TODAY, "now": NIGHT}
    bookings.open_account(province.session, province.account.id, by=MAKER, approved_by=by, **told)


def confirm(province: Province, by: str) -> None:
    told = {"kind": Kind.CHARGE, "words": "THU PHI SMS", "by": MAKER, "now": NIGHT}
    row = bookings.propose_pattern(province.session, province.account.id, **told)
    bookings.confirm_pattern(province.session, row, by=by, now=NIGHT)


@pytest.mark.parametrize("decide", [close, open_account, confirm])
def test_only_an_approver_decides(
    province: Province, decide: Callable[[Province, str], None]
) -> None:
    """No other role, no program, nobody who left: the unit fails, though no page asked."""
    session = province.session
    people = {role: staff.actor(staff.by_username(session, role).id) for role in Role}
    others = [by for role, by in people.items() if role is not Role.APPROVER]
    for by in (*others, "job:days", "staff:999"):
        with pytest.raises(DBAPIError, match="is its role"), session.begin_nested():
            decide(province, by)

    decide(province, people[Role.APPROVER])


DECIDED = {"account_day": close, "account_opening": open_account, "line_pattern": confirm}


@pytest.mark.parametrize("table", DECIDED)
def test_nothing_begins_as_decided(province: Province, table: str) -> None:
    """A row that is there already, written once more as a new one."""
    session = province.session
    DECIDED[table](province, staff.actor(staff.by_username(session, Role.APPROVER).id))
    names = session.execute(text(f"SELECT * FROM {table}")).keys()
    values = ", ".join(f"{name} + 1000" if name == "id" else name for name in names)
    again = f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table}"

    with pytest.raises(DBAPIError, match="was proposed"), session.begin_nested():
        session.execute(text(again))
