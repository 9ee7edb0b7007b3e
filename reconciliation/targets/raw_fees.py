"""Paid fees as they stand in the raw tables, as SQL: what roll-ups count and are proved against.

**A fee** is one line of a payment request, or of a cash collection, of more than 0 đồng. It was
paid without cash when credits stand allocated to it, and counts on the day on which it became a
fee (the latest such day, if it was paid in parts). What was given back is taken off its amount,
and a fee given back whole does not count any more: nor does cash that was voided. A request that
expired or was cancelled unpaid is no fee; one paid late is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    Table,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Session

from payments.agencies import CollectionAccount
from payments.cash import CashCollection, CashCollectionLine, State
from payments.core.columns import Amount, Code, Count, Day, Key
from payments.core.database import Rows, table_of
from payments.core.temporary import materialise, scratch
from payments.credits import Allocation, Credit, Evidence
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from reconciliation.targets.rollup_tables import CELL, MEASURES, Means

ALLOCATION: Final = table_of(Allocation)
CREDIT: Final = table_of(Credit)
EVIDENCE: Final = table_of(Evidence)
REQUEST: Final = table_of(PaymentRequest)
LINE: Final = table_of(PaymentRequestLine)
CASH: Final = table_of(CashCollection)
CASH_LINE: Final = table_of(CashCollectionLine)

DAY: Final = bindparam("day", type_=Day())
"""The day that is counted, as the parameter of every statement here."""

_touched = Table(
    "rollup_line",
    scratch,
    Column("payment_request_line_id", Key(), primary_key=True),
    prefixes=["TEMPORARY"],
)

_NOTHING: Final = literal_column("0", Count())
_BETWEEN: Final = (" ", "-", ".", "_", "/")
"""What people and banks write between the digits of a code."""


def lay_out(session: Session, rows: Rows) -> int:
    """Lays out the request lines (ids) that `paid_lines` tells of; how many."""
    return materialise(session, _touched, rows)


def lines_of_days(first: Any, last: Any) -> Rows:
    """The request lines to which money was allocated, or taken back, for a day from-to."""
    accounts = select(table_of(CollectionAccount).c.id)
    return (
        select(ALLOCATION.c.payment_request_line_id)
        .where(
            ALLOCATION.c.collection_account_id.in_(accounts), ALLOCATION.c.day.between(first, last)
        )
        .distinct()
    )


def paid_lines() -> Rows:
    """Each laid out line that is paid: (line_id, amount, day, credit_id, waiting).

    `credit_id` is the last credit of those that pay it; `waiting` is 1 while one of them stands
    on no statement.
    """
    became = case((ALLOCATION.c.amount > _NOTHING, ALLOCATION.c.day))
    parts = (
        select(
            ALLOCATION.c.payment_request_line_id.label("line_id"),
            ALLOCATION.c.credit_id,
            func.sum(ALLOCATION.c.amount).label("amount"),
            func.max(became, type_=Day()).label("day"),
        )
        .select_from(_touched)
        .join(
            ALLOCATION,
            ALLOCATION.c.payment_request_line_id == _touched.c.payment_request_line_id,
        )
        .group_by(ALLOCATION.c.payment_request_line_id, ALLOCATION.c.credit_id)
        .having(func.sum(ALLOCATION.c.amount) > _NOTHING)
        .subquery("part")
    )
    unseen = case((CREDIT.c.match_id.is_(None), literal_column("1")), else_=_NOTHING)
    return (
        select(
            parts.c.line_id,
            cast(func.sum(parts.c.amount), Amount()).label("amount"),
            func.max(parts.c.day, type_=Day()).label("day"),
            func.max(parts.c.credit_id, type_=Key()).label("credit_id"),
            func.max(unseen, type_=Count()).label("waiting"),
        )
        .join(CREDIT, CREDIT.c.id == parts.c.credit_id)
        .group_by(parts.c.line_id)
    )


def paid_fees() -> Select[Any]:
    """The laid out lines that are paid on `DAY`, one row each: a cell and its measures."""
    paid = paid_lines().subquery("paid")
    waits = paid.c.waiting == literal_column("1")
    one = literal_column("1", Count())
    return (
        select(
            REQUEST.c.agency_id,
            LINE.c.fee_id,
            REQUEST.c.channel,
            means().label("means"),
            source().label("detail"),
            case((waits, _NOTHING), else_=one).label("fees"),
            case((waits, _NOTHING), else_=paid.c.amount).label("amount"),
            case((waits, one), else_=_NOTHING).label("waiting_fees"),
            case((waits, paid.c.amount), else_=_NOTHING).label("waiting_amount"),
        )
        .select_from(paid)
        .join(LINE, LINE.c.id == paid.c.line_id)
        .join(REQUEST, REQUEST.c.id == LINE.c.payment_request_id)
        .join(CREDIT, CREDIT.c.id == paid.c.credit_id)
        .where(paid.c.day == DAY)
    )


def cash_fees() -> Select[Any]:
    """The fees for which cash was taken on `DAY` and not voided, one row each."""
    return (
        select(
            CASH.c.agency_id,
            CASH_LINE.c.fee_id,
            CASH.c.channel,
            literal(Means.CASH.value, Code()).label("means"),
            CASH.c.reason.label("detail"),
            literal_column("1", Count()).label("fees"),
            CASH_LINE.c.amount.label("amount"),
            _NOTHING.label("waiting_fees"),
            _NOTHING.label("waiting_amount"),
        )
        .join(CASH_LINE, CASH_LINE.c.cash_collection_id == CASH.c.id)
        .where(
            CASH.c.taken_on == DAY,
            CASH.c.state == State.TAKEN.value,
            CASH_LINE.c.amount > _NOTHING,
        )
    )


def summed(rows: Any) -> Select[Any]:
    """Rows of cells and measures, one for each cell that does not come to nothing."""
    cell = [rows.c[name] for name in CELL]
    sums = [func.sum(rows.c[name]) for name in MEASURES]
    whole = [cast(one, Amount()).label(name) for one, name in zip(sums, MEASURES, strict=True)]
    changed = or_(*(one != _NOTHING for one in sums))
    return select(*cell, *whole).group_by(*cell).having(changed)


def sides(columns: Any) -> Mapping[str, ColumnElement[int]]:
    """The measures of rows by means as they stand beside each other, without cash and with it."""
    by_cash = columns.means == Means.CASH.value

    def one(name: str, *, cash: bool) -> ColumnElement[int]:
        return case((by_cash if cash else ~by_cash, columns[name]), else_=_NOTHING)

    return {
        "cashless_fees": one("fees", cash=False),
        "cashless_amount": one("amount", cash=False),
        "cash_fees": one("fees", cash=True),
        "cash_amount": one("amount", cash=True),
        "waiting_fees": columns.waiting_fees,
        "waiting_amount": columns.waiting_amount,
    }


def means() -> ColumnElement[str]:
    """How a credit paid: a bank does not say whether a code was scanned, but the text bears it."""
    memo: Any = func.upper(CREDIT.c.memo)
    for sign in _BETWEEN:
        memo = func.replace(memo, sign, "")
    coded = or_(CREDIT.c.virtual_account.is_not(None), memo.contains(REQUEST.c.reference))
    return case((coded, Means.QR.value), else_=Means.TRANSFER.value)


def source() -> ColumnElement[str]:
    """The source that told of a credit first; `statement` where none did."""
    first = select(EVIDENCE.c.source).where(EVIDENCE.c.credit_id == CREDIT.c.id)
    told = first.order_by(EVIDENCE.c.id).limit(1).scalar_subquery()
    return func.coalesce(told, "statement")
