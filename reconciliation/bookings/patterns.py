"""The words by which an account's charges and interest are known; two people confirm them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Select, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments import agencies
from payments.advice import Direction
from payments.core import audit
from payments.core.approvals import SamePerson
from payments.core.columns import Code, Instant, Key, Words, one_of, partial_index
from payments.core.database import Row
from payments.core.errors import Conflict, Invalid, NotFound
from payments.core.text import plain

FEWEST_LETTERS: Final = 5
"""Of the words of a pattern: a shorter one is in too many memos."""

LONGEST: Final = 60

_WORD: Final = re.compile(r"[A-Z0-9]+")


class InvalidPattern(Invalid):
    """The words of a pattern have at least 5 letters, and 60 letters and digits at most."""

    code = "invalid_pattern"


class UnknownPattern(NotFound):
    """The account has no words of that number, or they are ended."""

    code = "unknown_pattern"


class PatternConfirmed(Conflict):
    """The words are confirmed already."""

    code = "pattern_confirmed"


class Kind(StrEnum):
    """What a line is booked as by its words."""

    CHARGE = "charge"
    INTEREST = "interest"


class LinePattern(Row):
    """Words by which an account's charges or interest are known, once a second person confirms."""

    __tablename__ = "line_pattern"
    __table_args__ = (
        partial_index(
            "uq_line_pattern_live",
            "collection_account_id",
            "kind",
            "words",
            unique=True,
            where="ended_at IS NULL",
        ),
        one_of("kind", Kind),
        CheckConstraint(f"length(words) BETWEEN {FEWEST_LETTERS} AND {LONGEST}", name="words"),
        CheckConstraint("confirmed_by <> proposed_by", name="four_eyes"),
        CheckConstraint("(confirmed_at IS NULL) = (confirmed_by IS NULL)", name="confirmed_by"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    kind: Mapped[str] = mapped_column(Code())
    words: Mapped[str] = mapped_column(Words())
    proposed_by: Mapped[str] = mapped_column(Code())
    proposed_at: Mapped[datetime] = mapped_column(Instant())
    confirmed_by: Mapped[str | None] = mapped_column(Code())
    confirmed_at: Mapped[datetime | None] = mapped_column(Instant())
    ended_by: Mapped[str | None] = mapped_column(Code())
    ended_at: Mapped[datetime | None] = mapped_column(Instant())


@dataclass(frozen=True, slots=True)
class Memo:
    """A line to be recognised by its words."""

    line_id: int
    direction: str
    text: str


def propose_pattern(
    session: Session,
    collection_account_id: int,
    *,
    kind: Kind,
    words: str,
    by: str,
    now: datetime,
) -> LinePattern:
    """Proposes that lines of the account with these words in their memo are booked as `kind`.

    Accents, case and punctuation do not count. Words that are known already stay as they are.
    Raises `InvalidPattern`.
    """
    folded = fold(words)
    if sum(c.isalpha() for c in folded) < FEWEST_LETTERS or len(folded) > LONGEST:
        raise InvalidPattern(least=FEWEST_LETTERS, most=LONGEST, pointer="/words")
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
            proposed_by=by,
            proposed_at=now,
        )
        session.add(row)
        session.flush()
        _tell_pattern(session, "proposed", row, by=by, now=now)
    return row


def confirm_pattern(session: Session, pattern: LinePattern, *, by: str, now: datetime) -> None:
    """From now on lines are booked by these words, which another person proposed.

    Raises `UnknownPattern` for ended ones, `PatternConfirmed` or `SamePerson`.
    """
    _hold(session, pattern)
    if pattern.confirmed_by is not None:
        raise PatternConfirmed
    if pattern.proposed_by == by:
        raise SamePerson
    pattern.confirmed_by, pattern.confirmed_at = by, now
    session.flush()
    _tell_pattern(session, "confirmed", pattern, by=by, now=now)


def end_pattern(session: Session, pattern: LinePattern, *, by: str, now: datetime) -> None:
    """Lines are no longer booked by these words; what was booked stays. One person does that.

    Raises `UnknownPattern` for ended ones.
    """
    _hold(session, pattern)
    pattern.ended_by, pattern.ended_at = by, now
    session.flush()
    _tell_pattern(session, "ended", pattern, by=by, now=now)


def pattern_of(session: Session, collection_account_id: int, number: int) -> LinePattern:
    """The account's words of that number that are not ended. Raises `UnknownPattern`."""
    found = session.scalar(_live(collection_account_id).where(LinePattern.id == number))
    if found is None:
        raise UnknownPattern(number=number)
    return found


def known_patterns(session: Session, collection_account_id: int) -> Sequence[LinePattern]:
    """An account's words, confirmed or only proposed."""
    return session.scalars(_live(collection_account_id).order_by(LinePattern.id)).all()


def patterns_of(session: Session, collection_account_id: int) -> Sequence[LinePattern]:
    """The words by which an account's lines are booked."""
    confirmed = LinePattern.confirmed_at.is_not(None)
    return session.scalars(
        _live(collection_account_id).where(confirmed).order_by(LinePattern.id)
    ).all()


def proposed_patterns(session: Session) -> Sequence[LinePattern]:
    """The words that wait for a second person, of every account."""
    waiting = LinePattern.confirmed_at.is_(None) & LinePattern.ended_at.is_(None)
    return session.scalars(select(LinePattern).where(waiting).order_by(LinePattern.id)).all()


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


def _live(collection_account_id: int) -> Select[LinePattern]:
    return select(LinePattern).where(
        LinePattern.collection_account_id == collection_account_id,
        LinePattern.ended_at.is_(None),
    )


def _hold(session: Session, pattern: LinePattern) -> None:
    agencies.lock(session, pattern.collection_account_id)
    session.refresh(pattern)
    if pattern.ended_at is not None:
        raise UnknownPattern(number=pattern.id)


def _tell_pattern(
    session: Session, what: str, pattern: LinePattern, *, by: str, now: datetime
) -> None:
    audit.append(
        session,
        actor=by,
        action=f"pattern.{what}",
        subject=f"line_pattern:{pattern.id}",
        details={
            "kind": pattern.kind,
            "words": pattern.words,
            "account": pattern.collection_account_id,
        },
        now=now,
    )
