"""The payer's page `/p/{token}`: no login, a phone first, with or without a script.

The token is the only key (128 random bits); an address that is not known and one that never
was get the same answer. `faces` is the one table of what a state looks and sounds like; the page
and the address it polls, `/p/{token}/state`, draw the same fragment from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from flask import Blueprint, Response, json, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from payments import slips, vietqr
from payments.core import clock
from payments.core.database import Database
from payments.core.errors import NotFound
from payments.core.vault import Vault
from payments.core.words import say
from payments.payment_requests import NotToBePaid
from payments.web.citizen import account_pages, claim_pages
from payments.web.citizen.apps import APPS
from payments.web.citizen.claimed import shown
from payments.web.citizen.page import Asked, mark_of, page_of
from payments.web.citizen.stored import Doors, Stored, UnknownPage, asked
from payments.web.headers import private

__all__ = ["Doors", "NothingToScan", "UnknownPage", "asked", "blueprint", "pages"]

_FOLLOWED: Final = re.compile(r"([A-Za-z0-9_-]{22})[^A-Za-z0-9_-]+")
"""A token and what stood behind the link in a message: the end of the sentence, a bracket."""


class NothingToScan(NotFound):
    """The payment is closed or paid: its QR code is no longer shown."""

    code = "nothing_to_scan"


def blueprint(database: Database, vault: Vault) -> Blueprint:
    """The payer's page and what belongs to it, under `/p/{token}`."""
    return pages(Stored(database, vault))


def pages(doors: Doors) -> Blueprint:
    """The same pages over any payments."""
    pages = Blueprint("citizen", __name__, url_prefix="/p/<token>")
    pages.after_request(private)

    @pages.get("/", endpoint="slashed")
    def slashed(token: str) -> ResponseReturnValue:
        return redirect(url_for("citizen.pay", token=token), 303)

    @pages.get("")
    def pay(token: str) -> ResponseReturnValue:
        followed = _FOLLOWED.fullmatch(token)
        if followed is not None:
            return redirect(url_for("citizen.pay", token=followed[1]), 303)
        asked, now = doors.find(token), clock.now()
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
        if known and known.contains(mark := mark_of(doors.glance(token), now=now)):
            answer.set_etag(mark)
            answer.make_conditional(request)
            return answer
        asked = doors.find(token)
        answer.set_etag(mark_of(asked.changing, now=now))
        answer.set_data(json.dumps(_told(asked, token, now=now)))
        return answer

    _add_what_is_taken_along(pages, doors)
    _add_receipts(pages, doors)
    claim_pages.add(pages, doors)
    account_pages.add(pages, doors)
    return pages


def _add_what_is_taken_along(pages: Blueprint, doors: Doors) -> None:
    """The code as a picture, and the slip."""

    @pages.get("/qr.svg")
    def qr_svg(token: str) -> Response:
        return Response(
            vietqr.draw_svg(_to_scan(doors.find(token)), title=say("VietQR code")),
            mimetype="image/svg+xml",
        )

    @pages.get("/qr.png")
    def qr_png(token: str) -> Response:
        return Response(vietqr.draw_png(_to_scan(doors.find(token))), mimetype="image/png")

    @pages.get("/slip.pdf")
    def slip_pdf(token: str) -> ResponseReturnValue:
        try:
            printed = doors.slip(token)
        except NotToBePaid:
            return redirect(url_for("citizen.pay", token=token), 303)
        answer = Response(slips.draw(printed), mimetype=slips.MEDIA_TYPE)
        answer.headers["Content-Disposition"] = f'attachment; filename="{printed.reference}.pdf"'
        return answer


def _add_receipts(pages: Blueprint, doors: Doors) -> None:
    """The receipts to be saved."""

    @pages.get("/receipts/<public_id>.<any(pdf, xml):form>")
    def receipt(token: str, public_id: str, form: str) -> Response:
        kept = doors.paper(token, public_id, form)
        return Response(kept.content, mimetype=kept.media_type)


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
