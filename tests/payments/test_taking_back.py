"""Money that leaves a credit again: reversal by the bank, withdrawal, assignment by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from sqlalchemy import Integer, literal, select, union_all
from sqlalchemy.orm import Session

from payments import ledger, settlement
from payments.core.columns import Day
from payments.credits import AlreadyMatched, Credit
from payments.payment_requests import public_status
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


@pytest.fixture
def province(session: Session) -> Province:
    """A province with an account, a portal and every source."""
    return a_province(session)


def see(province: Province, credits: Sequence[Credit], *, match: int = 1) -> None:
    """A statement line was matched to each credit."""
    for number, credit in enumerate(credits, start=match):
        pair = select(Credit.id, literal(number, Integer()), literal(NOON.date(), Day())).where(
            Credit.id == credit.id
        )
        settlement.confirm_all(province.session, pair, actor=BY, now=NOON)


def reverse(province: Province, credit: Credit, *, line: int = 900, after: int = 0) -> None:
    """The bank takes the credit back, so many days after."""
    on = NOON.date() + timedelta(days=after)
    pair = select(literal(line, Integer()), Credit.id, literal(on, Day())).where(
        Credit.id == credit.id
    )
    settlement.reverse_all(province.session, pair, actor=BY, now=NOON)
    province.session.expire_all()


def reverse_together(province: Province, told: Sequence[tuple[int, int, int]]) -> None:
    """The bank takes credits back by (line, credit, days after), found in one set."""
    pairs = union_all(
        *[
            select(
                literal(line, Integer()),
                literal(credit, Integer()),
                literal(NOON.date() + timedelta(days=after), Day()),
            )
            for line, credit, after in told
        ]
    ).subquery()
    settlement.reverse_all(province.session, select(*pairs.c), actor=BY, now=NOON)
    province.session.expire_all()


def owed(province: Province, day: date) -> tuple[int, int]:
    """What is owed as fees, and what is held, at the end of a day."""
    balances = ledger.balances(province.session, province.account.id, on=day)
    fees, held = (
        -sum(int(amount) for path, amount in balances.items() if path.startswith(prefix))
        for prefix in ("liabilities:fees:", "liabilities:held:")
    )
    return fees, held


def test_a_line_confirms_a_credit_once(province: Province) -> None:
    """Dr bank, Cr transit; the request is reconciled; a second match is refused."""
    request = a_payment_request(province)
    paid(province, request)

    see(province, province.credits())
    province.session.refresh(request)

    assert (province.balance("assets:bank"), province.balance("assets:transit")) == (50_000, 0)
    assert request.confirmed == 50_000
    with pytest.raises(AlreadyMatched):
        see(province, province.credits(), match=2)


def test_a_reversed_credit_opens_its_request_again(province: Province) -> None:
    """The bank takes the money back: fees are debited, the request is open."""
    request = a_payment_request(province, amount=50_000, le_phi=20_000)
    paid(province, request)
    see(province, province.credits())

    reverse(province, province.credits()[0])

    assert (request.status, request.received, request.confirmed) == ("open", 0, 0)
    assert (province.fees("phi"), province.fees("le_phi")) == (0, 0)
    assert province.balance("assets:bank") == 0
    assert province.credits()[0].reversed == 50_000


def test_a_duplicate_takes_the_place_of_a_reversed_payment(province: Province) -> None:
    """A payer who paid twice and lost one payment stays paid, by the other."""
    request = a_payment_request(province)
    paid(province, request)
    paid(province, request)
    see(province, province.credits())

    reverse(province, province.credits()[0])

    assert province.findings() == ["exact", "exact"]
    assert (request.status, request.received, request.confirmed) == ("paid", 50_000, 50_000)
    assert province.fees("phi") == 50_000
    assert province.balance("liabilities:held") == 0


def test_a_reversed_part_payment_turns_the_others_back(province: Province) -> None:
    """What the other part had paid is held again until the rest comes anew."""
    request = a_payment_request(province)
    paid(province, request, 20_000)
    paid(province, request, 30_000)
    see(province, province.credits())

    reverse(province, province.credits()[0])
    assert province.findings() == ["short", "short"]
    assert (request.status, request.received) == ("open", 30_000)
    assert (province.fees("phi"), province.balance("liabilities:held")) == (0, -30_000)

    paid(province, request, 20_000)
    assert request.status == "paid"
    assert (province.fees("phi"), province.balance("liabilities:held")) == (50_000, 0)


def test_a_reversed_split_opens_every_request_of_it(province: Province) -> None:
    """One transfer for two requests, taken back: both are open again."""
    one, other = a_payment_request(province), a_payment_request(province, amount=30_000)
    a_message(province, f"{one.reference} {other.reference}", amount=80_000)
    settle(province)
    see(province, province.credits())

    reverse(province, province.credits()[0])

    assert (one.status, other.status) == ("open", "open")
    assert province.fees("phi") == 0
    assert province.balance("assets:bank") == 0


def test_unidentified_money_can_be_taken_back_too(province: Province) -> None:
    """A reversal of money nobody knew debits unidentified."""
    a_message(province, "", amount=50_000)
    settle(province)
    see(province, province.credits())

    reverse(province, province.credits()[0])

    assert province.balance("liabilities:unidentified") == 0
    assert province.balance("assets:bank") == 0


def test_a_withdrawn_credit_leaves_nothing(province: Province) -> None:
    """A credit that never came is taken back against transit; once."""
    request = a_payment_request(province)
    paid(province, request)
    credit = province.credits()[0]

    settlement.withdraw(province.session, credit, actor=BY, now=NOON)
    province.session.expire_all()

    assert request.status == "open"
    assert province.balance("assets:transit") == 0
    with pytest.raises(settlement.AlreadyTakenBack):
        settlement.withdraw(province.session, credit, actor=BY, now=NOON)


@pytest.mark.parametrize("taken", [0, 1])
def test_a_withdrawn_part_takes_fees_back_on_the_day_they_became_fees(
    province: Province, taken: int
) -> None:
    """Paid in parts on two days, one of which never came: no day ends with fees in debit."""
    request = a_payment_request(province)
    paid(province, request, 20_000)
    paid(province, request, 30_000, at=NOON + timedelta(days=1))
    first, second = NOON.date(), NOON.date() + timedelta(days=1)
    assert (owed(province, first), owed(province, second)) == ((0, 20_000), (50_000, 0))

    settlement.withdraw(province.session, province.credits()[taken], actor=BY, now=NOON)

    left = ((0, 0), (0, 30_000)) if taken == 0 else ((0, 20_000), (0, 20_000))
    assert (owed(province, first), owed(province, second)) == left


def test_a_part_reversed_by_the_bank_was_a_fee_until_then(province: Province) -> None:
    """Both parts stay fees until the day of the reversal, when the other is held again."""
    request = a_payment_request(province)
    paid(province, request, 20_000)
    paid(province, request, 30_000, at=NOON + timedelta(days=1))
    see(province, province.credits())

    reverse(province, province.credits()[0], after=2)

    days = [NOON.date() + timedelta(days=after) for after in range(3)]
    assert [owed(province, day) for day in days] == [(0, 20_000), (50_000, 0), (0, 30_000)]


def test_a_duplicate_pays_from_the_day_on_which_the_other_was_taken_back(
    province: Province,
) -> None:
    """On no day are there two fees for one request, nor none."""
    request = a_payment_request(province)
    paid(province, request)
    paid(province, request, at=NOON + timedelta(days=1))
    see(province, province.credits())

    reverse(province, province.credits()[0], after=3)

    days = [NOON.date() + timedelta(days=after) for after in range(4)]
    held = [0, 50_000, 50_000, 0]
    assert [owed(province, day) for day in days] == [(50_000, one) for one in held]


@pytest.mark.parametrize("together", [True, False])
def test_reversals_of_several_days_take_each_its_own_fees_back(
    province: Province, together: bool
) -> None:
    """What is booked does not depend on which reversals are found in one set."""
    one, other = (a_payment_request(province) for _ in range(2))
    paid(province, one)
    paid(province, other, 20_000)
    paid(province, other, 30_000, at=NOON + timedelta(days=1))
    see(province, province.credits())
    whole, first, _ = province.credits()
    told = [(901, whole.id, 2), (902, first.id, 5)]

    for some in [told] if together else [[one] for one in told]:
        reverse_together(province, some)

    days = [NOON.date() + timedelta(days=after) for after in range(6)]
    assert [owed(province, day) for day in days] == [
        (50_000, 20_000),
        (100_000, 0),
        (50_000, 0),
        (50_000, 0),
        (50_000, 0),
        (0, 30_000),
    ]


def test_a_seen_credit_cannot_be_withdrawn(province: Province) -> None:
    """What stands on a statement did come."""
    paid(province, a_payment_request(province))
    see(province, province.credits())

    with pytest.raises(settlement.AlreadySeen):
        settlement.withdraw(province.session, province.credits()[0], actor=BY, now=NOON)


def test_held_money_is_assigned_to_the_request_it_was_meant_for(province: Province) -> None:
    """Staff give unidentified money to a request: it is settled there."""
    request = a_payment_request(province)
    a_message(province, "nop le phi", amount=50_000)
    settle(province)
    credit = province.credits()[0]

    settlement.assign(province.session, credit, request, actor=BY, now=NOON)
    province.session.expire_all()

    assert province.findings() == ["exact"]
    assert public_status(request) == "paid"
    assert (province.fees("phi"), province.balance("liabilities:unidentified")) == (50_000, 0)
    with pytest.raises(settlement.NothingToAssign):
        settlement.assign(province.session, credit, request, actor=BY, now=NOON)


def test_later_word_of_a_withdrawn_credit_is_a_credit_of_its_own(province: Province) -> None:
    """What was withdrawn as never come stays so; another source's word of it pays anew."""
    request = a_payment_request(province)
    paid(province, request)
    (never,) = province.credits()
    settlement.withdraw(province.session, never, actor="staff:2", now=NOON)

    paid(province, request, source="sepay")

    assert [int(credit.reversed) for credit in province.credits()] == [50_000, 0]
    assert (request.status, request.received) == ("paid", 50_000)
    assert province.balance("assets:transit") == 50_000


def test_what_was_only_advised_can_be_withdrawn(province: Province) -> None:
    """An unsigned word of money that never came: its request waits for payment as before."""
    request = a_payment_request(province)
    paid(province, request, source="sepay_key")
    (credit,) = province.credits()

    settlement.withdraw(province.session, credit, actor="staff:2", now=NOON)

    province.session.refresh(request)
    (credit,) = province.credits()
    assert public_status(request) == "open"
    assert (request.advised, credit.advised, credit.reversed) == (0, 0, 50_000)


def test_money_that_counts_for_a_request_is_not_given_to_another(province: Province) -> None:
    """A part payment stands towards its own request; nothing is counted twice."""
    request, other = a_payment_request(province), a_payment_request(province, amount=20_000)
    paid(province, request, 20_000)
    (credit,) = province.credits()

    with pytest.raises(settlement.NothingToAssign):
        settlement.assign(province.session, credit, other, actor="staff:2", now=NOON)

    province.session.refresh(request)
    assert (request.received, other.received) == (20_000, 0)
