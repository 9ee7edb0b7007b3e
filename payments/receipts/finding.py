"""Finding receipts: by their public number, of a request, or by what staff look for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import documents
from payments.core.database import Rows, table_of
from payments.core.errors import NotFound
from payments.core.files import Kept
from payments.documents import Document
from payments.fees import FeeKind
from payments.payment_requests import PaymentRequest
from payments.receipts.tables import DUE, UNSIGNED, Receipt, ReceiptSeries, State

RECEIPT: Final = table_of(Receipt)


class UnknownReceipt(NotFound):
    """There is no receipt of that number, or it is not the caller's, or it has no papers yet."""

    code = "unknown_receipt"


@dataclass(frozen=True, slots=True)
class Search:
    """Which receipts staff look for; what is None does not narrow."""

    series: int | None = None
    number: int | None = None
    state: State | None = None
    kind: FeeKind | None = None
    reference: str | None = None


def by_public_id(
    session: Session,
    public_id: str,
    *,
    portal_id: int | None = None,
    payment_request_id: int | None = None,
) -> Receipt:
    """The receipt with papers that has this public number, of a portal or a request where told.

    Raises `UnknownReceipt`.
    """
    found = select(Receipt).where(Receipt.public_id == public_id, Receipt.issued_at.is_not(None))
    if portal_id is not None:
        found = found.join(PaymentRequest, PaymentRequest.id == Receipt.payment_request_id).where(
            PaymentRequest.portal_id == portal_id
        )
    if payment_request_id is not None:
        found = found.where(Receipt.payment_request_id == payment_request_id)
    receipt = session.scalar(found)
    if receipt is None:
        raise UnknownReceipt(receipt=public_id[:40])
    return receipt


def of_requests(requests: Rows) -> Rows:
    """The ids of the requests' receipts that payers and portals see: those that have papers."""
    return select(RECEIPT.c.id).where(
        RECEIPT.c.payment_request_id.in_(requests), RECEIPT.c.issued_at.is_not(None)
    )


def awaited(session: Session, requests: Rows) -> bool:
    """Whether receipts of any of the requests (ids) are still to be numbered or signed."""
    due = select(PaymentRequest.id).where(PaymentRequest.id.in_(requests), DUE)
    unsigned = select(RECEIPT.c.id).where(RECEIPT.c.payment_request_id.in_(requests), UNSIGNED)
    return any(session.scalar(one.limit(1)) is not None for one in (due, unsigned))


def search(wanted: Search) -> Rows:
    """The ids of the receipts that are wanted."""
    found = select(RECEIPT.c.id)
    if wanted.reference is not None:
        found = found.join(PaymentRequest, PaymentRequest.id == RECEIPT.c.payment_request_id).where(
            PaymentRequest.reference == wanted.reference
        )
    for column, value in (
        (RECEIPT.c.receipt_series_id, wanted.series),
        (RECEIPT.c.number, wanted.number),
        (RECEIPT.c.state, wanted.state),
        (RECEIPT.c.kind, wanted.kind),
    ):
        if value is not None:
            found = found.where(column == value)
    return found


def pdf(session: Session, receipt: Receipt) -> Kept:
    """The signed PDF as it was issued. Raises `UnknownReceipt` for one without papers."""
    return documents.signed_pdf(session, _document(session, receipt))


def xml(session: Session, receipt: Receipt) -> Kept:
    """The signed XML as it was issued. Raises `UnknownReceipt` for one without papers."""
    kept = documents.signed_xml(session, _document(session, receipt))
    if kept is None:
        raise UnknownReceipt(receipt=receipt.public_id)
    return kept


def series_of(session: Session, receipt: Receipt) -> ReceiptSeries:
    """The series whose number it bears."""
    return session.get_one(ReceiptSeries, receipt.receipt_series_id)


def _document(session: Session, receipt: Receipt) -> Document:
    if receipt.document_id is None:
        raise UnknownReceipt(receipt=receipt.public_id)
    return session.get_one(Document, receipt.document_id)
