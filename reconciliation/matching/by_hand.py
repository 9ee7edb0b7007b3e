"""Matches that staff make: any lines with any credits, as long as their sums are equal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, insert, literal, select
from sqlalchemy.orm import Session

from payments import agencies, credits, ledger, settlement
from payments.advice import Direction
from payments.core import audit
from payments.core.columns import Bytes, Code, Day, Flag, Key
from payments.core.database import table_of
from payments.core.errors import Conflict, Invalid, NotFound
from payments.credits import Credit, Evidence
from reconciliation import statements
from reconciliation.matching.matches import unmatch
from reconciliation.matching.tables import LineMatch, MatchMember, Reason, Rule
from reconciliation.statements import StatementLine

MOST: Final = 200
"""Lines, and credits, of one match: what a person can look through."""


class NothingToMatch(Invalid):
    """A match joins at least one line with at least one credit, and not more than can be seen."""

    code = "nothing_to_match"


class UnknownLine(NotFound):
    """The account has no statement line of that number."""

    code = "unknown_line"


class UnknownCredit(NotFound):
    """The account has no credit of that number."""

    code = "unknown_credit"


class SumsDiffer(Conflict):
    """The lines and the credits of a match come to the same amount."""

    code = "sums_differ"


class NotToBeMatched(Conflict):
    """Only credit lines that are not booked, and credits that no line confirms, are matched."""

    code = "not_to_be_matched"


def match_by_hand(
    session: Session,
    collection_account_id: int,
    *,
    lines: Iterable[int],
    credits: Iterable[int],
    reason: str,
    by: str,
    now: datetime,
) -> LineMatch:
    """Joins lines with the credits that they are, by their ids; books it as any match is.

    A line that was taken for a credit nobody told, and that nobody could name since, is taken out
    of that first: its credit never was.

    Raises `NothingToMatch`, `UnknownLine`, `UnknownCredit`, `NotToBeMatched` or `SumsDiffer`;
    nothing is changed then.
    """
    agencies.lock(session, collection_account_id)
    ours = _lines(session, collection_account_id, sorted(set(lines)))
    theirs = _credits(session, collection_account_id, sorted(set(credits)))
    mistaken = _mistaken(session, ours)
    _check(ours, theirs, mistaken)
    for match_id, credit in mistaken.items():
        take_out(session, match_id, credit, reason=reason, by=by, now=now)
    match = _make(session, collection_account_id, ours, theirs, by=by, now=now)
    _book(session, match, ours, theirs, by=by, now=now)
    audit.append(
        session,
        actor=by,
        action="match.made",
        subject=f"line_match:{match.id}",
        details={
            "reason": reason,
            "lines": [line.id for line in ours],
            "credits": [credit.id for credit in theirs],
            "amount": int(match.amount),
        },
        now=now,
    )
    return match


def taken_for_nobody() -> tuple[ColumnElement[bool], ...]:
    """Of a match and its credit: a line that nobody told of, whose owner nobody can name since."""
    told = exists().where(Evidence.credit_id == Credit.id)
    return (
        LineMatch.rule == Rule.MISSED_CALLBACK,
        Credit.unidentified == Credit.amount,
        ~told,
    )


def take_out(
    session: Session, match_id: int, credit: Credit, *, reason: str, by: str, now: datetime
) -> None:
    """Takes a line out of the credit that it was taken for, which never was."""
    unmatch(session, match_id, reason=reason, by=by, now=now)
    session.refresh(credit)
    settlement.withdraw(session, credit, actor=by, now=now)


def _mistaken(session: Session, ours: Sequence[StatementLine]) -> dict[int, Credit]:
    """By match, the credits that lines were taken for, that nobody told and nobody can name."""
    rows = session.execute(
        select(LineMatch.id, Credit)
        .join(Credit, Credit.id == LineMatch.first_credit_id)
        .where(
            LineMatch.id.in_([line.match_id for line in ours if line.match_id is not None]),
            *taken_for_nobody(),
        )
    )
    return {row[0]: row[1] for row in rows}


def _book(
    session: Session,
    match: LineMatch,
    ours: Sequence[StatementLine],
    theirs: Sequence[Credit],
    *,
    by: str,
    now: datetime,
) -> None:
    number, day = literal(match.id, Key()), literal(match.day, Day())
    lines = select(StatementLine.id).where(StatementLine.id.in_([line.id for line in ours]))
    chosen = select(Credit.id).where(Credit.id.in_([credit.id for credit in theirs]))
    statements.match_all(session, lines.add_columns(number))
    nothing = [literal(None, kind) for kind in (Code(), Code(), Code(), Code(), Bytes())]
    credits.learn(session, chosen.add_columns(*nothing, literal(True, Flag())))
    settlement.confirm_all(session, chosen.add_columns(number, day), actor=by, now=now)
    settlement.settle_all(session, chosen, actor=by, now=now)
    session.expire_all()


def _make(
    session: Session,
    account: int,
    ours: Sequence[StatementLine],
    theirs: Sequence[Credit],
    *,
    by: str,
    now: datetime,
) -> LineMatch:
    match = LineMatch(
        collection_account_id=account,
        day=ledger.open_day(session, account, max(line.day for line in ours)),
        rule=Rule.BY_HAND.value,
        reasons=[Reason.BY_HAND.value],
        amount=sum(line.amount for line in ours),
        first_line_id=ours[0].id,
        first_credit_id=theirs[0].id,
        made_at=now,
        made_by=by,
    )
    session.add(match)
    session.flush()
    _keep_members(session, match, ours[1:], theirs[1:])
    return match


def _keep_members(
    session: Session, match: LineMatch, ours: Sequence[StatementLine], theirs: Sequence[Credit]
) -> None:
    whose = {
        "collection_account_id": match.collection_account_id,
        "line_match_id": match.id,
        "statement_line_id": None,
        "credit_id": None,
    }
    further: list[dict[str, Any]] = [whose | {"statement_line_id": line.id} for line in ours]
    further += [whose | {"credit_id": credit.id} for credit in theirs]
    if further:
        session.execute(insert(table_of(MatchMember)), further)


def _lines(session: Session, account: int, ids: Sequence[int]) -> Sequence[StatementLine]:
    if not 1 <= len(ids) <= MOST:
        raise NothingToMatch(most=MOST)
    found = session.scalars(
        select(StatementLine)
        .where(StatementLine.collection_account_id == account, StatementLine.id.in_(ids))
        .order_by(StatementLine.id)
        .execution_options(populate_existing=True)
    ).all()
    _all_found(ids, [line.id for line in found], UnknownLine)
    return found


def _credits(session: Session, account: int, ids: Sequence[int]) -> Sequence[Credit]:
    if not 1 <= len(ids) <= MOST:
        raise NothingToMatch(most=MOST)
    found = session.scalars(
        select(Credit)
        .where(Credit.collection_account_id == account, Credit.id.in_(ids))
        .order_by(Credit.id)
        .execution_options(populate_existing=True)
    ).all()
    _all_found(ids, [credit.id for credit in found], UnknownCredit)
    return found


def _all_found(
    asked: Sequence[int], found: Sequence[int], unknown: type[UnknownLine | UnknownCredit]
) -> None:
    missing = sorted(set(asked) - set(found))
    if missing:
        raise unknown(number=missing[0])


def _check(
    ours: Sequence[StatementLine], theirs: Sequence[Credit], mistaken: Mapping[int, Credit]
) -> None:
    for line in ours:
        booked = line.match_id is not None and line.match_id not in mistaken
        if booked or line.reversal or line.direction != Direction.CREDIT:
            raise NotToBeMatched
    for credit in theirs:
        if credit.match_id is not None or credit.merged_into_id is not None or credit.reversed:
            raise NotToBeMatched
    lines, told = sum(line.amount for line in ours), sum(credit.amount for credit in theirs)
    if lines != told:
        raise SumsDiffer(lines=lines, credits=told)
