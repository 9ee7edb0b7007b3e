"""Matching by rule, on sets: the same statements on both engines.

Only identity evidence matches by itself; amount and date never do. Lines are taken in chunks, in
two walks. The first sees payouts and confirms credits that messages told of. The second looks at
what is left: transfers between our accounts, charges and interest, credits that nobody told us of,
and what the bank took back. So no line is taken for news while a later line might still show whose
credit is whose.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    and_,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from payments import credits, settlement
from payments.advice import Direction
from payments.core.columns import Code, Flag, Key
from payments.core.database import Rows, renew_statistics, table_of
from payments.core.temporary import materialise, scratch, temporary
from payments.credits import Credit
from payments.ledger import JournalEntry
from payments.payment_requests import PaymentRequest
from reconciliation import bookings
from reconciliation.bookings import Memo
from reconciliation.matching.matches import book_found, make_all
from reconciliation.matching.outgoing import names_payout, pay_out
from reconciliation.matching.reversals import reverse
from reconciliation.matching.sets import (
    CREDIT,
    LINE,
    Cursor,
    chunk,
    find,
    found,
    how_many,
    lay_out,
    lines_of_chunk,
    numbered_match,
    untold,
)
from reconciliation.matching.tables import LineMatch, Rule
from reconciliation.matching.transfers import awaited, match_transfers
from reconciliation.statements import LineReference, StatementLine

MATCH: Final = table_of(LineMatch)
REFERENCE: Final = table_of(LineReference)

MOST_AT_ONCE: Final = 2_000
"""Lines of one unit of work: short enough that nobody waits long for the account's lock."""

MANY: Final = 1_000
GROWN: Final = tuple(
    table_of(row)
    for row in (StatementLine, LineReference, LineMatch, Credit, JournalEntry, PaymentRequest)
)
"""What a day's bulk made larger than PostgreSQL's planner knows: it once took a day's credits for
a handful and looked through all of them for each line."""

_news: Final = Table(
    "credit_news",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    prefixes=["TEMPORARY"],
)
"""Credits of which lines tell more than was known."""


class Walk(StrEnum):
    """The two walks over the lines that are not booked yet."""

    CONFIRM = "confirm"
    TAKE = "take"


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one step did; `reached` is None when no line was left.

    `touched` are the other accounts on which halves of transfers were booked with it.
    """

    reached: Cursor | None
    lines: int
    matched: int
    touched: frozenset[int] = frozenset()


def match_chunk(
    session: Session,
    collection_account_id: int,
    *,
    walk: Walk,
    through: date,
    after: Cursor | None,
    actor: str,
    now: datetime,
    most: int = MOST_AT_ONCE,
    others: Collection[int] = (),
) -> Chunk:
    """Matches what it can of the next lines up to a day; the caller holds the account's lock.

    Transfers are matched from and to `others`, our accounts whose locks the caller holds too.
    """
    account, touched = collection_account_id, frozenset[int]()
    if walk is Walk.TAKE:
        touched = match_transfers(
            session, account, others=others, through=through, most=most, actor=actor, now=now
        )
    reached = lay_out(session, account, through=through, after=after, most=most)
    lines = how_many(session, chunk)
    if lines >= MANY if after is None else lines < most:
        renew_statistics(session, *GROWN)  # a long walk begins, or it ends
    if reached is None:
        return Chunk(None, 0, 0, touched)
    matched = pay_out(session, actor=actor, now=now)
    matched += _confirm(session, actor=actor, now=now)
    if walk is Walk.TAKE:
        matched += _book(session, account, actor=actor, now=now)
        matched += _take(session, account, actor=actor, now=now)
        matched += reverse(session, actor=actor, now=now)
    return Chunk(reached, lines, matched, touched)


def _confirm(session: Session, *, actor: str, now: datetime) -> int:
    """Credits that were told and now stand on the statement."""
    asked = (
        chunk.c.line_id,
        chunk.c.collection_account_id,
        chunk.c.amount,
        chunk.c.day,
        chunk.c.code,
        chunk.c.virtual_account,
        chunk.c.payer_key,
        chunk.c.bank_reference,
    )
    lines = lines_of_chunk().where(*_plain_credit()).with_only_columns(*asked)
    credits.pair_lines(session, lines)
    paired = credits.pairing.c
    matched = find(session, select(paired.told_id, paired.credit_id, paired.rule))
    if matched:
        make_all(session, actor=actor, now=now)
        _learn(session)
        settlement.confirm_all(session, _confirmed(), actor=actor, now=now)
        if how_many(session, _news):
            settlement.tie_all(session, select(_news.c.credit_id), now=now)
    return matched


def _learn(session: Session) -> None:
    """What lines tell of their credits; those it is news for go into `_news`."""
    told = (
        select(
            found.c.credit_id,
            LINE.c.code,
            LINE.c.virtual_account,
            LINE.c.bank_reference,
            LINE.c.payer_key,
            LINE.c.payer,
            literal(True, Flag()),
        )
        .join(LINE, LINE.c.id == found.c.line_id)
        .subquery()
    )
    unknown = or_(
        CREDIT.c.finding.is_(None), and_(CREDIT.c.code.is_(None), told.c.code.is_not(None))
    )
    news = select(told.c.credit_id).join(CREDIT, CREDIT.c.id == told.c.credit_id).where(unknown)
    materialise(session, _news, news)
    credits.learn(session, select(*told.c), seen=True)


def _take(session: Session, collection_account_id: int, *, actor: str, now: datetime) -> int:
    """Credits that nobody told: they go through settlement like any other, and are seen at once."""
    rule = literal(Rule.MISSED_CALLBACK.value, Code())
    nobodys = lines_of_chunk().where(
        *_plain_credit(),
        ~_differs_in_amount(),
        ~_may_be_told(),
        ~awaited(session, collection_account_id),
    )
    taken = find(session, nobodys.add_columns(literal(None, Key()), rule))
    if not taken:
        return 0
    lines = select(
        LINE.c.id,
        LINE.c.collection_account_id,
        LINE.c.amount,
        LINE.c.booked_at,
        LINE.c.day,
        LINE.c.memo,
        LINE.c.bank_reference,
        LINE.c.code,
        LINE.c.virtual_account,
        LINE.c.payer_key,
        LINE.c.payer,
    ).join(found, found.c.line_id == LINE.c.id)
    references = select(REFERENCE.c.statement_line_id, REFERENCE.c.code, REFERENCE.c.kind).where(
        REFERENCE.c.collection_account_id == chunk.c.collection_account_id,
        REFERENCE.c.statement_line_id == chunk.c.line_id,
        chunk.c.line_id == found.c.line_id,
    )
    credits.found_all(session, lines, references, now=now)
    session.execute(
        update(found)
        .where(found.c.line_id == credits.arrival.c.told_id)
        .values(credit_id=credits.arrival.c.credit_id)
    )
    settlement.settle_all(session, select(found.c.credit_id), actor=actor, now=now)
    make_all(session, actor=actor, now=now)
    settlement.confirm_all(session, _confirmed(), actor=actor, now=now)
    return taken


def _book(session: Session, collection_account_id: int, *, actor: str, now: datetime) -> int:
    """Charges and interest, by the words that staff confirmed for the account."""
    patterns = bookings.patterns_of(session, collection_account_id)
    if not patterns:
        return 0
    rows = session.execute(
        lines_of_chunk()
        .where(LINE.c.code.is_(None), LINE.c.payout_code.is_(None), LINE.c.reversal.is_(False))
        .with_only_columns(LINE.c.id, LINE.c.direction, LINE.c.memo)
    )
    known = bookings.recognise(patterns, [Memo(*row) for row in rows])
    if not known:
        return 0
    temporary(session, found, numbered_match)
    session.execute(
        insert(found), [{"line_id": line, "rule": kind.value} for line, kind in known.items()]
    )
    book_found(session, actor=actor, now=now)
    return len(known)


def _confirmed() -> Rows:
    return (
        select(found.c.credit_id, numbered_match.c.match_id, chunk.c.booked_on)
        .join(numbered_match, numbered_match.c.line_id == found.c.line_id)
        .join(chunk, chunk.c.line_id == found.c.line_id)
    )


def _plain_credit() -> tuple[ColumnElement[bool], ...]:
    return (
        chunk.c.direction == Direction.CREDIT,
        chunk.c.reversal.is_(False),
        ~names_payout(),
    )


def _differs_in_amount() -> ColumnElement[bool]:
    """Told under the same bank reference on the same day, with another amount."""
    return untold(
        CREDIT.c.bank_reference == chunk.c.bank_reference, CREDIT.c.amount != chunk.c.amount
    )


def _may_be_told() -> ColumnElement[bool]:
    """Nothing but amount and day says that it is, and nothing says that it is not."""
    may_be = untold(
        CREDIT.c.amount == chunk.c.amount,
        or_(CREDIT.c.payer_key.is_(None), chunk.c.payer_key.is_(None)),
        or_(CREDIT.c.bank_reference.is_(None), chunk.c.bank_reference.is_(None)),
    )
    return and_(chunk.c.code.is_(None), may_be)
