"""`/console/statements`: bring a statement file, and see what came of the latest ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flask import jsonify, redirect, render_template, request, url_for
from sqlalchemy import Row as Result
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import agencies
from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.calendar import local_day
from payments.core.service import Service
from payments.staff import Role
from payments.web import auth, paging, problems
from payments.web.auth import StaffPages, staff_only
from payments.web.paging import Page
from reconciliation import jobs
from reconciliation.statements import (
    MOST_BYTES,
    Imported,
    Received,
    Statement,
    StatementFetch,
    StatementFile,
)
from reconciliation.web.console.listing import page_asked
from reconciliation.web.console.parts import READERS, brought_file, chosen_account, to_files
from reconciliation.web.console.statement_progress import put_in_line

SHOWN: Final = 50

_FORM_BYTES: Final = MOST_BYTES + (64 << 10)


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its form."""

    @pages.get("/statements", endpoint="statements")
    @staff_only(*READERS)
    def shown() -> str:
        today, page = local_day(clock.now()), page_asked(SHOWN)
        accounts, (files, older), fetches = cashless.database.read(
            lambda session: (
                agencies.accounts(session, on=today),
                _files(session, page),
                [] if page.before else _fetches(session),
            )
        )
        numbers = {one.id: one for one in accounts}
        return render_template(
            "console/statements.html",
            accounts=accounts,
            files=files,
            older=older,
            fetches=fetches,
            numbers=numbers,
        )

    @pages.post("/statements", endpoint="import_statement")
    @staff_only(Role.RECONCILER, most_bytes=_FORM_BYTES)
    def bring() -> Response:
        received = Received(*brought_file(most=MOST_BYTES))
        chosen = request.form.get("account", "")
        account = chosen_account(cashless, chosen)
        if request.form.get("then") == "look":
            waiting = jobs.offer_statement(cashless, received, account=account, by=auth.who().actor)
            return redirect(_preview_of(waiting, chosen), 303)
        if len(received.content) > jobs.LARGE:
            return put_in_line(cashless, received, account)
        done = jobs.import_statement(cashless, received, account=account, by=auth.who().actor)
        if not problems.for_a_person():
            answer: Response = jsonify(cashless.database.read(lambda s: _fields(s, done)))
            answer.status_code = 200 if done.again else 201
            return answer
        return to_files(done)


def _preview_of(public_id: str, chosen: str) -> str:
    return url_for("console.preview_statement", public_id=public_id, account=chosen or None)


def _fields(session: Session, done: Imported) -> dict[str, Any]:
    return {
        "again": done.again,
        "statements": [
            {
                "account": session.get_one(CollectionAccount, one.collection_account_id).number,
                "from": one.from_day,
                "to": one.to_day,
                "lines": one.lines,
                "added": one.added,
                "balanced": one.balanced,
                "differs": one.differs,
            }
            for one in done.statements
        ],
    }


def _fetches(session: Session) -> Sequence[StatementFetch]:
    """The latest days that were asked for from banks' APIs."""
    latest = select(StatementFetch).order_by(StatementFetch.tried_at.desc(), StatementFetch.id)
    return session.scalars(latest.limit(SHOWN)).all()


def _files(session: Session, page: Page) -> tuple[Sequence[Result[*tuple[Any, ...]]], str | None]:
    """A page of files, each statement of one on a row of its own, and the cursor of the next.

    Refused files have no statement.
    """
    ids = session.scalars(page.of(select(StatementFile.id), StatementFile.id)).all()
    shown = ids[: page.limit]
    rows = session.execute(
        select(StatementFile, Statement)
        .outerjoin(Statement, Statement.statement_file_id == StatementFile.id)
        .where(StatementFile.id.in_(shown))
        .order_by(StatementFile.id.desc(), Statement.position)
    ).all()
    return rows, paging.cursor_after(shown[-1]) if len(ids) > page.limit else None
