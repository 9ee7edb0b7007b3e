"""Builders: series of receipt numbers, and receipts issued as the job does it, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from payments import documents, payment_requests, receipts, settlement
from payments.core.columns import Amount, Day, Key
from payments.core.money import Dong
from payments.documents import Signer
from payments.fees import FeeKind
from payments.outbox import Event
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from payments.receipts import Opening, Receipt
from tests.builders import BY, NOON, Province, a_payment_request, a_vault, paid, the_province
from tests.services import a_config

SYMBOLS = {FeeKind.PHI: "BP-26T", FeeKind.LE_PHI: "BL-26T"}


def open_a_pair(
    session: Session, *, agency: str = "H09", symbols: dict[FeeKind, str] | None = None
) -> None:
    """A series of this year for each kind."""
    for kind, symbol in (symbols or SYMBOLS).items():
        opening = Opening(agency, kind, "01BLP0-001", symbol, tax_code="3700123456")
        receipts.open_series(session, opening, by=BY, now=NOON)


def a_practice_signer(session: Session, *, now: datetime = NOON) -> Signer:
    """Who signs in sandbox mode."""
    return documents.signer_of(session, a_config(), a_vault(), now=now)


def number(province: Province, *, now: datetime = NOON) -> int:
    """Numbers what is due of the province's account; of how many requests."""
    return receipts.number_all(province.session, province.account.id, now=now)


def issue(province: Province, *, now: datetime = NOON) -> Sequence[Receipt]:
    """Numbers and signs all that is due; every receipt there is, in the order of writing."""
    session = province.session
    number(province, now=now)
    signer = a_practice_signer(session, now=now)
    papers = [receipts.sign(draft, signer, now=now) for draft in receipts.unsigned(session)[0]]
    receipts.issue_all(session, papers, signer, now=now)
    return all_of(session)


def receipted(session: Session, reference: str) -> Sequence[Receipt]:
    """Pays a request of the province that is there, and issues its receipts."""
    open_a_pair(session)
    province = the_province(session)
    found = select(PaymentRequest).where(PaymentRequest.reference == reference)
    paid(province, session.scalars(found).one())
    return issue(province)


def all_of(session: Session) -> Sequence[Receipt]:
    """Every receipt there is, in the order of writing."""
    session.expire_all()
    return session.scalars(select(Receipt).order_by(Receipt.id)).all()


def a_paid_request(
    province: Province, amount: int = 150_000, le_phi: int = 50_000
) -> PaymentRequest:
    """A request that its payer paid."""
    request = a_payment_request(province, amount=amount, le_phi=le_phi)
    paid(province, request)
    return request


def give_back(province: Province, request: PaymentRequest, kind: str, amount: int) -> None:
    """Gives back a part of the fees of a kind, as a refund does it."""
    line = select(PaymentRequestLine.id, literal(amount, Amount())).where(
        PaymentRequestLine.payment_request_id == request.id, PaymentRequestLine.kind == kind
    )
    payment_requests.refund_all(province.session, line)
    this = select(PaymentRequest.id).where(PaymentRequest.id == request.id)
    receipts.renew_all(province.session, this, reason="refund", by=BY, now=NOON)


def reverse(province: Province, which: int = 0) -> None:
    """The bank takes a credit back."""
    credit = province.credits()[which]
    seen = select(literal(credit.id, Key()), literal(1, Key()), literal(NOON.date(), Day()))
    settlement.confirm_all(province.session, seen, actor=BY, now=NOON)
    pair = select(literal(900, Key()), literal(credit.id, Key()), literal(NOON.date(), Day()))
    settlement.reverse_all(province.session, pair, actor=BY, now=NOON)


def events(session: Session) -> list[tuple[str, dict[str, Any]]]:
    """What portals were told about receipts."""
    rows = session.scalars(select(Event).where(Event.type.like("receipt.%")).order_by(Event.id))
    return [(event.type, event.content["data"]) for event in rows]


def told(receipt: Receipt) -> tuple[str, int, Dong, str]:
    """A receipt in short: kind, number, amount and state."""
    return receipt.kind, receipt.number, receipt.amount, receipt.state
