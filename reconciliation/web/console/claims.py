"""`/console/claims`: payers' claims, found by the number a payer reads out; photos, and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Response as FlaskResponse
from flask import redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import agencies, claims
from payments.claims import Claim, Search
from payments.core import clock
from payments.core.service import Service
from payments.payment_requests import PaymentRequest
from payments.staff import Role
from payments.web import auth, paging
from payments.web.auth import StaffPages, staff_only
from reconciliation import breaks
from reconciliation.breaks import Break
from reconciliation.breaks.tables import Leg
from reconciliation.web.console.one_break import RAW_READERS
from reconciliation.web.console.parts import READERS, UnknownFilter, asked_once, known_filters

MOST_SHOWN: Final = 20
WAITING: Final = "waiting"


@dataclass(frozen=True, slots=True)
class Row:
    """A claim in the list, with the break that it is where there is one already."""

    claim: Claim
    request: PaymentRequest
    state: str
    waits: Break | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of claims; `asked` is what the address asks for, as it is written there."""

    asked: Mapping[str, str]
    items: Sequence[Row]
    next: str | None


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the list, the photos and the form of an answer."""

    @pages.get("/claims", endpoint="claims")
    @staff_only(*READERS)
    def listed() -> str:
        known_filters("number", "state", "cursor")
        asked = {name: asked_once(name).strip() for name in ("number", "state")}
        wanted, page = _search(asked), paging.asked({"limit": str(MOST_SHOWN)} | _cursor())
        found = cashless.database.read(lambda session: _listed(session, asked, wanted, page))
        return render_template("console/claims.html", listed=found)

    @pages.get("/claims/<public_id>/photo", endpoint="claim_photo")
    @staff_only(*RAW_READERS)
    def photo(public_id: str) -> Response:
        kept = cashless.database.read(
            lambda session: claims.photo(session, claims.by_public_id(session, public_id))
        )
        answer = FlaskResponse(kept.content, mimetype=kept.media_type)
        answer.headers["Content-Disposition"] = f'attachment; filename="{public_id}.jpg"'
        return answer

    @pages.post("/breaks/<public_id>/answer", endpoint="answer_claim")
    @staff_only(Role.RECONCILER, Role.APPROVER)
    def answer(public_id: str) -> Response:
        by, now, words = auth.who().actor, clock.now(), request.form.get("words", "")

        def unit(session: Session) -> None:
            one = breaks.by_public_id(session, public_id)
            agencies.lock(session, one.collection_account_id)
            breaks.answer(session, one, words, by=by, now=now)
            breaks.follow_claims(session, one.collection_account_id, now=now)

        cashless.database.write(unit)
        return redirect(url_for("console.one_break", public_id=public_id), 303)


def _cursor() -> dict[str, str]:
    cursor = asked_once("cursor")
    return {"cursor": cursor} if cursor else {}


def _search(asked: Mapping[str, str]) -> Search:
    """What the address asks for. Raises `UnknownFilter`."""
    number = "".join(asked["number"].split())
    if asked["state"] not in ("", WAITING):
        raise UnknownFilter
    return Search(number=number or None, waiting=asked["state"] == WAITING)


def _listed(
    session: Session, asked: Mapping[str, str], wanted: Search, page: paging.Page
) -> Listed:
    found = session.execute(page.of(claims.listed(wanted), Claim.id)).all()
    rows = [(claim, asked_for) for claim, asked_for in found]
    keys = [str(claim.id) for claim, _ in rows]
    accounts = {claim.collection_account_id for claim, _ in rows}
    about = select(Break).where(
        Break.collection_account_id.in_(accounts), Break.leg == Leg.CLAIM, Break.key.in_(keys)
    )
    known = {one.key: one for one in session.scalars(about)}

    def row(pair: tuple[Claim, PaymentRequest]) -> Row:
        claim, asked_for = pair
        state = claims.state_of(claim, asked_for).value
        return Row(claim, asked_for, state, known.get(str(claim.id)))

    told: dict[str, Any] = page.answer(rows, key=lambda pair: pair[0].id, show=row)
    return Listed(asked, told["items"], told["next"])
