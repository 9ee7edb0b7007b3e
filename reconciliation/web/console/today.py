"""`/console/`: each account with the verdicts of its latest days, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from flask import render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.calendar import local_day
from payments.core.service import Service
from payments.web.auth import StaffPages, staff_only
from reconciliation.day_close import AccountDay, Verdict
from reconciliation.web.console.parts import READERS

SHOWN: Final = 7
"""So many days of each account, the latest first."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account on the page: its latest days, and the code of what to do next."""

    account: CollectionAccount
    days: Sequence[AccountDay]
    next: str


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page."""

    @pages.get("/", endpoint="accounts")
    @staff_only(*READERS)
    def shown() -> str:
        today = local_day(clock.now())
        found = cashless.database.read(lambda session: _accounts(session, today))
        return render_template("console/accounts.html", accounts=found, today=today)


def _accounts(session: Session, today: date) -> list[Account]:
    return [
        Account(one, days := _days(session, one.id), next_step(days))
        for one in agencies.accounts(session, on=today)
    ]


def _days(session: Session, account: int) -> Sequence[AccountDay]:
    rows = select(AccountDay).where(AccountDay.collection_account_id == account)
    return session.scalars(rows.order_by(AccountDay.day.desc()).limit(SHOWN)).all()


def next_step(days: Sequence[AccountDay]) -> str:
    """What to do next about an account: the oldest of its latest days that is open says it."""
    still_open = [day for day in days if day.closed_by is None]
    if not days:
        return "import_statement"
    if not still_open:
        return "nothing"
    oldest = still_open[-1]
    if oldest.verdict == Verdict.INCOMPLETE:
        return "complete"
    if oldest.proposed_by is not None:
        return "close"
    return "decide" if oldest.verdict == Verdict.BREAKS else "propose"
