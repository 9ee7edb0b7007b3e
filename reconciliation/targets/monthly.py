"""Counting a month: hours, waits and promises, and how many accounts paid.

Done once a night for the months in which something may have changed, from the raw tables and
whole: what was counted of the month before is replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import (
    Column,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.orm import Session

from payments.core.columns import Code, Count, Day, Key
from payments.core.database import Rows, table_of
from payments.core.temporary import analyze, scratch, temporary
from reconciliation.targets import raw_fees
from reconciliation.targets.month_measures import last_day, measures
from reconciliation.targets.monthly_tables import (
    MonthDue,
    MonthlyCount,
    PayerCount,
    PayerUse,
    Span,
)
from reconciliation.targets.raw_fees import CREDIT, LINE, REQUEST
from reconciliation.targets.units import lines_up, units

USE: Final = table_of(PayerUse)
DUE: Final = table_of(MonthDue)

_RECENT: Final = 4
"""Months counted each night: a request may be open for 90 days, and breaks for weeks."""

_above = Table(
    "rollup_above",
    scratch,
    Column("agency_id", Key()),
    Column("unit", Code()),
    prefixes=["TEMPORARY"],
)


@dataclass(frozen=True, slots=True)
class Due:
    """A month to be counted, and how often its days were counted anew when that was seen."""

    month: date
    changes: int


@dataclass(frozen=True, slots=True)
class Payers:
    """The accounts that paid at a unit or below it in a period; see `PayerCount`."""

    span: Span
    begins: date
    agency: str
    payers: int
    first_time: int
    repeat: int


def due(session: Session, *, on: date) -> Sequence[Due]:
    """The months to be counted on a day: the last four, and any other of which a day changed."""
    changed = {
        row.month: row.changes for row in session.execute(select(DUE.c.month, DUE.c.changes))
    }
    month = on.replace(day=1)
    for _ in range(_RECENT):
        changed.setdefault(month, 0)
        month = (month - timedelta(days=1)).replace(day=1)
    return [Due(month, changes) for month, changes in sorted(changed.items())]


def count(session: Session, month: date) -> None:
    """Counts the measures of a month and who paid in it, in the place of what was counted."""
    session.execute(delete(MonthlyCount).where(MonthlyCount.month == month))
    session.execute(delete(PayerUse).where(PayerUse.month == month))
    raw_fees.lay_out(session, _lines_of(month))
    counted = measures(month).subquery("counted")
    names = ["month", "agency_id", "measure", "band", "number"]
    told = select(literal(month, Day()), *(counted.c[name] for name in names[1:]))
    session.execute(insert(MonthlyCount).from_select(names, told))
    names = ["payer_key", "month", "agency_id", "requests"]
    session.execute(insert(PayerUse).from_select(names, _uses(month)))


def count_payers(session: Session, span: Span, begins: date, *, on: date) -> list[Payers]:
    """How many accounts paid in a month or a year, at each unit of the tree as it is `on`."""
    here = units(session, on=on)
    lines = lines_up(here)
    rows = [
        {"agency_id": number, "unit": unit}
        for number, code in here.homes.items()
        for unit in lines.get(code, ())
    ]
    temporary(session, _above)
    if rows:
        session.execute(insert(_above), rows)
        analyze(session, _above)
    last = begins if span is Span.MONTH else begins.replace(month=12)
    return _payers(session, span, begins, last)


def store_payers(session: Session, span: Span, begins: date, payers: Sequence[Payers]) -> None:
    """Keeps how many paid in a period, in the place of what was counted before."""
    session.execute(
        delete(PayerCount).where(PayerCount.span == span.value, PayerCount.begins == begins)
    )
    session.add_all(
        PayerCount(
            span=one.span.value,
            begins=one.begins,
            agency=one.agency,
            payers=one.payers,
            first_time=one.first_time,
            repeat=one.repeat,
        )
        for one in payers
    )
    session.flush()


def keep_counted(session: Session, done: Sequence[Due]) -> None:
    """Keeps that months are counted, but for those of which a day changed since."""
    for one in done:
        session.execute(
            delete(MonthDue).where(MonthDue.month == one.month, MonthDue.changes == one.changes)
        )


def _lines_of(month: date) -> Rows:
    return raw_fees.lines_of_days(literal(month, Day()), literal(last_day(month), Day()))


def _uses(month: date) -> Rows:
    paid = raw_fees.paid_lines().subquery("paid")
    return (
        select(
            CREDIT.c.payer_key,
            literal(month, Day()),
            REQUEST.c.agency_id,
            func.count(REQUEST.c.id.distinct()),
        )
        .select_from(paid)
        .join(LINE, LINE.c.id == paid.c.line_id)
        .join(REQUEST, REQUEST.c.id == LINE.c.payment_request_id)
        .join(CREDIT, CREDIT.c.id == paid.c.credit_id)
        .where(paid.c.day.between(month, last_day(month)), CREDIT.c.payer_key.is_not(None))
        .group_by(CREDIT.c.payer_key, REQUEST.c.agency_id)
    )


def _payers(session: Session, span: Span, begins: date, last: date) -> list[Payers]:
    """`begins` and `last` are the first days of months."""
    each = (
        select(_above.c.unit, USE.c.payer_key, func.sum(USE.c.requests).label("requests"))
        .join(_above, _above.c.agency_id == USE.c.agency_id)
        .where(USE.c.month.between(begins, last))
        .group_by(_above.c.unit, USE.c.payer_key)
        .subquery("each")
    )
    earlier = USE.alias("earlier")
    before = exists().where(and_(earlier.c.payer_key == each.c.payer_key, earlier.c.month < begins))
    one, none = literal(1, Count()), literal(0, Count())
    rows = session.execute(
        select(
            each.c.unit,
            func.count(),
            func.sum(case((before, none), else_=one)),
            func.sum(case((each.c.requests >= 2, one), else_=none)),
        ).group_by(each.c.unit)
    )
    return [Payers(span, begins, unit, *map(int, counts)) for unit, *counts in rows]
