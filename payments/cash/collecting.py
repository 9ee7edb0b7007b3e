"""Recording cash: priced by us, for an open request or for the fees of a dossier; and voiding it.

What was taken must be what the tariff says. A request is owed as it was priced when it was issued;
fees without a request are priced by the tariff of the day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments import agencies, fees, payment_requests
from payments.cash.snapshots import snapshots
from payments.cash.tables import CashCollection, CashCollectionLine, Reason, State
from payments.core import audit
from payments.core.calendar import local_day
from payments.core.errors import Conflict, Invalid, Refused
from payments.core.money import Dong
from payments.fees import Channel, Item
from payments.payment_requests import (
    About,
    CancelReason,
    PaymentRequest,
    PaymentRequestLine,
    Status,
)
from payments.portals import Portal

LONGEST_EXPLANATION: Final = 200

RECORDED: Final = "cash_collection.recorded"
VOIDED: Final = "cash_collection.voided"


class AmountNotAsPriced(Invalid):
    """The amount that was taken is not what the fees cost."""

    code = "amount_not_as_priced"


class AskedInTwoWays(Invalid):
    """Cash is for a request, or for the fees of a dossier that is named: not both, not neither."""

    code = "asked_in_two_ways"


class LinesMissing(Invalid):
    """Cash is taken for at least one fee."""

    code = "lines_missing"


class NothingToCollect(Invalid):
    """The fees come to nothing: no cash is due."""

    code = "nothing_to_collect"


class ExplanationMissing(Invalid):
    """Of another reason than those listed it is said in words which."""

    code = "explanation_missing"


class RequestNotForCash(Conflict):
    """Only an open request that no money has come for is paid in cash."""

    code = "request_not_for_cash"


class FeeHasRequest(Conflict):
    """One of the fees is asked for by an open request of the dossier: cash is for that request."""

    code = "fee_has_request"


class CashAlreadyVoided(Conflict):
    """The collection was voided before."""

    code = "cash_already_voided"


class VoidReasonMissing(Invalid):
    """Whoever voids a collection says why."""

    code = "void_reason_missing"


class NotOwnCash(Refused):
    """Whoever recorded a collection voids it, and nobody else."""

    code = "not_own_cash"


@dataclass(frozen=True, slots=True)
class ForRequest:
    """Cash for a request: for its lines, at its amount."""

    request: PaymentRequest


@dataclass(frozen=True, slots=True)
class ForFees:
    """Cash for fees of a dossier that has no request."""

    agency: str
    dossier: str
    channel: Channel
    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class Taking:
    """What was taken at a counter: `amount` đồng, for what, and why it was cash."""

    what: ForRequest | ForFees
    amount: Dong
    reason: Reason
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class _Owed:
    facts: Mapping[str, Any]
    lines: Sequence[Mapping[str, Any]]

    @property
    def amount(self) -> Dong:
        return Dong(sum(int(line["amount"]) for line in self.lines))


def takes_cash(request: PaymentRequest) -> bool:
    """Whether cash may be taken for a request: it is open, and no money of it has come."""
    return request.status == Status.OPEN and not request.received and not request.advised


def for_what(
    request: PaymentRequest | None,
    *,
    agency: str | None,
    dossier: str | None,
    channel: Channel | None,
    items: Sequence[Item] | None,
) -> ForRequest | ForFees:
    """What cash is for: a request alone, or all four others. Raises `AskedInTwoWays`."""
    if request is not None:
        if any(told is not None for told in (agency, dossier, channel, items)):
            raise AskedInTwoWays(pointer="/request")
        return ForRequest(request)
    if agency is None or dossier is None or channel is None or items is None:
        raise AskedInTwoWays(pointer="/request")
    return ForFees(agency, dossier, channel, items)


def collect(
    session: Session, taking: Taking, *, by: str, now: datetime, portal_id: int | None = None
) -> CashCollection:
    """Records cash and cancels the request it was taken for; `portal_id` is the portal's that asks.

    Raises `AmountNotAsPriced`, `NothingToCollect`, `ExplanationMissing`, `RequestNotForCash`,
    `FeeHasRequest`, and what pricing and the tree of agencies raise. Takes the request's account's
    lock.
    """
    if taking.reason is Reason.OTHER and not taking.explanation.strip():
        raise ExplanationMissing(pointer="/explanation")
    found = _owed(session, taking.what, now=now)
    if not found.amount:
        raise NothingToCollect(pointer="/amount")
    if taking.amount != found.amount:
        raise AmountNotAsPriced(pointer="/amount", amount=taking.amount, priced=found.amount)
    if isinstance(taking.what, ForRequest):
        _close(session, taking.what.request, now=now)
        portal_id = taking.what.request.portal_id
    else:
        _refuse_if_asked(session, taking.what, portal_id=portal_id)
    collection = _write(session, taking, found, by=by, now=now, portal_id=portal_id)
    _tell(session, collection, RECORDED, by=by, now=now)
    return collection


def owed(session: Session, what: ForRequest | ForFees, *, now: datetime) -> Dong:
    """How many đồng are to be taken now. Raises what `collect` raises of prices."""
    return _owed(session, what, now=now).amount


def void(
    session: Session, collection: CashCollection, *, reason: str, by: str, now: datetime
) -> None:
    """Says that a collection does not count, and why; the request it cancelled stays cancelled.

    Raises `VoidReasonMissing`, `CashAlreadyVoided`, or `NotOwnCash` where another asks than who
    recorded it.
    """
    if not reason.strip():
        raise VoidReasonMissing(pointer="/reason")
    if collection.taken_by != by:
        raise NotOwnCash
    session.refresh(collection, with_for_update=True)
    if collection.state != State.TAKEN:
        raise CashAlreadyVoided(collection=collection.public_id)
    collection.state = State.VOIDED.value
    collection.voided_at, collection.voided_by = now, by
    collection.void_reason = reason.strip()
    session.flush()
    _tell(session, collection, VOIDED, by=by, now=now)


def _owed(session: Session, what: ForRequest | ForFees, *, now: datetime) -> _Owed:
    if isinstance(what, ForRequest):
        return _of_request(session, what.request)
    today = local_day(now)
    if not what.items:
        raise LinesMissing(pointer="/lines")
    agency = agencies.by_code(session, what.agency, on=today, pointer="/agency")
    priced = fees.price(session, what.items, channel=what.channel, on=today)
    facts = {
        "agency_id": agency.id,
        "payment_request_id": None,
        "dossier": what.dossier,
        "channel": what.channel.value,
    }
    return _Owed(facts, [_line(line, code=line.code, kind=line.kind.value) for line in priced])


def _of_request(session: Session, request: PaymentRequest) -> _Owed:
    lines = session.scalars(
        select(PaymentRequestLine)
        .where(PaymentRequestLine.payment_request_id == request.id)
        .order_by(PaymentRequestLine.position)
    )
    facts = {
        "agency_id": request.agency_id,
        "payment_request_id": request.id,
        "dossier": request.dossier,
        "channel": request.channel,
    }
    return _Owed(facts, [_line(line, code=line.fee, kind=line.kind) for line in lines])


def _line(line: Any, *, code: str, kind: str) -> Mapping[str, Any]:
    names = ("fee_id", "name", "sub_item", "quantity", "unit_amount", "amount", "reduction")
    return {"fee": code, "kind": kind, **{name: getattr(line, name) for name in names}}


def _close(session: Session, request: PaymentRequest, *, now: datetime) -> None:
    """Cancels the request while nobody else can move its money, if none has come."""
    agencies.lock(session, request.collection_account_id)
    session.refresh(request)
    if not takes_cash(request):
        status = payment_requests.public_status(request)
        raise RequestNotForCash(reference=request.reference, status=status)
    payment_requests.cancel(session, request, reason=CancelReason.PAID_IN_CASH, now=now)


def _refuse_if_asked(session: Session, what: ForFees, *, portal_id: int | None) -> None:
    """Refuses what an open request of the dossier asks for: its QR code could be paid too.

    Requests of the portal that asks are looked at; of every portal where a clerk asks.
    """
    whose = select(Portal.id) if portal_id is None else [portal_id]
    request, line = PaymentRequest, PaymentRequestLine
    found = session.scalar(
        select(request.reference)
        .join(line, line.payment_request_id == request.id)
        .where(
            request.portal_id.in_(whose),
            request.dossier == what.dossier,
            request.status == Status.OPEN,
            line.fee.in_({item.fee for item in what.items}),
        )
        .limit(1)
    )
    if found is not None:
        raise FeeHasRequest(reference=found)


def _write(
    session: Session,
    taking: Taking,
    found: _Owed,
    *,
    by: str,
    now: datetime,
    portal_id: int | None,
) -> CashCollection:
    collection = CashCollection(
        public_id=str(uuid7()),
        portal_id=portal_id,
        amount=found.amount,
        reason=taking.reason.value,
        explanation=taking.explanation.strip(),
        taken_at=now,
        taken_on=local_day(now),
        taken_by=by,
        **found.facts,
    )
    session.add(collection)
    session.flush()
    session.add_all(
        CashCollectionLine(cash_collection_id=collection.id, position=position, **line)
        for position, line in enumerate(found.lines, start=1)
    )
    session.flush()
    return collection


def _tell(
    session: Session, collection: CashCollection, kind: str, *, by: str, now: datetime
) -> None:
    """Tells the portal whose request it was for, and the audit trail."""
    if collection.payment_request_id is not None:
        this = select(CashCollection.id).where(CashCollection.id == collection.id)
        content = snapshots(session, this)[collection.id]
        about = About(collection.payment_request_id, kind, content)
        payment_requests.announce_about(session, [about], now=now)
    audit.append(
        session,
        actor=by,
        action=kind,
        subject=f"cash_collection:{collection.id}",
        details={
            "amount": int(collection.amount),
            "reason": collection.reason,
            "void_reason": collection.void_reason,
        },
        now=now,
    )
