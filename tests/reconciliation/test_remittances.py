"""Fees forwarded to the treasury: what is due, by which route, once, and only what was seen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments import payment_requests, payouts, settlement
from payments.agencies import Agency
from payments.core.approvals import SamePerson
from payments.core.columns import Day, Key
from payments.core.money import Dong
from payments.credits import Credit
from payments.fees import FeeKind
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from payments.payouts import Part, Payout, Wanted
from reconciliation.matching import unmatch
from tests.bank import TODAY, BankLine, a_statement, run, unproved
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
from tests.remittances import (
    OTHER,
    a_route,
    an_agency,
    approved,
    both_routes,
    proposed,
    seen,
)

PAYER = "9704229200112233"


@pytest.fixture
def province(session: Session) -> Province:
    """A province with an account, and a route for each kind of fee."""
    one = a_province(session)
    both_routes(one)
    return one


def proves(province: Province) -> None:
    """Every identity of the account holds."""
    assert unproved(province) == []


def a_paid(province: Province, *, amount: int = 50_000, le_phi: int = 0) -> PaymentRequest:
    """A request that was paid, and whose credit stands on a statement."""
    request = a_payment_request(province, amount=amount, le_phi=le_phi)
    paid(province, request, payer=PAYER)
    seen(province)
    return request


def remitted(province: Province, request: PaymentRequest) -> bool:
    """Whether the portal is shown that all of a request's fees were forwarded."""
    province.session.expire_all()
    this = select(PaymentRequest.id).where(PaymentRequest.id == request.id)
    shown = payment_requests.snapshots(province.session, this)[request.id]
    return bool(shown["remitted"])


def line_of(province: Province, request: PaymentRequest, kind: str = "phi") -> PaymentRequestLine:
    rows = select(PaymentRequestLine).where(
        PaymentRequestLine.payment_request_id == request.id, PaymentRequestLine.kind == kind
    )
    return province.session.scalars(rows).one()


def a_refund(province: Province, credit: Credit, line: PaymentRequestLine, amount: int) -> Payout:
    """A refund of part of a fee line, proposed."""
    to = payouts.beneficiary("970422", PAYER, "NGUYEN VAN MAU")
    asked = Wanted(part=Part.FEES, to=to, reason="nộp thừa", lines={line.id: Dong(amount)})
    return payouts.propose_refund(
        province.session, credit, asked, by=BY, now=NOON, vault=province.vault
    )


def on_paper(province: Province, payout: Payout, *, sign: int = -1) -> None:
    """The statement shows a payout leaving, or coming back: the set that matching hands over."""
    match = 900 + payout.id
    told = select(Payout.id, literal(match, Key()), literal(TODAY, Day())).where(
        Payout.id == payout.id
    )
    if sign < 0:
        payouts.see_all(province.session, told, actor=BY, now=NOON)
    else:
        payouts.return_all(province.session, told, actor=BY, now=NOON)
    province.session.expire_all()


def test_phi_and_le_phi_leave_by_their_own_routes(province: Province) -> None:
    """Two proposals; approved, Dr fees and Cr payouts, and the request is forwarded whole."""
    request = a_paid(province, amount=50_000, le_phi=20_000)
    phi, le_phi = sorted(proposed(province), key=lambda one: -int(one.amount))
    assert [(one.fee_kind, int(one.amount)) for one in (phi, le_phi)] == [
        ("phi", 30_000),
        ("le_phi", 20_000),
    ]
    assert phi.beneficiary_hint != le_phi.beneficiary_hint
    assert (province.fees("phi"), province.fees("le_phi")) == (30_000, 20_000)
    proves(province)

    payouts.approve(province.session, phi, by=OTHER, now=NOON)
    assert (province.fees("phi"), province.balance("liabilities:payouts")) == (0, -30_000)
    assert not remitted(province, request)
    proves(province)

    payouts.approve(province.session, le_phi, by=OTHER, now=NOON)
    assert (province.fees("le_phi"), remitted(province, request)) == (0, True)
    [credit] = province.credits()
    assert (credit.remitted, credit.to_fees) == (50_000, 50_000)
    proves(province)


def test_the_same_is_never_proposed_twice(province: Province) -> None:
    """Running it again proposes only what is new, on a second day as well."""
    a_paid(province)
    [first] = proposed(province)
    assert proposed(province) == []
    tomorrow = NOON + timedelta(days=1)
    second = a_paid(province, amount=70_000)
    [later] = proposed(province, now=tomorrow)
    assert (int(first.amount), int(later.amount)) == (50_000, 70_000)
    for payout in (first, later):
        payouts.approve(province.session, payout, by=OTHER, now=tomorrow)
    assert proposed(province, now=tomorrow) == []
    assert remitted(province, second)
    proves(province)


def test_each_agency_goes_by_its_own_route_or_the_nearest_above(province: Province) -> None:
    """A department with a route of its own, one without, and a sub-item that goes elsewhere."""
    for code in ("H09.d01", "H09.d02"):
        an_agency(province, code)
    a_route(province, agency="H09.d01", number="7111009999999")
    a_route(province, agency="H09.d02", sub_item="9999", number="7111008888888")
    for code in ("H09", "H09.d01", "H09.d02"):
        paid(province, a_payment_request(province, agency=code), payer=PAYER)
    seen(province)
    made = proposed(province)
    went = {
        agency: payout.beneficiary_hint
        for payout in made
        for agency in [province.session.get_one(Agency, payout.agency_id).code]
    }
    assert went == {"H09": "4567", "H09.d01": "9999", "H09.d02": "4567"}


def test_a_kind_without_a_route_stays_with_us(session: Session) -> None:
    """It is proposed once somebody has decided where it goes."""
    province = a_province(session)
    a_route(province)
    request = a_paid(province, amount=50_000, le_phi=20_000)
    assert [one.fee_kind for one in approved(province)] == ["phi"]
    assert not remitted(province, request)
    a_route(province, kind=FeeKind.LE_PHI)
    assert [one.fee_kind for one in approved(province)] == ["le_phi"]
    assert remitted(province, request)
    proves(province)


def test_only_what_stands_on_a_statement_is_forwarded(province: Province) -> None:
    """Told only, in part only, held, unidentified: nothing of it is due."""
    told = a_payment_request(province)
    paid(province, told)
    assert proposed(province) == []

    half = a_payment_request(province)
    paid(province, half, 20_000)
    a_message(province, "chuyen tien", amount=30_000, reference="FT9")
    settle(province)
    seen(province)
    paid(province, half, 30_000)
    assert [int(one.amount) for one in proposed(province)] == [50_000]

    too_much = a_payment_request(province)
    paid(province, too_much, 90_000)
    seen(province)
    assert sum(int(one.amount) for one in proposed(province)) == 100_000
    proves(province)


def test_the_tables_alone_let_nothing_unseen_leave(province: Province) -> None:
    """Neither a credit without a line, nor more than it pays of fees."""
    paid(province, a_payment_request(province))
    [credit] = province.credits()
    for amount, name in ((1, "remitted_is_seen"), (50_001, "remitted")):
        with pytest.raises(IntegrityError, match=name), province.session.begin_nested():
            province.session.execute(
                update(Credit).where(Credit.id == credit.id).values(remitted=amount)
            )


def test_no_fee_is_in_two_remittances_by_the_table_alone(province: Province) -> None:
    """Whoever promises a line a second time breaks a constraint."""
    request = a_paid(province)
    proposed(province)
    again = select(PaymentRequestLine.id, PaymentRequestLine.amount).where(
        PaymentRequestLine.payment_request_id == request.id
    )
    with pytest.raises(IntegrityError, match="forwarded"), province.session.begin_nested():
        payment_requests.promise_all(province.session, again)


@pytest.mark.parametrize("verb", ["decline", "withdraw"])
def test_what_was_not_approved_is_due_again(province: Province, verb: str) -> None:
    """Declined by another, or taken back by who proposed it."""
    a_paid(province)
    [payout] = proposed(province)
    by = OTHER if verb == "decline" else BY
    getattr(payouts, verb)(province.session, payout, reason="sai", by=by, now=NOON)
    proves(province)
    assert [int(one.amount) for one in proposed(province)] == [50_000]
    proves(province)


def test_who_proposed_it_never_approves_it(province: Province) -> None:
    """As with every payout."""
    a_paid(province)
    [payout] = proposed(province)
    with pytest.raises(SamePerson):
        payouts.approve(province.session, payout, by=BY, now=NOON)


def test_what_never_left_or_came_back_is_due_again(province: Province) -> None:
    """Rejected from the file, and returned by the bank: fees, credit and request as before."""
    request = a_paid(province, amount=50_000, le_phi=20_000)
    for payout in approved(province):
        payouts.reject(province.session, payout, reason="ngân hàng từ chối", by="staff:9", now=NOON)
    assert (province.fees("phi"), province.fees("le_phi")) == (30_000, 20_000)
    assert not remitted(province, request)
    proves(province)

    again = approved(province)
    assert sorted(int(one.amount) for one in again) == [20_000, 30_000]
    payouts.file_all(province.session, province.account, by=BY, now=NOON, vault=province.vault)
    for payout in again:
        on_paper(province, payout)
        assert payout.state == "paid_out"
    assert province.balance("liabilities:payouts") == 0
    assert province.balance("assets:bank") == 0
    on_paper(province, again[0], sign=1)
    assert (again[0].state, remitted(province, request)) == ("returned", False)
    assert [one.amount for one in proposed(province)] == [again[0].amount]


def test_fees_given_back_are_not_forwarded(province: Province) -> None:
    """Part of a line was refunded before: the rest is forwarded, and that is all of it."""
    request = a_paid(province)
    [credit] = province.credits()
    refund = a_refund(province, credit, line_of(province, request), 10_000)
    assert proposed(province) == []
    payouts.approve(province.session, refund, by=OTHER, now=NOON)
    [payout] = approved(province)
    assert int(payout.amount) == 40_000
    assert remitted(province, request)
    proves(province)
    payouts.reject(province.session, refund, reason="không gửi được", by="staff:9", now=NOON)
    proves(province)
    assert not remitted(province, request)
    [rest] = approved(province)
    assert (int(rest.amount), remitted(province, request)) == (10_000, True)
    assert proposed(province) == []
    proves(province)


def test_what_is_proposed_to_be_forwarded_is_not_given_back(province: Province) -> None:
    """Until the remittance is declined; a refund of what was forwarded is the treasury's."""
    request = a_paid(province)
    [credit] = province.credits()
    line = line_of(province, request)
    [payout] = proposed(province)
    with pytest.raises(payouts.FeesForwarded):
        a_refund(province, credit, line, 1)
    payouts.decline(province.session, payout, reason="hoàn trước", by=OTHER, now=NOON)
    a_refund(province, credit, line, 50_000)
    assert proposed(province) == []
    proves(province)


def test_a_proposal_whose_fees_were_taken_back_lapses(province: Province) -> None:
    """It can't be approved; the next run withdraws it and proposes what is left of it."""
    first, second = a_payment_request(province), a_payment_request(province, amount=70_000)
    for request in (first, second):
        paid(province, request)
    seen(province)
    [payout] = proposed(province)
    a_statement(
        province,
        BankLine(-50_000, first.reference, reversal=True),
        opening=120_000,
        number="S2",
    )
    run(province)
    assert province.session.get_one(PaymentRequest, first.id).status == "open"
    with pytest.raises(payouts.FeesChanged):
        payouts.approve(province.session, payout, by=OTHER, now=NOON)
    proves(province)
    [left] = proposed(province)
    assert (payout.state, int(left.amount)) == ("withdrawn", 70_000)
    payouts.approve(province.session, left, by=OTHER, now=NOON)
    proves(province)
    paid(province, first, at=NOON + timedelta(days=1))
    seen(province, day=TODAY + timedelta(days=1))
    assert [int(one.amount) for one in approved(province)] == [50_000]
    proves(province)


def test_the_statement_shows_a_remittance_leaving_and_coming_back(province: Province) -> None:
    """Known by its code on a debit line; on a credit line the same money is due again."""
    request = a_paid(province)
    [payout] = approved(province)
    payouts.file_all(province.session, province.account, by=BY, now=NOON, vault=province.vault)
    proves(province)
    text = f"{payout.code} nop phi, le phi"
    for day, amount, state, left in (
        (TODAY + timedelta(days=1), -50_000, "paid_out", True),
        (TODAY + timedelta(days=2), 50_000, "returned", False),
    ):
        opening = province.balance("assets:bank")
        a_statement(province, BankLine(amount, text, day=day), opening=opening, day=day)
        run(province, day)
        assert (payout.state, remitted(province, request)) == (state, left)
        proves(province)
    assert province.fees("phi") == 50_000
    assert [int(one.amount) for one in proposed(province)] == [50_000]


def test_a_credit_taken_back_after_it_was_forwarded_is_left_to_staff(province: Province) -> None:
    """What left is not there to be taken back by itself: the line waits, the request stays paid."""
    request = a_paid(province)
    approved(province)
    a_statement(
        province,
        BankLine(-50_000, request.reference, reversal=True),
        opening=50_000,
        number="S2",
    )
    day = run(province)
    [credit] = province.credits()
    assert (credit.remitted, credit.reversed, day.verdict) == (50_000, 0, "breaks")
    assert remitted(province, request)
    proves(province)


def test_what_goes_another_way_since_it_was_proposed_is_not_approved(province: Province) -> None:
    """Its route was replaced: the next run withdraws it and proposes the fees by today's route."""
    a_paid(province)
    [old] = proposed(province)
    tomorrow, later = NOON + timedelta(days=1), NOON + timedelta(days=2)
    a_route(province, number="7111009999999", valid_from=TODAY + timedelta(days=1))
    with pytest.raises(payouts.RouteChanged):
        payouts.approve(province.session, old, by=OTHER, now=later)
    assert (old.state, province.fees("phi")) == ("proposed", 50_000)
    [new] = proposed(province, now=later)
    assert (old.state, old.answer) == ("withdrawn", "tuyến nộp đã thay đổi")
    assert (new.beneficiary_hint, new.amount) == ("9999", old.amount)
    assert payouts.approve(province.session, new, by=OTHER, now=tomorrow)
    proves(province)


def test_a_route_that_ended_takes_its_proposals_with_it(session: Session) -> None:
    """Without one in its place nothing is proposed; the day before, it could be approved."""
    province = a_province(session)
    a_route(province, valid_to=TODAY + timedelta(days=1))
    a_paid(province)
    [payout] = proposed(province)
    tomorrow = NOON + timedelta(days=1)
    with pytest.raises(payouts.RouteChanged):
        payouts.approve(province.session, payout, by=OTHER, now=tomorrow)
    assert proposed(province, now=tomorrow) == []
    assert payout.state == "withdrawn"
    [again] = proposed(province)
    assert payouts.approve(province.session, again, by=OTHER, now=NOON)
    proves(province)


def test_a_nearer_route_takes_what_was_proposed_by_the_one_above(province: Province) -> None:
    """A sub-item that goes elsewhere from tomorrow on; what it does not concern stays proposed."""
    a_paid(province, amount=50_000, le_phi=20_000)
    phi, le_phi = sorted(proposed(province), key=lambda one: -int(one.amount))
    item = line_of(province, province.session.scalars(select(PaymentRequest)).one()).sub_item
    tomorrow = NOON + timedelta(days=1)
    a_route(province, sub_item=item, number="7111008888888", valid_from=TODAY + timedelta(days=1))
    [new] = proposed(province, now=tomorrow)
    assert (phi.state, le_phi.state) == ("withdrawn", "proposed")
    assert (new.beneficiary_hint, int(new.amount)) == ("8888", 30_000)
    assert payouts.approve(province.session, le_phi, by=OTHER, now=tomorrow)


def test_a_temporary_route_goes_first_in_its_days_only(session: Session) -> None:
    """The standing one is in force again afterwards, and neither is changed."""
    province = a_province(session)
    standing = a_route(province)
    second, third = TODAY + timedelta(days=1), TODAY + timedelta(days=2)
    temporary = a_route(province, number="7111009999999", valid_from=second, valid_to=third)
    assert (standing.valid_to, temporary.valid_to) == (None, third)
    hints = []
    for days in range(3):
        now = NOON + timedelta(days=days)
        a_paid(province)
        [payout] = approved(province, now=now)
        hints.append(payout.beneficiary_hint)
    assert hints == ["4567", "9999", "4567"]


def test_a_standing_route_may_begin_before_and_in_a_temporary_one(session: Session) -> None:
    """It ends the standing one only; the latest to begin goes first."""
    province = a_province(session)
    first = a_route(province)
    days = [TODAY + timedelta(days=number) for number in range(6)]
    temporary = a_route(province, number="7111000000002", valid_from=days[2], valid_to=days[5])
    second = a_route(province, number="7111000000003", valid_from=days[1])
    third = a_route(province, number="7111000000004", valid_from=days[4])
    assert [one.valid_to for one in (first, temporary, second, third)] == [
        days[1],
        days[5],
        days[4],
        None,
    ]
    agency = province.session.scalars(select(Agency.id).where(Agency.code == "H09")).one()
    gone = []
    for day in days:
        way = payouts.Ways(session, on=day).of(agency, "phi", "2721")
        assert way is not None
        gone.append(way.number[-1])
    assert gone == ["7", "3", "2", "2", "4", "4"]


def test_no_two_routes_of_the_same_fees_begin_on_one_day(session: Session) -> None:
    """Nor a temporary one before another that begins in its days: it would not hold as decided."""
    province = a_province(session)
    a_route(province)
    days = [TODAY + timedelta(days=number) for number in range(6)]
    a_route(province, valid_from=days[3], valid_to=days[5])
    for since, until in ((days[3], None), (days[3], days[4]), (days[2], days[4])):
        with pytest.raises(payouts.RouteDecided):
            a_route(province, valid_from=since, valid_to=until)
    before = a_route(province, valid_from=days[1], valid_to=days[3])
    assert before.state == "approved"
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(
            update(payouts.RemittanceRoute)
            .where(payouts.RemittanceRoute.id == before.id)
            .values(valid_from=days[3], valid_to=days[4])
        )


def a_split_beside_a_ghost(province: Province) -> tuple[PaymentRequest, Credit]:
    """R1 paid by a seen credit that pays R2 too; of R2, 40.000 were told and never came so far."""
    early = NOON - timedelta(hours=2)
    one, two = (a_payment_request(province, amount=100_000, now=early) for _ in range(2))
    a_message(province, two.reference, amount=40_000, reference="FT1")
    settle(province)
    a_message(province, f"{one.reference} {two.reference}", amount=160_000, reference="FT2")
    settle(province)
    ghost, split = province.credits()
    assert (ghost.finding, split.finding) == ("short", "split")
    a_statement(province, BankLine(160_000, split.memo, split.bank_reference))
    run(province)
    province.session.expire_all()
    assert (split.match_id is None, ghost.match_id) == (False, None)
    assert (one.status, two.status) == ("paid", "paid")
    return one, ghost


def test_nothing_leaves_before_all_of_its_company_was_seen(province: Province) -> None:
    """What pays two requests waits for who else pays them; seen, all of it is due."""
    _, ghost = a_split_beside_a_ghost(province)
    assert proposed(province) == []
    assert list(payouts.overview(province.session, province.account, now=NOON)) == []
    a_statement(province, BankLine(40_000, ghost.memo, "FT1"), opening=160_000, number="S2")
    run(province)
    assert sum(int(one.amount) for one in approved(province)) == 200_000
    proves(province)


def test_what_never_came_is_withdrawn_before_anything_of_its_company_left(
    province: Province,
) -> None:
    """The requests are settled anew: what was seen pays no two requests without the ghost."""
    one, ghost = a_split_beside_a_ghost(province)
    assert proposed(province) == []
    settlement.withdraw(province.session, ghost, actor=BY, now=NOON)
    province.session.expire_all()
    split = province.credits()[1]
    assert (one.status, split.finding, split.held) == ("open", "split_mismatch", 160_000)
    assert proposed(province) == []
    proves(province)


def test_a_proposal_waits_for_company_that_is_doubted_again(province: Province) -> None:
    """A match of another request's credit was revoked: it can't be approved, and lapses."""
    _, ghost = a_split_beside_a_ghost(province)
    a_statement(province, BankLine(40_000, ghost.memo, "FT1"), opening=160_000, number="S2")
    run(province)
    [payout] = proposed(province)
    match = ghost.match_id
    assert match is not None
    unmatch(province.session, match, reason="nhầm", by=BY, now=NOON)
    province.session.expire_all()
    with pytest.raises(payouts.FeesChanged):
        payouts.approve(province.session, payout, by=OTHER, now=NOON)
    assert proposed(province) == []
    assert payout.state == "withdrawn"
