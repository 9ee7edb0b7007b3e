"""Issuing a request: priced by us, addressed to an account, given a code nobody can guess."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from payments import fees, references
from payments.core.columns import Code
from payments.core.errors import Invalid, NotFound, Unavailable
from payments.core.money import QR_LIMIT, Dong
from payments.payment_requests.lookups import Lookups
from payments.payment_requests.moves import announce_all
from payments.payment_requests.tables import PaymentRequest, PaymentRequestLine, Status

ASKING: Final = Lookups()
"""Looks everything up anew; a process that issues many remembers for a few seconds instead."""

_TRIES: Final = 5


class AmountOverLimit(Invalid):
    """One QR transfer is below 500 million đồng (NAPAS)."""

    code = "amount_over_limit"


class UnknownReplaced(Invalid):
    """The request that this one should replace is not one of the portal's."""

    code = "unknown_replaced"


class NoFreeReference(Unavailable):
    """Every reference drawn was taken: try again."""

    code = "no_free_reference"


class UnknownRequest(NotFound):
    """No request of the caller's has this reference."""

    code = "unknown_request"


@dataclass(frozen=True)
class Order:
    """What a portal asks for: fees of one dossier, payable to one agency."""

    agency: str
    dossier: str
    channel: fees.Channel
    items: Sequence[fees.Item]
    description: str = ""
    replaces: str | None = None


def issue(
    session: Session,
    order: Order,
    *,
    portal_id: int,
    base_url: str,
    prefix: str,
    now: datetime,
    lookups: Lookups = ASKING,
) -> PaymentRequest:
    """A new request for the fees of `order`, priced by the tariff of today in Viet Nam.

    One whose fees all come to zero (exempt) is paid at once, and the portal is told. Raises the
    errors of agencies and fees, `AmountOverLimit` and `UnknownReplaced`.
    """
    addressee = lookups.addressee(session, order.agency, now=now)
    lines = lookups.price(session, order.items, channel=order.channel, now=now)
    amount = Dong(sum(line.amount for line in lines))
    if amount >= QR_LIMIT:
        raise AmountOverLimit(amount=amount, limit=QR_LIMIT)
    token = secrets.token_urlsafe(16)
    request = _with_a_free_reference(
        session,
        {
            "token": token,
            "page": f"{base_url}/p/{token}",
            "portal_id": portal_id,
            "agency_id": addressee.agency_id,
            "collection_account_id": addressee.collection_account_id,
            "dossier": order.dossier,
            "channel": order.channel.value,
            "description": order.description or "; ".join(line.name for line in lines),
            "amount": amount,
            "status": (Status.OPEN if amount else Status.PAID).value,
            "issued_at": now,
            "expires_at": now + lookups.expiry(session, now=now),
            "paid_at": None if amount else now,
            "replaces_id": _replaced(session, order.replaces, portal_id=portal_id),
        },
        prefix=prefix,
    )
    _insert_lines(session, request.id, lines)
    if not amount:
        _announce_paid(session, request, now=now)
    return request


def by_reference(session: Session, reference: str, *, portal_id: int) -> PaymentRequest:
    """A portal's request by its reference. Raises `UnknownRequest`, also for another's."""
    found = session.scalar(
        select(PaymentRequest).where(
            PaymentRequest.reference == reference, PaymentRequest.portal_id == portal_id
        )
    )
    if found is None:
        raise UnknownRequest(reference=reference)
    return found


def by_token(session: Session, token: str) -> PaymentRequest:
    """The request behind a payer's page. Raises `UnknownRequest`."""
    found = session.scalar(select(PaymentRequest).where(PaymentRequest.token == token))
    if found is None:
        raise UnknownRequest(reference="")
    return found


def _with_a_free_reference(
    session: Session, values: dict[str, object], *, prefix: str
) -> PaymentRequest:
    for _ in range(_TRIES):
        offered = _insert(session)(PaymentRequest).values(
            reference=references.make(prefix), **values
        )
        request = session.scalars(
            offered.on_conflict_do_nothing(index_elements=[PaymentRequest.reference]).returning(
                PaymentRequest
            )
        ).one_or_none()
        if request is not None:
            return request
    raise NoFreeReference


def _insert(session: Session) -> Callable[[type[PaymentRequest]], postgresql.Insert]:
    """The INSERT that knows ON CONFLICT; both dialects spell it alike."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert  # type: ignore[return-value]  # same methods, no common type
    return postgresql.insert


def _replaced(session: Session, reference: str | None, *, portal_id: int) -> int | None:
    if reference is None:
        return None
    replaced = session.scalar(
        select(PaymentRequest.id).where(
            PaymentRequest.reference == reference, PaymentRequest.portal_id == portal_id
        )
    )
    if replaced is None:
        raise UnknownReplaced(reference=reference, pointer="/replaces")
    return replaced


def _insert_lines(session: Session, request_id: int, lines: Sequence[fees.PricedLine]) -> None:
    rows = [
        {
            "payment_request_id": request_id,
            "position": position,
            "fee_id": line.fee_id,
            "fee": line.code,
            "name": line.name,
            "kind": line.kind,
            "sub_item": line.sub_item,
            "quantity": line.quantity,
            "unit_amount": line.unit_amount,
            "amount": line.amount,
            "reduction": line.reduction,
        }
        for position, line in enumerate(lines, start=1)
    ]
    session.execute(insert(PaymentRequestLine), rows)


def _announce_paid(session: Session, request: PaymentRequest, *, now: datetime) -> None:
    paid = literal("payment_request.paid", Code())
    this = select(PaymentRequest.id, paid, literal(1)).where(PaymentRequest.id == request.id)
    announce_all(session, this, now=now)
