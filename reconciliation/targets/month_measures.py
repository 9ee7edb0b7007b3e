"""The measures of a month, each as one SELECT of (agency_id, measure, band, number).

A wait is counted in bands, so that months and units can be added up; a middle value can't.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    func,
    literal,
    literal_column,
    select,
    union_all,
)

from payments.agencies import CollectionAccount
from payments.cash import State as CashState
from payments.core.calendar import at
from payments.core.columns import Code, Count, Instant
from payments.core.database import table_of
from payments.payment_requests import CancelReason, Status
from payments.receipts import Receipt
from payments.receipts import State as ReceiptState
from reconciliation.breaks import Break, Kind
from reconciliation.breaks.tables import WEIGHTS, Weight
from reconciliation.targets.instants import seconds_between, wall_clock
from reconciliation.targets.monthly_tables import UNKNOWN, End, Measure, Wait
from reconciliation.targets.raw_fees import CASH, CASH_LINE, CREDIT, LINE, REQUEST, paid_lines

RECEIPT: Final = table_of(Receipt)
BREAK: Final = table_of(Break)
ACCOUNT: Final = table_of(CollectionAccount)

BANDS: Final = (
    (Wait.MINUTE, 60),
    (Wait.QUARTER, 15 * 60),
    (Wait.HOUR, 60 * 60),
    (Wait.DAY, 24 * 60 * 60),
    (Wait.THREE_DAYS, 3 * 24 * 60 * 60),
    (Wait.WEEK, 7 * 24 * 60 * 60),
)
"""The most seconds of each band; what took longer is `Wait.LONGER`."""

_ZERO: Final = literal_column("0", Count())
_MIDNIGHT: Final = "00:00:00.000"


def last_day(month: date) -> date:
    """The last day of the month that begins on `month`."""
    return (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def measures(month: date) -> Any:
    """Every measure of a month; the lines of its days are laid out (`raw_fees.lay_out`)."""
    return union_all(
        _hours_cashless(month),
        _hours_cash(month),
        *_requests(month),
        _paid_by(month),
        _known_after(month),
        *_receipts(month),
        *_breaks(month),
    )


def _hours_cashless(month: date) -> Select[Any]:
    paid = paid_lines().subquery("paid")
    rows = (
        select(REQUEST.c.agency_id)
        .select_from(paid)
        .join(LINE, LINE.c.id == paid.c.line_id)
        .join(REQUEST, REQUEST.c.id == LINE.c.payment_request_id)
        .join(CREDIT, CREDIT.c.id == paid.c.credit_id)
        .where(paid.c.day.between(month, last_day(month)))
    )
    return _counted(rows, Measure.HOUR_CASHLESS, _hour(CREDIT.c.booked_at))


def _hours_cash(month: date) -> Select[Any]:
    rows = (
        select(CASH.c.agency_id)
        .join(CASH_LINE, CASH_LINE.c.cash_collection_id == CASH.c.id)
        .where(
            CASH.c.taken_on.between(month, last_day(month)),
            CASH.c.state == CashState.TAKEN.value,
            CASH_LINE.c.amount > _ZERO,
        )
    )
    return _counted(rows, Measure.HOUR_CASH, _hour(CASH.c.taken_at))


def _requests(month: date) -> Sequence[Select[Any]]:
    """Of the requests issued in a month: what became of them, and when they were paid."""
    status, in_cash = REQUEST.c.status, CancelReason.PAID_IN_CASH.value
    end = case(
        (status == Status.PAID.value, End.PAID.value),
        (status == Status.EXPIRED.value, End.ABANDONED.value),
        (REQUEST.c.cancel_reason == in_cash, End.IN_CASH.value),
        (status == Status.CANCELLED.value, End.CANCELLED.value),
        else_=End.OPEN.value,
    )
    rows = select(REQUEST.c.agency_id).where(
        _within(REQUEST.c.issued_at, month), REQUEST.c.amount > _ZERO
    )
    paid = rows.where(status == Status.PAID.value)
    waited = _wait(REQUEST.c.issued_at, REQUEST.c.paid_at)
    return (
        _counted(rows, Measure.REQUEST_END, end),
        _counted(paid, Measure.PAID_AFTER, waited),
    )


def _paid_by(month: date) -> Select[Any]:
    rows = select(REQUEST.c.agency_id).where(
        _within(REQUEST.c.paid_at, month),
        REQUEST.c.status == Status.PAID.value,
        REQUEST.c.amount > REQUEST.c.refunded,
    )
    return _counted(rows, Measure.PAID_BY, REQUEST.c.channel)


def _known_after(month: date) -> Select[Any]:
    """From the bank's time to the settlement of a credit, where the bank tells an hour."""
    rows = (
        select(REQUEST.c.agency_id)
        .select_from(CREDIT)
        .join(REQUEST, REQUEST.c.id == CREDIT.c.payment_request_id)
        .where(
            CREDIT.c.collection_account_id.in_(select(ACCOUNT.c.id)),
            CREDIT.c.day.between(month, last_day(month)),
            CREDIT.c.settled_at.is_not(None),
            CREDIT.c.merged_into_id.is_(None),
            wall_clock(CREDIT.c.booked_at) != _MIDNIGHT,
        )
    )
    return _counted(rows, Measure.KNOWN_AFTER, _wait(CREDIT.c.booked_at, CREDIT.c.settled_at))


def _receipts(month: date) -> Sequence[Select[Any]]:
    made = (
        select(REQUEST.c.agency_id)
        .select_from(RECEIPT)
        .join(REQUEST, REQUEST.c.id == RECEIPT.c.payment_request_id)
        .where(_within(RECEIPT.c.issued_at, month))
    )
    first = made.where(RECEIPT.c.replaces_id.is_(None), REQUEST.c.paid_at.is_not(None))
    counts = RECEIPT.c.state == ReceiptState.ISSUED.value
    return (
        _counted(made, Measure.RECEIPT, case((counts, "counts"), else_="ended")),
        _counted(first, Measure.RECEIPT_AFTER, _wait(REQUEST.c.paid_at, RECEIPT.c.issued_at)),
    )


def _breaks(month: date) -> Sequence[Select[Any]]:
    """Breaks stand with the agency whose account they are on."""
    found = (
        select(ACCOUNT.c.agency_id)
        .select_from(BREAK)
        .join(ACCOUNT, ACCOUNT.c.id == BREAK.c.collection_account_id)
        .where(_within(BREAK.c.found_at, month))
    )
    serious = [str(kind) for kind, weight in WEIGHTS.items() if weight is not Weight.INFO]
    ended = func.coalesce(BREAK.c.cleared_at, BREAK.c.resolved_at, type_=Instant())
    resolved = and_(BREAK.c.state == "resolved", ended.is_not(None))
    lasted = case((~resolved, Wait.OPEN.value), else_=_wait(BREAK.c.since, ended))
    late = found.where(BREAK.c.kind == Kind.NOT_REMITTED_IN_24H.value)
    still = case((resolved, "ended"), else_=Wait.OPEN.value)
    return (
        _counted(found.where(BREAK.c.kind.in_(serious)), Measure.BREAK_AFTER, lasted),
        _counted(late, Measure.FORWARDED_LATE, still),
    )


def _counted(rows: Select[Any], measure: Measure, band: ColumnElement[Any]) -> Select[Any]:
    agency = next(iter(rows.selected_columns))
    told = rows.add_columns(band.label("band")).subquery()
    by = (told.c[agency.name], told.c.band)
    return select(
        by[0], literal(measure.value, Code()).label("measure"), by[1], func.count().label("number")
    ).group_by(*by)


def _within(instant: ColumnElement[datetime], month: date) -> ColumnElement[bool]:
    """Whether an instant lies in a month, as the calendar on a wall in Viet Nam shows it."""
    begins, ends = (
        literal(at(day, time.min), Instant())
        for day in (month, last_day(month) + timedelta(days=1))
    )
    return and_(instant >= begins, instant < ends)


def _hour(instant: ColumnElement[datetime]) -> ColumnElement[str]:
    shown = wall_clock(instant)
    return case((shown == _MIDNIGHT, UNKNOWN), else_=func.substr(shown, 1, 2))


def _wait(since: ColumnElement[Any], until: ColumnElement[Any]) -> ColumnElement[str]:
    took = seconds_between(since, until)
    return case(*((took <= most, band.value) for band, most in BANDS), else_=Wait.LONGER.value)
