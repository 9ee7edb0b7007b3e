"""Three days of evidence in any order: the same ledger, day by day, and the same breaks.

Messages, statements, runs and expiry of three days are shuffled; at the end the days are run once
more, as the scheduler does. What is told twice, late or before its time must leave no trace.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import ledger, payment_requests
from payments.payment_requests import PaymentRequest
from reconciliation import proof
from reconciliation.breaks import Break
from reconciliation.day_close import DayNotToBeRun
from reconciliation.matching import Suggestion
from tests.bank import TODAY, BankLine, a_statement, run
from tests.builders import NOON, Province, a_message, a_payment_request, a_province, settle

DAYS = tuple(TODAY + timedelta(days=number) for number in range(3))
NIGHT = NOON + timedelta(days=3)
MORNING = NOON - timedelta(hours=3)

Event = Callable[[], object]


@dataclass
class Transfer:
    """Money that came on one of the days; `told_by` are the sources that speak of it."""

    day: int
    memo: str
    amount: int
    told_by: Sequence[str] = ("sandbox",)
    payer: str | None = None
    reference: str = field(default="")


@dataclass
class Story:
    """What was asked for and what came, and the evidence of it, each piece by itself."""

    province: Province
    requests: Sequence[PaymentRequest]
    transfers: Sequence[Transfer]

    def evidence(self) -> list[Event]:
        """Every message, twice; every statement; runs of every day; the expiry."""
        told: list[Event] = []
        for number, one in enumerate(self.transfers, start=1):
            told += [
                lambda one=one, number=number, source=source: self.tell(one, number, source)
                for source in (*one.told_by, *one.told_by)
            ]
        days = range(len(DAYS))
        statements = [lambda day=day: self.read_statement(day) for day in days]
        runs = [lambda day=day: self.try_to_run(day) for day in days]
        return [*told, *statements, *runs, self.expire]

    def tell(self, one: Transfer, number: int, source: str) -> None:
        """A source's message comes and is settled."""
        a_message(
            self.province,
            one.memo,
            amount=one.amount,
            source=source,
            event=str(number),
            reference=f"FT{number}",
            payer=one.payer,
            at=NOON + timedelta(days=one.day),
        )
        settle(self.province, now=NIGHT)

    def read_statement(self, day: int) -> None:
        """A day's file is imported, whatever other days are known."""
        before = sum(one.amount for one in self.transfers if one.day < day)
        lines = [
            BankLine(
                one.amount,
                one.memo,
                f"FT{number}",
                payer=one.payer,
                day=DAYS[day],
                at=NOON + timedelta(days=day),
            )
            for number, one in enumerate(self.transfers, start=1)
            if one.day == day
        ]
        a_statement(
            self.province, *lines, opening=before, day=DAYS[day], now=NIGHT, number=f"S{day}"
        )

    def try_to_run(self, day: int) -> None:
        """A day is run; it is refused while all that is known is of later days."""
        with contextlib.suppress(DayNotToBeRun):
            run(self.province, DAYS[day], now=NIGHT)

    def expire(self) -> None:
        """The requests' time passes."""
        account = self.province.account.id
        payment_requests.expire_all(self.province.session, account, now=NIGHT)

    def live(self, order: Sequence[Event]) -> object:
        """The evidence in that order, then every day once more; what came of it."""
        for one in order:
            one()
        verdicts = [run(self.province, day, now=NIGHT).verdict for day in DAYS]
        return verdicts, self.outcome()

    def outcome(self) -> object:
        """Balances, requests, breaks, suggestions; nothing is owed before it came."""
        session, account = self.province.session, self.province.account.id
        session.expire_all()
        assert [one for one in proof.prove(session, account=account) if not one.holds] == []
        for day in DAYS:
            balances = {
                path: int(amount)
                for path, amount in ledger.balances(session, account, on=day).items()
                if amount
            }
            assert [
                path for path, amount in balances.items() if path[0] == "l" and amount > 0
            ] == []
        requests = [
            (payment_requests.public_status(one), one.late, one.received, one.confirmed)
            for one in self.requests
        ]
        breaks = session.execute(
            select(Break.kind, Break.day, Break.amount, Break.items).where(
                Break.collection_account_id == account, Break.cleared_at.is_(None)
            )
        )
        suggested = session.execute(
            select(Suggestion.clue, Suggestion.payment_request_id).where(Suggestion.state == "open")
        )
        return balances, requests, sorted(map(str, breaks)), sorted(map(str, suggested))


def a_story(session: Session) -> Story:
    """Paid in full, in parts over two days, twice, too late, by a damaged code, by a stranger."""
    province = a_province(session)
    requests = [
        a_payment_request(province, dossier=f"D-{number}", now=MORNING) for number in range(6)
    ]
    plain, parts, twice, late, damaged, untold = (one.reference for one in requests)
    slip = damaged[:8] + str((int(damaged[8]) + 1) % 10) + damaged[9:]
    return Story(
        province,
        requests,
        [
            Transfer(0, plain, 50_000, ("sandbox", "payos")),
            Transfer(0, parts, 20_000),
            Transfer(1, parts, 30_000, ("payos",)),
            Transfer(0, twice, 50_000),
            Transfer(0, twice, 50_000),
            Transfer(2, late, 50_000, ("sandbox", "payos")),
            Transfer(1, f"nop {slip}", 50_000),
            Transfer(2, "NGUYEN VAN MAU chuyen tien", 70_000, payer="0123456789"),
            Transfer(1, f"nop {untold}", 50_000, ()),
        ],
    )


def outcomes(session: Session, *, orders: int, seed: str) -> list[object]:
    """The outcomes of so many orders, the plain one first, each from the same beginning."""
    story, chance = a_story(session), Random(seed)
    plain = story.evidence()
    shuffled = [chance.sample(plain, len(plain)) for _ in range(orders)]
    found = []
    for order in (plain, *shuffled):
        with session.begin_nested() as beginning:
            found.append(story.live(order))
            beginning.rollback()
        session.expire_all()
    return found


def test_the_order_of_evidence_does_not_matter(session: Session) -> None:
    """Orders drawn by lot end as the plain one does."""
    first, *others = outcomes(session, orders=4, seed="short")

    for number, other in enumerate(others):
        assert (number, other) == (number, first)


@pytest.mark.prove
def test_no_order_of_evidence_matters(session: Session) -> None:
    """A hundred orders."""
    first, *others = outcomes(session, orders=100, seed="long")

    for number, other in enumerate(others):
        assert (number, other) == (number, first)
