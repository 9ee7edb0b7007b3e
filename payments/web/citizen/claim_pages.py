"""`/p/{token}/claim`: "I paid, but it still says unpaid", sent once and followed from then on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Response, json, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from payments import claims
from payments.claims import NothingToClaim
from payments.core import clock
from payments.web.auth import for_anyone
from payments.web.citizen.claimed import Form, empty_form, mark_of, read, shown
from payments.web.citizen.forms import Sending
from payments.web.citizen.page import Asked
from payments.web.citizen.stored import Doors

MOST_SENT: Final = 3 * claims.MOST_BYTES
"""A form is read this far, so that whoever sends too large a photo is told so in the form."""


def add(pages: Blueprint, doors: Doors) -> None:
    """Adds the pages of a claim to those of a payment."""
    sending = Sending()

    @pages.get("/claim")
    def claim(token: str) -> AnyResponse:
        asked = doors.find(token)
        if asked.claim is not None:
            return _page(asked, asked.claim, token)
        if not asked.claimable:
            return _to_the_payment(token)
        return _form(asked, token, empty_form(asked, now=clock.now()))

    @pages.post("/claim", endpoint="make_claim")
    @for_anyone(most_bytes=MOST_SENT)
    def send(token: str) -> AnyResponse:
        try:
            sending.spend(token)
            return _sent(doors, token)
        finally:
            for file in request.files.values():
                file.close()

    @pages.get("/claim/state", endpoint="claim_state")
    def state(token: str) -> AnyResponse:
        asked = doors.find(token)
        if asked.claim is None:
            return redirect(url_for("citizen.claim", token=token), 303)
        told = shown(asked.claim, asked.agency)
        drawn = render_template("citizen/_claim.html", asked=asked, claim=told, token=token)
        title = f"{told.headline} · {asked.agency}"
        news = {"state": told.state, "final": told.final, "title": title}
        news |= {"headline": told.headline, "html": drawn}
        answer = Response(json.dumps(news), mimetype="application/json")
        answer.set_etag(mark_of(asked.claim))
        answer.make_conditional(request)
        return answer


def _sent(doors: Doors, token: str) -> AnyResponse:
    """Makes the claim that the form tells; what there is already is shown instead."""
    asked = doors.find(token)
    if asked.claim is None and asked.claimable:
        told = read(asked, request.form, request.files.get("photo"), now=clock.now())
        if isinstance(told, Form):
            return _form(asked, token, told)
        try:
            doors.claim(token, told)
        except NothingToClaim:
            return _to_the_payment(token)
    return redirect(url_for("citizen.claim", token=token), 303)


def _page(asked: Asked, told: Mapping[str, Any], token: str) -> AnyResponse:
    page = render_template(
        "citizen/claim.html",
        asked=asked,
        claim=shown(told, asked.agency),
        token=token,
        tag=f'"{mark_of(told)}"',
        now=clock.now().isoformat(),
    )
    return Response(page)


def _form(asked: Asked, token: str, form: Form) -> AnyResponse:
    page = render_template("citizen/claim_form.html", asked=asked, form=form, token=token)
    return Response(page, 422 if form.wrong else 200)


def _to_the_payment(token: str) -> AnyResponse:
    return redirect(url_for("citizen.pay", token=token), 303)
