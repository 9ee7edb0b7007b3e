"""Credits that later words tie together: one movement that two sources told of separately.

A message without a code and one without a reference make two credits; a statement line that
carries both shows that they are one. The younger one's money is taken back and its evidence joins
the older one's, which is then settled with all that is known of it.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Final

from sqlalchemy import Column, Table, and_, cast, exists, insert, literal, select
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from payments import credits
from payments.core.columns import Code, Key
from payments.core.database import Rows, table_of
from payments.core.temporary import analyze, scratch, temporary
from payments.credits import Credit, Evidence
from payments.settlement.confirming import drop_advice_all
from payments.settlement.taking_back import take_back_all

CREDIT: Final = table_of(Credit)
_one: Final = CREDIT.alias("one")
_other: Final = CREDIT.alias("other")

_tie: Final = Table(
    "credit_tie",
    scratch,
    Column("younger_id", Key(), primary_key=True),
    Column("older_id", Key(), unique=True),
    prefixes=["TEMPORARY"],
)


def join_tied(session: Session, chosen: Rows, *, now: datetime) -> bool:
    """Joins those of the chosen credits that are another credit's movement; whether any was."""
    temporary(session, _tie)
    pairs = _free(session, _tied_pairs(session, chosen))
    if not pairs:
        return False
    session.execute(
        insert(_tie), [{"older_id": older, "younger_id": younger} for older, younger in pairs]
    )
    analyze(session, _tie)
    credits.learn(session, _known_of_younger())
    drop_advice_all(session, select(_tie.c.younger_id), now=now)
    settled = (
        select(
            CREDIT.c.id,
            literal("merge:", Code()) + cast(CREDIT.c.id, SqlText),
            CREDIT.c.day,
        )
        .join(_tie, _tie.c.younger_id == CREDIT.c.id)
        .where(CREDIT.c.reversed == 0)
    )
    take_back_all(session, settled, kind="merge", against="transit", actor="job:settle", now=now)
    credits.merge_all(session, select(_tie.c.younger_id, _tie.c.older_id))
    return True


def _free(session: Session, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Without those whose younger one pays together with money that was given away since."""
    if not pairs:
        return pairs
    younger = [joined for _, joined in pairs]
    credits.gather_company(session, select(CREDIT.c.id).where(CREDIT.c.id.in_(younger)))
    bound = set(session.scalars(credits.given_away()))
    return [(kept, joined) for kept, joined in pairs if joined not in bound]


def joined() -> Rows:
    """The credits that took others in, after `join_tied`."""
    return select(_tie.c.older_id)


def _known_of_younger() -> Rows:
    return select(
        _tie.c.older_id,
        CREDIT.c.code,
        CREDIT.c.virtual_account,
        CREDIT.c.bank_reference,
        CREDIT.c.payer_key,
        CREDIT.c.payer,
        CREDIT.c.trusted,
    ).join(CREDIT, CREDIT.c.id == _tie.c.younger_id)


@cache
def _same_movements() -> Rows:
    """Two credits of equal code and amount that no source, reference or line tells apart."""
    theirs, mine = (table_of(Evidence).alias() for _ in range(2))
    one, other = _one.c, _other.c
    same_source = exists().where(
        mine.c.credit_id == one.id, theirs.c.credit_id == other.id, mine.c.source == theirs.c.source
    )
    told_apart = and_(
        one.bank_reference.is_not(None),
        other.bank_reference.is_not(None),
        one.bank_reference != other.bank_reference,
    )
    both_seen = and_(one.match_id.is_not(None), other.match_id.is_not(None))
    equal = and_(
        other.collection_account_id == one.collection_account_id,
        other.code == one.code,
        other.amount == one.amount,
        other.id != one.id,
    )
    return (
        select(one.id, one.match_id, other.id, other.match_id)
        .join(_other, equal)
        .where(
            one.code.is_not(None),
            one.merged_into_id.is_(None),
            other.merged_into_id.is_(None),
            one.reversed == 0,
            other.reversed == 0,
            ~same_source,
            ~told_apart,
            ~both_seen,
        )
        .order_by(one.id, other.id)
    )


def _tied_pairs(session: Session, chosen: Rows) -> list[tuple[int, int]]:
    """(kept, joined) of each tie: a matched credit is kept, else the older one."""
    found = session.execute(_same_movements().where(_one.c.id.in_(chosen)))
    pairs: list[tuple[int, int]] = []
    taken: set[int] = set()
    for first, first_match, second, second_match in found:
        if first in taken or second in taken:
            continue
        taken |= {first, second}
        older, younger = sorted((first, second))
        seen = first if first_match else second if second_match else older
        pairs.append((seen, younger if seen == older else older))
    return pairs
