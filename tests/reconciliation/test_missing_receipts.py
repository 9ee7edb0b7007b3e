"""A paid request without its receipts is a break after a while, and none once it has them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from payments import policies, receipts
from payments.core.calendar import local_day
from reconciliation import breaks
from reconciliation.breaks import Action, Break
from tests.bank import TODAY, BankLine, a_statement, run, unproved
from tests.builders import BY, NOON, Province, a_payment_request, a_province, paid
from tests.receipts import issue, number, open_a_pair

MINUTE = timedelta(minutes=1)


@pytest.fixture
def province(session: Session) -> Province:
    """A province whose receipts are numbered; one request is paid and on a statement."""
    province = a_province(session)
    open_a_pair(session)
    request = a_payment_request(province, amount=150_000, le_phi=50_000)
    paid(province, request)
    a_statement(province, BankLine(150_000, request.reference))
    return province


def live(province: Province) -> list[Break]:
    """The live breaks."""
    return list(breaks.live(province.session, province.account.id, through=TODAY, most=100))


def test_receipts_that_are_there_are_no_break(province: Province) -> None:
    """The usual day."""
    issue(province)
    assert run(province).verdict == "reconciled"
    assert live(province) == []


def test_receipts_that_do_not_come_are_a_break_until_they_do(province: Province) -> None:
    """It names the request and what it paid; nothing can be decided but to wait."""
    assert run(province, now=NOON + 16 * MINUTE).verdict == "breaks"
    (one,) = live(province)
    assert (one.kind, one.amount, one.day) == ("receipt_missing", 150_000, TODAY)
    assert breaks.allowed(one) == (Action.WAIT,)
    issue(province)
    assert run(province, now=NOON + 17 * MINUTE).verdict == "reconciled"
    assert live(province) == []
    assert unproved(province) == []


def test_they_have_the_time_that_the_treasurer_decides(province: Province) -> None:
    """A quarter of an hour until somebody says otherwise."""
    assert run(province, now=NOON + 15 * MINUTE).verdict == "reconciled"
    policies.decide(
        province.session,
        "receipt_due_minutes",
        60,
        valid_from=local_day(NOON),
        by=BY,
        now=NOON,
    )
    assert run(province, now=NOON + 60 * MINUTE).verdict == "reconciled"
    assert run(province, now=NOON + 61 * MINUTE).verdict == "breaks"


def test_a_number_without_papers_is_missing_too(province: Province) -> None:
    """A receipt is one when it is signed."""
    number(province)
    run(province, now=NOON + 16 * MINUTE)
    assert [one.kind for one in live(province)] == ["receipt_missing"]
    assert receipts.waiting(province.session) == (2, NOON)


def test_what_the_statement_pays_has_its_time_from_then_on(session: Session) -> None:
    """Nobody told of the payment; the run itself settles it, so its receipts are only due now."""
    province = a_province(session)
    open_a_pair(session)
    request = a_payment_request(province)
    a_statement(province, BankLine(50_000, request.reference))
    run(province, now=NOON + timedelta(hours=13))
    assert [one.kind for one in live(province)] == ["missed_callback"]


def test_where_no_series_was_ever_opened_none_is_missing(session: Session) -> None:
    """Such a province issues its receipts elsewhere."""
    province = a_province(session)
    request = a_payment_request(province)
    paid(province, request)
    a_statement(province, BankLine(50_000, request.reference))
    assert run(province, now=NOON + timedelta(hours=13)).verdict == "reconciled"
