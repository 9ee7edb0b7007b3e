"""What is done on the page of a break: decide, approve, hand over, write, reopen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from flask import Response as FlaskResponse
from flask import redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import staff
from payments.core import clock
from payments.core.approvals import Approval, UnknownApproval
from payments.core.service import Service
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, proved_only, staff_only
from reconciliation import breaks, day_close
from reconciliation.breaks import Attachment, Break, NoteKind
from reconciliation.breaks.working import MOST_BYTES
from reconciliation.web.console.break_words import UnknownDecision, decision_of, seen_in
from reconciliation.web.console.parts import READERS

Act = Callable[[Session, Break, str, datetime], object]

_FORM_BYTES = MOST_BYTES + (64 << 10)


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the forms."""
    _add_decisions(pages, cashless)
    _add_second_person(pages, cashless)
    _add_care(pages, cashless)
    _add_notes(pages, cashless)


def _add_decisions(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/breaks/<public_id>/decide", endpoint="decide_break")
    @staff_only(Role.RECONCILER)
    def decide(public_id: str) -> Response:
        decision, seen = decision_of(request.form), seen_in(request.form)

        def act(session: Session, one: Break, by: str, now: datetime) -> None:
            breaks.decide(session, [one], decision, by=by, now=now, seen=seen)
            day_close.renew_breaks(session, one.collection_account_id, now=now)

        return _act(cashless, public_id, act)

    @pages.post("/breaks/<public_id>/decline-suggestion", endpoint="decline_suggestion")
    @staff_only(Role.RECONCILER)
    def decline(public_id: str) -> Response:
        told, reason = request.form.get("suggestion", ""), request.form.get("reason", "")

        def act(session: Session, one: Break, by: str, now: datetime) -> None:
            breaks.decline_suggestion(session, one, told, reason=reason, by=by, now=now)

        return _act(cashless, public_id, act)

    @pages.post("/breaks/<public_id>/reopen", endpoint="reopen_break")
    @staff_only(Role.RECONCILER)
    def reopen(public_id: str) -> Response:
        reason, seen = request.form.get("reason", ""), seen_in(request.form)
        return _act(
            cashless,
            public_id,
            lambda session, one, by, now: breaks.reopen(
                session, one, reason=reason, by=by, now=now, seen=seen
            ),
        )


def _add_second_person(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/breaks/<public_id>/approve", endpoint="approve_decision")
    @proved_only(Role.APPROVER)
    def approve(public_id: str) -> Response:
        def act(session: Session, one: Break, by: str, now: datetime) -> None:
            breaks.approve(session, _proposal(session, one), by=by, now=now)
            day_close.renew_breaks(session, one.collection_account_id, now=now)

        return _act(cashless, public_id, act)

    @pages.post("/breaks/<public_id>/decline", endpoint="decline_decision")
    @proved_only(Role.APPROVER)
    def decline(public_id: str) -> Response:
        reason = request.form.get("reason", "")
        return _act(
            cashless,
            public_id,
            lambda session, one, by, now: breaks.decline(
                session, _proposal(session, one), reason=reason, by=by, now=now
            ),
        )

    @pages.post("/breaks/<public_id>/take-back", endpoint="take_decision_back")
    @staff_only(Role.RECONCILER)
    def take_back(public_id: str) -> Response:
        return _act(
            cashless,
            public_id,
            lambda session, one, by, now: breaks.withdraw(
                session, _proposal(session, one), by=by, now=now
            ),
        )


def _add_care(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/breaks/<public_id>/hand", endpoint="hand_break")
    @staff_only(Role.RECONCILER, Role.APPROVER)
    def hand(public_id: str) -> Response:
        username = request.form.get("owner", "")

        def act(session: Session, one: Break, by: str, now: datetime) -> None:
            person = staff.by_username(session, username) if username else None
            owner = None if person is None else staff.actor(person.id)
            breaks.hand_to(session, one, owner=owner, by=by, now=now)

        return _act(cashless, public_id, act)


def _add_notes(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/breaks/<public_id>/notes", endpoint="note_break")
    @staff_only(Role.RECONCILER, Role.APPROVER, most_bytes=_FORM_BYTES)
    def note(public_id: str) -> Response:
        form, file = request.form, request.files.get("file")
        kind = _note_kind(form.get("kind", ""))
        brought = None
        if file is not None and file.filename:
            brought = Attachment(file.filename, file.read())

        def act(session: Session, one: Break, by: str, now: datetime) -> None:
            breaks.write(
                session,
                one,
                form.get("words", ""),
                kind=kind,
                number=form.get("number", ""),
                attachment=brought,
                by=by,
                now=now,
            )

        return _act(cashless, public_id, act)

    @pages.get("/breaks/<public_id>/notes/<note_id>", endpoint="attachment")
    @staff_only(*READERS)
    def attachment(public_id: str, note_id: str) -> Response:
        name, kept = cashless.database.read(
            lambda session: breaks.attached(
                session, breaks.by_public_id(session, public_id), note_id
            )
        )
        answer = FlaskResponse(kept.content, mimetype=kept.media_type)
        answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
        return answer


def _act(cashless: Service, public_id: str, act: Act) -> Response:
    """Does it in one unit, and goes back to the page."""
    by, now = auth.who().actor, clock.now()
    cashless.database.write(
        lambda session: act(session, breaks.by_public_id(session, public_id), by, now)
    )
    return redirect(url_for("console.one_break", public_id=public_id), 303)


def _proposal(session: Session, one: Break) -> Approval:
    """The decision about a break that waits, as the form saw it. Raises `UnknownApproval`."""
    found = None if one.approval_id is None else session.get_one(Approval, one.approval_id)
    if found is None or found.public_id != request.form.get("proposal"):
        raise UnknownApproval(approval=request.form.get("proposal", "")[:40])
    return found


def _note_kind(text: str) -> NoteKind:
    try:
        return NoteKind(text)
    except ValueError:
        raise UnknownDecision from None
