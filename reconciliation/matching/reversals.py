"""Debits by which the bank takes credits back: by the reference it names, or by our code.

Where several equal ones answer to one key, the k-th debit takes back the k-th credit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Subquery, and_, func, literal, select
from sqlalchemy.orm import Session

from payments import settlement
from payments.advice import Direction
from payments.core.columns import Code
from payments.core.database import Rows, table_of
from payments.credits import Credit
from reconciliation.matching.matches import make_all
from reconciliation.matching.sets import chunk, find, found, lines_of_chunk
from reconciliation.matching.tables import Rule

CREDIT: Final = table_of(Credit)

_KEYS: Final = (("reverses", "bank_reference"), ("code", "code"))
"""What a reversal names, and what of a credit that is."""


def reverse(session: Session, *, actor: str, now: datetime) -> int:
    """Matches the bank's reversals of the chunk and books them; how many."""
    done = 0
    for named, of_credit in _KEYS:
        pairs = _pairs(_debits(named), of_credit)
        taken = find(session, pairs, credit="reversed_credit_id")
        if taken:
            make_all(session, actor=actor, now=now)
            back = select(found.c.line_id, found.c.reversed_credit_id, chunk.c.booked_on)
            back = back.join(chunk, chunk.c.line_id == found.c.line_id)
            settlement.reverse_all(session, back, actor=actor, now=now)
            done += taken
    return done


def _debits(named: str) -> Subquery:
    """The reversals that name something, numbered within equal ones."""
    key = chunk.c[named]
    rank = func.row_number().over(
        partition_by=(key, chunk.c.amount), order_by=(chunk.c.day, chunk.c.line_id)
    )
    return (
        lines_of_chunk()
        .where(
            chunk.c.direction == Direction.DEBIT,
            chunk.c.reversal.is_(True),
            key.is_not(None),
        )
        .with_only_columns(
            chunk.c.line_id,
            chunk.c.collection_account_id,
            chunk.c.amount,
            chunk.c.day,
            key.label("key"),
            rank.label("rank"),
        )
        .subquery()
    )


def _pairs(debits: Subquery, of_credit: str) -> Rows:
    """(line_id, credit_id, rule): credits that were seen and not taken back before."""
    asked = (
        select(
            debits.c.collection_account_id,
            debits.c.amount,
            debits.c.key,
            func.max(debits.c.day).label("latest"),
        )
        .group_by(debits.c.collection_account_id, debits.c.amount, debits.c.key)
        .subquery()
    )
    same = and_(
        CREDIT.c.collection_account_id == asked.c.collection_account_id,
        CREDIT.c[of_credit] == asked.c.key,
        CREDIT.c.amount == asked.c.amount,
    )
    rank = func.row_number().over(
        partition_by=(asked.c.key, asked.c.amount), order_by=(CREDIT.c.day, CREDIT.c.id)
    )
    seen = (
        select(CREDIT.c.id, asked.c.amount, asked.c.key, rank.label("rank"))
        .select_from(asked)
        .join(CREDIT, same)
        .where(
            CREDIT.c.match_id.is_not(None),
            CREDIT.c.merged_into_id.is_(None),
            CREDIT.c.reversed == 0,
            CREDIT.c.refunded == 0,
            CREDIT.c.day <= asked.c.latest,
        )
        .subquery()
    )
    return select(debits.c.line_id, seen.c.id, literal(Rule.REVERSAL.value, Code())).join(
        seen,
        and_(
            seen.c.key == debits.c.key,
            seen.c.amount == debits.c.amount,
            seen.c.rank == debits.c.rank,
        ),
    )
