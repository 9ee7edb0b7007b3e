"""`/console/statements/{file}/{position}`: one statement and its lines, and how it is set aside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from flask import redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.approvals import Approval
from payments.core.service import Service
from payments.core.words import say
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, proved_only, staff_only
from reconciliation import day_close
from reconciliation.statements import Statement, StatementFile, StatementLine, setting_aside
from reconciliation.web.console.break_words import names_of
from reconciliation.web.console.parts import NUMBER, READERS, line_after

PAGE: Final = 100
MATCHED: Final = 50

_PATH: Final = f"/statements/<public_id>/<{NUMBER}:position>"

Act = Callable[[Session, Statement, str, datetime], object]


@dataclass(frozen=True, slots=True)
class Shown:
    """A statement as its page shows it; `stays` says why it can't be set aside, else None.

    `matched` are the first of its lines in live matches, `more` the last line shown if more follow.
    """

    statement: Statement
    file: StatementFile
    account: CollectionAccount
    lines: Sequence[StatementLine]
    more: int | None
    matched: Sequence[StatementLine]
    stays: str | None
    waiting: Approval | None
    names: Mapping[str, str]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its forms."""

    @pages.get(_PATH, endpoint="one_statement")
    @staff_only(*READERS)
    def shown(public_id: str, position: int) -> str:
        after = line_after(request.args.get("after", "0"))
        found = cashless.database.read(lambda session: _shown(session, public_id, position, after))
        return render_template("console/statement.html", shown=found)

    @pages.post(f"{_PATH}/set-aside", endpoint="propose_setting_aside")
    @staff_only(Role.RECONCILER)
    def propose(public_id: str, position: int) -> Response:
        reason = request.form.get("reason", "")
        return _act(
            cashless,
            public_id,
            position,
            lambda session, statement, by, now: setting_aside.propose(
                session, statement, reason=reason, by=by, now=now
            ),
        )

    _add_second_person(pages, cashless)


def _add_second_person(pages: StaffPages, cashless: Service) -> None:
    @pages.post(f"{_PATH}/set-aside/confirm", endpoint="confirm_setting_aside")
    @proved_only(Role.APPROVER)
    def confirm(public_id: str, position: int) -> Response:
        def act(session: Session, statement: Statement, by: str, now: datetime) -> None:
            setting_aside.confirm(session, statement, by=by, now=now)
            day_close.renew_breaks(session, statement.collection_account_id, now=now)

        return _act(cashless, public_id, position, act)

    @pages.post(f"{_PATH}/set-aside/decline", endpoint="decline_setting_aside")
    @proved_only(Role.APPROVER)
    def decline(public_id: str, position: int) -> Response:
        reason = request.form.get("reason", "")
        return _act(
            cashless,
            public_id,
            position,
            lambda session, statement, by, now: setting_aside.decline(
                session, statement, reason=reason, by=by, now=now
            ),
        )


def _shown(session: Session, public_id: str, position: int, after: int) -> Shown:
    statement = setting_aside.statement_at(session, public_id, position)
    lines = setting_aside.lines_of(session, statement, after=after, most=PAGE + 1)
    error = setting_aside.why_not(session, statement)
    waiting = setting_aside.waiting(session, statement)
    file = session.get_one(StatementFile, statement.statement_file_id)
    actors = [file.received_by, statement.set_aside_by, statement.set_aside_proposed_by]
    return Shown(
        statement=statement,
        file=file,
        account=session.get_one(CollectionAccount, statement.collection_account_id),
        lines=lines[:PAGE],
        more=lines[PAGE - 1].id if len(lines) > PAGE else None,
        matched=setting_aside.matched_lines(session, statement, most=MATCHED),
        stays=None
        if error is None
        else say(f"error.{error.code}", **cast(dict[str, Any], error.fields)),
        waiting=waiting,
        names=names_of(session, [*actors, waiting.maker if waiting else None]),
    )


def _act(cashless: Service, public_id: str, position: int, act: Act) -> Response:
    by, now = auth.who().actor, clock.now()
    cashless.database.write(
        lambda session: act(
            session, setting_aside.statement_at(session, public_id, position), by, now
        )
    )
    return redirect(url_for("console.one_statement", public_id=public_id, position=position), 303)
