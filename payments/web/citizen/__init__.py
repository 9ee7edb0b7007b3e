"""The payer's page `/p/{token}`: no login, a phone first, with or without a script.

The token is the only key (128 random bits); an address that is not known and one that never
was get the same answer. `faces` is the one table of what a state looks and sounds like; the page
and the address it polls, `/p/{token}/state`, draw the same fragment from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Blueprint, Response, json, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import credits, payment_requests, vietqr
from payments.agencies import Agency
from payments.core import clock
from payments.core.database import Database, Rows
from payments.core.errors import NotFound
from payments.core.money import Dong
from payments.core.words import language, say
from payments.fees import Fee
from payments.payment_requests import PaymentRequest, PaymentRequestLine, UnknownRequest
from payments.web.citizen.page import Asked, Page, mark_of, page_of
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
        if not _TOKEN.fullmatch(token):
            raise UnknownPage
        return database.read(lambda session: asked(session, token))

    def glance(token: str) -> Mapping[str, Any]:
        if not _TOKEN.fullmatch(token):
            raise UnknownPage
        found = database.read(lambda session: glanced(session, token))
        if found is None:
            raise UnknownPage
        return found

    return pages(find, glance)


def pages(find: Callable[[str], Asked], glance: Callable[[str], Mapping[str, Any]]) -> Blueprint:
    """The same pages over any way to `find` what a token asks for, or only what changes of it.

    Both raise `UnknownPage`.
    """
    pages = Blueprint("citizen", __name__, url_prefix="/p/<token>")
    pages.after_request(private)

    @pages.get("")
    def pay(token: str) -> str:
        asked, now = find(token), clock.now()
        return render_template(
            "citizen/pay.html",
            page=page_of(asked, now=now),
            token=token,
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
        answer.set_data(json.dumps(_told(page_of(asked, now=now), token)))
        return answer

    @pages.get("/qr.svg")
    def qr_svg(token: str) -> Response:
        return Response(
            vietqr.draw_svg(_to_scan(find(token)), title=say("VietQR code")),
            mimetype="image/svg+xml",
        )

    @pages.get("/qr.png")
    def qr_png(token: str) -> Response:
        return Response(vietqr.draw_png(_to_scan(find(token))), mimetype="image/png")

    return pages


def asked(session: Session, token: str) -> Asked:
    """What the holder of `token` may see. Raises `UnknownPage`."""
    try:
        found = payment_requests.by_token(session, token)
    except UnknownRequest:
        raise UnknownPage from None
    this = select(PaymentRequest.id).where(PaymentRequest.id == found.id)
    names = session.execute(
        select(PaymentRequestLine.name, Fee.name_en)
        .join(Fee, Fee.id == PaymentRequestLine.fee_id)
        .where(PaymentRequestLine.payment_request_id == found.id)
        .order_by(PaymentRequestLine.position)
    )
    agency = session.get_one(Agency, found.agency_id)
    snapshot = payment_requests.snapshots(session, this)[found.id]
    return Asked(
        snapshot=snapshot,
        agency=_in_language(agency.name_vi, agency.name_en),
        fees=[_in_language(name, name_en) for name, name_en in names],
        beyond=_beyond(session, this, status=snapshot["status"]),
    )


def glanced(session: Session, token: str) -> Mapping[str, Any] | None:
    """Of what the holder of `token` may see, only what changes; None without a request.

    While money is still due it is one row by its index: a page that waits asks again and again.
    """
    found = payment_requests.glance(session, token)
    if found is None:
        return None
    this = select(PaymentRequest.id).where(PaymentRequest.token == token)
    return {**found, "beyond": _beyond(session, this, status=found["status"])}


def _beyond(session: Session, this: Rows, *, status: str) -> Dong:
    return Dong(0) if status in _DUE else credits.beyond(session, this)


def _to_scan(asked: Asked) -> str:
    page = page_of(asked, now=clock.now())
    if page.pay_to is None:
        raise NothingToScan
    return page.pay_to.qr


def _told(page: Page, token: str) -> Mapping[str, object]:
    return {
        "state": page.state,
        "final": page.face.final,
        "title": page.title,
        "headline": page.headline,
        "html": render_template("citizen/_state.html", page=page, token=token),
    }


def _in_language(vietnamese: str, english: str | None) -> str:
    return english if language.get() == "en" and english else vietnamese
