"""`snapshots()`: the only builder of a request's public JSON.

The API dumps it, events carry it, the citizen's page shows it. Flags and the public status are
derived here from the stored facts and nowhere else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import Row as Result
from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from payments import references, vietqr
from payments.agencies import Agency, CollectionAccount, VirtualRange
from payments.core.database import Rows, table_of
from payments.core.errors import Conflict
from payments.core.money import Dong
from payments.core.validity import valid_on
from payments.payment_requests.tables import PaymentRequest, PaymentRequestLine, Status

Snapshot = dict[str, Any]

_PAYABLE: Final = frozenset({"open", "partially_paid"})


class NotToBePaid(Conflict):
    """The request is paid, being paid or closed: what it is paid with is no longer given out."""

    code = "not_to_be_paid"


_SHOWN: Final = (
    "id",
    "reference",
    "page",
    "dossier",
    "channel",
    "amount",
    "received",
    "advised",
    "confirmed",
    "refunded",
    "remitted",
    "status",
    "late",
    "issued_at",
    "expires_at",
    "paid_at",
    "sequence",
)


def public_status(request: PaymentRequest | Result[*tuple[Any, ...]] | SimpleNamespace) -> str:
    """What the outside calls the request's state: the first that holds."""
    if request.status == Status.CANCELLED:
        return "cancelled"
    if request.status == Status.PAID:
        if request.refunded and request.refunded >= request.amount:
            return "refunded"
        return "partially_refunded" if request.refunded else "paid"
    if request.advised:
        return "confirming"
    if request.received:
        return "partially_paid"
    return str(request.status)


def snapshots(session: Session, requests: Rows) -> dict[int, Snapshot]:
    """The public JSON of each request whose id `requests` selects, by id."""
    rows = session.execute(_shown().where(PaymentRequest.id.in_(requests))).all()
    lines = _lines(session, requests)
    return {row.id: _snapshot(row, lines[row.id]) for row in rows}


@cache
def _shown() -> Rows:
    return (
        select(
            *[PaymentRequest.__table__.c[name] for name in _SHOWN],
            Agency.code.label("agency"),
            CollectionAccount.bin,
            CollectionAccount.number,
            CollectionAccount.name.label("account_name"),
            VirtualRange.prefix.label("virtual_prefix"),
        )
        .join(Agency, Agency.id == PaymentRequest.agency_id)
        .join(
            CollectionAccount,
            CollectionAccount.id == PaymentRequest.collection_account_id,
        )
        .outerjoin(
            VirtualRange,
            and_(
                VirtualRange.collection_account_id == PaymentRequest.collection_account_id,
                valid_on(VirtualRange, table_of(PaymentRequest).c.issued_at),
            ),
        )
    )


def payable(snapshot: Mapping[str, Any], *, now: datetime) -> bool:
    """Whether a request, as `snapshots` shows it, is to be paid at `now`: open and in time."""
    in_time = now < datetime.fromisoformat(snapshot["expires_at"])
    code = (snapshot["pay_to"] or {}).get("qr")
    return snapshot["status"] in _PAYABLE and in_time and code is not None


def to_scan(snapshot: Mapping[str, Any], *, now: datetime) -> str:
    """The text of the QR code for what is still due. Raises `NotToBePaid`."""
    if not payable(snapshot, now=now):
        raise NotToBePaid(reference=snapshot["reference"])
    code: str = snapshot["pay_to"]["qr"]
    return code


def glance(session: Session, token: str) -> Snapshot | None:
    """Of a request's public JSON, by its page's token, only what changes; None without one.

    One row by its index: what a page that waits asks for again and again.
    """
    row = session.execute(_glanced().where(PaymentRequest.token == token)).one_or_none()
    if row is None:
        return None
    return {
        "status": public_status(row),
        "received": int(row.received),
        "refunded": int(row.refunded),
        "expires_at": stamp(row.expires_at),
        "paid_at": stamp(row.paid_at),
        "sequence": row.sequence,
    }


@cache
def _glanced() -> Rows:
    names = ("status", "amount", "received", "advised", "refunded", "expires_at", "paid_at")
    return select(*[table_of(PaymentRequest).c[name] for name in (*names, "sequence")])


def first_snapshot(facts: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> Snapshot:
    """The public JSON of a request just written: from what was written, without asking for it.

    `facts` has every column that is shown, and the agency's code and the account as `snapshots`
    reads them.
    """
    return _snapshot(SimpleNamespace(**facts), lines)


def shown_line(line: Any) -> Mapping[str, Any]:
    """The public JSON of one line; `line` has its columns."""
    return {
        "fee": line.fee,
        "kind": line.kind,
        "quantity": line.quantity,
        "unit_amount": int(line.unit_amount),
        "amount": int(line.amount),
        "refunded": int(line.refunded),
        "reduction": line.reduction,
    }


def memo_of(reference: str) -> str:
    """What the payer's memo carries: the reference and nothing else."""
    return reference


def _snapshot(
    row: Result[*tuple[Any, ...]] | SimpleNamespace, lines: Sequence[Mapping[str, Any]]
) -> Snapshot:
    due = Dong(max(0, row.amount - row.received))
    return {
        "reference": row.reference,
        "status": public_status(row),
        "late": row.late,
        "overpaid": row.received > row.amount,
        "reconciled": row.status == Status.PAID and row.confirmed == row.received,
        "remitted": 0 < row.remitted == row.amount - row.refunded,
        "amount": int(row.amount),
        "received": int(row.received),
        "refunded": int(row.refunded),
        "currency": "VND",
        "agency": row.agency,
        "dossier": row.dossier,
        "channel": row.channel,
        "lines": lines,
        "pay_to": _pay_to(row, due) if due else None,
        "page": row.page,
        "issued_at": stamp(row.issued_at),
        "expires_at": stamp(row.expires_at),
        "paid_at": stamp(row.paid_at),
        "sequence": row.sequence,
    }


def _pay_to(row: Result[*tuple[Any, ...]] | SimpleNamespace, due: Dong) -> Mapping[str, Any]:
    """Where and how to pay what is still due. A request that was closed shows no QR."""
    memo = memo_of(row.reference)
    account = row.number
    if row.virtual_prefix is not None:
        account = references.virtual_account(row.reference, row.virtual_prefix)
    open_ = row.status == Status.OPEN
    qr = vietqr.encode(bin=row.bin, account=account, amount=due, memo=memo) if open_ else None
    return {
        "bin": row.bin,
        "account": account,
        "name": row.account_name,
        "memo": memo,
        "qr": qr,
    }


def _lines(session: Session, requests: Rows) -> dict[int, list[Mapping[str, Any]]]:
    found: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    line = PaymentRequestLine
    rows = session.execute(
        select(
            line.payment_request_id,
            line.fee,
            line.kind,
            line.quantity,
            line.unit_amount,
            line.amount,
            line.refunded,
            line.reduction,
        )
        .where(line.payment_request_id.in_(requests))
        .order_by(line.payment_request_id, line.position)
    )
    for row in rows:
        found[row.payment_request_id].append(shown_line(row))
    return found


def stamp(instant: datetime | None) -> str | None:
    """An instant as public JSON has it, if there is one: RFC 3339 in UTC, whole seconds."""
    if instant is None:
        return None
    return instant.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
