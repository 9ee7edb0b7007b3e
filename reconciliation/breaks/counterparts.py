"""What a person looks at beside a break: what it may be matched with, and what belongs to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, case, exists, or_, select
from sqlalchemy import Text as SqlText
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session

from payments.credits import Credit
from reconciliation.breaks.about import OF_CREDITS, credit_of, line_of
from reconciliation.breaks.actions import line_for
from reconciliation.breaks.queue import WAITING
from reconciliation.breaks.tables import Break, Kind, Leg
from reconciliation.statements import StatementLine

NEAR: Final = timedelta(days=7)
MOST: Final = 20

_NO_CREDITS: Final = (Kind.DEBIT_UNEXPLAINED, Kind.TRANSFER_UNSEEN)
"""What a line may be that is no payer's money."""


def counterparts(session: Session, one: Break) -> Sequence[Break]:
    """Breaks of the account about lines for a credit, about credits for a line, near its day.

    Those of the same amount come first, then the nearest days.
    """
    if one.leg not in (Leg.CONFIRMATION, Leg.LINE):
        return []
    kinds: list[ColumnElement[bool]] = [Break.leg == Leg.CONFIRMATION]
    if one.leg == Leg.CONFIRMATION:
        free = and_(Break.leg == Leg.LINE, Break.kind.not_in(_NO_CREDITS))
        taken = and_(Break.leg == Leg.SETTLEMENT, Break.kind == Kind.UNIDENTIFIED)
        kinds = [free, and_(taken, Break.key != one.key)]
    rows = session.scalars(
        select(Break)
        .where(
            WAITING,
            Break.collection_account_id == one.collection_account_id,
            Break.id != one.id,
            Break.day.between(one.day - NEAR, one.day + NEAR),
            or_(*kinds),
        )
        .order_by(case((Break.amount == one.amount, 0), else_=1), Break.day, Break.id)
        .limit(MOST)
    )
    return [row for row in rows if row.leg != Leg.SETTLEMENT or line_for(session, row)]


def waiting_about(
    session: Session, account: int, *, lines: Iterable[int], credits: Iterable[int]
) -> Sequence[Break]:
    """Breaks that wait about lines or credits of an account, by their ids."""
    rows = select(Break).where(
        Break.collection_account_id == account,
        or_(
            and_(Break.leg == Leg.LINE, Break.key.in_([str(one) for one in lines])),
            and_(Break.leg.in_(OF_CREDITS), Break.key.in_([str(one) for one in credits])),
        ),
        WAITING,
    )
    now = rows.order_by(Break.id).execution_options(populate_existing=True)
    return session.scalars(now).all()


def related(session: Session, one: Break) -> Sequence[Break]:
    """Other breaks that wait about the same money: the credit's, or under its bank reference."""
    same: list[ColumnElement[bool]] = []
    credit, line = credit_of(session, one), line_of(session, one)
    if credit is not None:
        same.append(and_(Break.leg.in_(OF_CREDITS), Break.key == one.key))
    reference = None if credit is None else credit.bank_reference
    reference = reference if line is None else line.bank_reference
    if reference is not None:
        same += [
            and_(
                Break.leg.in_(legs),
                exists().where(
                    sql_cast(row.id, SqlText) == Break.key,
                    row.collection_account_id == one.collection_account_id,
                    row.bank_reference == reference,
                    row.day == one.day,
                ),
            )
            for legs, row in ((OF_CREDITS, Credit), ((Leg.LINE,), StatementLine))
        ]
    if not same:
        return []
    rows = select(Break).where(
        WAITING,
        Break.collection_account_id == one.collection_account_id,
        Break.day == one.day,
        Break.id != one.id,
        or_(*same),
    )
    return session.scalars(rows.order_by(Break.id).limit(MOST)).all()
