"""Three ways of looking at one day: what the portal was told, the bank says, the ledger booked.

A row is a credit of the day, or a line of the day's statement that is none of them: a charge, what
the bank took back, a line nobody booked, a line of another day's credit. For each the three sides
are compared in the database; what agrees is counted, what differs is listed with its reasons.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy import Row as Result
from sqlalchemy.orm import Session

from payments.core.database import Rows
from payments.core.money import Dong
from payments.core.sheets import Heading, Kind
from reconciliation.reports.three_way.rows import Compared, Differs, Place, Side, Tally, Wanted
from reconciliation.reports.three_way.sides import compared, flag_of

__all__ = [
    "HEADINGS",
    "Compared",
    "Differs",
    "Place",
    "Side",
    "Tally",
    "Wanted",
    "every",
    "lists",
    "page",
    "tally",
]

HEADINGS: Final = (
    Heading("side"),
    Heading("number", Kind.COUNT),
    Heading("direction"),
    Heading("amount", Kind.AMOUNT),
    Heading("at", Kind.MOMENT),
    Heading("memo"),
    Heading("reference"),
    Heading("status"),
    Heading("told"),
    Heading("finding"),
    Heading("line_day", Kind.DAY),
    Heading("match", Kind.COUNT),
    Heading("rule"),
    Heading("booked", Kind.AMOUNT),
    Heading("reasons"),
)
"""The columns of the file, by name; codes stay codes."""

_AT_ONCE: Final = 500
_FACTS: Final = 14
"""Columns of a row before its reasons."""


def page(session: Session, wanted: Wanted, *, after: Place, most: int) -> list[Compared]:
    """The next rows after a place, at most so many."""
    found: list[Compared] = []
    for rows in lists(wanted, after):
        left = most - len(found)
        if left > 0:
            found += [_told(row) for row in session.execute(rows.limit(left))]
    return found


def every(session: Session, wanted: Wanted) -> Iterator[tuple[Any, ...]]:
    """All rows asked for as cells under `HEADINGS`, a few in memory at a time."""
    for rows in lists(wanted, Place()):
        streamed = session.execute(rows.execution_options(yield_per=_AT_ONCE))
        for row in streamed:
            yield (*row[:_FACTS], " ".join(_told(row).reasons))


def tally(session: Session, wanted: Wanted) -> Tally:
    """How many rows there are in all, whatever reason is asked for."""
    counts: dict[str, int] = dict.fromkeys(["rows", "differ", *Differs], 0)
    for rows in compared(wanted):
        one = rows.subquery()
        flags = [one.c[flag_of(reason)] for reason in Differs]
        added = [func.coalesce(func.sum(_one_if(flag.is_(True))), 0) for flag in flags]
        differ = func.coalesce(func.sum(_one_if(or_(*[flag.is_(True) for flag in flags]))), 0)
        told = session.execute(select(func.count(), differ, *added).select_from(one)).one()
        for name, count in zip(counts, told, strict=True):
            counts[name] += int(count)
    return Tally(
        counts["rows"], counts["differ"], {reason: counts[reason.value] for reason in Differs}
    )


def lists(wanted: Wanted, after: Place) -> list[Rows]:
    """The rows of a question after a place, as one query for credits and one for lines."""
    found = []
    for side, rows in zip(Side, compared(wanted), strict=False):
        if after.side is Side.LINE and side is Side.CREDIT:
            continue
        one = rows.subquery()
        asked: Rows = select(*one.c).order_by(one.c.number)
        if side is after.side:
            asked = asked.where(one.c.number > after.number)
        if not wanted.agreeing:
            reasons = Differs if wanted.reason is None else (wanted.reason,)
            asked = asked.where(or_(*[one.c[flag_of(reason)].is_(True) for reason in reasons]))
        found.append(asked)
    return found


def _one_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _told(row: Result[*tuple[Any, ...]]) -> Compared:
    return Compared(
        side=Side(row.side),
        number=row.number,
        direction=row.direction,
        amount=Dong(row.amount),
        at=row.at,
        memo=row.memo,
        reference=row.reference,
        status=row.status,
        told=row.told,
        finding=row.finding,
        line_day=row.line_day,
        match=row.match,
        rule=row.rule,
        booked=Dong(row.booked or 0),
        reasons=tuple(reason for reason in Differs if getattr(row, flag_of(reason))),
    )
