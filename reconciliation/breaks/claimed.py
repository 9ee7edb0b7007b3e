"""A payer's claim as a break: what it may be about, side by side, and the answer in words.

What is shown beside a claim is never matched by itself. Whoever finds the money gives it to the
request at the break of that money; then the request is paid, and the claim's break goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from payments import claims
from payments.advice import Direction
from payments.claims import Claim
from payments.core.errors import Conflict
from payments.credits import OPEN_PARTS, Credit
from reconciliation.breaks.about import claim_of
from reconciliation.breaks.counterparts import waiting_about
from reconciliation.breaks.tables import Break
from reconciliation.breaks.working import tell
from reconciliation.statements import StatementLine

BEFORE: Final = timedelta(days=1)
AFTER: Final = timedelta(days=7)
"""So many days around the day that the payer names, money of the same amount is looked at."""

MOST: Final = 10


class NoClaim(Conflict):
    """The break is not about a payer's claim."""

    code = "no_claim"


class Clue(StrEnum):
    """Why money is shown beside a claim, the stronger first."""

    NUMBER = "number"  # it has the bank's number that the payer names
    AMOUNT = "amount"  # it has the amount, and nobody is known for it


@dataclass(frozen=True, slots=True)
class Candidate:
    """Money that a claim may be about: a credit, or a line that is not booked, and its break."""

    clue: Clue
    credit: Credit | None
    line: StatementLine | None
    waits: Break | None

    @property
    def money(self) -> Credit | StatementLine:
        """The credit or the line."""
        found = self.credit or self.line
        if found is None:
            raise NoClaim
        return found


def candidates(session: Session, claim: Claim) -> Sequence[Candidate]:
    """What a claim may be about: by the bank's number first, then by amount near the day.

    By the number also money that pays another request is shown: it says where the payment went.
    """
    found: dict[tuple[type, int], tuple[Clue, Credit | StatementLine]] = {}
    for clue, rows in (
        (Clue.NUMBER, _numbered(session, claim)),
        (Clue.AMOUNT, _of_the_amount(session, claim)),
    ):
        for row in rows:
            found.setdefault((type(row), row.id), (clue, row))
    shown = list(found.values())[:MOST]
    credits = [row.id for _, row in shown if isinstance(row, Credit)]
    lines = [row.id for _, row in shown if isinstance(row, StatementLine)]
    waiting = waiting_about(session, claim.collection_account_id, lines=lines, credits=credits)
    return [_candidate(clue, row, waiting) for clue, row in shown]


def answer(session: Session, one: Break, words: str, *, by: str, now: datetime) -> None:
    """Answers the payer whose claim a break is. Raises `NoClaim` and as `claims.answer`."""
    claim = claim_of(session, one)
    if claim is None:
        raise NoClaim
    claims.answer(session, claim, words, by=by, now=now)
    tell(session, one, "answered", by=by, now=now, answer=claim.answer)


def _numbered(session: Session, claim: Claim) -> Sequence[Credit | StatementLine]:
    """Money with the number as its reference, or within its memo where nobody is known for it."""
    credits = [
        row
        for like in (
            Credit.bank_reference == claim.bank_number,
            and_(OPEN_PARTS, _names(Credit.memo, claim)),  # an OR of the two would read all
        )
        for row in session.scalars(
            select(Credit).where(_stands(claim), like).order_by(Credit.id).limit(MOST)
        )
    ]
    named = or_(
        func.upper(StatementLine.bank_reference) == claim.bank_number,
        _names(StatementLine.memo, claim),
    )
    return [*credits, *_unbooked(session, claim, named)]


def _of_the_amount(session: Session, claim: Claim) -> Sequence[Credit | StatementLine]:
    """Money of the amount near the day that nobody is known for."""
    first, last = claim.paid_on - BEFORE, claim.paid_on + AFTER
    credits = session.scalars(
        select(Credit)
        .where(
            _stands(claim),
            OPEN_PARTS,
            Credit.amount == claim.amount,
            Credit.day.between(first, last),
        )
        .order_by(Credit.id)
        .limit(MOST)
    )
    line = StatementLine
    same = and_(line.amount == claim.amount, line.day.between(first, last))
    return [*credits, *_unbooked(session, claim, same)]


def _stands(claim: Claim) -> ColumnElement[bool]:
    ours = Credit.collection_account_id == claim.collection_account_id
    return and_(ours, Credit.merged_into_id.is_(None))


def _unbooked(session: Session, claim: Claim, like: ColumnElement[bool]) -> Sequence[StatementLine]:
    line = StatementLine
    rows = select(line).where(
        line.collection_account_id == claim.collection_account_id,
        line.match_id.is_(None),
        line.direction == Direction.CREDIT,
        like,
    )
    return session.scalars(rows.order_by(line.id).limit(MOST)).all()


def _names(memo: Any, claim: Claim) -> ColumnElement[bool]:
    """Whether a memo has the number in it."""
    return func.upper(memo).contains(claim.bank_number, autoescape=True)


def _candidate(clue: Clue, row: Credit | StatementLine, waiting: Sequence[Break]) -> Candidate:
    credit = row if isinstance(row, Credit) else None
    line = row if isinstance(row, StatementLine) else None
    key = str(row.id)
    legs = ("line",) if credit is None else ("settlement", "confirmation")
    about = sorted(
        (one for one in waiting if one.key == key and one.leg in legs),
        key=lambda one: legs.index(one.leg),
    )
    return Candidate(clue, credit, line, about[0] if about else None)
