"""The public JSON of cash taken. Who took it is not told outside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.agencies import Agency
from payments.cash.tables import CashCollection, CashCollectionLine
from payments.core.database import Rows
from payments.payment_requests import PaymentRequest, stamp

Snapshot = dict[str, Any]


def snapshots(session: Session, collections: Rows) -> dict[int, Snapshot]:
    """The public JSON of each collection whose id `collections` selects, by id."""
    rows = session.execute(
        select(CashCollection, Agency.code, PaymentRequest.reference)
        .join(Agency, Agency.id == CashCollection.agency_id)
        .outerjoin(PaymentRequest, PaymentRequest.id == CashCollection.payment_request_id)
        .where(CashCollection.id.in_(collections))
    ).all()
    lines = _lines(session, collections)
    return {
        row.id: _shown(row, agency, reference, lines[row.id]) for row, agency, reference in rows
    }


def _shown(
    row: CashCollection,
    agency: str,
    reference: str | None,
    lines: Sequence[Mapping[str, Any]],
) -> Snapshot:
    return {
        "id": row.public_id,
        "reference": reference,
        "agency": agency,
        "dossier": row.dossier,
        "channel": row.channel,
        "amount": int(row.amount),
        "currency": "VND",
        "lines": lines,
        "reason": row.reason,
        "explanation": row.explanation,
        "state": row.state,
        "taken_at": stamp(row.taken_at),
        "taken_on": row.taken_on.isoformat(),
        "voided_at": stamp(row.voided_at),
        "void_reason": row.void_reason,
    }


def _lines(session: Session, collections: Rows) -> dict[int, list[Mapping[str, Any]]]:
    found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    line = CashCollectionLine
    rows = session.scalars(
        select(line)
        .where(line.cash_collection_id.in_(collections))
        .order_by(line.cash_collection_id, line.position)
    )
    for row in rows:
        found[row.cash_collection_id].append(
            {
                "fee": row.fee,
                "kind": row.kind,
                "quantity": row.quantity,
                "unit_amount": int(row.unit_amount),
                "amount": int(row.amount),
                "reduction": row.reduction,
            }
        )
    return found
