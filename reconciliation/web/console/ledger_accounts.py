"""`/console/ledger`: ledger accounts with their balances; one with its postings, the newest first.

Postings are listed of one ledger account at a time: each of its sides has an index by day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from flask import render_template
from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased
from werkzeug.wrappers import Response

from payments import agencies, ledger
from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.calendar import local_day
from payments.core.errors import NotFound
from payments.core.money import Dong
from payments.core.service import Service
from payments.core.sheets import Cells, Heading, Kind
from payments.core.words import say
from payments.ledger import JournalEntry, LedgerAccount, Posting, Standing
from payments.web.auth import StaffPages, staff_only
from payments.web.paging import UnreadableCursor
from reconciliation.web.console.break_words import names_of
from reconciliation.web.console.listing import (
    Asking,
    as_csv,
    asked_for,
    day_or_none,
)
from reconciliation.web.console.parts import (
    NUMBER,
    READERS,
    account_of,
    asked_once,
    known_filters,
)
from reconciliation.web.console.postings import head

MOST_SHOWN: Final = 30
_AT_ONCE: Final = 500
_PLACE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})-(\d{1,18})", re.ASCII)


class UnknownLedgerAccount(NotFound):
    """No ledger account has that number."""

    code = "unknown_ledger_account"


@dataclass(frozen=True, slots=True)
class Balances:
    """The ledger accounts of each collection account as they stood at the end of a day."""

    on: date
    accounts: Sequence[tuple[CollectionAccount, Sequence[Standing]]]


@dataclass(frozen=True, slots=True)
class Asked(Asking):
    """What the address asks for: accounting days, both included."""

    since: str
    until: str


@dataclass(frozen=True, slots=True)
class Line:
    """A posting as one of its two accounts sees it: debited where `amount` is positive."""

    id: int
    day: date
    amount: Dong
    other: str
    other_id: int
    entry: int
    kind: str
    booked_at: datetime
    actor: str
    reverses: bool

    @property
    def place(self) -> tuple[date, int]:
        """Where it stands in the list."""
        return self.day, self.id


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a ledger account's postings; `balance` is that of the last day asked for."""

    asked: Asked
    ledger: LedgerAccount
    account: CollectionAccount
    on: date
    balance: Dong
    rows: Sequence[Line]
    names: Mapping[str, str]
    next: str | None


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the pages and the file of postings."""

    @pages.get("/ledger", endpoint="ledger")
    @staff_only(*READERS)
    def shown() -> str:
        known_filters("account", "on")
        told, today = day_or_none(asked_once("on")), local_day(clock.now())
        of, on = asked_once("account"), told or today
        found = cashless.database.read(lambda session: _balances(session, of, on))
        return render_template("console/ledger.html", shown=found, today=today)

    @pages.get(f"/ledger/<{NUMBER}:number>", endpoint="ledger_account")
    @staff_only(*READERS)
    def one(number: int) -> str:
        asked, after, today = asked_for(Asked), _place(asked_once("cursor")), local_day(clock.now())
        found = cashless.database.read(
            lambda session: _listed(session, number, asked, after=after, today=today)
        )
        return render_template("console/ledger_account.html", listed=found)

    @pages.get(f"/ledger/<{NUMBER}:number>.csv", endpoint="ledger_account_file")
    @staff_only(*READERS)
    def file(number: int) -> Response:
        asked = asked_for(Asked)
        return as_csv(cashless, f"so-cai-{number}", _headings(), lambda s: _every(s, number, asked))


def _balances(session: Session, of: str, on: date) -> Balances:
    chosen = [account_of(session, of)] if of else agencies.accounts(session, on=on)
    return Balances(on, [(one, ledger.standing(session, one.id, on=on)) for one in chosen])


def _listed(
    session: Session, number: int, asked: Asked, *, after: tuple[date, int] | None, today: date
) -> Listed:
    account = _known(session, number)
    on = day_or_none(asked.until) or today
    rows = page(session, number, asked, after=after, most=MOST_SHOWN + 1)
    shown = rows[:MOST_SHOWN]
    return Listed(
        asked=asked,
        ledger=account,
        account=session.get_one(CollectionAccount, account.collection_account_id),
        on=on,
        balance=ledger.balance(session, account.path, on=on),
        rows=shown,
        names=names_of(session, [one.actor for one in shown]),
        next=_spelt(shown[-1]) if len(rows) > MOST_SHOWN else None,
    )


def page(
    session: Session, number: int, asked: Asked, *, after: tuple[date, int] | None, most: int
) -> Sequence[Line]:
    """The postings of a ledger account after a place, the latest day first. Raises `NotADay`."""
    rows = [
        line
        for side, other, sign in _SIDES
        for line in _of_side(session, other, sign, _within(side, number, asked, after), most)
    ]
    return sorted(rows, key=lambda one: one.place, reverse=True)[:most]


def _within(
    side: InstrumentedAttribute[int], number: int, asked: Asked, after: tuple[date, int] | None
) -> list[ColumnElement[bool]]:
    within: list[ColumnElement[bool]] = [side == number]
    since, until = day_or_none(asked.since), day_or_none(asked.until)
    if since is not None:
        within.append(Posting.day >= since)
    if until is not None:
        within.append(Posting.day <= until)
    if after is not None:
        within += [Posting.day <= after[0], tuple_(Posting.day, Posting.id) < tuple_(*after)]
    return within


_SIDES: Final = (
    (Posting.debit_id, Posting.credit_id, 1),
    (Posting.credit_id, Posting.debit_id, -1),
)


def _of_side(
    session: Session,
    other: InstrumentedAttribute[int],
    sign: int,
    within: Sequence[ColumnElement[bool]],
    most: int,
) -> Iterator[Line]:
    against = aliased(LedgerAccount)
    chosen = select(Posting.id).where(*within).order_by(Posting.day.desc(), Posting.id.desc())
    rows = (
        select(Posting, JournalEntry, against)
        .join(JournalEntry, JournalEntry.id == Posting.journal_entry_id)
        .join(against, against.id == other)
        .where(Posting.id.in_(session.scalars(chosen.limit(most)).all()))
    )
    for posting, entry, account in session.execute(rows):
        yield Line(
            id=posting.id,
            day=posting.day,
            amount=Dong(sign * int(posting.amount)),
            other=account.path,
            other_id=account.id,
            entry=entry.id,
            kind=entry.kind,
            booked_at=entry.booked_at,
            actor=entry.actor,
            reverses=entry.reverses_id is not None,
        )


def _known(session: Session, number: int) -> LedgerAccount:
    found = session.get(LedgerAccount, number)
    if found is None:
        raise UnknownLedgerAccount(number=number)
    return found


def _place(text: str) -> tuple[date, int] | None:
    """The place that an address carries. Raises `UnreadableCursor`."""
    if not text:
        return None
    found = _PLACE.fullmatch(text)
    try:
        return (date.fromisoformat(found[1]), int(found[2])) if found else _unreadable()
    except ValueError:
        return _unreadable()


def _unreadable() -> tuple[date, int]:
    raise UnreadableCursor(pointer="query:cursor")


def _spelt(line: Line) -> str:
    return f"{line.day.isoformat()}-{line.id}"


def _headings() -> Sequence[Heading]:
    return [
        Heading(say("column.day"), Kind.DAY),
        Heading(say("column.debit"), Kind.AMOUNT),
        Heading(say("column.credit"), Kind.AMOUNT),
        Heading(say("column.other_account")),
        Heading(say("column.entry"), Kind.COUNT),
        Heading(say("column.entry_kind")),
        Heading(say("column.booked_at"), Kind.MOMENT),
    ]


def _every(session: Session, number: int, asked: Asked) -> Iterator[Cells]:
    """All postings asked for, some hundreds in memory at a time."""
    _known(session, number)
    after: tuple[date, int] | None = None
    while rows := page(session, number, asked, after=after, most=_AT_ONCE):
        for one in rows:
            debit, credit = (one.amount, None) if one.amount > 0 else (None, Dong(-one.amount))
            where = say(f"ledger.{head(one.other)}")
            kind = say(f"entry.{one.kind}")
            yield (one.day, debit, credit, where, one.entry, kind, one.booked_at)
        after = rows[-1].place
