"""Payouts on statements: a debit with the code of one that was filed, a credit of one that left.

The code and the amount are the evidence. A second line with the same code is not the same payout: a
bank that sent one twice, or sent another amount, is left to staff. So is a line that comes back
before the one that left: it waits for that one's statement.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, func, insert, literal, select
from sqlalchemy.orm import Session

from payments import payouts
from payments.advice import Direction
from payments.core.columns import Code
from payments.core.database import Rows, table_of
from payments.core.errors import Conflict
from payments.payouts import Payout, State
from reconciliation.matching.matches import make_all
from reconciliation.matching.sets import (
    chunk,
    find,
    found,
    lay_out_line,
    lines_of_chunk,
    numbered_match,
)
from reconciliation.matching.tables import Reason, Rule
from reconciliation.statements import StatementLine

PAYOUT: Final = table_of(Payout)


class NotThatPayout(Conflict):
    """A payout is a line of its account and amount: one that was filed, or that left before."""

    code = "not_that_payout"


class NotASweep(Conflict):
    """A sweep comes to the approved remittances to a treasury account, or to all of them."""

    code = "not_a_sweep"


def pay_out(session: Session, *, actor: str, now: datetime) -> int:
    """Matches the chunk's payouts, first those that leave, then those that come back; how many."""
    left = find(session, _pairs(Rule.PAYOUT), credit="payout_id")
    if left:
        make_all(session, actor=actor, now=now)
        payouts.see_all(session, _matched(), actor=actor, now=now)
    back = find(session, _pairs(Rule.RETURNED), credit="payout_id")
    if back:
        make_all(session, actor=actor, now=now)
        payouts.return_all(session, _matched(), actor=actor, now=now)
    return left + back


def pay_out_by_hand(
    session: Session, line: StatementLine, payout: Payout, *, by: str, now: datetime
) -> None:
    """Staff say that a line is a payout: one whose code the bank cut or changed.

    Under the account's lock; booked as if the line had carried the code. Raises `NotThatPayout`.
    """
    session.refresh(payout)
    leaves = line.direction == Direction.DEBIT
    before = State.FILED if leaves else State.PAID_OUT
    agrees = (
        line.match_id is None
        and line.collection_account_id == payout.collection_account_id
        and line.amount == payout.amount
        and payout.state == before
    )
    if not agrees:
        raise NotThatPayout(payout=payout.code)
    lay_out_line(session, line)
    rule = Rule.PAYOUT if leaves else Rule.RETURNED
    session.execute(insert(found), {"line_id": line.id, "payout_id": payout.id, "rule": rule.value})
    make_all(session, actor=by, now=now, reasons=[Reason.BY_HAND, Reason.SAME_AMOUNT])
    book = payouts.see_all if leaves else payouts.return_all
    book(session, _matched(), actor=by, now=now)


def sweep_by_hand(session: Session, line: StatementLine, *, by: str, now: datetime) -> None:
    """Staff say that a line is the bank's own sweep: the approved remittances that it comes to.

    Under the account's lock. Raises `NotASweep`.
    """
    account = line.collection_account_id
    free = line.match_id is None and line.direction == Direction.DEBIT and not line.reversal
    swept = payouts.of_sweep(session, account, line.amount) if free and account else ()
    if not swept:
        raise NotASweep(amount=line.amount)
    lay_out_line(session, line)
    first = {"line_id": line.id, "payout_id": swept[0].id, "rule": Rule.PAYOUT.value}
    session.execute(insert(found), first)
    make_all(session, actor=by, now=now, reasons=[Reason.BY_HAND, Reason.SAME_AMOUNT])
    matched = (
        select(PAYOUT.c.id, numbered_match.c.match_id, chunk.c.booked_on)
        .select_from(PAYOUT)
        .join(numbered_match, numbered_match.c.line_id == line.id)
        .join(chunk, chunk.c.line_id == line.id)
        .where(PAYOUT.c.id.in_([one.id for one in swept]))
    )
    payouts.see_all(session, matched, actor=by, now=now)


def names_payout() -> ColumnElement[bool]:
    """Whether a line of the chunk is a payout of its account, on its way back.

    It carries the code of one that was sent, its amount, and no request's code: a payer may have
    copied the text of a refund.
    """
    ours = exists().where(
        PAYOUT.c.code == chunk.c.payout_code,
        PAYOUT.c.collection_account_id == chunk.c.collection_account_id,
        PAYOUT.c.amount == chunk.c.amount,
        PAYOUT.c.state.in_([State.FILED, State.PAID_OUT]),
    )
    return and_(chunk.c.payout_code.is_not(None), chunk.c.code.is_(None), ours)


def _pairs(rule: Rule) -> Rows:
    """(line_id, payout_id, rule) of the first line that can be each payout."""
    leaves = rule is Rule.PAYOUT
    direction = Direction.DEBIT if leaves else Direction.CREDIT
    before = State.FILED if leaves else State.PAID_OUT
    conditions = [
        chunk.c.direction == direction,
        chunk.c.payout_code.is_not(None),
        chunk.c.code.is_(None),
        PAYOUT.c.state == before,
    ]
    if leaves:
        conditions.append(chunk.c.reversal.is_(False))
    else:
        conditions.append(chunk.c.booked_on >= PAYOUT.c.paid_out_on)
    same = and_(
        PAYOUT.c.code == chunk.c.payout_code,
        PAYOUT.c.collection_account_id == chunk.c.collection_account_id,
        PAYOUT.c.amount == chunk.c.amount,
    )
    nth = func.row_number().over(partition_by=PAYOUT.c.id, order_by=(chunk.c.day, chunk.c.line_id))
    pairs = (
        lines_of_chunk()
        .join(PAYOUT, same)
        .where(*conditions)
        .with_only_columns(chunk.c.line_id, PAYOUT.c.id.label("payout_id"), nth.label("nth"))
        .subquery()
    )
    named = literal(rule.value, Code())
    return select(pairs.c.line_id, pairs.c.payout_id, named).where(pairs.c.nth == 1)


def _matched() -> Rows:
    return (
        select(found.c.payout_id, numbered_match.c.match_id, chunk.c.booked_on)
        .join(numbered_match, numbered_match.c.line_id == found.c.line_id)
        .join(chunk, chunk.c.line_id == found.c.line_id)
    )
