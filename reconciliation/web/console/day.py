"""`/console/days/{account}/{day}`: one day of one account, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from flask import redirect, render_template, request, url_for
from sqlalchemy import Row as Result
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.calendar import local_day
from payments.core.service import Service
from payments.ledger import LedgerAccount
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, proved_only, staff_only
from reconciliation import bookings, breaks, day_close, jobs, statements
from reconciliation.bookings import AccountOpening, LinePattern
from reconciliation.breaks import About, Break
from reconciliation.day_close import AccountDay, Judged
from reconciliation.matching import LineMatch
from reconciliation.statements import Statement, StatementFile, StatementLine
from reconciliation.web.console.parts import READERS, account_of, day_of, line_after

MOST_BREAKS: Final = 20
MOST_LINES: Final = 100
_BOOKS: Final = {
    "opening": "equity:opening",
    "posted": "assets:bank",
    "transit": "assets:transit",
}
"""The figures of the bridge that are balances, and of which account."""

Verb = Callable[..., AccountDay]


@dataclass(frozen=True, slots=True)
class Shown:
    """A day as the page shows it; `row` is None before its first run.

    `now` is the verdict as things stand, where that is no longer what the last run of an open day
    found.
    """

    account: CollectionAccount
    day: date
    ahead: bool
    row: AccountDay | None
    now: Judged | None
    breaks: Sequence[tuple[Break, About | None]]
    lines: Sequence[Result[*tuple[Any, ...]]]
    more: int | None
    files: Sequence[Result[*tuple[Any, ...]]]
    opening: AccountOpening | None
    first: Statement | None
    patterns: Sequence[LinePattern]
    books: Mapping[str, int]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its forms."""

    @pages.get("/days/<public_id>/<on>", endpoint="day")
    @staff_only(*READERS)
    def shown(public_id: str, on: str) -> str:
        day, after = day_of(on), line_after(request.args.get("after", "0"))
        now = clock.now()
        found = cashless.database.read(
            lambda session: _shown(session, public_id, day, after=after, now=now)
        )
        return render_template("console/day.html", shown=found, reopening_of=day_close.reopening_of)

    @pages.post("/days/<public_id>/<on>/run", endpoint="run_day")
    @staff_only(Role.RECONCILER, Role.APPROVER)
    def run(public_id: str, on: str) -> Response:
        account = cashless.database.read(lambda session: account_of(session, public_id))
        day, by = day_of(on), auth.who().actor
        jobs.run_day(cashless.database, account.id, day, by=by)
        now = clock.now()
        cashless.database.write(
            lambda session: day_close.tell_run(session, account.id, day, by=by, now=now)
        )
        return _back(public_id, on)

    _add_decisions(pages, cashless)


def _add_decisions(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/days/<public_id>/<on>/propose", endpoint="propose_day")
    @staff_only(Role.RECONCILER)
    def propose(public_id: str, on: str) -> Response:
        return _decide(cashless, day_close.propose, public_id, on)

    @pages.post("/days/<public_id>/<on>/close", endpoint="close_day")
    @proved_only(Role.APPROVER)
    def close(public_id: str, on: str) -> Response:
        return _decide(cashless, day_close.close, public_id, on)

    @pages.post("/days/<public_id>/<on>/propose-reopening", endpoint="propose_reopening")
    @staff_only(Role.RECONCILER)
    def propose_reopening(public_id: str, on: str) -> Response:
        reason = request.form.get("reason", "")
        return _decide(cashless, day_close.propose_reopening, public_id, on, reason=reason)

    @pages.post("/days/<public_id>/<on>/reopen", endpoint="reopen_day")
    @proved_only(Role.APPROVER)
    def reopen(public_id: str, on: str) -> Response:
        shown = request.form.get("proposal", "")
        return _decide(cashless, day_close.reopen, public_id, on, proposal=shown)

    @pages.post("/days/<public_id>/<on>/decline", endpoint="decline_day")
    @proved_only(Role.APPROVER)
    def decline(public_id: str, on: str) -> Response:
        reason = request.form.get("reason", "")
        return _decide(cashless, day_close.decline, public_id, on, reason=reason)

    @pages.post("/days/<public_id>/<on>/take-back", endpoint="take_day_back")
    @staff_only(Role.RECONCILER)
    def take_back(public_id: str, on: str) -> Response:
        return _decide(cashless, day_close.take_back, public_id, on)


def _decide(cashless: Service, verb: Verb, public_id: str, on: str, **told: str) -> Response:
    day, by, now = day_of(on), auth.who().actor, clock.now()

    def unit(session: Session) -> AccountDay:
        account = account_of(session, public_id)
        return verb(session, account.id, day, by=by, now=now, **told)

    cashless.database.write(unit)
    return _back(public_id, on)


def _back(public_id: str, on: str) -> Response:
    return redirect(url_for("console.day", public_id=public_id, on=on), 303)


def _shown(session: Session, public_id: str, day: date, *, after: int, now: datetime) -> Shown:
    account = account_of(session, public_id)
    row = day_close.find(session, account.id, day)
    live = breaks.live(session, account.id, through=day, most=MOST_BREAKS)
    lines = _lines(session, account.id, day, after=after)
    return Shown(
        account=account,
        day=day,
        ahead=day > local_day(now),
        row=row,
        now=_now(session, row, now=now),
        breaks=[(one, what) for one, what in zip(live, breaks.told_of(session, live), strict=True)],
        lines=lines[:MOST_LINES],
        more=lines[MOST_LINES - 1].id if len(lines) > MOST_LINES else None,
        files=_files(session, account.id, day),
        opening=bookings.opening_of(session, account.id),
        first=statements.first_opening(session, account.id),
        patterns=bookings.known_patterns(session, account.id),
        books=_books(session, account.id),
    )


def _books(session: Session, account: int) -> Mapping[str, int]:
    """The ledger accounts that the bridge's figures stand on, by their number."""
    paths = {f"{path}:{account}": name for name, path in _BOOKS.items()}
    rows = select(LedgerAccount.path, LedgerAccount.id).where(LedgerAccount.path.in_(paths))
    return {paths[path]: number for path, number in session.execute(rows)}


def _now(session: Session, row: AccountDay | None, *, now: datetime) -> Judged | None:
    """The verdict as things stand where the last run found another; a closed day keeps its own."""
    if row is None or row.closed_by is not None:
        return None
    stands = day_close.standing(session, row.collection_account_id, row.day, now=now)
    same = (stands.verdict, list(stands.reasons)) == (row.verdict, row.figures["reasons"])
    return None if same else stands


def _lines(
    session: Session, account: int, day: date, *, after: int
) -> Sequence[Result[*tuple[Any, ...]]]:
    return session.execute(
        select(
            StatementLine.id,
            StatementLine.booked_at,
            StatementLine.timed,
            StatementLine.direction,
            StatementLine.amount,
            StatementLine.memo,
            StatementLine.bank_reference,
            StatementLine.match_id,
            LineMatch.rule,
            LineMatch.reasons,
        )
        .outerjoin(LineMatch, LineMatch.id == StatementLine.match_id)
        .where(
            StatementLine.collection_account_id == account,
            StatementLine.day == day,
            StatementLine.id > after,
        )
        .order_by(StatementLine.id)
        .limit(MOST_LINES + 1)
    ).all()


def _files(session: Session, account: int, day: date) -> Sequence[Result[*tuple[Any, ...]]]:
    return session.execute(
        select(
            StatementFile.filename,
            StatementFile.received_at,
            Statement.format,
            Statement.lines,
            Statement.added,
            Statement.balanced,
            Statement.differs,
            Statement.position,
            Statement.set_aside_at,
            StatementFile.public_id,
        )
        .join(StatementFile, StatementFile.id == Statement.statement_file_id)
        .where(
            Statement.collection_account_id == account,
            Statement.from_day <= day,
            Statement.to_day >= day,
        )
        .order_by(Statement.id)
    ).all()
