"""Debits by which the bank takes credits back: by the reference it names, or by our code.

A bank's reference is its own for a day, and comes again. So a reference that names more credits
than are taken back, of more than one code, says nothing: the debit is left to staff, unless it
carries the code as well. Where several answer to one key, the k-th debit takes back the k-th. Nor
is money taken back by itself of which, or in whose company, something was given back or forwarded;
but from then on nothing more of it leaves.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Subquery, and_, case, cast, delete, func, literal, or_, select
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from payments import credits, settlement
from payments.advice import Direction
from payments.core.columns import Code
from payments.core.database import Rows, rows_of, table_of
from payments.credits import Credit
from reconciliation.matching.matches import make_all
from reconciliation.matching.sets import chunk, find, found, lines_of_chunk
from reconciliation.matching.tables import Rule

CREDIT: Final = table_of(Credit)

_KEYS: Final = (
    ("reverses", "bank_reference", True),
    ("reverses", "bank_reference", False),
    ("code", "code", True),
)
"""What a reversal names, what of a credit that is, and whether it carries our code."""


def reverse(session: Session, *, actor: str, now: datetime) -> int:
    """Matches the bank's reversals of the chunk and books them; how many."""
    done = 0
    for named, of_credit, coded in _KEYS:
        pairs = _pairs(_debits(named, coded=coded), of_credit)
        taken = find(session, pairs, credit="reversed_credit_id")
        if taken:
            credits.gather_company(session, select(found.c.reversed_credit_id))
            away = found.c.reversed_credit_id.in_(credits.given_away())
            credits.reclaim_all(session, select(found.c.reversed_credit_id).where(away))
            taken -= rows_of(session.execute(delete(found).where(away)))
        if taken:
            make_all(session, actor=actor, now=now)
            back = select(found.c.line_id, found.c.reversed_credit_id, chunk.c.booked_on)
            back = back.join(chunk, chunk.c.line_id == found.c.line_id)
            settlement.reverse_all(session, back, actor=actor, now=now)
            done += taken
    _freeze(session)
    return done


def _freeze(session: Session) -> None:
    """Nothing more leaves of what was given back or forwarded and a debit names, whoever decides.

    That one is left to staff; until they looked, the money may be gone already.
    """
    for named, of_credit, _ in _KEYS[1:]:
        lines = lines_of_chunk().where(
            chunk.c.direction == Direction.DEBIT,
            chunk.c.reversal.is_(True),
            chunk.c[named].is_not(None),
        )
        told = ("collection_account_id", "amount", "day")
        debits = lines.with_only_columns(
            *[chunk.c[name] for name in told], chunk.c.code, chunk.c[named].label("key")
        ).subquery()
        meant = and_(
            CREDIT.c.collection_account_id == debits.c.collection_account_id,
            CREDIT.c[of_credit] == debits.c.key,
            CREDIT.c.amount == debits.c.amount,
            CREDIT.c.day <= debits.c.day,
            or_(debits.c.code.is_(None), CREDIT.c.code == debits.c.code),
        )
        away = (
            select(CREDIT.c.id)
            .select_from(debits)
            .join(CREDIT, meant)
            .where(
                CREDIT.c.match_id.is_not(None),
                CREDIT.c.merged_into_id.is_(None),
                CREDIT.c.reversed == 0,
                CREDIT.c.refunded + CREDIT.c.remitted > 0,
            )
        )
        credits.reclaim_all(session, away)


def _debits(named: str, *, coded: bool) -> Subquery:
    """The reversals that name something, numbered within equal ones."""
    key, said = chunk.c[named], func.coalesce(chunk.c.code, "").label("said")
    rank = func.row_number().over(
        partition_by=(key, said, chunk.c.amount), order_by=(chunk.c.day, chunk.c.line_id)
    )
    return (
        lines_of_chunk()
        .where(
            chunk.c.direction == Direction.DEBIT,
            chunk.c.reversal.is_(True),
            key.is_not(None),
            chunk.c.code.is_not(None) if coded else chunk.c.code.is_(None),
        )
        .with_only_columns(
            chunk.c.line_id,
            chunk.c.collection_account_id,
            chunk.c.amount,
            chunk.c.day,
            key.label("key"),
            said,
            rank.label("rank"),
        )
        .subquery()
    )


def _pairs(debits: Subquery, of_credit: str) -> Rows:
    """(line_id, credit_id, rule): credits that were seen and not taken back before.

    Those of which something was given back or forwarded may be meant too, and are never paired.
    """
    group = [debits.c[name] for name in ("collection_account_id", "amount", "key", "said")]
    latest, many = func.max(debits.c.day).label("latest"), func.count().label("many")
    asked = select(*group, latest, many).group_by(*group).subquery()
    same = and_(
        CREDIT.c.collection_account_id == asked.c.collection_account_id,
        CREDIT.c[of_credit] == asked.c.key,
        CREDIT.c.amount == asked.c.amount,
        or_(asked.c.said == "", CREDIT.c.code == asked.c.said),
    )
    alike = (asked.c.key, asked.c.said, asked.c.amount)
    code = func.coalesce(CREDIT.c.code, cast(CREDIT.c.id, SqlText))  # one without is of none
    away = (CREDIT.c.refunded + CREDIT.c.remitted).label("away")
    here_first = case((CREDIT.c.refunded + CREDIT.c.remitted > 0, 1), else_=0)
    first = (here_first, CREDIT.c.day, CREDIT.c.id)
    rank = func.row_number().over(partition_by=alike, order_by=first)
    seen = (
        select(
            CREDIT.c.id,
            *alike,
            asked.c.many,
            away,
            rank.label("rank"),
            func.count().over(partition_by=alike).label("found"),
            func.min(code).over(partition_by=alike).label("one_code"),
            func.max(code).over(partition_by=alike).label("other_code"),
        )
        .select_from(asked)
        .join(CREDIT, same)
        .where(
            CREDIT.c.match_id.is_not(None),
            CREDIT.c.merged_into_id.is_(None),
            CREDIT.c.reversed == 0,
            CREDIT.c.day <= asked.c.latest,
        )
        .subquery()
    )
    told_apart = or_(seen.c.found <= seen.c.many, seen.c.one_code == seen.c.other_code)
    answers = [seen.c[name] == debits.c[name] for name in ("key", "said", "amount", "rank")]
    pairs = select(debits.c.line_id, seen.c.id, literal(Rule.REVERSAL.value, Code()))
    return pairs.join(seen, and_(*answers)).where(told_apart, seen.c.away == 0)
