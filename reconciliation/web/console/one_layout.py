"""`/console/layouts/{layout}`: a saved layout, what it reads, and who confirms or withdraws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from flask import redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments.core import clock
from payments.core.service import Service
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, proved_only, staff_only
from reconciliation.formats import drafts
from reconciliation.formats.choices import Choices
from reconciliation.formats.drafts import Preview
from reconciliation.statements import StatementLayout, layouts
from reconciliation.web.console.break_words import names_of
from reconciliation.web.console.parts import READERS, doing, reason_given

Act = Callable[[Session, StatementLayout, str, datetime], object]


@dataclass(frozen=True, slots=True)
class Shown:
    """A saved layout as the page shows it."""

    row: StatementLayout
    preview: Preview
    names: Mapping[str, str]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its forms."""

    @pages.get("/layouts/<public_id>", endpoint="one_layout")
    @staff_only(*READERS)
    def shown(public_id: str) -> str:
        return render_template("console/layout.html", shown=_shown(cashless, public_id))

    _add_second_person(pages, cashless)
    _add_afterwards(pages, cashless)


def _add_second_person(pages: StaffPages, cashless: Service) -> None:
    further = cashless.config.layouts

    @pages.post("/layouts/<public_id>/confirm", endpoint="confirm_layout")
    @proved_only(Role.APPROVER)
    def confirm(public_id: str) -> Response:
        return _act(cashless, public_id, doing(layouts.confirm, further=further))

    @pages.post("/layouts/<public_id>/decline", endpoint="decline_layout")
    @proved_only(Role.APPROVER)
    def decline(public_id: str) -> Response:
        return _act(cashless, public_id, doing(layouts.decline, reason=reason_given()))


def _add_afterwards(pages: StaffPages, cashless: Service) -> None:
    """What may be done about a layout that reads, or has read: stop it, begin a better one."""
    further = cashless.config.layouts

    @pages.post("/layouts/<public_id>/withdraw", endpoint="withdraw_layout")
    @staff_only(Role.RECONCILER, Role.APPROVER)
    def withdraw(public_id: str) -> Response:
        return _act(cashless, public_id, doing(layouts.withdraw, reason=reason_given()))

    @pages.post("/layouts/<public_id>/revise", endpoint="revise_layout")
    @staff_only(Role.RECONCILER)
    def revise(public_id: str) -> Response:
        by, now = auth.who().actor, clock.now()

        def unit(session: Session) -> str:
            saved = layouts.saved_one(session, public_id)
            return layouts.draft(
                session,
                layouts.sample_of(session, saved),
                Choices.heard(saved.choices),
                name=saved.name,
                further=further,
                by=by,
                now=now,
            ).public_id

        made = cashless.database.write(unit)
        return redirect(url_for("console.layout_draft", public_id=made), 303)


def _shown(cashless: Service, public_id: str) -> Shown:
    def unit(session: Session) -> tuple[StatementLayout, bytes, Mapping[str, str]]:
        row = layouts.saved_one(session, public_id)
        names = names_of(session, [row.saved_by, row.confirmed_by, row.ended_by])
        return row, layouts.sample_of(session, row).content, names

    row, content, names = cashless.database.read(unit)
    preview = drafts.preview(BytesIO(content), row.described)
    return Shown(row, preview, names)


def _act(cashless: Service, public_id: str, act: Act) -> Response:
    by, now = auth.who().actor, clock.now()
    cashless.database.write(
        lambda session: act(session, layouts.saved_one(session, public_id), by, now)
    )
    return redirect(url_for("console.one_layout", public_id=public_id), 303)
