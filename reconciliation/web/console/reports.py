"""`/console/reports`: every report, and each with its question in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

from flask import redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.calendar import VIETNAM, local_day
from payments.core.errors import Invalid, NotFound
from payments.core.service import Service
from payments.core.sheets import Kind
from payments.web.auth import StaffPages, staff_only
from reconciliation import reports
from reconciliation.reports import Asked, Basis, Cells, FileKind, Format, Grain, Report, Takes
from reconciliation.web import report_pages
from reconciliation.web.console.parts import READERS, account_of, day_of
from reconciliation.web.report_pages import Excerpt, excerpt

MOST_SHOWN: Final = 100

_SHAPES: Final = {
    Kind.TEXT: "",
    Kind.COUNT: "number",
    Kind.AMOUNT: "number",
    Kind.DAY: "plain",
    Kind.MOMENT: "plain",
}
"""How the page sets the cells of each kind."""

_WIDE: Final = {"agency_name": "told", "memo": "code", "kind": "told"}
"""Columns that a page gives more room."""

Choice = TypeVar("Choice", bound=StrEnum)


class NotAMoment(NotFound):
    """The address names no moment."""

    code = "not_a_moment"


class NotAChoice(Invalid):
    """The address names something that can't be chosen."""

    code = "not_a_choice"


@dataclass(frozen=True, slots=True)
class Question:
    """What an address asks, and the accounts it may choose from."""

    asked: Asked
    accounts: Sequence[CollectionAccount]
    account: str
    known_at: str

    @property
    def arguments(self) -> dict[str, str]:
        """The question as an address carries it, without what is left open."""
        asked = self.asked
        told = {
            "from": asked.first.isoformat(),
            "to": asked.last.isoformat(),
            "account": self.account,
            "basis": asked.basis.value,
            "by": asked.grain.value,
            "known_at": self.known_at,
        }
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Shown:
    """A report as the page shows it: cells as texts, codes as words."""

    report: Report
    question: Question
    found: Excerpt
    rows: Sequence[Sequence[str]]
    total: Sequence[str] | None


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the pages."""

    @pages.get("/reports", endpoint="reports")
    @staff_only(*READERS)
    def listed() -> str:
        asked = cashless.database.read(question)
        return render_template(
            "console/reports.html",
            reports=reports.REPORTS.values(),
            question=asked,
            formats=list(Format),
        )

    @pages.get("/reports/<name>", endpoint="report")
    @staff_only(*READERS)
    def shown(name: str) -> str:
        report = reports.by_name(name)
        found = cashless.database.read(lambda session: _shown(session, report))
        return render_template(
            "console/report.html",
            shown=found,
            period=reports.period(report, found.question.asked),
            shapes=[_WIDE.get(one.name, _SHAPES[one.kind]) for one in report.columns],
            takes={one.name.lower(): one in report.takes for one in Takes},
            bases=list(Basis),
            grains=list(Grain),
            kinds=list(FileKind),
        )

    @pages.get("/reports/day-record", endpoint="choose_day_record")
    @staff_only(*READERS)
    def choose() -> Response:
        account, on = request.args.get("account", ""), day_of(request.args.get("day", ""))
        cashless.database.read(lambda session: account_of(session, account))
        return redirect(url_for("console.day_record", public_id=account, on=on.isoformat()), 303)


def question(session: Session) -> Question:
    """What the address asks; the present month of every account where it is silent.

    Raises `NotADay`, `NotAMoment`, `NotAChoice`, `UnknownCollectionAccount`, `PeriodReversed`.
    """
    told, now = request.args, clock.now()
    last = _day(told, "to") or local_day(now)
    number = told.get("account", "")
    accounts = session.scalars(select(CollectionAccount).order_by(CollectionAccount.id)).all()
    chosen = [account_of(session, number)] if number else accounts
    asked = Asked(
        first=_day(told, "from") or last.replace(day=1),
        last=last,
        accounts=[one.id for one in chosen],
        now=now,
        basis=_one_of(Basis, told.get("basis"), Basis.PAYMENT),
        grain=_one_of(Grain, told.get("by"), Grain.DAY),
        known_at=_moment(told.get("known_at", "")),
        after=report_pages.read(told.get("after")),
    )
    return Question(asked, accounts, number, told.get("known_at", ""))


def _shown(session: Session, report: Report) -> Shown:
    asked = question(session)
    found = excerpt(session, report, asked.asked, most=MOST_SHOWN)
    total = None
    if found.total is not None:
        (total,) = _texts(report, [tuple(found.total)])
    return Shown(report, asked, found, _texts(report, found.rows), total)


def _texts(report: Report, rows: Sequence[Cells]) -> list[list[str]]:
    kinds = [column.kind for column in report.columns]
    return [
        [reports.told(cell, kind) for cell, kind in zip(row, kinds, strict=True)]
        for row in reports.spoken(report, rows)
    ]


def _day(told: Mapping[str, Any], name: str) -> date | None:
    return day_of(told[name]) if told.get(name) else None


def _moment(text: str) -> datetime | None:
    """An instant as a form writes it, in Viet Nam's time."""
    if not text:
        return None
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise NotAMoment from None
    return told if told.tzinfo else told.replace(tzinfo=VIETNAM)


def _one_of(choices: type[Choice], told: str | None, otherwise: Choice) -> Choice:
    if told is None:
        return otherwise
    if told not in set(choices):
        raise NotAChoice(pointer="query")
    return choices(told)
