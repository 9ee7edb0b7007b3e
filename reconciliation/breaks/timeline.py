"""The history of a break, down to the raw message and the line of the file; read, never written.

Told are the messages that speak of its credit, the statement lines and their files, matches made
and revoked, what was booked, and what people decided and wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, aliased

from payments import credits
from payments.connections import Connection
from payments.core import approvals, audit
from payments.core.approvals import Approval, State
from payments.core.money import Dong
from payments.credits import Credit, Evidence
from payments.inbox import Callback
from payments.ledger import JournalEntry, LedgerAccount, Posting
from reconciliation import matching, statements
from reconciliation.breaks.about import (
    callback_of,
    claim_of,
    credit_of,
    line_of,
    statement_of,
)
from reconciliation.breaks.tables import Break
from reconciliation.breaks.working import notes_of
from reconciliation.matching import LineMatch, MatchMember
from reconciliation.statements import Statement, StatementFile, StatementLine

MOST: Final = 500
"""Entries of the audit trail about one break."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened: when, what, by whom; `facts` fill in its words.

    `raw` is a message as it was received; it names the payer.
    """

    at: datetime
    what: str
    by: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    raw: str | None = None


def timeline(session: Session, one: Break) -> Sequence[Entry]:
    """Everything that is known to have happened about a break, in order."""
    credit, line = credit_of(session, one), line_of(session, one)
    told = [*_of_message(session, one), *_of_statement(session, one), *_of_people(session, one)]
    told += _of_claim(session, one)
    told += [] if credit is None else of_credit(session, credit)
    told += [] if line is None else of_line(session, line)
    told.append(Entry(one.found_at, "found"))
    if one.cleared_at is not None:
        told.append(Entry(one.cleared_at, "cleared"))
    return sorted(told, key=lambda entry: entry.at)


def of_credit(session: Session, credit: Credit) -> Iterator[Entry]:
    """Who told of a credit, what staff decided, its matches and what was booked; in no order."""
    rows = session.execute(
        select(Evidence, Callback)
        .join(Callback, Callback.id == Evidence.callback_id)
        .where(Evidence.credit_id == credit.id)
        .order_by(Callback.id)
    )
    for evidence, callback in rows:
        facts = {"source": evidence.source, "event": evidence.event_id, "trust": evidence.trust}
        yield Entry(callback.received_at, "told", facts=facts, raw=_text(callback.body))
    for given, reference in credits.assignments(session, credit.id):
        facts = {"request": reference}
        yield Entry(given.assigned_at, "assigned", by=given.assigned_by, facts=facts)
        if given.ended_at is not None:
            why = {**facts, "reason": given.reason or ""}
            yield Entry(given.ended_at, "unassigned", by=given.ended_by, facts=why)
    for proposal in approvals.of_subject(session, f"credit:{credit.id}"):
        yield from _of_proposal(proposal)
    matches = _matches(session, credit.collection_account_id, credit=credit.id)
    for match in matches:
        yield from _of_match(match)
        yield from _lines_of(session, match)
    decisions = [f"credit:{credit.id}", f"withdrawal:{credit.id}"]
    decisions += [f"credit:{credit.id}:{n}" for n in range(2, credit.decisions + 1)]
    decisions += [f"set_off:{credit.id}:{n}" for n in range(credit.decisions)]
    taken_back = [f"unassignment:{credit.id}:{n}" for n in range(credit.decisions)]
    decisions += [f"credit:{credit.id}:back:{decision}" for decision in taken_back]
    decisions += [f"match:{match.id}" for match in matches]
    yield from _booked(session, credit.collection_account_id, decisions)


def _of_proposal(one: Approval) -> Iterator[Entry]:
    """What was proposed about a credit, and what another person or its maker said to that."""
    decision = {"decision": one.action.partition(".")[2]}
    yield Entry(one.proposed_at, "proposed", by=one.maker, facts=decision | {"reason": one.reason})
    if one.decided_at is not None:
        what = one.state
        if one.state == State.WITHDRAWN:
            what = "lapsed" if one.answer else "taken_back"
        by = None if what == "lapsed" else one.checker or one.maker
        yield Entry(one.decided_at, what, by=by, facts=decision | {"answer": one.answer or ""})


def of_line(session: Session, line: StatementLine) -> Iterator[Entry]:
    """From which file a line is, its matches, and what was booked; in no order."""
    yield from _line(session, line)
    account = statements.account_of(session, line)
    matches = _matches(session, account, line=line.id)
    for match in matches:
        yield from _of_match(match)
    decisions = [f"match:{match.id}" for match in matches]
    yield from _booked(session, account, decisions)


def _of_message(session: Session, one: Break) -> Iterator[Entry]:
    """Every message of the event that was told in different words."""
    callback = callback_of(session, one)
    if callback is None:
        return
    rows = session.execute(
        select(Callback, Connection.source)
        .join(Connection, Connection.id == Callback.connection_id)
        .where(
            Callback.connection_id == callback.connection_id,
            Callback.event_id == callback.event_id,
        )
        .order_by(Callback.id)
    )
    for message, source in rows:
        facts = {"source": source, "event": message.event_id, "state": message.state}
        yield Entry(message.received_at, "received", facts=facts, raw=_text(message.body))


def _of_statement(session: Session, one: Break) -> Iterator[Entry]:
    statement = statement_of(session, one)
    if statement is not None:
        file = session.get_one(StatementFile, statement.statement_file_id)
        facts = {
            "file": file.filename,
            "format": statement.format,
            "sha256": file.sha256,
            "lines": statement.lines,
        }
        yield Entry(file.received_at, "statement", by=file.received_by, facts=facts)


def _of_claim(session: Session, one: Break) -> Iterator[Entry]:
    claim = claim_of(session, one)
    if claim is not None:
        facts = {"claim": claim.number, "words": claim.words}
        yield Entry(claim.made_at, "claimed", facts=facts)


def _of_people(session: Session, one: Break) -> Iterator[Entry]:
    for note in notes_of(session, one):
        facts = {
            "kind": note.kind,
            "words": note.words,
            "number": note.number,
            "file": note.filename,
            "note": note.public_id,
        }
        yield Entry(note.written_at, "noted", by=note.written_by, facts=facts)
    for entry in audit.of_subjects(session, [f"break:{one.public_id}"], most=MOST):
        if entry.action != "break.noted":
            what = entry.action.removeprefix("break.")
            yield Entry(entry.at, what, by=entry.actor, facts=entry.details)


def _matches(
    session: Session, account: int, *, credit: int | None = None, line: int | None = None
) -> Sequence[LineMatch]:
    """The matches that a credit or a line is or was in, revoked ones too."""
    found = {
        number for query in in_matches(account, credit, line) for number in session.scalars(query)
    }
    rows = select(LineMatch).where(LineMatch.id.in_(found)).order_by(LineMatch.id)
    return session.scalars(rows).all()


def in_matches(account: int, credit: int | None, line: int | None) -> list[Select[Any]]:
    """The ids of the matches of a credit, else of a line: live ones, revoked ones, joined ones."""
    live, revoked = LineMatch.revoked_at.is_(None), LineMatch.revoked_at.is_not(None)
    ours = select(LineMatch.id).where(LineMatch.collection_account_id == account)
    joined = select(MatchMember.line_match_id).where(MatchMember.collection_account_id == account)
    if credit is None:
        first = LineMatch.first_line_id == line
        joined = joined.where(MatchMember.statement_line_id == line)
        return [ours.where(first, live), ours.where(first, revoked), joined]
    first, back = LineMatch.first_credit_id == credit, LineMatch.reversed_credit_id == credit
    joined = joined.where(MatchMember.credit_id == credit)
    either = ours.where(or_(first, back), revoked)  # few were ever revoked
    return [ours.where(first, live), ours.where(back, live), either, joined]


def _of_match(match: LineMatch) -> Iterator[Entry]:
    facts = {"rule": match.rule, "reasons": match.reasons, "amount": match.amount}
    yield Entry(match.made_at, "matched", by=match.made_by, facts=facts)
    if match.revoked_at is not None:
        why = {"reason": match.revoke_reason}
        yield Entry(match.revoked_at, "unmatched", by=match.revoked_by, facts=why)


def _lines_of(session: Session, match: LineMatch) -> Iterator[Entry]:
    ours = select(StatementLine).where(StatementLine.id.in_(matching.lines_of(match)))
    for line in session.scalars(ours.order_by(StatementLine.id)):
        yield from _line(session, line)


def _line(session: Session, line: StatementLine) -> Iterator[Entry]:
    """A line as its file has it."""
    statement = session.get_one(Statement, line.statement_id)
    file = session.get_one(StatementFile, statement.statement_file_id)
    facts = {
        "number": line.number,
        "file": file.filename,
        "sha256": file.sha256,
        "day": line.day,
        "amount": line.amount,
        "memo": line.memo,
        "reference": line.bank_reference,
        "direction": line.direction,
    }
    yield Entry(file.received_at, "line", by=file.received_by, facts=facts)
    if statement.set_aside_at is not None:
        why = {"reason": statement.set_aside_because}
        yield Entry(statement.set_aside_at, "set_aside", by=statement.set_aside_by, facts=why)


def _booked(session: Session, account: int, decisions: Sequence[str]) -> Iterator[Entry]:
    debit, credit = aliased(LedgerAccount), aliased(LedgerAccount)
    entry = JournalEntry
    made = session.scalars(decided(account, decisions)).all()
    undone = session.scalars(select(entry.id).where(entry.reverses_id.in_(made))).all()
    rows = session.execute(
        select(entry.booked_at, entry.actor, entry.day, debit.path, credit.path, Posting.amount)
        .join(Posting, Posting.journal_entry_id == entry.id)
        .join(debit, debit.id == Posting.debit_id)
        .join(credit, credit.id == Posting.credit_id)
        .where(entry.id.in_([*made, *undone]))
        .order_by(Posting.id)
    )
    for at, by, day, to, from_, amount in rows:
        facts = {"to": _head(to), "from": _head(from_), "amount": Dong(amount), "day": day}
        yield Entry(at, "booked", by=by, facts=facts)


def decided(account: int, decisions: Sequence[str]) -> Select[Any]:
    """The ids of the journal entries that these decisions made."""
    return select(JournalEntry.id).where(
        JournalEntry.collection_account_id == account,
        JournalEntry.kind.in_(_KINDS),
        JournalEntry.decision.in_(decisions),
    )


_KINDS: Final = (
    *("credit", "deallocation", "withdrawal", "set_off", "match", "charge", "interest", "transfer"),
    *("receivable", "recovered", "payout", "returned"),
)
"""The kinds of journal entries whose decisions name a credit or a match."""


def _head(path: str) -> str:
    """A ledger path without what is numbered: `liabilities:held:1` is `liabilities.held`."""
    return ".".join(path.split(":")[:2])


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
