"""Callback, retry, second source, statement and expiry, in every order: the same ledger.

Each row of the settlement table is lived through for every order of its steps. Beside it stands a
naive book that believes whatever it is told, to show that the order would be noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import permutations
from random import Random
from typing import Final

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import ledger, payment_requests
from payments.credits import Credit
from payments.payment_requests import CancelReason, PaymentRequest
from reconciliation import proof
from tests.bank import TODAY, BankLine, a_statement
from tests.builders import NOON, Province, a_message, a_payment_request, a_province, settle
from tests.reconciliation.walking import match_account

STEPS: Final = ("callback", "retry", "second source", "statement", "expiry")
ORDERS: Final = sorted(permutations(STEPS))
MORNING: Final = NOON - timedelta(hours=3)
YESTERDAY: Final = NOON - timedelta(hours=30)
NIGHT: Final = NOON + timedelta(hours=48)


@dataclass
class Story:
    """What was asked for, and the transfers that came to `province`'s account at noon."""

    province: Province
    requests: Sequence[PaymentRequest]
    transfers: Sequence[tuple[str, int]]

    def live(self, order: Sequence[str]) -> None:
        """The steps, one after another."""
        for step in order:
            {
                "callback": lambda: self.tell("sandbox"),
                "retry": lambda: self.tell("sandbox"),
                "second source": lambda: self.tell("payos"),
                "statement": self.read_statement,
                "expiry": self.expire,
            }[step]()

    def tell(self, source: str) -> None:
        """The source's messages of every transfer come, and are settled."""
        for number, (memo, amount) in enumerate(self.transfers, start=1):
            a_message(
                self.province,
                memo,
                amount=amount,
                source=source,
                event=str(number),
                reference=f"FT{number}",
            )
        settle(self.province, now=NIGHT)

    def read_statement(self) -> None:
        """The day's statement is imported and matched."""
        lines = [
            BankLine(amount, memo, f"FT{number}", at=NOON)
            for number, (memo, amount) in enumerate(self.transfers, start=1)
        ]
        a_statement(self.province, *lines)
        session = self.province.session
        match_account(session, self.province.account.id, through=TODAY, now=NIGHT)

    def expire(self) -> None:
        """The requests' time passes."""
        for account in {request.collection_account_id for request in self.requests}:
            payment_requests.expire_all(self.province.session, account, now=NIGHT)

    def outcome(self) -> object:
        """Every balance, every request, every credit: what must not depend on the order."""
        session = self.province.session
        session.expire_all()
        assert [one for one in proof.prove(session) if not one.holds] == []
        balances = ledger.balances(session, self.province.account.id, on=NIGHT.date())
        requests = [
            (payment_requests.public_status(one), one.late, one.received, one.confirmed)
            for one in self.requests
        ]
        credits = [
            (one.finding, one.amount, one.to_fees, one.held, one.unidentified, one.reversed)
            for one in session.scalars(select(Credit).where(Credit.merged_into_id.is_(None)))
        ]
        return (
            {path: int(amount) for path, amount in balances.items() if amount},
            requests,
            sorted(credits),
        )


def exact(session: Session) -> Story:
    """One transfer of what is due."""
    province = a_province(session)
    request = a_payment_request(province, amount=50_000, le_phi=20_000, now=MORNING)
    return Story(province, [request], [(request.reference, 50_000)])


def short_then_the_rest(session: Session) -> Story:
    """Two transfers that make up what is due together."""
    province = a_province(session)
    request = a_payment_request(province, amount=50_000, le_phi=20_000, now=MORNING)
    return Story(province, [request], [(request.reference, 20_000), (request.reference, 30_000)])


def short(session: Session) -> Story:
    """Less than is due, and nothing more."""
    province = a_province(session)
    request = a_payment_request(province, now=MORNING)
    return Story(province, [request], [(request.reference, 20_000)])


def overpaid(session: Session) -> Story:
    """More than is due."""
    province = a_province(session)
    request = a_payment_request(province, now=MORNING)
    return Story(province, [request], [(request.reference, 70_000)])


def duplicate(session: Session) -> Story:
    """The same transfer twice."""
    province = a_province(session)
    request = a_payment_request(province, now=MORNING)
    return Story(province, [request], [(request.reference, 50_000)] * 2)


def after_cancel(session: Session) -> Story:
    """A transfer for a request that was cancelled."""
    province = a_province(session)
    request = a_payment_request(province, now=MORNING)
    payment_requests.cancel(session, request, reason=CancelReason.WITHDRAWN, now=MORNING)
    return Story(province, [request], [(request.reference, 50_000)])


def late(session: Session) -> Story:
    """A transfer after the request's time."""
    province = a_province(session)
    request = a_payment_request(province, now=YESTERDAY)
    return Story(province, [request], [(request.reference, 50_000)])


def split(session: Session) -> Story:
    """One transfer for two requests."""
    province = a_province(session)
    two = [a_payment_request(province, amount=one, now=MORNING) for one in (50_000, 30_000)]
    return Story(province, two, [(f"{two[0].reference} {two[1].reference}", 80_000)])


def split_late(session: Session) -> Story:
    """One transfer for two requests after the time of both."""
    province = a_province(session)
    two = [a_payment_request(province, amount=one, now=YESTERDAY) for one in (50_000, 30_000)]
    return Story(province, two, [(f"{two[0].reference} {two[1].reference}", 80_000)])


def split_mismatch(session: Session) -> Story:
    """One transfer for two requests, of another sum."""
    province = a_province(session)
    two = [a_payment_request(province, amount=one, now=MORNING) for one in (50_000, 30_000)]
    return Story(province, two, [(f"{two[0].reference} {two[1].reference}", 70_000)])


def wrong_account(session: Session) -> Story:
    """A transfer to another of our accounts."""
    request = a_payment_request(a_province(session), now=MORNING)
    there = a_province(session, number="0011007654321")
    return Story(there, [request], [(request.reference, 50_000)])


def unidentified(session: Session) -> Story:
    """A transfer without a code."""
    return Story(a_province(session), [], [("nop le phi", 50_000)])


STORIES: Final[Sequence[Callable[[Session], Story]]] = (
    exact,
    short,
    short_then_the_rest,
    overpaid,
    duplicate,
    after_cancel,
    late,
    split,
    split_late,
    split_mismatch,
    wrong_account,
    unidentified,
)


def outcomes(
    session: Session, told: Callable[[Session], Story], orders: Sequence[tuple[str, ...]]
) -> list[object]:
    """The outcome of the story for each order, each lived through from the same beginning."""
    story = told(session)
    found = []
    for order in orders:
        with session.begin_nested() as beginning:
            story.live(order)
            found.append(story.outcome())
            beginning.rollback()
        session.expire_all()
    return found


@pytest.mark.parametrize("told", STORIES, ids=lambda told: told.__name__)
def test_the_order_of_steps_does_not_matter(
    session: Session, told: Callable[[Session], Story]
) -> None:
    """Three orders drawn by lot, and the plain one, end in the same ledger."""
    orders = [STEPS, *Random(told.__name__).sample(ORDERS, 3)]

    first, *others = outcomes(session, told, orders)

    for order, outcome in zip(orders[1:], others, strict=True):
        assert outcome == first, order


@pytest.mark.prove
@pytest.mark.parametrize("told", STORIES, ids=lambda told: told.__name__)
def test_no_order_of_steps_matters(session: Session, told: Callable[[Session], Story]) -> None:
    """All 120 orders end in the same ledger."""
    first, *others = outcomes(session, told, ORDERS)

    for order, outcome in zip(ORDERS[1:], others, strict=True):
        assert outcome == first, order


def naive_sum(order: Sequence[str]) -> int:
    """What a book holds that believes every event it has not heard, and every line of a new sum."""
    heard: set[str] = set()
    booked: list[int] = []
    for step in order:
        if step in ("callback", "retry") and "sandbox:1" not in heard:
            heard.add("sandbox:1")
            booked.append(50_000)
        if step == "second source":
            booked.append(50_000)
        if step == "statement" and 50_000 not in booked:
            booked.append(50_000)
    return sum(booked)


def test_a_naive_book_depends_on_the_order() -> None:
    """The same steps make a naive book hold 100.000 or 150.000 for one transfer of 50.000."""
    assert {naive_sum(order) for order in ORDERS} == {100_000, 150_000}
