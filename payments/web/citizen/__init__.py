"""The payer's page `/p/{token}`: no login, a phone first, with or without a script.

The token is the only key (128 random bits); an address that is not known and one that never
was get the same answer. `faces` is the one table of what a state looks and sounds like; the page
and the address it polls, `/p/{token}/state`, draw the same fragment from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from flask import Blueprint, Response, json, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import claims, credits, payment_requests, payouts, receipts, slips, vietqr
from payments.claims import Told
from payments.core import clock
from payments.core.database import Database, Rows
from payments.core.errors import NotFound
from payments.core.files import Kept
from payments.core.money import Dong
from payments.core.words import language, say
from payments.payment_requests import NotToBePaid, PaymentRequest, UnknownRequest
from payments.payouts import Payout
from payments.slips import Slip
from payments.web.citizen import claim_pages
from payments.web.citizen.apps import APPS
from payments.web.citizen.claimed import shown
from payments.web.citizen.page import Asked, mark_of, page_of
from payments.web.headers import private

_DUE: Final = ("open", "confirming", "partially_paid", "expired")
"""Public statuses in which money that comes is still due."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22}")


class UnknownPage(NotFound):
    """No payment has this address."""

    code = "unknown_page"


class NothingToScan(NotFound):
    """The payment is closed or paid: its QR code is no longer shown."""

    code = "nothing_to_scan"


def blueprint(database: Database) -> Blueprint:
    """The payer's page and what belongs to it, under `/p/{token}`."""

    def find(token: str) -> Asked:
        _check(token)
        return database.read(lambda session: asked(session, token))

    def glance(token: str) -> Mapping[str, Any]:
        _check(token)
        found = database.read(lambda session: glanced(session, token))
        if found is None:
            raise UnknownPage
        return found

    def slip(token: str) -> Slip:
        _check(token)
        now = clock.now()
        return database.read(lambda session: slips.of(session, _request(session, token), now=now))

    def paper(token: str, public_id: str, form: str) -> Kept:
        _check(token)
        return database.read(lambda session: _paper(session, token, public_id, form))

    def claim(token: str, told: Told) -> None:
        _check(token)
        now = clock.now()
        database.write(
            lambda session: claims.make(session, _request(session, token), told, now=now)
        )

    return pages(find, glance, slip, paper, claim)


def pages(
    find: Callable[[str], Asked],
    glance: Callable[[str], Mapping[str, Any]],
    slip: Callable[[str], Slip],
    paper: Callable[[str, str, str], Kept],
    claim: Callable[[str, Told], None],
) -> Blueprint:
    """The same pages over any way to `find` what a token asks for, or only what changes of it.

    `slip` gives what is printed for it, `paper` a receipt of that number, signed, as `pdf` or as
    `xml`, `claim` makes what its payer says a claim. All raise `UnknownPage`, the slip also
    `NotToBePaid`, the claim `NothingToClaim`.
    """
    pages = Blueprint("citizen", __name__, url_prefix="/p/<token>")
    pages.after_request(private)

    @pages.get("")
    def pay(token: str) -> str:
        asked, now = find(token), clock.now()
        return render_template(
            "citizen/pay.html",
            **_seen(asked, token, now=now),
            tag=f'"{mark_of(asked.changing, now=now)}"',
            now=now.isoformat(),
        )

    @pages.get("/state")
    def state(token: str) -> Response:
        now, answer = clock.now(), Response(mimetype="application/json")
        known = request.if_none_match
        if known and known.contains(mark := mark_of(glance(token), now=now)):
            answer.set_etag(mark)
            answer.make_conditional(request)
            return answer
        asked = find(token)
        answer.set_etag(mark_of(asked.changing, now=now))
        answer.set_data(json.dumps(_told(asked, token, now=now)))
        return answer

    _add_what_is_taken_along(pages, find, slip)
    _add_receipts(pages, paper)
    claim_pages.add(pages, find, claim)
    return pages


def _add_what_is_taken_along(
    pages: Blueprint, find: Callable[[str], Asked], slip: Callable[[str], Slip]
) -> None:
    """The code as a picture, and the slip."""

    @pages.get("/qr.svg")
    def qr_svg(token: str) -> Response:
        return Response(
            vietqr.draw_svg(_to_scan(find(token)), title=say("VietQR code")),
            mimetype="image/svg+xml",
        )

    @pages.get("/qr.png")
    def qr_png(token: str) -> Response:
        return Response(vietqr.draw_png(_to_scan(find(token))), mimetype="image/png")

    @pages.get("/slip.pdf")
    def slip_pdf(token: str) -> ResponseReturnValue:
        try:
            printed = slip(token)
        except NotToBePaid:
            return redirect(url_for("citizen.pay", token=token), 303)
        answer = Response(slips.draw(printed), mimetype=slips.MEDIA_TYPE)
        answer.headers["Content-Disposition"] = f'attachment; filename="{printed.reference}.pdf"'
        return answer


def _add_receipts(pages: Blueprint, paper: Callable[[str, str, str], Kept]) -> None:
    """The receipts to be saved."""

    @pages.get("/receipts/<public_id>.<any(pdf, xml):form>")
    def receipt(token: str, public_id: str, form: str) -> Response:
        kept = paper(token, public_id, form)
        return Response(kept.content, mimetype=kept.media_type)


def asked(session: Session, token: str) -> Asked:
    """What the holder of `token` may see. Raises `UnknownPage`."""
    found = _request(session, token)
    this = select(PaymentRequest.id).where(PaymentRequest.id == found.id)
    names = payment_requests.names_of(session, found)
    snapshot = payment_requests.snapshots(session, this)[found.id]
    refunds = payouts.of_request(found).order_by(Payout.id)
    claim = claims.of_request(session, found.id)
    return Asked(
        snapshot=snapshot,
        agency=_in_language(*names.agency),
        fees=[_in_language(*name) for name in names.fees],
        beyond=_beyond(session, this, status=snapshot["status"]),
        **_receipts(session, this, status=snapshot["status"]),
        refunds=[payouts.snapshot(session, one) for one in session.scalars(refunds)],
        kept=payouts.kept(session, found),
        claim=None if claim is None else claims.snapshot(claim, found),
    )


def _check(token: str) -> None:
    if not _TOKEN.fullmatch(token):
        raise UnknownPage


def _request(session: Session, token: str) -> PaymentRequest:
    try:
        return payment_requests.by_token(session, token)
    except UnknownRequest:
        raise UnknownPage from None


def glanced(session: Session, token: str) -> Mapping[str, Any] | None:
    """Of what the holder of `token` may see, only what changes; None without a request.

    While money is still due it is one row by its index: a page that waits asks again and again.
    """
    found = payment_requests.glance(session, token)
    if found is None:
        return None
    this = select(PaymentRequest.id).where(PaymentRequest.token == token)
    status = found["status"]
    beyond = _beyond(session, this, status=status)
    return {**found, "beyond": beyond, **_receipts(session, this, status=status)}


def _beyond(session: Session, this: Rows, *, status: str) -> Dong:
    return Dong(0) if status in _DUE else credits.beyond(session, this)


def _receipts(session: Session, this: Rows, *, status: str) -> dict[str, Any]:
    if status in _DUE:
        return {"receipts": [], "awaited": False}
    shown = receipts.snapshots(session, receipts.of_requests(this))
    return {"receipts": list(shown.values()), "awaited": receipts.awaited(session, this)}


def _paper(session: Session, token: str, public_id: str, form: str) -> Kept:
    found = _request(session, token)
    receipt = receipts.by_public_id(session, public_id, payment_request_id=found.id)
    return receipts.xml(session, receipt) if form == "xml" else receipts.pdf(session, receipt)


def _to_scan(asked: Asked) -> str:
    page = page_of(asked, now=clock.now())
    if page.pay_to is None:
        raise NothingToScan
    return page.pay_to.qr


def _seen(asked: Asked, token: str, *, now: datetime) -> dict[str, Any]:
    """What the templates of the page are drawn from."""
    return {
        "page": page_of(asked, now=now),
        "claim": None if asked.claim is None else shown(asked.claim, asked.agency),
        "claimable": asked.claimable,
        "apps": APPS,
        "token": token,
    }


def _told(asked: Asked, token: str, *, now: datetime) -> Mapping[str, object]:
    seen = _seen(asked, token, now=now)
    page = seen["page"]
    return {
        "state": page.state,
        "final": page.final,
        "title": page.title,
        "headline": page.headline,
        "html": render_template("citizen/_state.html", **seen),
    }


def _in_language(vietnamese: str, english: str | None) -> str:
    return english if language.get() == "en" and english else vietnamese
