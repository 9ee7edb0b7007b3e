"""Cancelling and replacing a receipt by hand: proposed by one person, approved by another.

For what money does not tell: a receipt that names the wrong agency, one that was asked for on
paper. Replacing lets the job write a new one for what was paid; after cancelling there is none
until money moves again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, payment_requests
from payments.core import approvals
from payments.core.approvals import Approval
from payments.core.errors import Conflict
from payments.payment_requests import PaymentRequest
from payments.receipts.ending import Ending, end
from payments.receipts.tables import Receipt, State


class Act(StrEnum):
    """What may be done about a receipt by hand."""

    CANCEL = "cancel"
    REPLACE = "replace"


_ENDS: Final = {Act.CANCEL: State.CANCELLED, Act.REPLACE: State.REPLACED}


class ReceiptEnded(Conflict):
    """Only a receipt that was issued and still counts can be cancelled or replaced."""

    code = "receipt_ended"


def propose(
    session: Session, receipt: Receipt, act: Act, *, reason: str, by: str, now: datetime
) -> Approval:
    """Proposes to cancel or replace a receipt to another person.

    Raises `ReceiptEnded`, `NoReasonGiven`, `ReasonTooLong`, or `AlreadyProposed`: a receipt has one
    proposal at a time, whichever.
    """
    _hold(session, receipt)
    return approvals.propose(
        session,
        f"receipt.{act}",
        _subject(receipt),
        shown=facts_of(receipt),
        reason=reason,
        by=by,
        now=now,
        amount=receipt.amount,
    )


def approve(session: Session, approval: Approval, *, by: str, now: datetime) -> None:
    """Does what was proposed, by another person than proposed it.

    Raises `ReceiptEnded`, `SamePerson`, `ProposalDecided` or `ShownChanged`.
    """
    receipt = receipt_of(session, approval)
    _hold(session, receipt)
    approvals.approve(session, approval, shown=facts_of(receipt), by=by, now=now)
    act = Act(approval.action.removeprefix("receipt."))
    this = select(Receipt.id).where(Receipt.id == receipt.id)
    end(session, this, Ending(_ENDS[act], reason=approval.reason, by=approval.maker), now=now)
    if act is Act.REPLACE:
        concerned = select(PaymentRequest.id).where(PaymentRequest.id == receipt.payment_request_id)
        payment_requests.owe_receipts_all(session, concerned)
    session.expire_all()


def proposed(session: Session, receipt: Receipt) -> Approval | None:
    """What waits for a second person about the receipt, if anything does."""
    waiting = (approvals.live(session, f"receipt.{act}", _subject(receipt)) for act in Act)
    return next((one for one in waiting if one is not None), None)


def receipt_of(session: Session, approval: Approval) -> Receipt:
    """The receipt that a proposal is about. Raises `UnknownApproval` where it is about none."""
    kind, _, public_id = approval.subject.partition(":")
    if kind != "receipt" or not approval.action.startswith("receipt."):
        raise approvals.UnknownApproval(approval=approval.public_id)
    return session.scalars(select(Receipt).where(Receipt.public_id == public_id)).one()


def facts_of(receipt: Receipt) -> Mapping[str, Any]:
    """What a decision about a receipt rests on."""
    named = {part: receipt.content[part] for part in ("form", "symbol", "number", "reference")}
    return {**named, "kind": receipt.kind, "amount": int(receipt.amount), "state": receipt.state}


def _hold(session: Session, receipt: Receipt) -> None:
    """Holds the account's money, and so the receipt. Raises `ReceiptEnded` if it ended."""
    request = session.get_one(PaymentRequest, receipt.payment_request_id)
    agencies.lock(session, request.collection_account_id)
    session.refresh(receipt)
    if receipt.state != State.ISSUED:
        raise ReceiptEnded(receipt=receipt.content["number"])


def _subject(receipt: Receipt) -> str:
    return f"receipt:{receipt.public_id}"
