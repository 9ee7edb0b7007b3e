"""What a request's codes are called, in both languages: its agency's and its fees'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.agencies import Agency
from payments.fees import Fee
from payments.payment_requests.tables import PaymentRequest, PaymentRequestLine

Name = tuple[str, str | None]
"""In Vietnamese, and in English where that is known."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the agency is called, and each fee in the order of the request's lines."""

    agency: Name
    fees: Sequence[Name]


def names_of(session: Session, request: PaymentRequest) -> Names:
    """The names that people know a request's codes by."""
    agency = session.get_one(Agency, request.agency_id)
    fees = session.execute(
        select(PaymentRequestLine.name, Fee.name_en)
        .join(Fee, Fee.id == PaymentRequestLine.fee_id)
        .where(PaymentRequestLine.payment_request_id == request.id)
        .order_by(PaymentRequestLine.position)
    )
    return Names(
        agency=(agency.name_vi, agency.name_en), fees=[(name, name_en) for name, name_en in fees]
    )
