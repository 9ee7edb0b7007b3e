"""`/console/ledger/entries/{number}`: what was booked and why, down to the message and the line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from flask import render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.agencies import CollectionAccount
from payments.core.errors import NotFound
from payments.core.service import Service
from payments.credits import Credit
from payments.ledger import JournalEntry
from payments.payouts import Payout
from payments.web.auth import StaffPages, staff_only
from reconciliation import breaks, matching
from reconciliation.breaks import Entry
from reconciliation.matching import LineMatch
from reconciliation.statements import StatementLine
from reconciliation.web.console.break_words import Happened, history, names_of
from reconciliation.web.console.one_break import RAW_READERS
from reconciliation.web.console.parts import NUMBER, READERS
from reconciliation.web.console.postings import Booked, postings_of

MOST_LINES: Final = 20
"""Lines of one match whose histories are shown; the others stand on the match's page."""


class UnknownEntry(NotFound):
    """No entry of the ledger has that number."""

    code = "unknown_entry"


@dataclass(frozen=True, slots=True)
class Cause:
    """What decided an entry, as far as its text names something that has a page."""

    credit: Credit | None = None
    match: LineMatch | None = None
    line: StatementLine | None = None
    payout: Payout | None = None
    told: Sequence[Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry as its page shows it; `reversed_by` is the entry that took it back, if one did."""

    entry: JournalEntry
    account: CollectionAccount
    booked: Sequence[Booked]
    reversed_by: int | None
    cause: Cause
    history: Sequence[Happened]
    names: Mapping[str, str]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page."""

    @pages.get(f"/ledger/entries/<{NUMBER}:number>", endpoint="entry")
    @staff_only(*READERS)
    def shown(number: int) -> str:
        found = cashless.database.read(lambda session: _shown(session, number))
        return render_template("console/entry.html", shown=found, raw_readers=RAW_READERS)


def _shown(session: Session, number: int) -> Shown:
    entry = session.get(JournalEntry, number)
    if entry is None:
        raise UnknownEntry(number=number)
    cause = _cause(session, _first(session, entry))
    told = sorted(cause.told, key=lambda one: one.at)
    booked = postings_of(session, select(JournalEntry.id).where(JournalEntry.id == entry.id))
    actors = [entry.actor, *[one.by for one in told], *[one.actor for one in booked]]
    names = names_of(session, actors)
    return Shown(
        entry=entry,
        account=session.get_one(CollectionAccount, entry.collection_account_id),
        booked=booked,
        reversed_by=session.scalar(
            select(JournalEntry.id).where(JournalEntry.reverses_id == entry.id)
        ),
        cause=cause,
        history=history(told, names),
        names=names,
    )


def _first(session: Session, entry: JournalEntry) -> JournalEntry:
    """The entry itself, or the one that it takes back: that one was decided by something."""
    return entry if entry.reverses_id is None else session.get_one(JournalEntry, entry.reverses_id)


def _cause(session: Session, entry: JournalEntry) -> Cause:
    """What the text of the decision names: `credit:812`, `match:77`, `line:9`, `payout:3:back`."""
    kind, _, rest = entry.decision.partition(":")
    number = rest.partition(":")[0]
    if not number.isdigit():
        return Cause()
    if kind in ("credit", "merge", "withdrawal"):
        return _of_credit(session, int(number))
    if kind == "match":
        return _of_match(session, int(number))
    if kind == "line":
        return _of_line(session, int(number))
    return Cause(payout=session.get(Payout, int(number)) if kind == "payout" else None)


def _of_credit(session: Session, number: int) -> Cause:
    credit = session.get(Credit, number)
    return Cause() if credit is None else Cause(credit, told=[*breaks.of_credit(session, credit)])


def _of_line(session: Session, number: int) -> Cause:
    line = session.get(StatementLine, number)
    return Cause() if line is None else Cause(line=line, told=[*breaks.of_line(session, line)])


def _of_match(session: Session, number: int) -> Cause:
    match = session.get(LineMatch, number)
    if match is None:
        return Cause()
    credit = session.scalars(
        select(Credit).where(Credit.id.in_(matching.credits_of(match))).order_by(Credit.id).limit(1)
    ).first()
    if credit is not None:
        return Cause(credit, match, told=[*breaks.of_credit(session, credit)])
    lines = select(StatementLine).where(StatementLine.id.in_(matching.lines_of(match)))
    found = session.scalars(lines.order_by(StatementLine.id).limit(MOST_LINES)).all()
    told = [entry for line in found for entry in breaks.of_line(session, line)]
    return Cause(match=match, told=told)
