"""`/payment-requests/{reference}/qr.svg|png|txt`: the code a payer scans, as long as it may be."""

from __future__ import annotations

from flask import Response

from payments import payment_requests, vietqr
from payments.core import clock
from payments.core.words import say
from payments.portals import Scope
from payments.web.api.desk import Blueprint, desk
from payments.web.api.payment_requests import AT, shown

blueprint = Blueprint("qr", __name__, at=f"{AT}/<reference>")


@blueprint.route("/qr.svg", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ, refuses=(404, 409))
@blueprint.response(200, {"type": "string"}, content_type="image/svg+xml")
def get_qr_svg(reference: str) -> Response:
    """The QR code as an SVG picture of any size."""
    picture = vietqr.draw_svg(_code(reference), title=say("VietQR code"))
    return Response(picture, mimetype="image/svg+xml")


@blueprint.route("/qr.png", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ, refuses=(404, 409))
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="image/png")
def get_qr_png(reference: str) -> Response:
    """The QR code as a PNG picture, eight pixels a module."""
    return Response(vietqr.draw_png(_code(reference)), mimetype="image/png")


@blueprint.route("/qr.txt", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ, refuses=(404, 409))
@blueprint.response(200, {"type": "string"}, content_type="text/plain")
def get_qr_text(reference: str) -> Response:
    """The text of the QR code, to be drawn by the portal itself."""
    return Response(_code(reference), mimetype="text/plain")


def _code(reference: str) -> str:
    """The text to scan for what is still due. Raises `NotToBePaid`."""
    snapshot = desk().cashless.database.read(lambda session: shown(session, reference))
    return payment_requests.to_scan(snapshot, now=clock.now())
