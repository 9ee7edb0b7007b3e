"""The ledger for other programs: every posting as CSV, or a journal for hledger and beancount.

A journal is plain text that those programs add up by themselves, so what our ledger says can be
checked without it. Entries come in the order they were booked, one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Row as Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.agencies import CollectionAccount
from payments.core.database import Rows
from payments.core.sheets import Heading, Kind, csv_rows
from payments.ledger import JournalEntry, LedgerAccount, Posting
from reconciliation.reports.paths import for_beancount, for_hledger, readable, without_twins

_AT_ONCE: Final = 1000
_LONG_AGO: Final = date(1970, 1, 1)
_COLUMNS: Final = (
    ("entry", Kind.COUNT),
    ("day", Kind.DAY),
    ("booked_at", Kind.MOMENT),
    ("kind", Kind.TEXT),
    ("decision", Kind.TEXT),
    ("actor", Kind.TEXT),
    ("reverses", Kind.COUNT),
    ("account", Kind.TEXT),
    ("debit", Kind.TEXT),
    ("credit", Kind.TEXT),
    ("amount", Kind.AMOUNT),
)

Drawn = Result[*tuple[Any, ...]]


class Format(StrEnum):
    """Who is to read the ledger."""

    CSV = "csv"
    HLEDGER = "hledger"
    BEANCOUNT = "beancount"


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of the ledger: days by which postings count, and collection accounts."""

    accounts: Sequence[int]
    first: date | None = None
    last: date | None = None


def export(session: Session, part: Part, as_: Format) -> Iterator[str]:
    """The ledger in a format, piece by piece. CSV has names of columns for programs."""
    return _WRITERS[as_](session, part)


def postings(part: Part) -> Rows:
    """Every posting of a part with its entry, in the order of booking."""
    entry = JournalEntry
    account = (
        entry.collection_account_id + 0
    )  # no index by account: entries as they stand, unsorted
    found: Rows = (
        select(
            entry.id,
            entry.day,
            entry.booked_at,
            entry.kind,
            entry.decision,
            entry.actor,
            entry.reverses_id,
            entry.collection_account_id,
            Posting.debit_id,
            Posting.credit_id,
            Posting.amount,
        )
        .join(Posting, Posting.journal_entry_id == entry.id)
        .where(account.in_(part.accounts))
        .order_by(entry.id, Posting.id)
    )
    if part.first is not None:
        found = found.where(entry.day >= part.first)
    return found if part.last is None else found.where(entry.day <= part.last)


def _csv(session: Session, part: Part) -> Iterator[str]:
    paths = readable(session)
    numbers = {
        one.id: one.number
        for one in session.execute(select(CollectionAccount.id, CollectionAccount.number))
    }
    headings = [Heading(name, kind) for name, kind in _COLUMNS]
    cells = (
        (*row[:7], numbers[row[7]], paths[row[8]], paths[row[9]], int(row[10]))
        for row in _drawn(session, part)
    )
    return csv_rows(headings, cells)


def _hledger(session: Session, part: Part) -> Iterator[str]:
    names = _names(session, part, for_hledger)
    yield "; Sổ cái, mỗi bút toán một quyết định. Số dương: ghi nợ; số âm: ghi có.\n\n"
    yield "commodity VND\n    format 1000. VND\n\n"
    yield from (f"account {name}\n" for name in names.values())
    for first, rows in _entries(session, part):
        yield (
            f"\n{first.day} ({first.id}) {_plain(first.kind)}"
            f"  ; decision:{_plain(first.decision)}, actor:{_plain(first.actor)},"
            f" booked:{_stamp(first.booked_at)}\n"
        )
        for row in rows:
            yield f"    {names[row.debit_id]}  {int(row.amount)} VND\n"
            yield f"    {names[row.credit_id]}  -{int(row.amount)} VND\n"


def _beancount(session: Session, part: Part) -> Iterator[str]:
    names = _names(session, part, for_beancount)
    paths = readable(session)
    yield ";; Sổ cái, mỗi bút toán một quyết định. Số dương: ghi nợ; số âm: ghi có.\n\n"
    yield 'option "operating_currency" "VND"\n\n'
    for number, name in names.items():
        yield f'{_LONG_AGO} open {name} VND\n  path: "{_quoted(paths[number])}"\n'
    for first, rows in _entries(session, part):
        yield f'\n{first.day} * "{_quoted(first.kind)}" "{_quoted(first.decision)}"\n'
        yield f'  entry: "{first.id}"\n  actor: "{_quoted(first.actor)}"\n'
        yield f'  booked: "{_stamp(first.booked_at)}"\n'
        for row in rows:
            yield f"  {names[row.debit_id]}  {int(row.amount)} VND\n"
            yield f"  {names[row.credit_id]}  -{int(row.amount)} VND\n"


def _names(session: Session, part: Part, name: Callable[[str], str]) -> dict[int, str]:
    """The name of each ledger account of the part, no two alike."""
    paths = readable(session)
    ours = session.scalars(
        select(LedgerAccount.id)
        .where(LedgerAccount.collection_account_id.in_(part.accounts))
        .order_by(LedgerAccount.id)
    ).all()
    return dict(zip(ours, without_twins(name(paths[one]) for one in ours), strict=True))


def _entries(session: Session, part: Part) -> Iterator[tuple[Drawn, Sequence[Drawn]]]:
    """Each entry's first posting, and all of them."""
    for _, rows in groupby(_drawn(session, part), key=lambda row: row.id):
        of_entry = list(rows)
        yield of_entry[0], of_entry


def _drawn(session: Session, part: Part) -> Iterator[Drawn]:
    rows = postings(part).execution_options(yield_per=_AT_ONCE)
    with session.execute(rows) as streamed:
        yield from streamed


def _stamp(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _plain(text: str) -> str:
    """A text on a line of hledger: nothing that ends the line, a tag or begins a comment."""
    return "".join(c if c.isprintable() and c not in ";,|" else " " for c in text)


def _quoted(text: str) -> str:
    """A text between beancount's quotes."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return shown.replace("\\", "\\\\").replace('"', '\\"')


_WRITERS: Final[Mapping[Format, Callable[[Session, Part], Iterator[str]]]] = {
    Format.CSV: _csv,
    Format.HLEDGER: _hledger,
    Format.BEANCOUNT: _beancount,
}
