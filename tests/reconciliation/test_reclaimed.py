"""Money that the bank took back after part of it was given back: what is left of it is set off."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payouts, settlement
from payments.core.money import Dong
from payments.credits import Credit
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from payments.payouts import Part, Payout, Wanted
from reconciliation import bookings, breaks, day_close
from reconciliation.breaks import Action, Break, Decision
from reconciliation.breaks.actions import StillToGetBack
from tests.bank import TODAY, BankLine, a_statement, run, unproved
from tests.builders import BY, NOON, Province, a_message, a_payment_request, a_province, settle
from tests.refunds import OTHER, PAYER, approved, filed
from tests.remittances import both_routes, proposed

NEXT = TODAY + timedelta(days=1)
THIRD = TODAY + timedelta(days=2)
NIGHT = NOON + timedelta(hours=37)


@pytest.fixture
def province(session: Session) -> Province:
    """A province in which a fee of 50,000 was paid with 150,000."""
    province = a_province(session)
    request = a_payment_request(province, amount=50_000)
    a_message(province, request.reference, amount=150_000, payer=PAYER, reference="FT1")
    settle(province)
    line = BankLine(150_000, request.reference, reference="FT1", payer=PAYER)
    a_statement(province, line, number="S1")
    run(province)
    return province


def the_credit(province: Province) -> Credit:
    """What was paid."""
    return province.credits()[0]


def left(province: Province, *, held: int = 0, fees: int = 0) -> Payout:
    """A refund of so much, approved and in a file."""
    line = province.session.scalars(select(PaymentRequestLine.id)).one()
    to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
    part = Part.FEES if fees else Part.HELD
    asked = Wanted(part, to, "nộp thừa", amount=Dong(held), lines={line: Dong(fees)})
    payout = payouts.propose_refund(
        province.session, the_credit(province), asked, by=BY, now=NOON, vault=province.vault
    )
    assert payouts.approve(province.session, payout, by=OTHER, now=NOON)
    filed(province)
    return payout


def on_paper(province: Province, *lines: BankLine) -> None:
    """A statement of these lines is imported, and their day run."""
    day, opening = lines[0].day, province.balance("assets:bank")
    after = NOON + timedelta(days=3)
    a_statement(province, *lines, opening=opening, day=day, number=f"S{day}", now=after)
    run(province, day)


def taken(province: Province, payout: Payout) -> None:
    """The statement shows the refund leaving, and the bank taking all of the money back."""
    sent = BankLine(-int(payout.amount), f"{payout.code} hoan phi", day=NEXT)
    back = BankLine(-150_000, "GD sai", day=NEXT, reversal=True, reverses="FT1")
    on_paper(province, sent, back)
    decide(province, "debit_unexplained", Action.RECEIVABLE)


def returned(province: Province, payout: Payout) -> None:
    """The refund comes back."""
    on_paper(province, BankLine(int(payout.amount), f"HOAN TRA {payout.code}", day=THIRD))


def decide(province: Province, kind: str, action: Action) -> None:
    """Staff decide about the only break of that kind."""
    day_close.renew_breaks(province.session, province.account.id, now=NIGHT)
    [one] = province.session.scalars(
        select(Break).where(Break.kind == kind, Break.cleared_at.is_(None))
    )
    decision = Decision(action, "ngân hàng thu lại")
    assert breaks.decide(province.session, [one], decision, by=BY, now=NIGHT) is None
    province.session.expire_all()


def live(province: Province) -> list[str]:
    """The kinds of breaks there are."""
    day_close.renew_breaks(province.session, province.account.id, now=NIGHT)
    return sorted(province.session.scalars(select(Break.kind).where(Break.cleared_at.is_(None))))


def to_get_back(province: Province) -> int:
    """What is booked as to be got back; and the ledger is proved."""
    assert unproved(province) == []
    return int(bookings.to_get_back(province.session, province.account.id))


def test_what_is_left_is_set_off(province: Province) -> None:
    """Dr its parts, Cr receivable: what was given back is to be got back, and nothing else."""
    payout = left(province, held=30_000)
    taken(province, payout)
    assert (to_get_back(province), live(province)) == (150_000, ["reclaimed"])
    decide(province, "reclaimed", Action.SET_OFF)
    credit = the_credit(province)
    request = province.session.get_one(PaymentRequest, credit.payment_request_id)
    assert (credit.held, credit.to_fees, credit.refunded, credit.reversed) == (
        0,
        0,
        30_000,
        120_000,
    )
    assert (request.status, request.received, request.confirmed) == ("open", 0, 0)
    assert (to_get_back(province), live(province)) == (30_000, ["reversed"])


def test_what_comes_back_later_is_set_off_in_its_turn(province: Province) -> None:
    """Then nothing is left of the credit, and nothing to be got back."""
    payout = left(province, held=30_000)
    taken(province, payout)
    decide(province, "reclaimed", Action.SET_OFF)
    returned(province, payout)
    assert the_credit(province).held == 30_000
    decide(province, "reclaimed", Action.SET_OFF)
    assert (the_credit(province).reversed, to_get_back(province)) == (150_000, 0)


def test_fees_that_were_given_back_are_set_off_once_they_came_back(province: Province) -> None:
    """Until then the request can't fall back to open, and what is left of the credit waits."""
    payout = left(province, fees=50_000)
    taken(province, payout)
    with pytest.raises(settlement.SetOffLater):
        decide(province, "reclaimed", Action.SET_OFF)
    returned(province, payout)
    decide(province, "reclaimed", Action.SET_OFF)
    assert (the_credit(province).reversed, to_get_back(province)) == (150_000, 0)


def test_what_the_bank_sent_again_is_free_again(province: Province) -> None:
    """Booked as got back, it can't be set off too; the credit is as before the bank took it."""
    taken(province, left(province, held=30_000))
    with pytest.raises(StillToGetBack):
        decide(province, "reclaimed", Action.RELEASE)
    on_paper(province, BankLine(150_000, "chuyen lai", day=THIRD))
    decide(province, "unidentified", Action.RECOVERED)
    with pytest.raises(bookings.NothingToGetBack):
        decide(province, "reclaimed", Action.SET_OFF)
    decide(province, "reclaimed", Action.RELEASE)
    assert payouts.available(province.session, the_credit(province))[Part.HELD] == 70_000
    assert (to_get_back(province), live(province)) == (0, ["overpaid"])


def test_what_the_bank_took_is_not_taken_from_its_request_by_hand(session: Session) -> None:
    """It had been assigned; what was given back of it is here again, but the bank took it all."""
    province = a_province(session)
    request = a_payment_request(province, amount=50_000)
    a_message(province, "nop le phi", amount=150_000, payer=PAYER, reference="FT1")
    settle(province)
    settlement.assign(session, the_credit(province), request, actor=BY, now=NOON)
    a_statement(province, BankLine(150_000, "x", reference="FT1", payer=PAYER), number="S1")
    run(province)
    payout = left(province, held=30_000)
    taken(province, payout)
    returned(province, payout)
    assert the_credit(province).refunded == 0

    with pytest.raises(settlement.AlreadyTakenBack):
        settlement.unassign(session, the_credit(province), reason="nhầm", actor=BY, now=NIGHT)

    assert unproved(province) == []


def test_what_pays_with_money_the_bank_took_is_not_forwarded(session: Session) -> None:
    """Half of a fee is no fee: it waits until the other half is set off, or has come again."""
    province = a_province(session)
    both_routes(province)
    reference = a_payment_request(province, amount=50_000).reference
    lines = []
    for amount, name in ((20_000, "FT0"), (130_000, "FT1")):
        a_message(province, reference, amount=amount, payer=PAYER, reference=name)
        settle(province)
        lines.append(BankLine(amount, reference, reference=name, payer=PAYER))
    a_statement(province, *lines, number="S1")
    run(province)
    overpaid = province.credits()[1]
    payout = approved(province, overpaid, 30_000)
    filed(province)
    sent = BankLine(-30_000, f"{payout.code} hoan phi", day=NEXT)
    on_paper(province, sent, BankLine(-130_000, "GD sai", day=NEXT, reversal=True, reverses="FT1"))
    assert not proposed(province, now=NIGHT)


def test_fees_of_money_the_bank_took_are_not_forwarded(province: Province) -> None:
    """Neither proposed, nor approved where they were proposed before the bank took it."""
    both_routes(province)
    payout = left(province, held=30_000)
    [remittance] = proposed(province)
    back = BankLine(-150_000, "GD sai", day=NEXT, reversal=True, reverses="FT1")
    on_paper(province, BankLine(-30_000, f"{payout.code} hoan phi", day=NEXT), back)
    assert the_credit(province).reclaimed == 150_000  # before anybody looked at the line
    with pytest.raises(payouts.FeesChanged):
        payouts.approve(province.session, remittance, by=OTHER, now=NIGHT)
    assert not proposed(province, now=NIGHT)
    assert remittance.state == "withdrawn"


def test_a_reference_that_came_again_is_left_to_staff(province: Province) -> None:
    """It may be the payment that was given back; said to be to get back, that one is frozen."""
    payout = left(province, held=30_000)
    again = a_payment_request(province, amount=150_000).reference
    on_paper(
        province,
        BankLine(-30_000, f"{payout.code} hoan phi", day=NEXT),
        BankLine(150_000, again, reference="FT1", day=NEXT),
    )
    on_paper(province, BankLine(-150_000, "GD sai", day=THIRD, reversal=True, reverses="FT1"))
    assert [int(one.reversed) for one in province.credits()] == [0, 0]
    decide(province, "debit_unexplained", Action.RECEIVABLE)
    assert [int(one.reclaimed) for one in province.credits()] == [150_000, 0]
    assert to_get_back(province) == 150_000
