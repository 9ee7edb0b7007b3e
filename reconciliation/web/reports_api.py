"""Reports for portals: the figures behind `GET /api/v1/reports/…`, each of its own requests only.

The address, its arguments and its description are the payments half's (`payments.web.api.reports`);
this half gives it the figures.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import IO, Any, Final, Protocol

from sqlalchemy.orm import Session

from payments.core import sheets
from payments.core.database import Database
from payments.core.sheets import Heading
from reconciliation import reports
from reconciliation.jobs.report_files import written
from reconciliation.reports import Asked, Basis, Grain, Report, Takes, UnknownReport
from reconciliation.web import report_pages
from reconciliation.web.report_pages import excerpt

MOST_GROUPS: Final = 10_000
"""No cut has so many rows: a group for each unit, account, result or day."""


class Question(Protocol):
    """What a portal asks, as the API has read it."""

    name: str
    portal_id: int
    first: date
    last: date
    basis: str
    grain: str
    now: datetime
    limit: int
    cursor: str | None


class PortalReports:
    """The reports that can be narrowed to a portal's requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, question: Question) -> dict[str, Any]:
        """The columns, a page of items, their total and the next cursor.

        Raises `UnknownReport`, `PeriodReversed` and `UnreadableCursor`.
        """
        report = _for_portals(question.name)
        most = question.limit if Takes.PAGES in report.takes else MOST_GROUPS
        found = self._database.read(
            lambda session: excerpt(session, report, _asked(session, question), most=most)
        )
        names = [column.name for column in report.columns]
        return {
            "columns": [{"name": one.name, "kind": one.kind.value} for one in report.columns],
            "items": [dict(zip(names, row, strict=True)) for row in found.rows],
            "total": None if found.total is None else _without_gaps(names, found.total),
            "next": found.next,
        }

    def csv(self, question: Question) -> IO[bytes]:
        """All rows as CSV, with the names of columns and codes.

        Raises `UnknownReport` and `PeriodReversed`.
        """
        report = _for_portals(question.name)
        headings = [Heading(column.name, column.kind) for column in report.columns]

        def writer(session: Session, to: IO[bytes]) -> None:
            sheets.write_csv(to, headings, report.rows(session, _asked(session, question)))

        return written(self._database, writer)


def _for_portals(name: str) -> Report:
    report = reports.by_name(name)
    if Takes.PORTAL not in report.takes:
        raise UnknownReport(name=name)
    return report


def _asked(session: Session, question: Question) -> Asked:
    return Asked(
        first=question.first,
        last=question.last,
        accounts=reports.every_account(session),
        now=question.now,
        basis=Basis(question.basis),
        grain=Grain(question.grain),
        portal=question.portal_id,
        after=report_pages.read(question.cursor),
    )


def _without_gaps(names: list[str], cells: Any) -> dict[str, Any]:
    return {name: cell for name, cell in zip(names, cells, strict=True) if cell is not None}
