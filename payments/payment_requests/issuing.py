"""Issuing a request: priced by us, addressed to an account, given a code nobody can guess."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import Select, literal, select
from sqlalchemy.orm import Session

from payments import fees, references
from payments.core.columns import Code
from payments.core.database import table_of
from payments.core.errors import CashlessError, Invalid, NotFound, Unavailable
from payments.core.money import QR_LIMIT, Dong
from payments.core.rows import insert_new_rows, insert_rows
from payments.payment_requests.lookups import Addressee, Lookups
from payments.payment_requests.moves import announce_all
from payments.payment_requests.snapshots import (
    Snapshot,
    first_snapshot,
    shown_line,
    snapshots,
)
from payments.payment_requests.tables import PaymentRequest, PaymentRequestLine, Status

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


@dataclass(frozen=True)
class Asked:
    """An order and the portal that placed it."""

    portal_id: int
    order: Order


@dataclass(frozen=True)
class _Draft:
    """A request before it is written: its columns, what it asks for, whom it pays."""

    facts: dict[str, Any]
    priced: Sequence[fees.PricedLine]
    addressee: Addressee


def issue(
    session: Session,
    order: Order,
    *,
    portal_id: int,
    base_url: str,
    prefix: str,
    now: datetime,
) -> PaymentRequest:
    """A new request for the fees of `order`, priced by the tariff of today in Viet Nam.

    One whose fees all come to zero (exempt) is paid at once, and the portal is told. Raises the
    errors of agencies and fees, `AmountOverLimit` and `UnknownReplaced`.
    """
    asked = Asked(portal_id, order)
    draft = _draft(session, asked, base_url=base_url, lookups=Lookups(), now=now)
    _write(session, [draft], prefix=prefix, now=now)
    return session.get_one(PaymentRequest, draft.facts["id"])


def issue_all(
    session: Session,
    asked: Sequence[Asked],
    *,
    base_url: str,
    prefix: str,
    lookups: Lookups,
    now: datetime,
) -> list[Snapshot | CashlessError]:
    """As `issue`, for orders that come at the same time: each one's public JSON, or its refusal.

    What is shown is what was written, so nothing is read back.
    """
    drafts = [_drafted(session, one, base_url=base_url, lookups=lookups, now=now) for one in asked]
    accepted = [draft for draft in drafts if isinstance(draft, _Draft)]
    _write(session, accepted, prefix=prefix, now=now)
    free = [draft.facts["id"] for draft in accepted if not draft.facts["amount"]]
    told = snapshots(session, _these(free)) if free else {}  # they were paid meanwhile
    return [
        told.get(draft.facts["id"]) or _shown(draft) if isinstance(draft, _Draft) else draft
        for draft in drafts
    ]


def _drafted(
    session: Session, asked: Asked, *, base_url: str, lookups: Lookups, now: datetime
) -> _Draft | CashlessError:
    try:
        return _draft(session, asked, base_url=base_url, lookups=lookups, now=now)
    except CashlessError as refusal:  # this one's, and no other's: nothing was written yet
        return refusal


def _draft(
    session: Session, asked: Asked, *, base_url: str, lookups: Lookups, now: datetime
) -> _Draft:
    order = asked.order
    addressee = lookups.addressee(session, order.agency, now=now)
    priced = lookups.price(session, order.items, channel=order.channel, now=now)
    amount = Dong(sum(line.amount for line in priced))
    if amount >= QR_LIMIT:
        raise AmountOverLimit(amount=amount, limit=QR_LIMIT)
    token = secrets.token_urlsafe(16)
    facts = _BLANK | {
        "token": token,
        "page": f"{base_url}/p/{token}",
        "portal_id": asked.portal_id,
        "agency_id": addressee.agency_id,
        "collection_account_id": addressee.collection_account_id,
        "dossier": order.dossier,
        "channel": order.channel.value,
        "description": order.description or "; ".join(line.name for line in priced),
        "amount": amount,
        "status": (Status.OPEN if amount else Status.PAID).value,
        "issued_at": now,
        "expires_at": now + lookups.expiry(session, now=now),
        "paid_at": None if amount else now,
        "replaces_id": _replaced(session, order.replaces, portal_id=asked.portal_id),
    }
    return _Draft(facts, priced, addressee)


def _write(session: Session, drafts: Sequence[_Draft], *, prefix: str, now: datetime) -> None:
    """Writes the requests and their lines, and completes the drafts' ids and references."""
    if not drafts:
        return
    _write_requests(session, drafts, prefix=prefix)
    lines = [line for draft in drafts for line in _lines(draft)]
    insert_rows(session, table_of(PaymentRequestLine), lines)
    free = [draft.facts["id"] for draft in drafts if not draft.facts["amount"]]
    if free:
        paid = literal("payment_request.paid", Code())
        announce_all(session, _these(free).add_columns(paid, literal(1)), now=now)


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


def _write_requests(session: Session, drafts: Sequence[_Draft], *, prefix: str) -> None:
    """Each under a reference that nobody has; one that is taken is drawn again."""
    left = list(drafts)
    for _ in range(_TRIES):
        for draft in left:
            draft.facts["reference"] = references.make(prefix)
        rows = insert_new_rows(
            session,
            table_of(PaymentRequest),
            [draft.facts for draft in left],
            returning=["id", "reference"],
        )
        ids = {row.reference: row.id for row in rows}
        written = [draft for draft in left if draft.facts["reference"] in ids]
        for draft in written:
            draft.facts["id"] = ids[draft.facts["reference"]]
        left = [draft for draft in left if "id" not in draft.facts]
        if not left:
            return
    raise NoFreeReference


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


def _lines(draft: _Draft) -> list[dict[str, Any]]:
    return [
        {
            "payment_request_id": draft.facts["id"],
            "position": position,
            "fee_id": line.fee_id,
            "fee": line.code,
            "name": line.name,
            "kind": line.kind.value,
            "sub_item": line.sub_item,
            "quantity": line.quantity,
            "unit_amount": line.unit_amount,
            "amount": line.amount,
            "refunded": 0,
            "forwarded": 0,
            "reduction": line.reduction,
        }
        for position, line in enumerate(draft.priced, start=1)
    ]


def _shown(draft: _Draft) -> Snapshot:
    addressee = draft.addressee
    whom = {name: getattr(addressee, name) for name in _ADDRESSED}
    lines = [shown_line(SimpleNamespace(**line)) for line in _lines(draft)]
    return first_snapshot(draft.facts | whom, lines)


def _these(ids: Sequence[int]) -> Select[int]:
    return select(PaymentRequest.id).where(PaymentRequest.id.in_(ids))


_ADDRESSED: Final = ("agency", "bin", "number", "account_name", "virtual_prefix")

_BLANK: Final[dict[str, Any]] = {
    "received": 0,
    "advised": 0,
    "confirmed": 0,
    "refunded": 0,
    "remitted": 0,
    "late": False,
    "sequence": 1,
}
"""The facts of a request of which nothing has come about yet, as the table's defaults say."""
