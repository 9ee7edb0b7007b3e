"""Payouts on statements: seen leaving by their code, coming back, and what is left to staff."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payouts
from payments.core.money import Dong
from payments.credits import Credit
from payments.outbox import Event
from payments.payment_requests import PaymentRequest, PaymentRequestLine, public_status
from payments.payouts import Part, Payout, Wanted
from reconciliation import bookings, breaks, day_close, matching
from reconciliation.breaks import Action, Break, Decision
from reconciliation.matching import LineMatch, Rule
from reconciliation.statements import StatementLine
from tests.bank import TODAY, BankLine, a_statement, known_words, run, unproved
from tests.builders import (
    BY,
    NOON,
    Province,
    a_message,
    a_payment_request,
    a_province,
    paid,
    settle,
)

PAYER = "9704229200112233"
NEXT = TODAY + timedelta(days=1)
NIGHT = NOON + timedelta(hours=37)


@pytest.fixture
def province(session: Session) -> Province:
    """A province with an account, a portal and every source."""
    return a_province(session)


def filed(province: Province, *amounts: int, part: Part = Part.HELD) -> list[Payout]:
    """Refunds in a file for the bank, out of a request that was paid with 100,000 too much."""
    request = a_payment_request(province, amount=50_000)
    paid(province, request, 150_000, payer=PAYER, reference="FT1")
    a_statement(province, BankLine(150_000, request.reference, reference="FT1"), number="S1")
    run(province)
    credit = province.credits()[-1]
    line = province.session.scalar(
        select(PaymentRequestLine.id).where(PaymentRequestLine.payment_request_id == request.id)
    )
    made = []
    for amount in amounts:
        of_line = {line: Dong(amount)} if part is Part.FEES else None
        to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
        wanted = Wanted(part=part, to=to, reason="nộp thừa", amount=Dong(amount), lines=of_line)
        payout = payouts.propose_refund(
            province.session, credit, wanted, by=BY, now=NOON, vault=province.vault
        )
        payouts.approve(province.session, payout, by="staff:2", now=NOON)
        made.append(payout)
    payouts.file_all(province.session, province.account, by=BY, now=NOON, vault=province.vault)
    return made


def next_day(province: Province, *lines: BankLine) -> None:
    """The next day's statement is imported, and the day is run."""
    opening = province.balance("assets:bank")
    a_statement(
        province, *lines, opening=opening, day=NEXT, number="S2", now=NOON + timedelta(days=2)
    )
    run(province, NEXT)


def a_line(payout: Payout, *, back: bool = False, **told: object) -> BankLine:
    """The payout as the bank lists it, leaving or come back."""
    amount = int(payout.amount) if back else -int(payout.amount)
    memo = f"HOAN TRA {payout.code} SAI SO TK" if back else f"{payout.code} hoan phi"
    return BankLine(amount, memo, day=NEXT, **told)  # type: ignore[arg-type]


def rules(province: Province) -> list[str]:
    """The rules by which the next day's lines were matched, in the order of the lines."""
    rows = (
        select(LineMatch.rule)
        .join(StatementLine, StatementLine.id == LineMatch.first_line_id)
        .where(StatementLine.day == NEXT, LineMatch.revoked_at.is_(None))
    )
    return list(province.session.scalars(rows.order_by(StatementLine.id)))


def live(province: Province, *, later: timedelta = timedelta()) -> list[str]:
    """The kinds of breaks that the account has, looked at that much later."""
    day_close.renew_breaks(province.session, province.account.id, now=NIGHT + later)
    rows = select(Break.kind).where(Break.cleared_at.is_(None), Break.state != "resolved")
    return sorted(province.session.scalars(rows))


def decided(
    province: Province, kind: str, payout: Payout | None = None, action: Action = Action.PAYOUT
) -> None:
    """Staff decide about the only break of that kind: it is this payout, or what `action` says."""
    [one] = province.session.scalars(
        select(Break).where(Break.kind == kind, Break.cleared_at.is_(None))
    )
    code = None if payout is None else payout.code.lower()
    decision = Decision(action, "ngân hàng nhầm", reference=code)
    assert breaks.decide(province.session, [one], decision, by=BY, now=NIGHT) is None
    province.session.expire_all()


def unbooked(province: Province) -> list[int]:
    """The amounts of lines that nothing explains."""
    rows = select(StatementLine.amount).where(StatementLine.match_id.is_(None))
    return [int(amount) for amount in province.session.scalars(rows.order_by(StatementLine.id))]


def test_a_payout_is_seen_leaving_by_its_code(province: Province) -> None:
    """Dr payouts, Cr bank; it is paid out on the line's day, and the portal is told."""
    [payout] = filed(province, 60_000)
    next_day(province, a_line(payout))
    assert (payout.state, payout.paid_out_on, rules(province)) == (
        "paid_out",
        NEXT,
        [Rule.PAYOUT],
    )
    assert province.balance("liabilities:payouts") == 0
    assert province.balance("assets:bank") == 90_000
    told = province.session.scalars(select(Event.type).order_by(Event.id)).all()
    assert told[-1] == "refund.paid_out"
    assert unproved(province) == []


def test_what_comes_back_is_where_it_came_from(province: Province) -> None:
    """Its code on a credit line: the money is fees again, and no citizen's payment."""
    [payout] = filed(province, 50_000, part=Part.FEES)
    credit = province.credits()[-1]
    request = province.session.get_one(PaymentRequest, credit.payment_request_id)
    assert public_status(request) == "refunded"
    next_day(province, a_line(payout), a_line(payout, back=True))
    assert (payout.state, payout.returned_on) == ("returned", NEXT)
    assert rules(province) == [Rule.PAYOUT, Rule.RETURNED]
    assert (public_status(request), credit.to_fees, credit.refunded) == ("paid", 50_000, 0)
    assert province.fees("phi") == 50_000
    assert len(province.credits()) == 1
    assert unproved(province) == []


def test_a_line_that_came_back_waits_for_the_one_that_left(province: Province) -> None:
    """The bank's files may come in the wrong order: no payment is made of it meanwhile."""
    [payout] = filed(province, 60_000)
    next_day(province, a_line(payout, back=True))
    assert (payout.state, rules(province), unbooked(province)) == ("filed", [], [60_000])
    assert len(province.credits()) == 1
    later = NEXT + timedelta(days=1)
    left = BankLine(-60_000, payout.code, day=later)
    back = BankLine(60_000, f"{payout.code} tra lai lan hai", day=later)
    a_statement(province, left, back, opening=210_000, day=later, number="S3")
    run(province, later)
    assert payout.state == "returned"
    assert unproved(province) == []


@pytest.mark.parametrize("twice", [True, False])
def test_what_is_not_that_payout_is_left_to_staff(province: Province, twice: bool) -> None:
    """Sent twice by the bank, or with another amount: a debit that nothing explains."""
    [payout] = filed(province, 60_000)
    other = a_line(payout) if twice else BankLine(-60_001, payout.code, day=NEXT)
    next_day(province, *([a_line(payout), other] if twice else [other]))
    assert unbooked(province) == [60_000 if twice else 60_001]
    assert payout.state == ("paid_out" if twice else "filed")
    assert unproved(province) == []


def test_a_payout_is_never_booked_as_a_charge(province: Province) -> None:
    """Its text may hold the very words by which charges are known."""
    known_words(province, bookings.Kind.CHARGE, "hoan phi")
    [payout] = filed(province, 60_000)
    next_day(province, a_line(payout), BankLine(-60_001, f"{payout.code} hoan phi", day=NEXT))
    assert rules(province) == [Rule.PAYOUT]
    assert unbooked(province) == [60_001]


def test_a_code_of_a_payout_that_is_none_of_ours_is_a_payers_memo(province: Province) -> None:
    """A credit with such a memo is money like any other."""
    filed(province, 60_000)
    next_day(province, BankLine(10_000, "CHTR0000000000 nop phi", day=NEXT, payer=PAYER))
    assert [credit.amount for credit in province.credits()] == [150_000, 10_000]


def test_a_payout_not_filed_is_not_taken_for_sent(province: Province) -> None:
    """Nobody sent what stands in no file: a debit with its code is looked at by staff."""
    [payout] = filed(province, 60_000)
    credit = province.credits()[-1]
    to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
    wanted = Wanted(part=Part.HELD, to=to, reason="nộp thừa", amount=Dong(40_000))
    second = payouts.propose_refund(
        province.session, credit, wanted, by=BY, now=NOON, vault=province.vault
    )
    payouts.approve(province.session, second, by="staff:2", now=NOON)
    next_day(province, a_line(payout), a_line(second))
    assert (payout.state, second.state) == ("paid_out", "approved")
    assert unbooked(province) == [40_000]


def test_what_staff_named_a_payout_is_revoked_until_it_came_back(province: Province) -> None:
    """Then it is under way again; a line that carries the code is that payout, and stays."""
    first, second = filed(province, 60_000, 40_000)
    next_day(province, BankLine(-60_000, "CHTR123 hoan phi", day=NEXT), a_line(second))
    decided(province, "debit_unexplained", first)
    session = province.session
    matching.unmatch(session, first.match_id or 0, reason="nhầm dòng", by=BY, now=NOON)
    session.expire_all()
    assert (first.state, first.match_id) == ("filed", None)
    told = session.scalars(select(Event.type).order_by(Event.id.desc())).first()
    assert told == "refund.filed"
    assert province.balance("liabilities:payouts") == -60_000
    assert unproved(province) == []
    with pytest.raises(matching.PayoutStands):
        matching.unmatch(session, second.match_id or 0, reason="nhầm", by=BY, now=NOON)
    decided(province, "debit_unexplained", first)
    third = NEXT + timedelta(days=1)
    back = BankLine(60_000, f"HOAN TRA {first.code}", day=third)
    a_statement(province, back, opening=50_000, day=third, number="S3")
    run(province, third)
    for number in (first.match_id, first.returned_match_id):
        with pytest.raises(matching.PayoutStands):
            matching.unmatch(session, number or 0, reason="nhầm", by=BY, now=NOON)


def test_two_equal_refunds_are_told_apart_by_their_codes(province: Province) -> None:
    """Amount and day say nothing; each line is the payout whose code it carries."""
    first, second = filed(province, 30_000, 30_000)
    next_day(province, a_line(second))
    assert (first.state, second.state) == ("filed", "paid_out")
    credit = province.session.get_one(Credit, second.credit_id)
    assert (credit.held, credit.refunded) == (40_000, 60_000)
    assert unproved(province) == []


def test_a_payout_that_no_statement_shows_is_a_break_after_a_while(province: Province) -> None:
    """It waits its grace, counts after it, and goes when the line comes or it is rejected."""
    first, second = filed(province, 60_000, 40_000)
    next_day(province)
    assert live(province) == ["payout_not_seen", "payout_not_seen"]
    tallies = breaks.tallies(province.session, province.account.id, through=NEXT, now=NOON)
    assert [(tally.count, tally.waiting) for tally in tallies] == [(2, 2)]
    late = NOON + timedelta(hours=49)
    tallies = breaks.tallies(province.session, province.account.id, through=NEXT, now=late)
    assert [(tally.count, tally.waiting) for tally in tallies] == [(2, 0)]
    payouts.reject(province.session, second, reason="ngân hàng từ chối", by="staff:3", now=late)
    third = NEXT + timedelta(days=1)
    a_statement(
        province, BankLine(-60_000, first.code, day=third), opening=150_000, day=third, number="S3"
    )
    run(province, third)
    assert live(province) == ["overpaid"]  # 40,000 that were rejected are held again


def test_a_payout_that_came_back_is_a_break_until_it_is_paid_again(province: Province) -> None:
    """Or until staff leave it as it is, with a reason."""
    [payout] = filed(province, 50_000, part=Part.FEES)
    next_day(province, a_line(payout), a_line(payout, back=True))
    assert live(province) == ["overpaid", "payout_returned"]
    credit = province.credits()[-1]
    line = province.session.scalar(select(PaymentRequestLine.id))
    to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
    wanted = Wanted(part=Part.FEES, to=to, reason="lần hai", lines={line: Dong(50_000)})
    later = NIGHT + timedelta(days=1)
    payouts.propose_refund(province.session, credit, wanted, by=BY, now=later, vault=province.vault)
    assert live(province) == ["overpaid"]


def test_staff_name_the_payout_of_a_line_whose_code_was_cut(province: Province) -> None:
    """Sent and come back: the account and the amount have to agree, and how far it has come."""
    first, second = filed(province, 60_000, 40_000)
    next_day(province, BankLine(-60_000, "CHTR123 hoan phi", day=NEXT))
    with pytest.raises(matching.NotThatPayout):
        decided(province, "debit_unexplained", second)
    decided(province, "debit_unexplained", first)
    assert (first.state, unbooked(province)) == ("paid_out", [])
    match = province.session.get_one(LineMatch, first.match_id)
    assert match.reasons == ["by_hand", "same_amount"]
    assert unproved(province) == []
    third = NEXT + timedelta(days=1)
    back = BankLine(60_000, "HOAN TRA CHTR123", day=third)
    a_statement(province, back, opening=90_000, day=third, number="S3")
    run(province, third)
    assert [credit.finding for credit in province.credits()] == ["overpaid", "unidentified"]
    decided(province, "unidentified", first)
    assert first.state == "returned"
    assert [credit.reversed for credit in province.credits()] == [0, 60_000]
    assert unproved(province) == []


def test_what_left_twice_is_to_be_got_back_and_comes(province: Province) -> None:
    """Dr receivable, Cr bank; the other way round when it comes, and no more than that."""
    [payout] = filed(province, 60_000)
    next_day(province, a_line(payout), a_line(payout))
    decided(province, "debit_unexplained", action=Action.RECEIVABLE)
    assert (province.balance("assets:receivable"), unbooked(province)) == (60_000, [])
    assert unproved(province) == []
    third = NEXT + timedelta(days=1)
    too_much = BankLine(60_001, "hoan lai tien chuyen nham", day=third)
    a_statement(province, too_much, opening=30_000, day=third, number="S3")
    run(province, third)
    with pytest.raises(bookings.NothingToGetBack):
        decided(province, "unidentified", action=Action.RECOVERED)
    fourth = NEXT + timedelta(days=2)
    exact = BankLine(60_000, "hoan lai tien chuyen nham", day=fourth)
    a_statement(province, exact, opening=90_001, day=fourth, number="S4")
    run(province, fourth)
    latest = province.session.scalars(
        select(Break).where(Break.kind == "unidentified").order_by(Break.id.desc())
    ).first()
    assert latest is not None
    decision = Decision(Action.RECOVERED, "ngân hàng trả lại")
    breaks.decide(province.session, [latest], decision, by=BY, now=NIGHT)
    province.session.expire_all()
    assert province.balance("assets:receivable") == 0
    assert unproved(province) == []


def test_a_reversal_of_what_was_given_back_is_left_to_staff(province: Province) -> None:
    """The credit's money is not there to be taken back: it is to be got back from its payer."""
    request = a_payment_request(province, amount=50_000)
    paid(province, request, 50_000, payer=PAYER, reference="FT9")
    line = BankLine(50_000, request.reference, reference="FT9", payer=PAYER)
    a_statement(province, line, number="S1")
    run(province)
    credit = province.credits()[-1]
    fee = province.session.scalar(select(PaymentRequestLine.id))
    to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
    wanted = Wanted(part=Part.FEES, to=to, reason="rút hồ sơ", lines={fee: Dong(50_000)})
    payout = payouts.propose_refund(
        province.session, credit, wanted, by=BY, now=NOON, vault=province.vault
    )
    payouts.approve(province.session, payout, by="staff:2", now=NOON)
    reversed_ = BankLine(-50_000, "GD sai", day=NEXT, reversal=True, reverses="FT9")
    next_day(province, reversed_)
    assert (credit.reversed, unbooked(province)) == (0, [50_000])
    decided(province, "debit_unexplained", action=Action.RECEIVABLE)
    assert province.balance("assets:receivable") == 50_000
    assert unproved(province) == []


def test_what_the_bank_took_back_never_leaves_again(province: Province) -> None:
    """Given back, reversed by the bank, and returned: nothing of it is left to be paid out."""
    [payout] = filed(province, 50_000, part=Part.FEES)
    reference = province.credits()[-1].bank_reference
    reversed_ = BankLine(-150_000, "GD sai", day=NEXT, reversal=True, reverses=reference)
    next_day(province, a_line(payout), reversed_)
    decided(province, "debit_unexplained", action=Action.RECEIVABLE)
    third = NEXT + timedelta(days=1)
    back = BankLine(50_000, f"HOAN TRA {payout.code}", day=third)
    a_statement(province, back, opening=-50_000, day=third, number="S3")
    run(province, third)
    credit = province.credits()[-1]
    assert (payout.state, credit.reclaimed, credit.to_fees) == ("returned", 150_000, 50_000)
    assert set(payouts.available(province.session, credit).values()) == {0}
    to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
    wanted = Wanted(part=Part.HELD, to=to, reason="nộp thừa", amount=Dong(1))
    with pytest.raises(payouts.Reclaimed):
        payouts.propose_refund(
            province.session, credit, wanted, by=BY, now=NIGHT, vault=province.vault
        )
    assert unproved(province) == []


def test_the_first_of_two_refunds_that_came_back_is_a_break(province: Province) -> None:
    """A refund that was proposed before it came back is no second try."""
    first, second = filed(province, 10_000, 5_000, part=Part.FEES)
    next_day(province, a_line(first), a_line(second), a_line(first, back=True))
    assert "payout_returned" in live(province)


@pytest.mark.parametrize("amount", [60_000, 70_000])
def test_a_payer_who_copied_the_text_of_a_refund_pays(province: Province, amount: int) -> None:
    """What carries a request's code is its payment, also of the refund's amount, told or not."""
    [payout] = filed(province, 60_000)
    next_day(province, a_line(payout))
    new = a_payment_request(province, amount=amount, now=NOON + timedelta(days=1))
    memo = f"{new.reference} {payout.code} hoan phi"
    third = NEXT + timedelta(days=1)
    if amount == 60_000:
        a_message(province, memo, amount=amount, payer=PAYER, at=NOON + timedelta(days=2))
        settle(province, now=NIGHT)
    line = BankLine(amount, memo, day=third, payer=PAYER)
    a_statement(province, line, opening=90_000, day=third, number="S3")
    run(province, third)
    province.session.refresh(new)
    assert (new.status, payout.state) == ("paid", "paid_out")


def test_another_amount_with_a_payouts_code_is_money_to_be_placed(province: Province) -> None:
    """The bank kept a charge of what came back: it is unidentified, and may be given back."""
    [payout] = filed(province, 60_000)
    next_day(province, a_line(payout), BankLine(49_000, f"TRA {payout.code} TRU PHI", day=NEXT))
    assert [int(credit.unidentified) for credit in province.credits()] == [0, 49_000]
    assert unbooked(province) == []


def test_money_to_be_got_back_that_came_stays_booked(province: Province) -> None:
    """The debit of it isn't revoked: more would have come back than had left."""
    [payout] = filed(province, 60_000)
    next_day(province, a_line(payout), a_line(payout), BankLine(60_000, "hoan lai", day=NEXT))
    decided(province, "debit_unexplained", action=Action.RECEIVABLE)
    decided(province, "unidentified", action=Action.RECOVERED)
    rows = select(LineMatch.id).where(LineMatch.rule == Rule.RECEIVABLE)
    match = province.session.scalars(rows).one()
    with pytest.raises(bookings.NothingToGetBack):
        matching.unmatch(province.session, match, reason="nhầm", by=BY, now=NIGHT)
    assert province.balance("assets:receivable") == 0
