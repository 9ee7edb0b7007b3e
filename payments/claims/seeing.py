"""Claims as they are found: a request's, one by its number, those that wait for an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from payments.claims.tables import Claim, State
from payments.core import files
from payments.core.database import Rows
from payments.core.errors import NotFound
from payments.core.files import Kept
from payments.core.money import Dong
from payments.payment_requests import PaymentRequest, Status, stamp


class UnknownClaim(NotFound):
    """There is no claim of that number."""

    code = "unknown_claim"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A claim that nobody answered and whose request is not paid; `amount` is the request's."""

    claim_id: int
    made_at: datetime
    amount: Dong


@dataclass(frozen=True, slots=True)
class Search:
    """Which claims are asked for: by the number, or only those that wait for an answer."""

    number: str | None = None
    waiting: bool = False


def of_request(session: Session, payment_request_id: int) -> Claim | None:
    """The claim of a request, if there is one."""
    return session.scalar(
        select(Claim)
        .where(Claim.payment_request_id == payment_request_id)
        .execution_options(populate_existing=True)
    )


def answered(session: Session, requests: Rows) -> bool:
    """Whether the claim of the one request chosen (its id) was answered."""
    rows = select(Claim.answered_at).where(Claim.payment_request_id.in_(requests))
    return session.scalar(rows) is not None


def by_public_id(session: Session, public_id: str) -> Claim:
    """The claim of that public number. Raises `UnknownClaim`."""
    found = session.scalar(select(Claim).where(Claim.public_id == public_id))
    if found is None:
        raise UnknownClaim(claim=public_id[:40])
    return found


def state_of(claim: Claim, request: PaymentRequest) -> State:
    """Where a claim stands: found once its request is paid, whoever answered what."""
    if request.status == Status.PAID:
        return State.FOUND
    return State.OPEN if claim.answered_at is None else State.ANSWERED


def snapshot(claim: Claim, request: PaymentRequest) -> Mapping[str, Any]:
    """What a claim's payer sees of it, in JSON: not what they wrote or sent a picture of."""
    state = state_of(claim, request)
    return {
        "number": claim.number,
        "state": state.value,
        "bank_number": claim.bank_number,
        "paid_on": claim.paid_on.isoformat(),
        "amount": int(claim.amount),
        "photo": claim.stored_file_id is not None,
        "made_at": stamp(claim.made_at),
        "answer": claim.answer,
        "answered_at": stamp(claim.answered_at),
        "found_at": stamp(request.paid_at) if state is State.FOUND else None,
    }


def waiting(session: Session, collection_account_id: int) -> Sequence[Waiting]:
    """The account's claims that wait for an answer or for their money, in order."""
    rows = session.execute(
        select(Claim.id, Claim.made_at, PaymentRequest.amount)
        .join(PaymentRequest, PaymentRequest.id == Claim.payment_request_id)
        .where(
            Claim.collection_account_id == collection_account_id,
            Claim.answered_at.is_(None),
            PaymentRequest.status != Status.PAID,
        )
        .order_by(Claim.id)
    )
    return [Waiting(*row) for row in rows]


def listed(wanted: Search) -> Select[Any]:
    """(claim, request) of those asked for; whoever asks puts them in order."""
    pair: Sequence[Any] = (Claim, PaymentRequest)
    rows = select(*pair).join(PaymentRequest, PaymentRequest.id == Claim.payment_request_id)
    if wanted.number is not None:
        rows = rows.where(Claim.number == wanted.number)
    if wanted.waiting:
        rows = rows.where(Claim.answered_at.is_(None), PaymentRequest.status != Status.PAID)
    return rows


def photo(session: Session, claim: Claim) -> Kept:
    """The picture that came with a claim. Raises `UnknownClaim` where none did."""
    if claim.stored_file_id is None:
        raise UnknownClaim(claim=claim.number)
    return files.fetch(session, claim.stored_file_id)
