"""Matches as rows: made in sets, revoked one by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import case, insert, literal, select, union_all
from sqlalchemy.orm import Session

from payments import agencies, credits, ledger, payouts, settlement
from payments.core import approvals, audit
from payments.core.columns import Code, Instant, Json, Key
from payments.core.database import Rows, numbered, table_of
from payments.core.errors import Conflict, NotFound
from payments.core.temporary import analyze
from payments.ledger import JournalEntry
from payments.payouts import Payout
from reconciliation import bookings, statements
from reconciliation.matching.sets import chunk, found, numbered_match
from reconciliation.matching.tables import REASONS, LineMatch, MatchMember, Reason, Rule
from reconciliation.statements import StatementLine

MATCH: Final = table_of(LineMatch)


class UnknownMatch(NotFound):
    """There is no match of that number."""

    code = "unknown_match"


class MatchRevoked(Conflict):
    """The match was revoked before."""

    code = "match_revoked"


class GivenBack(Conflict):
    """Of the money, or of what it paid with, part was given back: only what is seen can be."""

    code = "match_given_back"


class PayoutStands(Conflict):
    """A line that carries a payout's code is that payout; and what came back did leave before."""

    code = "payout_stands"


class ReversalStands(Conflict):
    """What the bank took back is not ours to undo: requests were reopened by it."""

    code = "reversal_stands"


def make_all(
    session: Session, *, actor: str, now: datetime, reasons: Sequence[Reason] | None = None
) -> None:
    """Makes a match of every row in `found`, and marks its line.

    It rests on what its rule does, or on the `reasons` given.
    """
    ids = numbered(session, MATCH, order_by=found.c.line_id)
    session.execute(
        insert(numbered_match).from_select(
            ["line_id", "match_id"], select(found.c.line_id, ids).order_by(found.c.line_id)
        )
    )
    analyze(session, numbered_match)
    columns = ["id", "collection_account_id", "day", "rule", "reasons", "amount"]
    columns += ["first_line_id", "first_credit_id", "reversed_credit_id", "other_line_id"]
    columns += ["payout_id", "made_at", "made_by"]
    rests_on = case(
        *[
            (found.c.rule == rule.value, literal([why.value for why in reasons or whys], Json()))
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
                rests_on,
                chunk.c.amount,
                found.c.line_id,
                found.c.credit_id,
                found.c.reversed_credit_id,
                found.c.other_line_id,
                found.c.payout_id,
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


def book_transfers(session: Session, *, actor: str, now: datetime) -> None:
    """Makes a match of every row in `found`, and books its line as half of a transfer of ours."""
    make_all(session, actor=actor, now=now)
    booked = select(
        chunk.c.collection_account_id,
        numbered_match.c.match_id,
        chunk.c.direction,
        chunk.c.booked_on,
        chunk.c.amount,
    ).join(numbered_match, numbered_match.c.line_id == chunk.c.line_id)
    bookings.transfer_all(session, booked, actor=actor, now=now)


def unmatch(session: Session, match_id: int, *, reason: str, by: str, now: datetime) -> LineMatch:
    """Revokes one match, keeps its history and books the reversal; nothing else moves.

    A transfer is revoked on both accounts. The lines are then left to staff. What lies in a closed
    day stays there: the reversal is booked on the next open one. One person does it whatever the
    amount, since the money is only less proved than before; to match it again takes two above the
    limit.

    Raises `NoReasonGiven`, `UnknownMatch`, and what `check_revocable` does.
    """
    reason = approvals.given(reason)
    match = by_number(session, match_id)
    sides = [match, *other_side(session, match)]
    for account in sorted(one.collection_account_id for one in sides):
        agencies.lock(session, account)
    for one in sides:
        session.refresh(one)
        check_revocable(session, one)
    for one in sides:
        _revoke(session, one, reason=reason, by=by, now=now)
    return match


def _revoke(session: Session, match: LineMatch, *, reason: str, by: str, now: datetime) -> None:
    entries = entries_of(match)
    if match.payout_id is not None:
        payout = session.get_one(Payout, match.payout_id)
        payouts.unsee(session, payout, entries, actor=by, now=now)
    elif match.first_credit_id is None:
        bookings.unbook_all(session, entries, actor=by, now=now)
    else:
        settlement.unconfirm_all(session, credits_of(match), entries, actor=by, now=now)
    statements.unmatch_all(session, lines_of(match))
    match.revoked_on = ledger.open_day(session, match.collection_account_id, match.day)
    match.revoked_at, match.revoked_by, match.revoke_reason = now, by, reason
    session.flush()
    audit.append(
        session,
        actor=by,
        action="match.revoked",
        subject=f"line_match:{match.id}",
        details={"reason": reason, "rule": match.rule},
        now=now,
    )


def accounts_of(session: Session, match: LineMatch) -> frozenset[int]:
    """The collection accounts whose lines a match concerns: two where it is a transfer."""
    lines = [match.first_line_id, *filter(None, [match.other_line_id])]
    return frozenset(
        session.scalars(
            select(StatementLine.collection_account_id).where(StatementLine.id.in_(lines))
        )
    )


def other_side(session: Session, match: LineMatch) -> Sequence[LineMatch]:
    """The live match of the other account's line, where the match is half of a transfer."""
    if match.other_line_id is None:
        return []
    line = session.get_one(StatementLine, match.other_line_id)
    return session.scalars(
        select(LineMatch).where(
            LineMatch.collection_account_id == line.collection_account_id,
            LineMatch.first_line_id == line.id,
            LineMatch.other_line_id == match.first_line_id,
            LineMatch.revoked_at.is_(None),
        )
    ).all()


def by_number(session: Session, match_id: int) -> LineMatch:
    """The match of that number, revoked or not. Raises `UnknownMatch`."""
    match = session.get(LineMatch, match_id)
    if match is None:
        raise UnknownMatch(match=match_id)
    return match


def check_revocable(session: Session, match: LineMatch) -> None:
    """Raises why a match can't be revoked, where it can't.

    That is `MatchRevoked`, `ReversalStands`, `GivenBack` or `PayoutStands`.
    """
    if match.revoked_at is not None:
        raise MatchRevoked(match=match.id)
    if match.rule == Rule.REVERSAL or _is_reversed(session, match):
        raise ReversalStands(match=match.id)
    if match.payout_id is not None:
        payout = session.get_one(Payout, match.payout_id, populate_existing=True)
        named = match.reasons == [why.value for why in REASONS[Rule(match.rule)]]
        if named or payout.state != payouts.State.PAID_OUT:
            raise PayoutStands(match=match.id)
    if match.rule == Rule.RECEIVABLE:
        left = bookings.to_get_back(session, match.collection_account_id)
        if match.amount > left:
            raise bookings.NothingToGetBack(most=left)
    if match.first_credit_id is None:
        return
    credits.gather_company(session, credits_of(match))
    if session.scalar(credits.given_away().limit(1)) is not None:
        raise GivenBack(match=match.id)


def entries_of(match: LineMatch) -> Rows:
    """The ids of the journal entries that booked a match."""
    kind, decision = "match", f"match:{match.id}"
    if match.rule == Rule.REVERSAL:
        kind, decision = "bank_reversal", f"line:{match.first_line_id}"
    elif match.first_credit_id is None:
        kind = match.rule
    return select(JournalEntry.id).where(
        JournalEntry.collection_account_id == match.collection_account_id,
        JournalEntry.kind == kind,
        JournalEntry.decision == decision,
    )


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
