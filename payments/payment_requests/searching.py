"""Finding requests by what the outside knows of them, the public status included.

The public status is derived, so a search for it is the same derivation as a condition on the
stored facts; the two are compared case by case in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, select

from payments.agencies import Agency
from payments.payment_requests.tables import PaymentRequest, Status
from payments.portals import Portal


class PublicStatus(StrEnum):
    """What the outside calls a request's state (`snapshots.public_status`)."""

    OPEN = "open"
    CONFIRMING = "confirming"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for among requests; None means any.

    `since` and `until` bound the instant of issue, from the first and before the second.
    """

    dossier: str | None = None
    status: PublicStatus | None = None
    agency: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def search(portal_id: int, wanted: Search) -> Select[int]:
    """The query for the ids of a portal's requests that are as `wanted`, in no order."""
    return _search(PaymentRequest.portal_id == portal_id, wanted)


def search_all(wanted: Search) -> Select[int]:
    """The query for the ids of every portal's requests that are as `wanted`, in no order."""
    return _search(PaymentRequest.portal_id.in_(select(Portal.id)), wanted)


def _search(whose: ColumnElement[bool], wanted: Search) -> Select[int]:
    request = PaymentRequest
    found = select(request.id).where(whose)
    if wanted.dossier is not None:
        found = found.where(request.dossier == wanted.dossier)
    if wanted.status is not None:
        found = found.where(_CONDITIONS[wanted.status])
    if wanted.agency is not None:
        called = select(Agency.id).where(Agency.code == wanted.agency)
        found = found.where(request.agency_id.in_(called))
    if wanted.since is not None:
        found = found.where(request.issued_at >= wanted.since)
    if wanted.until is not None:
        found = found.where(request.issued_at < wanted.until)
    return found


def _stored(*statuses: Status) -> ColumnElement[bool]:
    return PaymentRequest.status.in_([status.value for status in statuses])


_UNTOUCHED: Final = and_(PaymentRequest.advised == 0, PaymentRequest.received == 0)
_UNPAID: Final = _stored(Status.OPEN, Status.EXPIRED)
_REFUNDED: Final = and_(
    PaymentRequest.refunded > 0, PaymentRequest.refunded >= PaymentRequest.amount
)

_CONDITIONS: Final[Mapping[PublicStatus, ColumnElement[bool]]] = MappingProxyType(
    {
        PublicStatus.OPEN: and_(_stored(Status.OPEN), _UNTOUCHED),
        PublicStatus.EXPIRED: and_(_stored(Status.EXPIRED), _UNTOUCHED),
        PublicStatus.CANCELLED: _stored(Status.CANCELLED),
        PublicStatus.CONFIRMING: and_(_UNPAID, PaymentRequest.advised != 0),
        PublicStatus.PARTIALLY_PAID: and_(
            _UNPAID, PaymentRequest.advised == 0, PaymentRequest.received != 0
        ),
        PublicStatus.PAID: and_(_stored(Status.PAID), PaymentRequest.refunded == 0),
        PublicStatus.REFUNDED: and_(_stored(Status.PAID), _REFUNDED),
        PublicStatus.PARTIALLY_REFUNDED: and_(
            _stored(Status.PAID),
            PaymentRequest.refunded > 0,
            PaymentRequest.refunded < PaymentRequest.amount,
        ),
    }
)
