"""`snapshots()`: the only builder of a receipt's public JSON, and what portals are told with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row as Result
from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from payments import documents, outbox, payment_requests
from payments.agencies import Agency
from payments.core.database import Rows, table_of
from payments.outbox import EventType, News
from payments.payment_requests import PaymentRequest
from payments.receipts.content import written
from payments.receipts.tables import Receipt, ReceiptSeries

Snapshot = dict[str, Any]

RECEIPT: Final = table_of(Receipt)
_before: Final = RECEIPT.alias("before")
_after: Final = RECEIPT.alias("after")


def snapshots(session: Session, receipts: Rows) -> dict[int, Snapshot]:
    """The public JSON of each receipt whose id `receipts` selects, by id, in their order."""
    return {row.id: _snapshot(row) for row in session.execute(_shown(receipts))}


def tell_all(session: Session, receipts: Rows, kind: EventType, *, now: datetime) -> None:
    """Tells each receipt's portal what became of it, with its whole snapshot."""
    told = [
        News(kind, row.portal_id, row.payment_request_id, None, _snapshot(row))
        for row in session.execute(_shown(receipts))
    ]
    outbox.enqueue_all(session, told, now=now)


def _shown(receipts: Rows) -> Rows:
    return (
        select(
            RECEIPT,
            ReceiptSeries.form,
            ReceiptSeries.symbol,
            PaymentRequest.reference,
            PaymentRequest.page,
            PaymentRequest.portal_id,
            Agency.code.label("agency"),
            _before.c.public_id.label("replaces"),
            _after.c.public_id.label("replaced_by"),
        )
        .join(ReceiptSeries, ReceiptSeries.id == RECEIPT.c.receipt_series_id)
        .join(PaymentRequest, PaymentRequest.id == RECEIPT.c.payment_request_id)
        .join(Agency, Agency.id == PaymentRequest.agency_id)
        .outerjoin(_before, _before.c.id == RECEIPT.c.replaces_id)
        .outerjoin(
            _after, and_(_after.c.replaces_id == RECEIPT.c.id, _after.c.issued_at.is_not(None))
        )
        .where(RECEIPT.c.id.in_(receipts))
        .order_by(RECEIPT.c.id)
    )


def _snapshot(row: Result[*tuple[Any, ...]]) -> Snapshot:
    base = base_of(row.page)
    return {
        "id": row.public_id,
        "payment_request": row.reference,
        "kind": row.kind,
        "state": row.state,
        "form": row.form,
        "symbol": row.symbol,
        "number": written(row.number),
        "amount": int(row.amount),
        "currency": "VND",
        "agency": row.agency,
        "verification_code": row.content["code"],
        "verify": documents.address(base, row.content["code"]),
        "pdf": f"{base}/api/v1/receipts/{row.public_id}.pdf",
        "xml": f"{base}/api/v1/receipts/{row.public_id}.xml",
        "issued_at": payment_requests.stamp(row.issued_at),
        "ended_at": payment_requests.stamp(row.ended_at),
        "reason": row.reason,
        "replaces": row.replaces,
        "replaced_by": row.replaced_by,
    }


def base_of(page: str) -> str:
    """The service's public address, as a request's page was given it: `https://pay.example`."""
    return page.rpartition("/p/")[0]
