"""`/console/layouts/drafts/{draft}`: a layout as a form, and what it makes of its sample."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from flask import redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments.banks import every_bank
from payments.core import clock
from payments.core.service import Service
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, staff_only
from reconciliation.formats import drafts, trials
from reconciliation.formats.choices import ALLOWED, COLUMNS, FACTS, Choices
from reconciliation.formats.trials import Trial
from reconciliation.statements import LayoutDraft, Received, layouts
from reconciliation.web.console.layouts import header_row


@dataclass(frozen=True, slots=True)
class Shown:
    """A draft as the page shows it."""

    row: LayoutDraft
    choices: Choices
    trial: Trial


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its forms."""

    @pages.get("/layouts/drafts/<public_id>", endpoint="layout_draft")
    @staff_only(Role.RECONCILER)
    def shown(public_id: str) -> str:
        return render_template(
            "console/layout_draft.html",
            shown=_tried(cashless, public_id),
            columns=[one.value for one in sorted(COLUMNS)],
            facts=[one.value for one in sorted(FACTS)],
            allowed=ALLOWED,
            banks=every_bank(),
        )

    @pages.post("/layouts/drafts/<public_id>", endpoint="amend_layout")
    @staff_only(Role.RECONCILER)
    def amend(public_id: str) -> Response:
        told = request.form

        def unit(session: Session) -> None:
            row = layouts.draft_of(session, public_id)
            layouts.amend(session, row, Choices.heard(row.choices).answered(told))

        cashless.database.write(unit)
        return _back(public_id)

    @pages.post("/layouts/drafts/<public_id>/header", endpoint="choose_header")
    @staff_only(Role.RECONCILER)
    def choose(public_id: str) -> Response:
        row = header_row(request.form.get("row", ""))
        _, sample = cashless.database.read(lambda session: _sampled(session, public_id))
        guessed = drafts.guess(BytesIO(sample.content), row=row)
        cashless.database.write(
            lambda session: layouts.amend(session, layouts.draft_of(session, public_id), guessed)
        )
        return _back(public_id)

    _add_ends(pages, cashless)


def _add_ends(pages: StaffPages, cashless: Service) -> None:
    """The two ways a draft ends: saved, or discarded."""
    further = cashless.config.layouts

    @pages.post("/layouts/drafts/<public_id>/save", endpoint="save_layout")
    @staff_only(Role.RECONCILER)
    def save(public_id: str) -> Response:
        found = _tried(cashless, public_id)
        reason, by, now = request.form.get("reason", ""), auth.who().actor, clock.now()

        def unit(session: Session) -> str:
            return layouts.save(
                session,
                layouts.draft_of(session, public_id),
                found.trial,
                choices=found.choices,
                further=further,
                reason=reason,
                by=by,
                now=now,
            ).public_id

        saved = cashless.database.write(unit)
        return redirect(url_for("console.one_layout", public_id=saved), 303)

    @pages.post("/layouts/drafts/<public_id>/discard", endpoint="discard_layout")
    @staff_only(Role.RECONCILER)
    def discard(public_id: str) -> Response:
        by, now = auth.who().actor, clock.now()
        cashless.database.write(
            lambda session: layouts.discard(
                session, layouts.draft_of(session, public_id), by=by, now=now
            )
        )
        return redirect(url_for("console.layouts"), 303)


def _tried(cashless: Service, public_id: str) -> Shown:
    """The draft with what came of trying it, outside any unit of work."""
    further = cashless.config.layouts
    (row, sample), others = cashless.database.read(
        lambda session: (_sampled(session, public_id), layouts.all_known(session, further))
    )
    choices = Choices.heard(row.choices)
    trial = trials.tried(BytesIO(sample.content), choices, name=row.name, others=others)
    return Shown(row, choices, trial)


def _sampled(session: Session, public_id: str) -> tuple[LayoutDraft, Received]:
    row = layouts.draft_of(session, public_id)
    return row, layouts.sample_of(session, row)


def _back(public_id: str) -> Response:
    return redirect(url_for("console.layout_draft", public_id=public_id) + "#tried", 303)
