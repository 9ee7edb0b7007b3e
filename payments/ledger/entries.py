"""Booking entries: sets of postings, and their mirrors."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Final

from sqlalchemy import (
    Column,
    Insert,
    Table,
    Text,
    and_,
    cast,
    insert,
    literal,
    select,
    union,
    update,
)
from sqlalchemy.orm import Session, aliased

from payments.core.columns import Amount, Code, Day, Instant, Key
from payments.core.database import Rows, numbered, table_of
from payments.core.temporary import analyze, scratch, temporary
from payments.ledger.days import closed_through
from payments.ledger.tables import JournalEntry, LedgerAccount, Posting

JOURNAL_ENTRY: Final = table_of(JournalEntry)

draft = Table(
    "draft_posting",
    scratch,
    Column("collection_account_id", Key()),
    Column("kind", Code()),
    Column("decision", Code()),
    Column("day", Day()),
    Column("debit_path", Code()),
    Column("credit_path", Code()),
    Column("amount", Amount()),
    Column("reverses_id", Key()),
    prefixes=["TEMPORARY"],
)

_entry = Table(
    "draft_entry",
    scratch,
    Column("id", Key()),
    Column("collection_account_id", Key()),
    Column("kind", Code()),
    Column("decision", Code()),
    Column("day", Day()),
    Column("reverses_id", Key()),
    prefixes=["TEMPORARY"],
)

_ENTRY: Final = tuple(column.name for column in _entry.c)


def post_all(session: Session, drafts: Rows, *, actor: str, now: datetime) -> None:
    """Books a set of postings; rows of equal kind and decision form one entry.

    `drafts` selects the columns of `draft`, in that order; `amount` is positive, `day` the
    accounting day wished for. A decision that is booked already is an integrity error: callers
    post each decision once, under the collection account's lock.
    """
    temporary(session, draft, _entry)
    session.execute(insert(draft).from_select(list(draft.c.keys()), drafts))
    _move_out_of_closed_days(session)
    session.execute(_accounts_not_open())
    _number_entries(session)
    analyze(session, draft, _entry)
    _write_entries(session, actor=actor, now=now)
    session.execute(_postings())


def reverse_all(session: Session, entries: Rows, *, actor: str, now: datetime) -> None:
    """Books the mirror of each entry whose id `entries` selects, on its day or the next open one.

    An entry is reversed once (its number is unique among `reverses_id`).
    """
    debited, credited = aliased(LedgerAccount), aliased(LedgerAccount)
    mirrored = (
        select(
            Posting.collection_account_id,
            literal("reversal", Code()),
            literal("entry:", Code()) + cast(Posting.journal_entry_id, Text),
            Posting.day,
            credited.path,
            debited.path,
            Posting.amount,
            Posting.journal_entry_id,
        )
        .join(debited, debited.id == Posting.debit_id)
        .join(credited, credited.id == Posting.credit_id)
        .where(Posting.journal_entry_id.in_(entries))
    )
    post_all(session, mirrored, actor=actor, now=now)


def _move_out_of_closed_days(session: Session) -> None:
    accounts = session.scalars(select(draft.c.collection_account_id).distinct())
    for account in list(accounts):
        closed = closed_through(session, account)
        if closed is not None:
            session.execute(
                update(draft)
                .where(draft.c.collection_account_id == account, draft.c.day <= closed)
                .values(day=closed + timedelta(days=1))
            )


@cache
def _accounts_not_open() -> Insert:
    named = union(
        select(draft.c.collection_account_id, draft.c.debit_path.label("path")),
        select(draft.c.collection_account_id, draft.c.credit_path),
    ).subquery()
    known = select(LedgerAccount.id).where(LedgerAccount.path == named.c.path).exists()
    return insert(LedgerAccount).from_select(
        ["collection_account_id", "path"], select(*named.c).where(~known)
    )


def _number_entries(session: Session) -> None:
    group = select(*[draft.c[name] for name in _ENTRY if name != "id"]).distinct().subquery()
    ids = numbered(session, JOURNAL_ENTRY, order_by=(group.c.decision, group.c.kind))
    session.execute(insert(_entry).from_select(list(_ENTRY), select(ids, *group.c)))


def _write_entries(session: Session, *, actor: str, now: datetime) -> None:
    session.execute(
        insert(JournalEntry).from_select(
            [*_ENTRY, "booked_at", "actor"],
            select(*_entry.c, literal(now, Instant()), literal(actor, Code())),
        )
    )


@cache
def _postings() -> Insert:
    debited, credited = aliased(LedgerAccount), aliased(LedgerAccount)
    drawn = (
        select(
            draft.c.collection_account_id,
            _entry.c.id,
            draft.c.day,
            debited.id,
            credited.id,
            draft.c.amount,
        )
        .join(
            _entry,
            and_(_entry.c.decision == draft.c.decision, _entry.c.kind == draft.c.kind),
        )
        .join(debited, debited.path == draft.c.debit_path)
        .join(credited, credited.path == draft.c.credit_path)
    )
    columns = [
        "collection_account_id",
        "journal_entry_id",
        "day",
        "debit_id",
        "credit_id",
        "amount",
    ]
    return insert(Posting).from_select(columns, drawn)
