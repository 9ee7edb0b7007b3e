"""Lines that are no citizen's credit: opening, charges, interest, transfers, money to be got back.

What the account held before its first statement is booked once, proposed by one person and
approved by another. Charges and interest are known by words in their memo, which two people
confirm once for each account; lines that carry our own codes are never taken for them.

What left and should not have (a payout that the bank sent twice, a reversal of money that was
given back since) is to be got back from whoever has it: staff say so, line by line, and say of a
credit that it is such money come back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    UniqueConstraint,
    case,
    cast,
    literal,
    select,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments import agencies, ledger
from payments.advice import Direction
from payments.core import audit
from payments.core.approvals import SamePerson
from payments.core.columns import Amount, Code, Day, Instant, Key
from payments.core.database import Row, Rows
from payments.core.errors import Conflict, Invalid, NotFound
from payments.core.money import MOST, ZERO, Dong
from reconciliation.bookings.patterns import (
    InvalidPattern,
    Kind,
    LinePattern,
    Memo,
    PatternConfirmed,
    UnknownPattern,
    confirm_pattern,
    end_pattern,
    fold,
    known_patterns,
    pattern_of,
    patterns_of,
    propose_pattern,
    proposed_patterns,
    recognise,
)

__all__ = [
    "AccountOpening",
    "Booking",
    "InvalidPattern",
    "Kind",
    "LinePattern",
    "Memo",
    "NotAnOpening",
    "NothingProposed",
    "NothingToGetBack",
    "OpeningApproved",
    "PatternConfirmed",
    "SamePerson",
    "UnknownPattern",
    "approve_opening",
    "book_all",
    "confirm_pattern",
    "end_pattern",
    "fold",
    "known_patterns",
    "open_account",
    "opening_of",
    "pattern_of",
    "patterns_of",
    "propose_opening",
    "propose_pattern",
    "proposed_openings",
    "proposed_patterns",
    "recognise",
    "to_get_back",
    "transfer_all",
    "unbook_all",
]


class OpeningApproved(Conflict):
    """The account's opening balance is booked already."""

    code = "opening_approved"


class NothingProposed(NotFound):
    """There is nothing to approve."""

    code = "nothing_proposed"


class NotAnOpening(Invalid):
    """An opening balance is a positive amount; an account that began empty needs none."""

    code = "not_an_opening"


class NothingToGetBack(Conflict):
    """No more comes back than was booked as to be got back."""

    code = "nothing_to_get_back"


class Booking(StrEnum):
    """What a line is booked as that is no payer's money."""

    CHARGE = "charge"
    INTEREST = "interest"
    RECEIVABLE = "receivable"  # left, and is to be got back
    RECOVERED = "recovered"  # such money came back


_BANK: Final = "assets:bank:"
_SIDES: Final[Mapping[Booking, tuple[str, str]]] = MappingProxyType(
    {
        Booking.CHARGE: ("expenses:charges:", _BANK),
        Booking.INTEREST: (_BANK, "income:interest:"),
        Booking.RECEIVABLE: ("assets:receivable:", _BANK),
        Booking.RECOVERED: (_BANK, "assets:receivable:"),
    }
)
"""Which ledger accounts are debited and credited, each of the collection account."""


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


def proposed_openings(session: Session) -> Sequence[AccountOpening]:
    """The opening balances that wait for a second person, of every account."""
    waiting = AccountOpening.approved_at.is_(None)
    return session.scalars(select(AccountOpening).where(waiting)).all()


def book_all(session: Session, lines: Rows, *, actor: str, now: datetime) -> None:
    """Books lines as what they are: charges (Dr charges, Cr bank), interest (Dr bank, Cr interest).

    What is to be got back is Dr receivable, Cr bank, and the other way round when it comes. `lines`
    selects (collection_account_id, match_id, kind, day, amount), the kind one of `Booking`.
    """
    given = lines.subquery()
    account, match, kind, day, amount = given.c
    debited, credited = (
        case(*[(kind == one.value, literal(sides[side], Code())) for one, sides in _SIDES.items()])
        for side in (0, 1)
    )
    number = cast(account, SqlText)
    postings = select(
        account,
        kind,
        literal("match:", Code()) + cast(match, SqlText),
        day,
        debited + number,
        credited + number,
        amount,
        cast(literal(None), Key()),
    )
    ledger.post_all(session, postings, actor=actor, now=now)


def to_get_back(session: Session, collection_account_id: int) -> Dong:
    """What of an account's money is to be got back, in đồng."""
    return ledger.balance(session, f"assets:receivable:{collection_account_id}")


def transfer_all(session: Session, lines: Rows, *, actor: str, now: datetime) -> None:
    """Books both halves of transfers between our accounts, each on its own account.

    What leaves one is Dr transfers, Cr bank there; what reaches the other is Dr bank, Cr transfers
    there: over all accounts, transfers come to what is still under way at a day's end. `lines`
    selects (collection_account_id, match_id, direction, day, amount).
    """
    given = lines.subquery()
    account, match, direction, day, amount = given.c
    number = cast(account, SqlText)
    bank = literal("assets:bank:", Code()) + number
    transfers = literal("assets:transfers:", Code()) + number
    leaves = direction == Direction.DEBIT
    postings = select(
        account,
        literal("transfer", Code()),
        literal("match:", Code()) + cast(match, SqlText),
        day,
        _either(leaves, transfers, bank),
        _either(leaves, bank, transfers),
        amount,
        cast(literal(None), Key()),
    )
    ledger.post_all(session, postings, actor=actor, now=now)


def unbook_all(session: Session, entries: Rows, *, actor: str, now: datetime) -> None:
    """Takes back what `book_all` or `transfer_all` booked.

    `entries` selects the ids of their journal entries.
    """
    ledger.reverse_all(session, entries, actor=actor, now=now)


def _either(
    condition: ColumnElement[bool], one: ColumnElement[str], other: ColumnElement[str]
) -> ColumnElement[str]:
    return case((condition, one), else_=other)


def _tell(session: Session, action: str, row: AccountOpening, *, by: str, now: datetime) -> None:
    audit.append(
        session,
        actor=by,
        action=action,
        subject=f"collection_account:{row.collection_account_id}",
        details={"amount": int(row.amount), "day": row.day.isoformat()},
        now=now,
    )
