"""The bank's own sweep to the treasury: a debit without a code that comes to what was approved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payouts
from payments.payouts import Payout
from reconciliation import breaks, day_close, matching
from reconciliation.breaks import Action, Break, Decision
from reconciliation.matching import LineMatch, Rule
from tests.bank import TODAY, BankLine, a_statement, run, unproved
from tests.builders import BY, NOON, Province, a_payment_request, a_province, paid
from tests.refunds import filed
from tests.remittances import approved, both_routes, proposed, seen

NEXT = TODAY + timedelta(days=1)
NIGHT = NOON + timedelta(hours=37)


@pytest.fixture
def province(session: Session) -> Province:
    """A province with 30,000 of phí and 20,000 of lệ phí to be forwarded, each to its treasury."""
    province = a_province(session)
    both_routes(province)
    paid(province, a_payment_request(province, amount=50_000, le_phi=20_000))
    seen(province)
    return province


def swept(province: Province, amount: int) -> Break:
    """The next day's statement shows such a debit; the break that it is."""
    line = BankLine(-amount, "KBNN QUET SO DU CUOI NGAY", day=NEXT)
    opening = province.balance("assets:bank")
    a_statement(province, line, opening=opening, day=NEXT, now=NOON + timedelta(days=2))
    run(province, NEXT)
    day_close.renew_breaks(province.session, province.account.id, now=NIGHT)
    return province.session.scalars(
        select(Break).where(Break.kind == "debit_unexplained", Break.cleared_at.is_(None))
    ).one()


def say_so(province: Province, one: Break) -> None:
    """Staff say that the line is the bank's own sweep."""
    decision = Decision(Action.SWEPT, "ngân hàng tự chuyển lúc giờ chốt")
    assert breaks.decide(province.session, [one], decision, by=BY, now=NIGHT) is None
    province.session.expire_all()


def states(made: Sequence[Payout]) -> list[tuple[str, bool]]:
    """Where remittances stand, and whether the bank sent them by itself."""
    return [(one.state, bool(one.swept)) for one in made]


@pytest.mark.parametrize(("amount", "left"), [(50_000, [True, True]), (20_000, [True, False])])
def test_a_sweep_is_the_remittances_that_it_comes_to(
    province: Province, amount: int, left: list[bool]
) -> None:
    """All of them, or those to one treasury account; they are in no file, and the rest may be."""
    made = approved(province)
    say_so(province, swept(province, amount))
    assert states(made) == [("paid_out", True) if one else ("approved", False) for one in left]
    assert unproved(province) == []
    if all(left):
        with pytest.raises(payouts.NothingToFile):
            filed(province, now=NIGHT)
        assert payouts.unforwarded(province.session, province.account.id, now=NIGHT) == {}


def test_only_what_was_approved_is_a_sweep(province: Province) -> None:
    """Neither what is only proposed, nor what stands in a file, nor any other amount."""
    made = proposed(province)
    one = swept(province, 50_000)
    with pytest.raises(matching.NotASweep):
        say_so(province, one)
    for payout in made:
        payouts.approve(province.session, payout, by="staff:2", now=NIGHT)
    filed(province, now=NIGHT)
    with pytest.raises(matching.NotASweep):
        say_so(province, one)
    assert states(made) == [("filed", False)] * 2


def test_another_amount_is_left_to_staff(province: Province) -> None:
    """A sweep of the whole balance may hold what is not a fee: that is looked into first."""
    approved(province)
    with pytest.raises(matching.NotASweep):
        say_so(province, swept(province, 49_999))


def test_a_sweep_said_by_mistake_is_revoked(province: Province) -> None:
    """All of its remittances are approved again, and may go into a file."""
    made = approved(province)
    say_so(province, swept(province, 50_000))
    rows = select(LineMatch.id).where(LineMatch.rule == Rule.PAYOUT)
    match = province.session.scalars(rows).one()
    matching.unmatch(province.session, match, reason="nhầm", by=BY, now=NIGHT)
    province.session.expire_all()
    assert states(made) == [("approved", False)] * 2
    assert unproved(province) == []
    assert filed(province, now=NIGHT).payouts == 2
