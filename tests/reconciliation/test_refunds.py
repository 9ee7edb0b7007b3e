"""Money that is given back: who may let it leave, out of what, and never more than there is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments import credits, ledger, payouts, settlement
from payments.core import files
from payments.core.approvals import SamePerson
from payments.core.errors import CashlessError
from payments.core.money import Dong
from payments.credits import Credit
from payments.outbox import Event
from payments.payment_requests import PaymentRequest, PaymentRequestLine, public_status
from payments.payouts import Part, Payout, Wanted
from reconciliation import day_close
from reconciliation.breaks import Break
from tests.bank import BankLine, a_statement, run, unproved
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
OTHER, THIRD = "staff:2", "staff:3"


@pytest.fixture
def province(session: Session) -> Province:
    """A province with an account, a portal and every source."""
    return a_province(session)


def seen(province: Province) -> None:
    """Every credit that waits stands on a statement now."""
    waiting = [credit for credit in province.credits() if credit.match_id is None]
    lines = [BankLine(int(credit.amount), credit.memo, payer=PAYER) for credit in waiting]
    before = province.balance("assets:bank")
    a_statement(province, *lines, opening=before, number=f"S{before}")
    run(province)
    assert all(credit.match_id for credit in province.credits())


def proves(province: Province) -> None:
    """Every identity of the account holds."""
    assert unproved(province) == []


def wanted(part: Part, amount: int = 0, *, account: str = PAYER, **more: object) -> Wanted:
    """A refund to the payer, of a part of a credit."""
    to = payouts.beneficiary("970422", account, "NGUYEN VAN MAU")
    lines = more.get("lines")
    assert lines is None or isinstance(lines, dict)
    return Wanted(part=part, to=to, reason="nộp thừa", amount=Dong(amount), lines=lines)


def propose(province: Province, credit: Credit, asked: Wanted, *, by: str = BY) -> Payout:
    """A refund proposed by one person."""
    return payouts.propose_refund(
        province.session, credit, asked, by=by, now=NOON, vault=province.vault
    )


def approved(province: Province, credit: Credit, asked: Wanted) -> Payout:
    """A refund proposed by one person and approved by another."""
    payout = propose(province, credit, asked)
    assert payouts.approve(province.session, payout, by=OTHER, now=NOON)
    province.session.expire_all()
    return payout


def an_overpaid(province: Province, *, amount: int = 50_000, beyond: int = 20_000) -> Credit:
    """A request's credit with too much, seen on a statement."""
    request = a_payment_request(province, amount=amount)
    paid(province, request, amount + beyond, payer=PAYER)
    seen(province)
    return province.credits()[-1]


def lines_of(province: Province, request: PaymentRequest) -> list[PaymentRequestLine]:
    rows = select(PaymentRequestLine).where(PaymentRequestLine.payment_request_id == request.id)
    return list(province.session.scalars(rows.order_by(PaymentRequestLine.position)))


def test_what_is_too_much_goes_back_by_two_persons(province: Province) -> None:
    """Proposed, nothing moves; approved: Dr held, Cr payouts. The request stays paid."""
    credit = an_overpaid(province)
    payout = propose(province, credit, wanted(Part.HELD, 20_000))
    assert (payout.state, credit.held, province.balance("liabilities:payouts")) == (
        "proposed",
        20_000,
        0,
    )
    payouts.approve(province.session, payout, by=OTHER, now=NOON)
    province.session.expire_all()
    assert (payout.state, payout.approved_by) == ("approved", OTHER)
    assert (credit.held, credit.refunded, credit.to_fees) == (0, 20_000, 50_000)
    assert province.balance("liabilities:held") == 0
    assert province.balance("liabilities:payouts") == -20_000
    request = province.session.get_one(PaymentRequest, credit.payment_request_id)
    assert (public_status(request), request.refunded) == ("paid", 0)
    proves(province)


def test_fees_given_back_are_taken_off_their_lines(province: Province) -> None:
    """Part of one line: the request is partly refunded, and refunded when all is given back."""
    request = a_payment_request(province, amount=50_000, le_phi=20_000)
    paid(province, request, payer=PAYER)
    seen(province)
    [credit] = province.credits()
    phi, le_phi = lines_of(province, request)
    approved(province, credit, wanted(Part.FEES, lines={phi.id: Dong(10_000)}))
    assert (phi.refunded, le_phi.refunded, request.refunded) == (10_000, 0, 10_000)
    assert public_status(request) == "partially_refunded"
    assert (province.fees("phi"), province.fees("le_phi")) == (20_000, 20_000)
    proves(province)
    rest = {phi.id: Dong(20_000), le_phi.id: Dong(20_000)}
    approved(province, credit, wanted(Part.FEES, lines=rest))
    assert (public_status(request), request.status) == ("refunded", "paid")
    assert (province.fees("phi"), province.balance("liabilities:payouts")) == (0, -50_000)
    proves(province)


def test_money_that_nobody_knows_goes_back_to_its_payer(province: Province) -> None:
    """Dr unidentified, Cr payouts; no portal is told."""
    a_message(province, "chuyen tien", amount=30_000, payer=PAYER)
    settle(province)
    seen(province)
    [credit] = province.credits()
    payout = approved(province, credit, wanted(Part.UNIDENTIFIED, 30_000))
    assert (payout.elsewhere, credit.unidentified, credit.refunded) == (False, 0, 30_000)
    assert province.balance("liabilities:unidentified") == 0
    proves(province)


@pytest.mark.parametrize("beyond", [0, 30_000])
def test_a_part_of_a_request_goes_back_whole_and_counts_no_more(
    province: Province, beyond: int
) -> None:
    """What was paid of a request that is not completed: it waits for its whole amount again."""
    request = a_payment_request(province, amount=50_000)
    paid(province, request, 20_000, payer=PAYER)
    seen(province)
    [credit] = province.credits()
    with pytest.raises(payouts.OnlyWhole):
        propose(province, credit, wanted(Part.HELD, 19_999))
    approved(province, credit, wanted(Part.HELD, 20_000))
    assert (credit.finding, request.received, request.confirmed) == ("given_back", 0, 0)
    proves(province)
    paid(province, request, 50_000 + beyond)
    assert (request.status, request.received) == ("paid", 50_000 + beyond)
    proves(province)


def test_what_stands_on_no_statement_never_leaves(province: Province) -> None:
    """Neither of a held, an unidentified nor a fee part, and not by the table either."""
    request = a_payment_request(province, amount=50_000)
    paid(province, request, 70_000, payer=PAYER)
    a_message(province, "chuyen tien", amount=30_000, payer=PAYER)
    settle(province)
    overpaid, unknown = province.credits()
    [line] = lines_of(province, request)
    for credit, asked in (
        (overpaid, wanted(Part.HELD, 1)),
        (overpaid, wanted(Part.FEES, lines={line.id: Dong(1)})),
        (unknown, wanted(Part.UNIDENTIFIED, 1)),
    ):
        with pytest.raises(payouts.NotOnStatement):
            propose(province, credit, asked)
        assert set(payouts.available(province.session, credit).values()) == {0}
    with pytest.raises(IntegrityError, match="refunded_is_seen"), province.session.begin_nested():
        province.session.execute(
            update(Credit).where(Credit.id == overpaid.id).values(held=0, refunded=20_000)
        )


def test_fees_wait_for_the_rest_of_their_request_on_a_statement(province: Province) -> None:
    """Two transfers, of which one was only told: nothing of the fees leaves yet."""
    request = a_payment_request(province, amount=50_000)
    paid(province, request, 20_000, payer=PAYER)
    seen(province)
    paid(province, request, 30_000, payer=PAYER)
    first = province.credits()[0]
    [line] = lines_of(province, request)
    with pytest.raises(payouts.NotOnStatement):
        propose(province, first, wanted(Part.FEES, lines={line.id: Dong(20_000)}))


def test_who_proposed_it_never_approves_it(province: Province) -> None:
    """Refused by the service, and by the table alone."""
    payout = propose(province, an_overpaid(province), wanted(Part.HELD, 20_000))
    for refused in (payouts.approve, payouts.decline):
        more = {"reason": "không"} if refused is payouts.decline else {}
        with pytest.raises(SamePerson):
            refused(province.session, payout, by=BY, now=NOON, **more)
    with pytest.raises(IntegrityError, match="four_eyes"), province.session.begin_nested():
        province.session.execute(
            update(Payout)
            .where(Payout.id == payout.id)
            .values(state="approved", approved_by=BY, approved_at=NOON)
        )


def test_another_account_takes_a_third_person(province: Province) -> None:
    """It is told as such, books nothing at the first approval, and refuses the same approver."""
    credit = an_overpaid(province)
    payout = propose(province, credit, wanted(Part.HELD, 20_000, account="0071000123456"))
    assert payout.elsewhere
    assert not payouts.approve(province.session, payout, by=OTHER, now=NOON)
    assert (payout.state, credit.held) == ("proposed", 20_000)
    for again in (BY, OTHER):
        with pytest.raises(SamePerson):
            payouts.approve(province.session, payout, by=again, now=NOON)
    with pytest.raises(IntegrityError, match="six_eyes"), province.session.begin_nested():
        province.session.execute(
            update(Payout).where(Payout.id == payout.id).values(state="approved", approved_at=NOON)
        )
    assert payouts.approve(province.session, payout, by=THIRD, now=NOON)
    province.session.expire_all()
    assert (payout.approved_by, payout.seconded_by, credit.refunded) == (OTHER, THIRD, 20_000)


def test_several_refunds_come_to_no_more_than_there_is(province: Province) -> None:
    """What is proposed counts, and is free again when it is declined or withdrawn."""
    credit = an_overpaid(province)
    first = propose(province, credit, wanted(Part.HELD, 15_000))
    with pytest.raises(payouts.RefundTooLarge):
        propose(province, credit, wanted(Part.HELD, 5_001))
    second = propose(province, credit, wanted(Part.HELD, 5_000))
    payouts.decline(province.session, first, reason="sai số tiền", by=OTHER, now=NOON)
    payouts.withdraw(province.session, second, reason="nhầm", by=BY, now=NOON)
    assert payouts.available(province.session, credit)[Part.HELD] == 20_000
    approved(province, credit, wanted(Part.HELD, 20_000))
    for amount, error in ((1, payouts.RefundTooLarge), (0, payouts.NothingAsked)):
        with pytest.raises(error):
            propose(province, credit, wanted(Part.HELD, amount))
    states = province.session.scalars(select(Payout.state).order_by(Payout.id)).all()
    assert states == ["declined", "withdrawn", "approved"]


def test_what_changed_since_it_was_proposed_is_not_approved(province: Province) -> None:
    """Held money that was assigned to a request meanwhile is not there to be given back."""
    request = a_payment_request(province, amount=50_000)
    paid(province, request, payer=PAYER)
    paid(province, request, payer=PAYER, event="4711")
    seen(province)
    duplicate = province.credits()[-1]
    payout = propose(province, duplicate, wanted(Part.HELD, 50_000))
    other = a_payment_request(province, amount=50_000)
    settlement.assign(province.session, duplicate, other, actor=BY, now=NOON)
    with pytest.raises(payouts.RefundTooLarge):
        payouts.approve(province.session, payout, by=OTHER, now=NOON)
    proves(province)


def test_what_never_left_is_where_it_came_from(province: Province) -> None:
    """A rejected refund of fees pays the fees again; of it a new one may be proposed."""
    request = a_payment_request(province, amount=50_000)
    paid(province, request, payer=PAYER)
    seen(province)
    [credit], [line] = province.credits(), lines_of(province, request)
    asked = wanted(Part.FEES, lines={line.id: Dong(50_000)})
    payout = approved(province, credit, asked)
    payouts.reject(province.session, payout, reason="sai số tài khoản", by=THIRD, now=NOON)
    province.session.expire_all()
    assert (public_status(request), credit.to_fees, credit.refunded) == ("paid", 50_000, 0)
    assert (province.fees("phi"), province.balance("liabilities:payouts")) == (50_000, 0)
    proves(province)
    with pytest.raises(payouts.PayoutMoved):
        payouts.reject(province.session, payout, reason="lần nữa", by=THIRD, now=NOON)
    approved(province, credit, asked)
    proves(province)


def test_money_given_back_in_part_pays_no_request(province: Province) -> None:
    """Its rest can't be assigned; the match by which it was seen stays."""
    a_message(province, "chuyen tien", amount=30_000, payer=PAYER)
    settle(province)
    seen(province)
    [credit] = province.credits()
    approved(province, credit, wanted(Part.UNIDENTIFIED, 10_000))
    with pytest.raises(settlement.PartlyGivenBack):
        settlement.assign(
            province.session,
            credit,
            a_payment_request(province, amount=20_000),
            actor=BY,
            now=NOON,
        )


def test_each_step_is_told_to_the_portal_and_to_the_ledger_once(province: Province) -> None:
    """In order, without the whole account; the entry is of the day it was approved on."""
    credit = an_overpaid(province)
    payout = propose(province, credit, wanted(Part.HELD, 20_000))
    later = NOON + timedelta(days=1)
    payouts.approve(province.session, payout, by=OTHER, now=later)
    told = province.session.scalars(
        select(Event).where(Event.type.like("refund.%")).order_by(Event.sequence)
    ).all()
    assert [event.type for event in told] == ["refund.proposed", "refund.approved"]
    data = told[-1].content["data"]
    assert (data["state"], data["amount"], data["to"]["account_ends_in"]) == (
        "approved",
        20_000,
        PAYER[-4:],
    )
    assert PAYER not in str(told[-1].content)
    entry = province.session.scalars(
        select(ledger.JournalEntry).where(ledger.JournalEntry.kind == "paying_out")
    ).one()
    assert (entry.decision, entry.day) == (f"payout:{payout.id}:approved", later.date())


@pytest.mark.parametrize(
    ("bin", "account", "name"),
    [
        ("000000", PAYER, "NGUYEN VAN MAU"),
        ("970422", "", "NGUYEN VAN MAU"),
        ("970422", "12-34", "NGUYEN VAN MAU"),
        ("970422", "1" * 35, "NGUYEN VAN MAU"),
        ("970422", PAYER, " "),
        ("970422", PAYER, "!!"),
    ],
)
def test_a_beneficiary_no_bank_would_take_is_refused(bin: str, account: str, name: str) -> None:
    """An unknown bank, a number that is none, a name that can't be written."""
    with pytest.raises(CashlessError):
        payouts.beneficiary(bin, account, name)


def test_the_account_is_not_kept_in_the_open(province: Province) -> None:
    """Sealed; only its last digits and the bank are to be read."""
    payout = propose(province, an_overpaid(province), wanted(Part.HELD, 20_000))
    assert payouts.opened(payout.beneficiary, vault=province.vault).number == PAYER
    assert PAYER.encode() not in payout.beneficiary
    assert province.session.scalar(select(func.count()).select_from(Payout)) == 1


def test_a_file_is_made_once_and_had_again_byte_for_byte(province: Province) -> None:
    """Approved payouts go into one file, oldest first; nothing is put into a second one."""
    credit = an_overpaid(province)
    made = [approved(province, credit, wanted(Part.HELD, amount)) for amount in (5_000, 15_000)]
    propose(province, an_overpaid(province), wanted(Part.HELD, 1))
    file = payouts.file_all(
        province.session, province.account, by=BY, now=NOON, vault=province.vault
    )
    assert (file.payouts, file.total) == (2, 20_000)
    assert {payout.state for payout in made} == {"filed"}
    kept = files.fetch(province.session, file.pain_file_id)
    assert (kept.sha256, kept.media_type) == (file.pain_sha256, "application/xml")
    text = kept.content.decode()
    assert [text.count(f"<EndToEndId>{payout.code}<") for payout in made] == [1, 1]
    assert text.count(f"<Id>{PAYER}</Id>") == 2
    with pytest.raises(payouts.NothingToFile):
        payouts.file_all(province.session, province.account, by=BY, now=NOON, vault=province.vault)
    assert -province.balance("liabilities:payouts") == file.total
    proves(province)


def test_who_approved_it_never_says_that_it_never_left(province: Province) -> None:
    """Else one person would send the same money twice; refused by the table alone as well."""
    payout = approved(province, an_overpaid(province), wanted(Part.HELD, 20_000))
    with pytest.raises(payouts.ApproverRejects):
        payouts.reject(province.session, payout, reason="không đi", by=OTHER, now=NOON)
    ended = {"state": "rejected", "ended_by": OTHER, "ended_at": NOON, "answer": "không đi"}
    with pytest.raises(IntegrityError, match="rejected_by"), province.session.begin_nested():
        province.session.execute(update(Payout).where(Payout.id == payout.id).values(ended))


def test_a_part_that_was_to_be_given_back_and_never_left_is_a_break(province: Province) -> None:
    """It counts for no request any more, and somebody has to give it back after all."""
    request = a_payment_request(province, amount=50_000)
    paid(province, request, 20_000, payer=PAYER)
    seen(province)
    [credit] = province.credits()
    payout = approved(province, credit, wanted(Part.HELD, 20_000))
    payouts.reject(province.session, payout, reason="không đi", by=THIRD, now=NOON)
    day_close.renew_breaks(province.session, province.account.id, now=NOON + timedelta(days=1))
    kinds = province.session.scalars(select(Break.kind).where(Break.cleared_at.is_(None))).all()
    assert (credit.finding, credit.held, kinds) == ("given_back", 20_000, ["short"])
    approved(province, credit, wanted(Part.HELD, 20_000))
    proves(province)


def test_the_statement_says_whose_money_it_was(province: Province) -> None:
    """A message that named another account does not make that one the payer's."""
    request = a_payment_request(province)
    paid(province, request, 70_000, payer="111122223333")
    seen(province)
    [credit] = province.credits()
    told = propose(province, credit, wanted(Part.HELD, 10_000, account="111122223333"))
    assert told.elsewhere
    assert credits.payer_key(PAYER, vault=province.vault) == credit.payer_key


def test_the_payers_number_in_another_name_is_another_account(province: Province) -> None:
    """Numbers are not unique across banks: a telephone number is one at each."""
    credit = an_overpaid(province)
    to = payouts.beneficiary("970436", PAYER, "TRAN VAN KHAC")
    asked = Wanted(Part.HELD, to, "nộp thừa", amount=Dong(20_000))
    assert propose(province, credit, asked).elsewhere
