"""Matches as rows: made in sets, revoked one by one."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import case, insert, literal, select, union_all
from sqlalchemy.orm import Session

from payments import agencies, ledger, settlement
from payments.core import audit
from payments.core.columns import Code, Instant, Json, Key
from payments.core.database import Rows, analyze, numbered, table_of
from payments.core.errors import Conflict, NotFound
from payments.ledger import JournalEntry
from reconciliation import bookings, statements
from reconciliation.matching.sets import chunk, found, numbered_match
from reconciliation.matching.tables import REASONS, LineMatch, MatchMember, Rule

MATCH: Final = table_of(LineMatch)


class UnknownMatch(NotFound):
    """There is no match of that number."""

    code = "unknown_match"


class MatchRevoked(Conflict):
    """The match was revoked before."""

    code = "match_revoked"


class ReversalStands(Conflict):
    """What the bank took back is not ours to undo: requests were reopened by it."""

    code = "reversal_stands"


def make_all(session: Session, *, actor: str, now: datetime) -> None:
    """Makes a match of every row in `found`, and marks its line."""
    ids = numbered(session, MATCH, order_by=found.c.line_id)
    session.execute(
        insert(numbered_match).from_select(
            ["line_id", "match_id"], select(found.c.line_id, ids).order_by(found.c.line_id)
        )
    )
    analyze(session, numbered_match)
    columns = ["id", "collection_account_id", "day", "rule", "reasons", "amount"]
    columns += ["first_line_id", "first_credit_id", "reversed_credit_id", "made_at", "made_by"]
    reasons = case(
        *[
            (found.c.rule == rule.value, literal([why.value for why in whys], Json()))
            for rule, whys in REASONS.items()
        ]
    )
    session.execute(
        insert(MATCH).from_select(
            columns,
            select(
                numbered_match.c.match_id,
                chunk.c.collection_account_id,
                chunk.c.booked_on,
                found.c.rule,
                reasons,
                chunk.c.amount,
                found.c.line_id,
                found.c.credit_id,
                found.c.reversed_credit_id,
                literal(now, Instant()),
                literal(actor, Code()),
            )
            .join(found, found.c.line_id == numbered_match.c.line_id)
            .join(chunk, chunk.c.line_id == numbered_match.c.line_id),
        )
    )
    statements.match_all(session, select(numbered_match.c.line_id, numbered_match.c.match_id))


def book_found(session: Session, *, actor: str, now: datetime) -> None:
    """Makes a match of every row in `found`, and books its line as the charge or interest it is."""
    make_all(session, actor=actor, now=now)
    booked = (
        select(
            chunk.c.collection_account_id,
            numbered_match.c.match_id,
            found.c.rule,
            chunk.c.booked_on,
            chunk.c.amount,
        )
        .join(found, found.c.line_id == chunk.c.line_id)
        .join(numbered_match, numbered_match.c.line_id == chunk.c.line_id)
    )
    bookings.book_all(session, booked, actor=actor, now=now)


def unmatch(session: Session, match_id: int, *, reason: str, by: str, now: datetime) -> LineMatch:
    """Revokes one match, keeps its history and books the reversal; nothing else moves.

    The line is then left to staff. Raises `UnknownMatch`, `MatchRevoked` or `ReversalStands`.
    """
    match = session.get(LineMatch, match_id)
    if match is None:
        raise UnknownMatch(match=match_id)
    agencies.lock(session, match.collection_account_id)
    session.refresh(match)
    if match.revoked_at is not None:
        raise MatchRevoked(match=match_id)
    if match.rule == Rule.REVERSAL or _is_reversed(session, match):
        raise ReversalStands(match=match_id)
    entries = select(JournalEntry.id).where(
        JournalEntry.collection_account_id == match.collection_account_id,
        JournalEntry.decision == f"match:{match_id}",
    )
    if match.first_credit_id is None:
        bookings.unbook_all(session, entries, actor=by, now=now)
    else:
        ours = select(literal(match_id))
        settlement.unconfirm_all(session, ours, entries, actor=by, now=now)
    statements.unmatch_all(session, lines_of(match))
    match.revoked_on = ledger.open_day(session, match.collection_account_id, match.day)
    match.revoked_at, match.revoked_by, match.revoke_reason = now, by, reason
    session.flush()
    audit.append(
        session,
        actor=by,
        action="match.revoked",
        subject=f"line_match:{match_id}",
        details={"reason": reason, "rule": match.rule},
        now=now,
    )
    return match


def lines_of(match: LineMatch) -> Rows:
    """The ids of a match's lines, also after it was revoked."""
    further = select(MatchMember.statement_line_id).where(
        MatchMember.line_match_id == match.id, MatchMember.statement_line_id.is_not(None)
    )
    return _either(select(literal(match.first_line_id, Key())), further)


def credits_of(match: LineMatch) -> Rows:
    """The ids of a match's credits, also after it was revoked."""
    further = select(MatchMember.credit_id).where(
        MatchMember.line_match_id == match.id, MatchMember.credit_id.is_not(None)
    )
    return _either(select(literal(match.first_credit_id, Key())), further)


def _either(first: Rows, further: Rows) -> Rows:
    both = union_all(first, further).subquery()
    return select(*both.c)


def _is_reversed(session: Session, match: LineMatch) -> bool:
    later = select(LineMatch.id).where(
        LineMatch.collection_account_id == match.collection_account_id,
        LineMatch.reversed_credit_id.in_(credits_of(match)),
        LineMatch.revoked_at.is_(None),
    )
    return session.scalar(later.limit(1)) is not None
