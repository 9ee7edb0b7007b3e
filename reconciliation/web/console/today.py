"""`/console/`: is each account proved, what waits for whoever looks, how old is the oldest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from flask import render_template, url_for
from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.approvals import PROPOSED, Approval
from payments.core.calendar import local_day
from payments.core.columns import Instant
from payments.core.service import Service
from payments.staff import Role, SignedIn
from payments.web import auth
from payments.web.auth import StaffPages, staff_only
from reconciliation import bookings, breaks
from reconciliation.bookings import AccountOpening, LinePattern
from reconciliation.breaks import Bucket, Search
from reconciliation.day_close import TO_DECIDE, AccountDay, Verdict
from reconciliation.web.console.parts import READERS

SHOWN: Final = 7
"""So many days of each account, the latest first."""

_APPROVED_AT: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = MappingProxyType(
    {
        "break": ("console.breaks", {"state": "proposed"}),
        "payout": ("console.payouts", {"state": "proposed"}),
        "receipt": ("console.receipts", {}),
        "remittance_route": ("console.routes", {}),
        "set_statement_aside": ("console.statements", {}),
        "layout": ("console.layouts", {}),
        "coverage": ("console.coverage", {}),
    }
)
"""The page where each kind of proposal is decided."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account on the page: its latest days, and the code of what to do next."""

    account: CollectionAccount
    days: Sequence[AccountDay]
    next: str

    @property
    def latest(self) -> AccountDay | None:
        """The latest day that was run."""
        return self.days[0] if self.days else None


@dataclass(frozen=True, slots=True)
class Waits:
    """Something that waits for somebody: what, how much of it, since when if known, and where."""

    what: str
    count: int
    since: datetime | None
    where: str


@dataclass(frozen=True, slots=True)
class Shown:
    """The page: each account, what waits for whoever looks, all that waits by age."""

    accounts: Sequence[Account]
    mine: Sequence[Waits]
    ageing: Sequence[Bucket]
    oldest: datetime | None
    today: date
    now: datetime

    @property
    def proved(self) -> int:
        """How many accounts' latest day agrees to the last đồng."""
        days = [one.latest for one in self.accounts]
        return sum(1 for day in days if day and day.verdict == Verdict.RECONCILED)


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page."""

    @pages.get("/", endpoint="accounts")
    @staff_only(*READERS)
    def shown() -> str:
        now, who = clock.now(), auth.who()
        found = cashless.database.read(lambda session: _shown(session, who, now=now))
        return render_template("console/accounts.html", shown=found)


def _shown(session: Session, who: SignedIn, *, now: datetime) -> Shown:
    today, all_of_them = local_day(now), Search()
    accounts = [
        Account(one, days := _days(session, one.id), next_step(days))
        for one in agencies.accounts(session, on=today)
    ]
    return Shown(
        accounts=accounts,
        mine=sorted(_waits(session, who, accounts, now=now), key=lambda one: one.since or now),
        ageing=breaks.ageing(session, all_of_them, now=now),
        oldest=breaks.oldest(session, all_of_them, now=now).since,
        today=today,
        now=now,
    )


def _days(session: Session, account: int) -> Sequence[AccountDay]:
    rows = select(AccountDay).where(AccountDay.collection_account_id == account)
    return session.scalars(rows.order_by(AccountDay.day.desc()).limit(SHOWN)).all()


def _waits(
    session: Session, who: SignedIn, accounts: Sequence[Account], *, now: datetime
) -> Iterator[Waits]:
    """What waits for somebody: by their roles, and never what they proposed themselves."""
    if who.roles & {Role.RECONCILER, Role.APPROVER}:
        mine = breaks.oldest(session, Search(owner=who.actor), now=now)
        yield from _some("mine", mine.count, mine.since, "console.breaks", owner="mine")
    if Role.RECONCILER in who.roles:
        free = breaks.oldest(session, Search(unowned=True), now=now)
        yield from _some("unowned", free.count, free.since, "console.breaks", owner="nobody")
    if Role.APPROVER in who.roles:
        yield from _proposals(session, who.actor)
        yield from _unassignments(session, who.actor)
        yield from _days_to_decide(session, who.actor)
        yield from _of_accounts(session, accounts, who.actor)


def _proposals(session: Session, actor: str) -> Iterator[Waits]:
    """Proposals of others, by the page where they are decided."""
    rows = session.execute(
        select(Approval.action, func.count(), func.min(Approval.proposed_at, type_=Instant()))
        .where(PROPOSED, Approval.maker != actor)
        .group_by(Approval.action)
    )
    found: dict[str, tuple[int, datetime]] = {}
    for action, count, since in rows:
        kind = action.partition(".")[0]
        before, first = found.get(kind, (0, since))
        found[kind] = (before + count, min(first, since))
    for kind, (count, since) in found.items():
        if kind in _APPROVED_AT:
            page, asked = _APPROVED_AT[kind]
            yield from _some(f"approve.{kind}", count, since, page, **asked)


def _unassignments(session: Session, actor: str) -> Iterator[Waits]:
    """Assignments of money that another proposed to take back."""
    rows = select(Approval).where(
        PROPOSED, Approval.action == breaks.UNASSIGN, Approval.maker != actor
    )
    for one in session.scalars(rows.order_by(Approval.id)):
        where = url_for("console.credit", number=one.shown["credit"])
        yield Waits("unassign", 1, one.proposed_at, where)


def _days_to_decide(session: Session, actor: str) -> Iterator[Waits]:
    """Days that another proposed to close, or to reopen."""
    rows = session.execute(
        select(AccountDay, CollectionAccount.public_id)
        .join(CollectionAccount, CollectionAccount.id == AccountDay.collection_account_id)
        .where(_TO_DECIDE)
        .order_by(AccountDay.day, AccountDay.id)
    )
    for day, public_id in rows:
        closing = day.closed_by is None
        if (day.proposed_by if closing else day.reopening_by) != actor:
            where = url_for("console.day", public_id=public_id, on=day.day.isoformat())
            what, since = ("close", day.proposed_at) if closing else ("reopen", None)
            yield Waits(what, 1, since, where)


_TO_DECIDE: Final[ColumnElement[bool]] = literal_column(TO_DECIDE)
"""In the words of its index."""


def _of_accounts(session: Session, accounts: Sequence[Account], actor: str) -> Iterator[Waits]:
    """Words of charges and opening balances that another proposed, on the account's latest day."""
    waiting: Mapping[str, Sequence[LinePattern] | Sequence[AccountOpening]] = {
        "pattern": bookings.proposed_patterns(session),
        "opening": bookings.proposed_openings(session),
    }
    latest = {one.account.id: one for one in accounts if one.latest is not None}
    for what, rows in waiting.items():
        others: dict[int, list[datetime]] = {}
        for row in rows:
            if row.proposed_by != actor and row.collection_account_id in latest:
                others.setdefault(row.collection_account_id, []).append(row.proposed_at)
        for number, times in others.items():
            one = latest[number]
            where = {"public_id": one.account.public_id, "on": one.days[0].day.isoformat()}
            yield from _some(what, len(times), min(times), "console.day", **where)


def _some(
    what: str, count: int, since: datetime | None, page: str, **asked: str
) -> Iterator[Waits]:
    if count and since is not None:
        told: dict[str, Any] = dict(asked)
        yield Waits(what, count, since, url_for(page, **told))


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
