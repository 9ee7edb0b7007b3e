"""`/payment-requests/{reference}/slip.pdf`: a request on paper, as long as it may be paid."""

from __future__ import annotations

from flask import Response
from sqlalchemy.orm import Session

from payments import slips
from payments.core import clock
from payments.portals import Scope
from payments.slips import Slip
from payments.web.api.desk import Blueprint, desk
from payments.web.api.payment_requests import AT, owned

blueprint = Blueprint("slip", __name__, at=f"{AT}/<reference>")


@blueprint.route("/slip.pdf", methods=["GET"])
@blueprint.needs(Scope.REQUESTS_READ, refuses=(404, 409))
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type=slips.MEDIA_TYPE)
def get_slip(reference: str) -> Response:
    """The payment slip: one A4 page for a payer without a smartphone."""
    now = clock.now()

    def unit(session: Session) -> Slip:
        return slips.of(session, owned(session, reference), now=now)

    return Response(slips.draw(desk().cashless.database.read(unit)), mimetype=slips.MEDIA_TYPE)
