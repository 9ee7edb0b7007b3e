"""Matches that staff make and revoke: equal sums, at most one match each, nothing else moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, ledger
from payments.core.errors import CashlessError
from reconciliation import matching, proof
from reconciliation.matching import LineMatch
from reconciliation.statements import StatementLine
from tests.bank import TODAY, BankLine, a_statement, run, unproved
from tests.builders import NOON, Province, a_message, a_payment_request, a_province, settle

NIGHT = NOON + timedelta(hours=13)
REVIEW = {"reason": "bank confirmed by phone", "by": "staff:2", "now": NIGHT}


@pytest.fixture
def province(session: Session) -> Iterator[Province]:
    """A province whose ledger proves after whatever a test does."""
    one = a_province(session)
    yield one
    assert unproved(one) == []


def lines(province: Province) -> list[int]:
    """The ids of the statement's lines, in order."""
    return list(province.session.scalars(select(StatementLine.id).order_by(StatementLine.id)))


def told(province: Province, *amounts: int) -> list[int]:
    """Credits that messages without a code told of, by id."""
    for amount in amounts:
        a_message(province, "", amount=amount)
    settle(province)
    return [credit.id for credit in province.credits()]


def joined(province: Province, *, of: list[int], to: list[int]) -> LineMatch:
    """A match made by hand."""
    return matching.match_by_hand(
        province.session, province.account.id, lines=of, credits=to, **REVIEW
    )


def standing(province: Province) -> object:
    """Every balance and every open item."""
    session, account = province.session, province.account.id
    session.expire_all()
    transit = proof.transit(session, account, TODAY)
    bank = proof.bank(session, account, TODAY)
    balances = ledger.balances(session, account, on=TODAY)
    return ({path: amount for path, amount in balances.items() if amount}, transit, bank)


def test_two_lines_are_three_credits_of_the_same_sum(province: Province) -> None:
    """What a bank books in lumps is matched by people, and booked once."""
    credits = told(province, 20_000, 30_000, 50_000)
    a_statement(province, BankLine(60_000, "GOP 1", "A"), BankLine(40_000, "GOP 2", "B"))
    run(province)

    match = joined(province, of=lines(province), to=credits)

    assert (match.rule, match.amount) == ("by_hand", 100_000)
    assert (province.balance("assets:bank"), province.balance("assets:transit")) == (100_000, 0)
    assert {one.match_id for one in province.credits() if not one.reversed} == {match.id}


def test_what_was_revoked_can_be_made_again_with_the_same_balances(province: Province) -> None:
    """Unmatch moves bank and transit back and nothing else; to rematch is as if never undone."""
    credits = told(province, 20_000, 30_000, 50_000)
    a_statement(province, BankLine(60_000, "GOP 1", "A"), BankLine(40_000, "GOP 2", "B"))
    run(province)
    match = joined(province, of=lines(province), to=credits)
    during = standing(province)

    matching.unmatch(province.session, match.id, reason="mistaken", by="staff:2", now=NIGHT)
    run(province)
    assert (province.balance("assets:bank"), province.balance("assets:transit")) == (0, 100_000)
    assert province.balance("liabilities:unidentified") == -100_000
    joined(province, of=lines(province), to=credits)

    assert standing(province) == during


def test_a_revoked_match_leaves_all_its_lines_to_staff(province: Province) -> None:
    """No rule takes up again what a person took apart, not only its first line."""
    request = a_payment_request(province)
    credits = told(province, 70_000)
    lines_ = [BankLine(20_000, "X", "A"), BankLine(50_000, request.reference, "B")]
    a_statement(province, *lines_)
    match = joined(province, of=lines(province), to=credits)
    matching.unmatch(province.session, match.id, reason="mistaken", by="staff:2", now=NIGHT)

    run(province)

    province.session.refresh(request)
    matched = province.session.scalars(select(StatementLine.match_id)).all()
    assert list(matched) == [None, None]
    assert request.status == "open"


def test_a_day_before_the_match_is_told_as_it_was(province: Province) -> None:
    """A day once closed without the match still shows its lines and credits as open."""
    credits = told(province, 20_000, 30_000)
    a_statement(province, BankLine(50_000, "GOP", "A"))
    run(province)
    agencies.lock(province.session, province.account.id)
    ledger.close_day(province.session, province.account.id, TODAY, by="staff:3", now=NIGHT)
    before = standing(province)

    match = joined(province, of=lines(province), to=credits)

    assert match.day == TODAY + timedelta(days=1)
    assert standing(province) == before


@pytest.mark.parametrize(
    ("of", "to", "refused"),
    [
        ([0], [0], matching.SumsDiffer),
        ([], [0], matching.NothingToMatch),
        ([0], [], matching.NothingToMatch),
        ([0, 999], [0, 1], matching.UnknownLine),
        ([0], [0, 999], matching.UnknownCredit),
        ([1], [0], matching.NotToBeMatched),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    province: Province, of: list[int], to: list[int], refused: type[CashlessError]
) -> None:
    """Other sums, nothing, what is not the account's, a debit: refused, and nothing moves."""
    credits = told(province, 20_000, 30_000)
    a_statement(province, BankLine(50_000, "GOP", "A"), BankLine(-20_000, "RUT", "B"))
    run(province)
    ours, before = lines(province), standing(province)

    with pytest.raises(refused):
        joined(
            province,
            of=[ours[one] if one < 9 else one * 1000 for one in of],
            to=[credits[one] if one < 9 else one * 1000 for one in to],
        )

    assert standing(province) == before


def test_each_line_and_credit_is_in_one_match(province: Province) -> None:
    """What is matched is not matched again."""
    credits = told(province, 50_000)
    a_statement(province, BankLine(50_000, "A", "A"), BankLine(50_000, "B", "B"))
    first, second = lines(province)
    joined(province, of=[first], to=credits)

    with pytest.raises(matching.NotToBeMatched):
        joined(province, of=[second], to=credits)


def test_a_match_by_hand_makes_advised_money_real(province: Province) -> None:
    """What an unsigned message told is settled once a person finds it on the statement."""
    request = a_payment_request(province)
    a_message(province, request.reference, amount=50_000, source="sepay_key")
    settle(province)
    (credit,) = province.credits()
    a_statement(province, BankLine(50_000, "CT DEN 164T", "A"))

    joined(province, of=lines(province), to=[credit.id])

    province.session.refresh(request)
    assert (request.status, request.confirmed, request.advised) == ("paid", 50_000, 0)
