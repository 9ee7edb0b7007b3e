"""What a break is about: the credit, the line, the message or the claim it names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from payments import payouts
from payments.claims import Claim
from payments.core.errors import NotFound
from payments.core.money import ZERO, Dong
from payments.credits import Credit
from payments.inbox import Callback
from payments.payment_requests import PaymentRequest
from payments.payouts import Payout
from reconciliation.breaks.tables import Break, Leg
from reconciliation.statements import Statement, StatementLine

OF_CREDITS: Final = (Leg.CONFIRMATION, Leg.SETTLEMENT)


class UnknownBreak(NotFound):
    """There is no break of that number."""

    code = "unknown_break"


@dataclass(frozen=True, slots=True)
class About:
    """The credit, line or claim that a break is about, in a few words."""

    booked_at: datetime
    memo: str
    reference: str | None
    request: str | None


def by_public_id(session: Session, public_id: str) -> Break:
    """The break of that public number. Raises `UnknownBreak`."""
    return by_public_ids(session, [public_id])[0]


def by_public_ids(session: Session, public_ids: Iterable[str]) -> Sequence[Break]:
    """The breaks of these public numbers, in order. Raises `UnknownBreak`."""
    asked = sorted(set(public_ids))
    found = session.scalars(
        select(Break)
        .where(Break.public_id.in_(asked))
        .order_by(Break.id)
        .execution_options(populate_existing=True)
    ).all()
    missing = set(asked) - {one.public_id for one in found}
    if missing:
        raise UnknownBreak(id=min(missing)[:40])
    return found


def credit_of(session: Session, one: Break) -> Credit | None:
    """The credit that a break is about, as it is now."""
    if one.leg not in OF_CREDITS:
        return None
    return session.get_one(Credit, int(one.key), populate_existing=True)


def line_of(session: Session, one: Break) -> StatementLine | None:
    """The statement line that a break is about, as it is now."""
    if one.leg != Leg.LINE:
        return None
    return session.get_one(StatementLine, int(one.key), populate_existing=True)


def statement_of(session: Session, one: Break) -> Statement | None:
    """The statement that a break is about."""
    if one.leg not in (Leg.STATEMENT, Leg.CONTINUITY):
        return None
    return session.get_one(Statement, int(one.key))


def callback_of(session: Session, one: Break) -> Callback | None:
    """The message that a break is about."""
    return session.get_one(Callback, int(one.key)) if one.leg == Leg.CALLBACK else None


def without_route(session: Session, one: Break, *, now: datetime) -> Dong:
    """Of the late fees that a break is about, those for which nobody has decided a route."""
    if one.leg != Leg.FORWARDING:
        return ZERO
    late = payouts.unforwarded(session, one.collection_account_id, now=now).get(one.key)
    return ZERO if late is None else late.late_without_route


def payout_of(session: Session, one: Break) -> Payout | None:
    """The payout that a break is about, as it is now."""
    if one.leg != Leg.PAYOUT:
        return None
    return session.get_one(Payout, int(one.key), populate_existing=True)


def request_of(session: Session, credit: Credit) -> PaymentRequest | None:
    """The request that a credit is held for or pays."""
    if credit.payment_request_id is None:
        return None
    return session.get(PaymentRequest, credit.payment_request_id, populate_existing=True)


def receipts_of(session: Session, one: Break) -> PaymentRequest | None:
    """The request whose receipts a break is about."""
    if one.leg != Leg.RECEIPT:
        return None
    return session.get_one(PaymentRequest, int(one.key), populate_existing=True)


def claim_of(session: Session, one: Break) -> Claim | None:
    """The payer's claim that a break is, as it is now."""
    if one.leg != Leg.CLAIM:
        return None
    return session.get_one(Claim, int(one.key), populate_existing=True)


def told_otherwise(session: Session, one: Break) -> Sequence[Dong]:
    """Amounts in đồng that the other side tells of the same money, where they differ.

    Same money: the bank's reference on the same day. The other side of a statement line are the
    messages, and the other way round.
    """
    money = credit_of(session, one) or line_of(session, one)
    if money is None or money.bank_reference is None:
        return []
    ours = Credit.merged_into_id.is_(None)
    other, alive = (StatementLine, true()) if isinstance(money, Credit) else (Credit, ours)
    rows = select(other.amount).where(
        other.collection_account_id == one.collection_account_id,
        other.bank_reference == money.bank_reference,
        other.day == money.day,
        other.amount != money.amount,
        alive,
    )
    return session.scalars(rows.order_by(other.id)).all()


def facts_of_request(request: PaymentRequest) -> Mapping[str, Any]:
    """What of a request a decision about its money rests on: JSON."""
    return {
        "reference": request.reference,
        "status": request.status,
        "amount": int(request.amount),
        "received": int(request.received),
    }


def facts_of(session: Session, one: Break) -> Mapping[str, Any]:
    """What of a break a decision rests on: JSON, by which a second person sees the same."""
    told: dict[str, Any] = {
        "id": one.public_id,
        "kind": one.kind,
        "day": one.day.isoformat(),
        "amount": int(one.amount),
    }
    credit, line = credit_of(session, one), line_of(session, one)
    if credit is not None:
        parts = ("advised", "to_fees", "held", "unidentified", "refunded", "reversed")
        told["credit"] = {name: int(getattr(credit, name)) for name in parts} | {
            "number": credit.id,
            "on_statement": credit.match_id is not None,
        }
    payout = payout_of(session, one)
    if payout is not None:
        told["payout"] = {"code": payout.code, "state": payout.state}
    request = receipts_of(session, one)
    if request is not None:
        told["request"] = {"reference": request.reference, "status": request.status}
    claim = claim_of(session, one)
    if claim is not None:
        told["claim"] = {"number": claim.number, "answered": claim.answered_at is not None}
    if line is not None:
        told["line"] = {
            "number": line.id,
            "direction": line.direction,
            "booked": line.match_id is not None,
        }
    return told


def told_of(session: Session, found: Sequence[Break]) -> list[About | None]:
    """What each break is about, where it is a credit, a line or a claim; in order."""
    credits = {int(one.key) for one in found if one.leg in OF_CREDITS}
    lines = {int(one.key) for one in found if one.leg == Leg.LINE}
    claims = {int(one.key) for one in found if one.leg == Leg.CLAIM}
    of_credits = (
        select(
            Credit.id,
            Credit.booked_at,
            Credit.memo,
            Credit.bank_reference,
            PaymentRequest.reference,
        )
        .outerjoin(PaymentRequest, PaymentRequest.id == Credit.payment_request_id)
        .where(Credit.id.in_(credits))
    )
    of_lines = select(
        StatementLine.id,
        StatementLine.booked_at,
        StatementLine.memo,
        StatementLine.bank_reference,
        StatementLine.code,
    ).where(StatementLine.id.in_(lines))
    of_claims = (
        select(Claim.id, Claim.made_at, Claim.words, Claim.bank_number, PaymentRequest.reference)
        .join(PaymentRequest, PaymentRequest.id == Claim.payment_request_id)
        .where(Claim.id.in_(claims))
    )
    known = {
        (about, row[0]): About(*row[1:])
        for about, rows in (("credit", of_credits), ("line", of_lines), ("claim", of_claims))
        for row in session.execute(rows)
    }
    return [
        known[about, int(one.key)] if (about := _ABOUT.get(Leg(one.leg))) else None for one in found
    ]


_ABOUT: Final = {
    Leg.CONFIRMATION: "credit",
    Leg.SETTLEMENT: "credit",
    Leg.LINE: "line",
    Leg.CLAIM: "claim",
}
