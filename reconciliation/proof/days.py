"""What explains the balances of bank and transit at the end of a day, as it was booked by then.

A line booked later was not booked yet, and a match revoked later still stood: so a closed day is
proved again with the figures it was closed with.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import InstrumentedAttribute, Session

from payments import ledger
from payments.advice import Direction
from payments.core.columns import Amount, Code
from payments.core.database import Rows
from payments.core.money import Dong
from payments.credits import Credit
from payments.ledger import JournalEntry
from reconciliation.matching import LineMatch, MatchMember
from reconciliation.statements import StatementLine


@dataclass(frozen=True, slots=True)
class Bank:
    """What the bank's balance at a day's end is made of."""

    opening: Dong
    posted: Dong
    credits_unbooked: Dong
    debits_unbooked: Dong

    @property
    def explained(self) -> Dong:
        """What the closing balance has to be."""
        return self.opening + self.posted + self.credits_unbooked - self.debits_unbooked


@dataclass(frozen=True, slots=True)
class Transit:
    """What the transit account at a day's end is made of."""

    balance: Dong
    unseen: Dong
    early: Dong

    @property
    def explained(self) -> Dong:
        """Credits without a line, less lines booked before their credit's day."""
        return self.unseen - self.early

    @property
    def residual(self) -> Dong:
        """What no credit and no line explains."""
        return self.balance - self.explained


def bank(session: Session, account: int, day: date) -> Bank:
    """What explains the bank's balance at the end of `day`."""
    opening = -ledger.balance(session, f"equity:opening:{account}", on=day)
    balance = ledger.balance(session, f"assets:bank:{account}", on=day)
    lines = unbooked(account, day).subquery()
    credit = lines.c.direction == Direction.CREDIT
    credits, debits = session.execute(
        select(_sum(case((credit, lines.c.amount))), _sum(case((~credit, lines.c.amount))))
    ).one()
    return Bank(opening, balance - opening, Dong(credits), Dong(debits))


def transit(session: Session, account: int, day: date) -> Transit:
    """What explains the transit account at the end of `day`."""
    balance = ledger.balance(session, f"assets:transit:{account}", on=day)
    sums = [
        Dong(session.scalar(select(_sum(some.subquery().c.amount))) or 0)
        for some in (unseen(account, day), early(account, day))
    ]
    return Transit(balance, *sums)


def unbooked(account: int, day: date) -> Rows:
    """Lines up to `day` that were not booked by then: (id, direction, amount)."""
    line = StatementLine
    now = select(line.id, line.direction, line.amount).where(
        line.collection_account_id == account, line.day <= day, line.match_id.is_(None)
    )
    columns: Rows = select(line.id, line.direction, line.amount).where(line.day <= day)
    ids = (line.id, LineMatch.first_line_id, MatchMember.statement_line_id)
    later = _matched_after(columns, ids, account, day)
    either = union_all(now, *later).subquery()
    stood = _stood(ids, account, day)
    return select(*either.c).where(either.c.id.not_in(stood))


def unseen(account: int, day: date) -> Rows:
    """Credits booked by `day` that no line confirmed by then: (id, amount)."""
    now = select(Credit.id, Credit.amount).where(
        Credit.collection_account_id == account, Credit.day <= day, Credit.match_id.is_(None)
    )
    columns: Rows = select(Credit.id, Credit.amount).where(Credit.day <= day)
    ids = (Credit.id, LineMatch.first_credit_id, MatchMember.credit_id)
    later = _matched_after(columns, ids, account, day)
    either = union_all(now, *later).subquery()
    stood = _stood(ids, account, day)
    return select(*either.c).where(
        _posted(account, either.c.id, day, "credit"),
        ~or_(
            _posted(account, either.c.id, day, "merge"),
            _posted(account, either.c.id, day, "withdrawal"),
        ),
        either.c.id.not_in(stood),
    )


def early(account: int, day: date) -> Rows:
    """Credits of a later day whose line is booked by `day`: (id, amount)."""
    return (
        select(Credit.id, Credit.amount)
        .join(LineMatch, LineMatch.id == Credit.match_id)
        .where(
            Credit.collection_account_id == account,
            Credit.day > day,
            Credit.match_id.is_not(None),
            LineMatch.collection_account_id == account,
            LineMatch.day <= day,
        )
    )


Ids = tuple[InstrumentedAttribute[int], InstrumentedAttribute[Any], InstrumentedAttribute[Any]]
"""A line's or a credit's id, and where a match names it: as its first one, as a further one."""


def _matched_after(columns: Rows, ids: Ids, account: int, day: date) -> tuple[Rows, Rows]:
    """What was matched only after `day`: as the first of its match, and as a further one."""
    id_, first, further = ids
    then = (
        LineMatch.collection_account_id == account,
        LineMatch.day > day,
        LineMatch.revoked_at.is_(None),
    )
    member = columns.join(MatchMember, further == id_).join(
        LineMatch, LineMatch.id == MatchMember.line_match_id
    )
    return columns.join(LineMatch, first == id_).where(*then), member.where(*then)


def _stood(ids: Ids, account: int, day: date) -> Rows:
    """What was in a match that is revoked now, and still stood at the end of `day`.

    The few revoked matches are found by their own index, so the day is told as a case.
    """
    _, first, further = ids
    made_by_then = case((LineMatch.day <= day, 1), else_=0) == 1
    then = (
        LineMatch.collection_account_id == account,
        LineMatch.revoked_at.is_not(None),
        LineMatch.revoked_on > day,
        made_by_then,
    )
    member = select(further).join(LineMatch, LineMatch.id == MatchMember.line_match_id)
    either = union_all(
        select(first).where(*then, first.is_not(None)),
        member.where(*then, further.is_not(None)),
    ).subquery()
    return select(*either.c)


def _posted(
    account: int, credit_id: ColumnElement[int], day: date, kind: str
) -> ColumnElement[bool]:
    """Whether what decided so about a credit was booked by `day`."""
    return exists().where(
        JournalEntry.collection_account_id == account,
        JournalEntry.kind == kind,
        JournalEntry.decision == literal(f"{kind}:", Code()) + cast(credit_id, SqlText),
        JournalEntry.day <= day,
    )


def _sum(amount: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(func.coalesce(func.sum(amount), 0), Amount())
