"""Lines that are no citizen's credit: an account's opening balance, bank charges, interest.

What the account held before its first statement is booked once, proposed by one person and
approved by another. Charges and interest are known by words in their memo, which staff confirm
once for each account; lines that carry our own codes are never taken for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    UniqueConstraint,
    case,
    cast,
    literal,
    select,
    text,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments import agencies, ledger
from payments.advice import Direction
from payments.core import audit
from payments.core.approvals import SamePerson
from payments.core.columns import Amount, Code, Day, Instant, Key, Words, one_of
from payments.core.database import Row, Rows
from payments.core.errors import Conflict, Invalid, NotFound
from payments.core.money import MOST, ZERO, Dong
from payments.core.text import plain

SHORTEST: Final = 3
LONGEST: Final = 60

_WORD: Final = re.compile(r"[A-Z0-9]+")


class OpeningApproved(Conflict):
    """The account's opening balance is booked already."""

    code = "opening_approved"


class NothingProposed(NotFound):
    """There is nothing to approve."""

    code = "nothing_proposed"


class NotAnOpening(Invalid):
    """An opening balance is a positive amount; an account that began empty needs none."""

    code = "not_an_opening"


class InvalidPattern(Invalid):
    """The words of a pattern have 3 to 60 letters and digits."""

    code = "invalid_pattern"


class Kind(StrEnum):
    """What a line is booked as by its words."""

    CHARGE = "charge"
    INTEREST = "interest"


class AccountOpening(Row):
    """What an account held before its first statement; booked once approved."""

    __tablename__ = "account_opening"
    __table_args__ = (
        UniqueConstraint("collection_account_id"),
        CheckConstraint("amount BETWEEN 1 AND 1000000000000", name="amount"),
        CheckConstraint("approved_by <> proposed_by", name="four_eyes"),
        CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved_at"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    day: Mapped[date] = mapped_column(Day())
    amount: Mapped[Dong] = mapped_column(Amount())
    proposed_by: Mapped[str] = mapped_column(Code())
    proposed_at: Mapped[datetime] = mapped_column(Instant())
    approved_by: Mapped[str | None] = mapped_column(Code())
    approved_at: Mapped[datetime | None] = mapped_column(Instant())


class LinePattern(Row):
    """Words by which an account's charges or interest are known, as staff confirmed them."""

    __tablename__ = "line_pattern"
    __table_args__ = (
        Index(
            "uq_line_pattern_live",
            "collection_account_id",
            "kind",
            "words",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        one_of("kind", Kind),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    kind: Mapped[str] = mapped_column(Code())
    words: Mapped[str] = mapped_column(Words())
    confirmed_by: Mapped[str] = mapped_column(Code())
    confirmed_at: Mapped[datetime] = mapped_column(Instant())
    ended_by: Mapped[str | None] = mapped_column(Code())
    ended_at: Mapped[datetime | None] = mapped_column(Instant())


@dataclass(frozen=True, slots=True)
class Memo:
    """A line to be recognised by its words."""

    line_id: int
    direction: str
    text: str


def propose_opening(
    session: Session,
    collection_account_id: int,
    *,
    amount: Dong,
    day: date,
    by: str,
    now: datetime,
) -> AccountOpening:
    """Proposes what the account held at the beginning of `day`, instead of an earlier proposal.

    Raises `NotAnOpening` or `OpeningApproved`.
    """
    if not ZERO < amount <= MOST:
        raise NotAnOpening(amount=amount)
    agencies.lock(session, collection_account_id)
    row = opening_of(session, collection_account_id)
    if row is None:
        row = AccountOpening(collection_account_id=collection_account_id)
        session.add(row)
    elif row.approved_by is not None:
        raise OpeningApproved
    row.amount, row.day, row.proposed_by, row.proposed_at = amount, day, by, now
    session.flush()
    _tell(session, "opening.proposed", row, by=by, now=now)
    return row


def approve_opening(
    session: Session, collection_account_id: int, *, by: str, now: datetime
) -> AccountOpening:
    """Books the proposed opening: Dr bank, Cr opening.

    Raises `NothingProposed`, `OpeningApproved` or `SamePerson`.
    """
    agencies.lock(session, collection_account_id)
    row = opening_of(session, collection_account_id)
    if row is None:
        raise NothingProposed
    if row.approved_by is not None:
        raise OpeningApproved
    if row.proposed_by == by:
        raise SamePerson
    row.approved_by, row.approved_at = by, now
    session.flush()
    account = literal(str(collection_account_id), Code())
    posting = select(
        literal(collection_account_id, Key()),
        literal("opening", Code()),
        literal(f"opening:{row.id}", Code()),
        literal(row.day, Day()),
        literal("assets:bank:", Code()) + account,
        literal("equity:opening:", Code()) + account,
        literal(row.amount, Amount()),
        cast(literal(None), Key()),
    )
    ledger.post_all(session, posting, actor=by, now=now)
    _tell(session, "opening.approved", row, by=by, now=now)
    return row


def open_account(
    session: Session,
    collection_account_id: int,
    *,
    amount: Dong,
    day: date,
    by: str,
    approved_by: str,
    now: datetime,
) -> AccountOpening:
    """Proposes and approves an opening balance where both people are there at once."""
    propose_opening(session, collection_account_id, amount=amount, day=day, by=by, now=now)
    return approve_opening(session, collection_account_id, by=approved_by, now=now)


def opening_of(session: Session, collection_account_id: int) -> AccountOpening | None:
    """The account's opening balance, proposed or approved."""
    return session.scalar(
        select(AccountOpening).where(AccountOpening.collection_account_id == collection_account_id)
    )


def confirm_pattern(
    session: Session,
    collection_account_id: int,
    *,
    kind: Kind,
    words: str,
    by: str,
    now: datetime,
) -> LinePattern:
    """From now on, lines of the account with these words in their memo are booked as `kind`.

    Accents, case and punctuation do not count. Raises `InvalidPattern`.
    """
    folded = fold(words)
    if not SHORTEST <= len(folded) <= LONGEST:
        raise InvalidPattern(least=SHORTEST, most=LONGEST)
    agencies.lock(session, collection_account_id)
    known = _live(collection_account_id).where(
        LinePattern.kind == kind, LinePattern.words == folded
    )
    row = session.scalar(known)
    if row is None:
        row = LinePattern(
            collection_account_id=collection_account_id,
            kind=kind,
            words=folded,
            confirmed_by=by,
            confirmed_at=now,
        )
        session.add(row)
        session.flush()
        audit.append(
            session,
            actor=by,
            action="pattern.confirmed",
            subject=f"line_pattern:{row.id}",
            details={"kind": kind.value, "words": folded, "account": collection_account_id},
            now=now,
        )
    return row


def end_pattern(session: Session, pattern: LinePattern, *, by: str, now: datetime) -> None:
    """Lines are no longer booked by this pattern; what was booked stays."""
    pattern.ended_by, pattern.ended_at = by, now
    session.flush()
    audit.append(
        session,
        actor=by,
        action="pattern.ended",
        subject=f"line_pattern:{pattern.id}",
        now=now,
    )


def patterns_of(session: Session, collection_account_id: int) -> Sequence[LinePattern]:
    """The patterns in force for an account."""
    return session.scalars(_live(collection_account_id).order_by(LinePattern.id)).all()


def recognise(patterns: Sequence[LinePattern], memos: Iterable[Memo]) -> dict[int, Kind]:
    """What lines are by their words: charges go out, interest comes in; by line number."""
    going = {Kind.CHARGE: Direction.DEBIT, Kind.INTEREST: Direction.CREDIT}
    found: dict[int, Kind] = {}
    for memo in memos:
        folded = f" {fold(memo.text)} "
        for pattern in patterns:
            kind = Kind(pattern.kind)
            if memo.direction == going[kind] and f" {pattern.words} " in folded:
                found[memo.line_id] = kind
                break
    return found


def fold(words: str) -> str:
    """Words as patterns compare them: capitals and digits of ASCII, one space between."""
    return " ".join(_WORD.findall(plain(words).upper()))


def book_all(session: Session, lines: Rows, *, actor: str, now: datetime) -> None:
    """Books charges (Dr charges, Cr bank) and interest (Dr bank, Cr interest).

    `lines` selects (collection_account_id, match_id, kind, day, amount).
    """
    given = lines.subquery()
    account, match, kind, day, amount = given.c
    number = cast(account, SqlText)
    bank = literal("assets:bank:", Code()) + number
    charge = kind == Kind.CHARGE
    postings = select(
        account,
        kind,
        literal("match:", Code()) + cast(match, SqlText),
        day,
        _either(charge, literal("expenses:charges:", Code()) + number, bank),
        _either(charge, bank, literal("income:interest:", Code()) + number),
        amount,
        cast(literal(None), Key()),
    )
    ledger.post_all(session, postings, actor=actor, now=now)


def unbook_all(session: Session, entries: Rows, *, actor: str, now: datetime) -> None:
    """Takes back what `book_all` booked; `entries` selects the ids of its journal entries."""
    ledger.reverse_all(session, entries, actor=actor, now=now)


def _either(
    condition: ColumnElement[bool], one: ColumnElement[str], other: ColumnElement[str]
) -> ColumnElement[str]:
    return case((condition, one), else_=other)


def _live(collection_account_id: int) -> Select[LinePattern]:
    return select(LinePattern).where(
        LinePattern.collection_account_id == collection_account_id,
        LinePattern.ended_at.is_(None),
    )


def _tell(session: Session, action: str, row: AccountOpening, *, by: str, now: datetime) -> None:
    audit.append(
        session,
        actor=by,
        action=action,
        subject=f"collection_account:{row.collection_account_id}",
        details={"amount": int(row.amount), "day": row.day.isoformat()},
        now=now,
    )
