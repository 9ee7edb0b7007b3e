"""Money that staff gave to a wrong request is taken from it again, and is what it was before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import credits, ledger, payouts, policies, settlement
from payments.core import approvals, audit
from payments.core.approvals import (
    AlreadyProposed,
    Approval,
    NoReasonGiven,
    SamePerson,
    ShownChanged,
)
from payments.core.money import Dong
from payments.credits import Credit, CreditReference
from payments.outbox import Event
from payments.payment_requests import PaymentRequest, public_status
from payments.payouts import FeesChanged, Part, Wanted
from reconciliation import breaks, day_close
from reconciliation.breaks import Action, AwaitsSecondPerson, Break, Decision, RefundProposed
from reconciliation.matching import suggestions
from tests.bank import TODAY, BankLine, a_statement, run, unproved
from tests.builders import NOON, Province, a_message, a_payment_request, a_province, paid, settle
from tests.receipts import issue, open_a_pair
from tests.remittances import both_routes, proposed

NIGHT = NOON + timedelta(hours=13)
MAKER, CHECKER = "staff:1", "staff:2"
BIG = 3_000_000
PAYER = "9704229200112233"


@pytest.fixture
def province(session: Session) -> Iterator[Province]:
    """A province whose ledger proves after whatever a test does."""
    one = a_province(session)
    yield one
    assert unproved(one) == []


def unnamed(province: Province, amount: int = 50_000, memo: str = "nop le phi") -> Credit:
    """Money that stands on a statement and names no request."""
    a_message(province, memo, amount=amount, reference="FT1", payer=PAYER)
    settle(province)
    a_statement(province, BankLine(amount, memo, reference="FT1", payer=PAYER))
    run(province)
    (credit,) = province.credits()
    return credit


def assign(province: Province, credit: Credit, request: PaymentRequest) -> None:
    settlement.assign(province.session, credit, request, actor=MAKER, now=NIGHT)
    province.session.expire_all()


def unassign(
    province: Province, credit: Credit, *, reason: str = "ghi nhầm", by: str = MAKER
) -> Approval | None:
    """Takes the assignment that stands back, and lets breaks follow."""
    one = credits.assignment(province.session, credit)
    number = 0 if one is None else one.id
    found = breaks.unassign(province.session, credit, number, reason=reason, by=by, now=NIGHT)
    renew(province)
    return found


def renew(province: Province) -> None:
    day_close.renew_breaks(province.session, province.account.id, now=NIGHT)
    province.session.expire_all()


def everything(province: Province) -> list[Break]:
    """The live breaks."""
    province.session.expire_all()
    return list(breaks.live(province.session, province.account.id, through=TODAY, most=100))


def kinds(province: Province) -> list[str]:
    return sorted(one.kind for one in everything(province))


def read_in(province: Province, credit: Credit) -> dict[str, str]:
    """The codes that a credit carries, with their kinds."""
    told = select(CreditReference.code, CreditReference.kind)
    return dict(province.session.execute(told.where(CreditReference.credit_id == credit.id)).all())


def refund(province: Province, credit: Credit, part: Part, amount: int) -> payouts.Payout:
    to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
    asked = Wanted(part=part, to=to, reason="nộp nhầm", amount=Dong(amount))
    return payouts.propose_refund(
        province.session, credit, asked, by=MAKER, now=NIGHT, vault=province.vault
    )


def test_the_request_waits_again_and_so_does_the_money(province: Province) -> None:
    """As before it was assigned: nobody's money, and the same break of the same age."""
    credit, request = unnamed(province), a_payment_request(province)
    (before,) = [one.public_id for one in everything(province) if one.kind == "unidentified"]
    assign(province, credit, request)
    run(province)
    assert (public_status(request), kinds(province)) == ("paid", [])

    assert unassign(province, credit) is None

    assert (public_status(request), request.received, request.confirmed) == ("open", 0, 0)
    assert (credit.finding, credit.code, credit.unidentified) == ("unidentified", None, 50_000)
    assert province.fees("phi") == province.balance("liabilities:held") == 0
    assert province.balance("assets:bank") == 50_000
    path = f"liabilities:unidentified:{province.account.id}"
    assert ledger.balance(province.session, path, on=TODAY) == -50_000, "on its day, which is open"
    (again,) = everything(province)
    assert (again.public_id, again.kind) == (before, "unidentified")
    news = province.session.scalars(select(Event.type).order_by(Event.id)).all()
    assert news[-2:] == ["payment_request.paid", "payment_request.reversed"]


def test_money_that_named_another_request_belongs_to_that_one_again(province: Province) -> None:
    """Paid twice, the second given to a wrong request: it is a duplicate again."""
    paid_twice, wrong = a_payment_request(province), a_payment_request(province)
    for _ in range(2):
        paid(province, paid_twice)
    _, second = province.credits()
    assign(province, second, wrong)
    assert public_status(wrong) == "paid"

    unassign(province, second)

    assert (second.finding, second.code, second.held) == (
        "duplicate",
        paid_twice.reference,
        50_000,
    )
    assert read_in(province, second) == {paid_twice.reference: "FULL"}
    assert (public_status(wrong), public_status(paid_twice)) == ("open", "paid")


def test_whoever_paid_it_as_well_pays_it_then(province: Province) -> None:
    """What came for the request meanwhile was a duplicate, and is its payment now."""
    credit, request = unnamed(province), a_payment_request(province)
    assign(province, credit, request)
    paid(province, request)
    assert province.findings() == ["exact", "duplicate"]

    unassign(province, credit)

    assert province.findings() == ["unidentified", "exact"]
    assert (public_status(request), province.fees("phi")) == ("paid", 50_000)


def test_a_part_that_came_before_is_held_again(province: Province) -> None:
    """Assigned money completed a request: without it, the part is a part again."""
    request = a_payment_request(province)
    paid(province, request, 20_000)
    a_message(province, "nop not", amount=30_000)
    settle(province)
    part, rest = province.credits()
    assign(province, rest, request)
    assert province.fees("phi") == 50_000

    unassign(province, rest)

    assert (public_status(request), request.received) == ("partially_paid", 20_000)
    assert (part.finding, part.held, rest.finding) == ("short", 20_000, "unidentified")
    assert (province.fees("phi"), province.balance("liabilities:held")) == (0, -20_000)


def test_a_portal_is_told_that_nothing_is_left_of_a_part(province: Province) -> None:
    """It was told of the part, and would show it for ever."""
    credit, request = unnamed(province, 20_000), a_payment_request(province)
    assign(province, credit, request)

    unassign(province, credit)

    news = province.session.scalars(select(Event).order_by(Event.id)).all()
    told = [(one.type.partition(".")[2], one.content["data"]["received"]) for one in news]
    assert told == [("partially_paid", 20_000), ("reversed", 0)]


def test_what_was_assigned_twice_is_taken_back_step_by_step(province: Province) -> None:
    """From the second request to the first, and from that to nobody."""
    credit, (cancelled, other) = unnamed(province), (a_payment_request(province) for _ in "12")
    paid(province, cancelled)
    assign(province, credit, cancelled)  # as a duplicate: its payer had paid
    assert credit.finding == "duplicate"
    assign(province, credit, other)

    unassign(province, credit)
    assert (credit.finding, credit.code) == ("duplicate", cancelled.reference)
    unassign(province, credit)
    assert (credit.finding, credit.code) == ("unidentified", None)
    with pytest.raises(settlement.NotAssigned):
        unassign(province, credit)


def test_a_suggestion_that_was_taken_back_is_not_made_again(province: Province) -> None:
    """Its code is read as it was, but staff have said that it was wrong."""
    request = a_payment_request(province)
    damaged = request.reference[:-1]
    credit = unnamed(province, memo=damaged)
    (suggested,) = suggestions.of_credit(province.session, credit.id)
    suggestions.accept(province.session, suggested, reason="đúng", by=MAKER, now=NIGHT)
    province.session.expire_all()
    assert public_status(request) == "paid"

    unassign(province, credit)
    run(province)

    assert read_in(province, credit) == {damaged: "CUT"}
    assert kinds(province) == ["damaged_code"]
    assert suggestions.of_credit(province.session, credit.id) == []


def test_what_a_statement_told_meanwhile_is_known_then(province: Province) -> None:
    """The line has the code that the message had not: taken back, the money pays what it names."""
    right, wrong = (a_payment_request(province) for _ in range(2))
    a_message(province, "nop le phi", amount=50_000, reference="FT1")
    settle(province)
    (credit,) = province.credits()
    assign(province, credit, wrong)
    a_statement(province, BankLine(50_000, right.reference, reference="FT1"))
    run(province)

    unassign(province, credit)

    assert (public_status(wrong), public_status(right)) == ("open", "paid")
    assert read_in(province, credit) == {right.reference: "FULL"}


def test_what_it_carried_before_stays_whatever_a_statement_tells(province: Province) -> None:
    """It would not have learned another code, had it not been assigned."""
    named, told, wrong = (a_payment_request(province) for _ in range(3))
    paid(province, named)
    paid(province, named, reference="FT1")
    _, second = province.credits()
    assign(province, second, wrong)
    a_statement(province, BankLine(50_000, told.reference, reference="FT1"))
    run(province)

    unassign(province, second)

    assert (second.finding, second.code) == ("duplicate", named.reference)
    assert read_in(province, second) == {named.reference: "FULL"}


def test_a_code_told_meanwhile_stands_beside_a_damaged_one(province: Province) -> None:
    """What was read in the first memo is still seen."""
    right, wrong = (a_payment_request(province) for _ in range(2))
    damaged = right.reference[:-1]
    a_message(province, damaged, amount=50_000, reference="FT1")
    settle(province)
    (credit,) = province.credits()
    assign(province, credit, wrong)
    a_statement(province, BankLine(50_000, right.reference, reference="FT1"))
    run(province)

    unassign(province, credit)

    assert read_in(province, credit) == {damaged: "CUT", right.reference: "FULL"}
    assert public_status(right) == "paid"


def test_what_another_paid_by_the_code_it_was_given_stays_with_the_request(
    province: Province,
) -> None:
    """A message was taken for its word, by that code alone: it is not told that it is its own."""
    credit, request = unnamed(province), a_payment_request(province)
    assign(province, credit, request)
    paid(province, request, source="sepay")  # without a reference: taken for the same money

    unassign(province, credit)

    assert (credit.finding, credit.code, public_status(request)) == ("unidentified", None, "open")
    tomorrow = TODAY + timedelta(days=1)
    line = BankLine(50_000, request.reference, reference="FT2", day=tomorrow)
    night = NIGHT + timedelta(days=1)
    a_statement(province, line, opening=50_000, day=tomorrow, number="S2", now=night)
    run(province, tomorrow)
    assert province.findings() == ["unidentified", "exact"]
    province.session.refresh(request)
    assert public_status(request) == "paid"


def test_what_another_source_told_of_it_meanwhile_is_the_same_money_then(
    province: Province,
) -> None:
    """By its codes it was two while it was assigned; without it the payer paid once."""
    right, wrong = (a_payment_request(province) for _ in range(2))
    a_message(province, "nop le phi", amount=50_000, reference="FT1")
    settle(province)
    (credit,) = province.credits()
    assign(province, credit, wrong)
    paid(province, right, source="sepay")
    a_statement(province, BankLine(50_000, right.reference, reference="FT1"))
    run(province)
    assert kinds(province) == ["callback_without_line"]

    unassign(province, credit)

    assert [one.finding for one in province.credits()] == ["exact"]
    assert (public_status(right), public_status(wrong)) == ("paid", "open")
    assert kinds(province) == []


def test_receipts_of_what_is_no_longer_paid_are_cancelled(province: Province) -> None:
    """And say why, to whoever checks them."""
    open_a_pair(province.session)
    credit, request = unnamed(province), a_payment_request(province)
    assign(province, credit, request)
    issue(province)

    unassign(province, credit)

    (receipt,) = issue(province)
    assert (receipt.state, receipt.reason) == ("cancelled", "unassignment")


def test_a_closed_day_stays_as_it_was(province: Province) -> None:
    """The money leaves the request on the next day that is open."""
    credit, request = unnamed(province), a_payment_request(province)
    assign(province, credit, request)
    run(province)
    session, account = province.session, province.account.id
    day_close.propose(session, account, TODAY, by=MAKER, now=NIGHT)
    day_close.close(session, account, TODAY, by=CHECKER, now=NIGHT)

    unassign(province, credit)

    path = f"liabilities:unidentified:{account}"
    days = [TODAY, TODAY + timedelta(days=1)]
    assert [ledger.balance(session, path, on=day) for day in days] == [0, -50_000]


def test_who_pays_it_then_pays_it_from_the_day_of_the_assigned_money_on(province: Province) -> None:
    """Until then it was a duplicate, and the other one the fee."""
    request = a_payment_request(province)
    tomorrow = TODAY + timedelta(days=1)
    a_message(province, "nop le phi", amount=50_000, at=NOON + timedelta(days=1))
    settle(province)
    (credit,) = province.credits()
    assign(province, credit, request)
    paid(province, request)
    assert province.findings() == ["exact", "duplicate"]

    unassign(province, credit)

    assert province.findings() == ["unidentified", "exact"]
    path = f"liabilities:fees:{province.account.id}:H09:phi:2721"
    found = [ledger.balance(province.session, path, on=day) for day in (TODAY, tomorrow)]
    assert found == [0, -50_000]


def test_from_the_limit_on_it_takes_two(province: Province) -> None:
    """One proposes, nothing moves; the same may not approve; the other does."""
    limit = int(breaks.second_person_from(province.session, now=NIGHT))
    credit, request = unnamed(province, limit), a_payment_request(province, amount=limit)
    assign(province, credit, request)

    proposal = unassign(province, credit)

    assert proposal is not None
    assert public_status(request) == "paid"
    with pytest.raises(AlreadyProposed):
        unassign(province, credit)
    told = {"now": NIGHT}
    with pytest.raises(SamePerson):
        breaks.approve_unassignment(province.session, credit, proposal, by=MAKER, **told)
    breaks.approve_unassignment(province.session, credit, proposal, by=CHECKER, **told)
    renew(province)
    assert (public_status(request), credit.finding) == ("open", "unidentified")
    trail = audit.of_subjects(province.session, [f"credit:{credit.id}"], most=9)
    assert [(one.action, one.actor) for one in trail] == [("credit.unassigned", CHECKER)]
    one = credits.assignments(province.session, credit.id)[0][0]
    assert (one.ended_by, one.reason) == (CHECKER, "ghi nhầm")


def test_what_was_proposed_is_decided_though_the_limit_was_raised(province: Province) -> None:
    """One alone could take it back now, but a second person was asked first."""
    credit, request = unnamed(province, BIG), a_payment_request(province, amount=BIG)
    assign(province, credit, request)
    assert unassign(province, credit) is not None
    told = {"valid_from": TODAY + timedelta(days=1), "by": CHECKER, "now": NIGHT}
    policies.decide(province.session, "second_person_amount", 100_000_000, **told)

    with pytest.raises(AlreadyProposed):
        unassign(province, credit)

    assert public_status(request) == "paid"


def test_what_was_declined_stays_assigned(province: Province) -> None:
    """Nothing moved; it can be proposed again."""
    credit, request = unnamed(province, BIG), a_payment_request(province, amount=BIG)
    assign(province, credit, request)
    proposal = unassign(province, credit)
    assert proposal is not None

    approvals.decline(province.session, proposal, reason="đúng mà", by=CHECKER, now=NIGHT)

    assert public_status(request) == "paid"
    assert breaks.unassignment_of(province.session, credit) is None
    assert unassign(province, credit) is not None


def test_what_changed_since_is_proposed_anew(province: Province) -> None:
    """The payer paid once more: the request is not as the proposal showed it."""
    credit, request = unnamed(province, BIG), a_payment_request(province, amount=2 * BIG)
    assign(province, credit, request)
    proposal = unassign(province, credit)
    assert proposal is not None
    paid(province, request, BIG)

    with pytest.raises(ShownChanged):
        breaks.approve_unassignment(province.session, credit, proposal, by=CHECKER, now=NIGHT)


def test_only_the_assignment_that_was_shown_is_taken_back(province: Province) -> None:
    """A form that was opened before another did it takes nothing else back."""
    credit, request = unnamed(province), a_payment_request(province)
    assign(province, credit, request)
    one = credits.assignment(province.session, credit)
    assert one is not None
    unassign(province, credit)
    assign(province, credit, request)

    with pytest.raises(settlement.NotAssigned):
        breaks.unassign(province.session, credit, one.id, reason="nhầm", by=MAKER, now=NIGHT)
    with pytest.raises(NoReasonGiven):
        unassign(province, credit, reason=" ")

    assert public_status(request) == "paid"


def test_money_that_named_its_request_itself_is_not_taken_from_it(province: Province) -> None:
    """Nobody assigned it: there is nothing to take back."""
    request = a_payment_request(province)
    paid(province, request)

    with pytest.raises(settlement.NotAssigned):
        unassign(province, province.credits()[0])


def test_what_was_given_back_in_part_stays(province: Province) -> None:
    """While a refund waits nothing else is decided; once it left, nothing is undone."""
    credit, request = unnamed(province, 70_000), a_payment_request(province)
    assign(province, credit, request)
    payout = refund(province, credit, Part.HELD, 20_000)
    with pytest.raises(RefundProposed):
        unassign(province, credit)
    payouts.approve(province.session, payout, by=CHECKER, now=NIGHT)
    province.session.expire_all()

    with pytest.raises(settlement.PaidOutSince):
        unassign(province, credit)

    assert public_status(request) == "paid"


def test_what_waits_for_a_second_person_is_decided_first(province: Province) -> None:
    """Of an overpayment somebody proposed something: one after the other."""
    credit, request = unnamed(province, 2 * BIG), a_payment_request(province, amount=BIG)
    settlement.assign(province.session, credit, request, actor=MAKER, now=NIGHT)
    renew(province)
    (over,) = everything(province)
    decision = Decision(Action.WAIT, "chờ người nộp", until=TODAY + timedelta(days=3))
    assert breaks.decide(province.session, [over], decision, by=MAKER, now=NIGHT) is not None

    with pytest.raises(AwaitsSecondPerson):
        unassign(province, credit)


def test_a_refund_that_was_proposed_since_is_decided_first(province: Province) -> None:
    """What one approves and what another does would be about the same money."""
    credit, request = unnamed(province, 2 * BIG), a_payment_request(province, amount=BIG)
    assign(province, credit, request)
    proposal = unassign(province, credit)
    assert proposal is not None
    refund(province, credit, Part.HELD, BIG)

    with pytest.raises(RefundProposed):
        breaks.approve_unassignment(province.session, credit, proposal, by=CHECKER, now=NIGHT)

    assert public_status(request) == "paid"


def test_a_remittance_that_counted_on_it_is_refused(province: Province) -> None:
    """Fees were to be forwarded, and are no fees any more when that is approved."""
    both_routes(province)
    credit, request = unnamed(province), a_payment_request(province)
    assign(province, credit, request)
    run(province)
    (remittance,) = proposed(province)

    unassign(province, credit)

    with pytest.raises(FeesChanged):
        payouts.approve(province.session, remittance, by=CHECKER, now=NIGHT)


def test_of_money_that_is_gone_nothing_is_taken_back(province: Province) -> None:
    """It never came, and with it went what was paid."""
    request = a_payment_request(province)
    a_message(province, "nop le phi", amount=50_000)
    settle(province)
    (credit,) = province.credits()
    assign(province, credit, request)
    settlement.withdraw(province.session, credit, actor=MAKER, now=NIGHT)
    province.session.expire_all()
    assert public_status(request) == "open"

    with pytest.raises(settlement.AlreadyTakenBack):
        unassign(province, credit)


def test_a_proposal_lapses_with_what_it_was_about(province: Province) -> None:
    """The money is gone, or another took the assignment back: nobody is asked any more."""
    request = a_payment_request(province, amount=BIG)
    a_message(province, "nop le phi", amount=BIG)
    settle(province)
    run(province)
    (credit,) = province.credits()
    assign(province, credit, request)
    proposal = unassign(province, credit)
    assert proposal is not None

    settlement.withdraw(province.session, credit, actor=MAKER, now=NIGHT)
    renew(province)

    assert breaks.unassignment_of(province.session, credit) is None
    assert (proposal.state, proposal.answer) == ("withdrawn", "cause_gone")
    told = [one.what for one in breaks.of_credit(province.session, credit)]
    assert "lapsed" in told
