"""`/console/credits`, `/lines` and `/requests`: one of each, as portal, bank and ledger have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payouts
from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.service import Service
from payments.credits import Credit
from payments.outbox import Delivery, DeliveryAttempt, Event
from payments.payment_requests import PaymentRequest, UnknownRequest
from payments.payouts import Payout, RefundAccount
from payments.web.auth import StaffPages, staff_only
from reconciliation import breaks, statements
from reconciliation.breaks import Break, Entry
from reconciliation.matching import UnknownCredit, UnknownLine
from reconciliation.reports import three_way
from reconciliation.reports.three_way import Compared, Place, Wanted
from reconciliation.statements import StatementLine
from reconciliation.web.console.assignments import Assigned, assigned
from reconciliation.web.console.break_words import Happened, history, names_of
from reconciliation.web.console.one_break import RAW_READERS
from reconciliation.web.console.parts import NUMBER, READERS

MOST: Final = 200
"""Credits and messages of one request: more than there ever are."""


@dataclass(frozen=True, slots=True)
class Movement:
    """A credit or a line as its page shows it: what is known of it and what happened."""

    account: CollectionAccount
    credit: Credit | None
    line: StatementLine | None
    request: PaymentRequest | None
    history: Sequence[Happened]
    breaks: Sequence[Break]
    refunds: Sequence[Payout] = ()
    assigned: Assigned | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A message to the portal: what, when, how it stands, and what the last attempt answered."""

    type: str
    at: datetime
    state: str | None
    attempts: int
    answered: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as portal, bank and ledger have it."""

    request: PaymentRequest
    account: CollectionAccount
    told: Sequence[Told]
    rows: Sequence[Compared]
    refunds: Sequence[Payout]
    named: Sequence[RefundAccount]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the pages."""

    @pages.get(f"/credits/<{NUMBER}:number>", endpoint="credit")
    @staff_only(*READERS)
    def credit(number: int) -> str:
        now = clock.now()
        found = cashless.database.read(lambda session: _of_credit(session, number, now=now))
        return render_template("console/movement.html", shown=found, raw_readers=RAW_READERS)

    @pages.get(f"/lines/<{NUMBER}:number>", endpoint="line")
    @staff_only(*READERS)
    def line(number: int) -> str:
        found = cashless.database.read(lambda session: _of_line(session, number))
        return render_template("console/movement.html", shown=found, raw_readers=RAW_READERS)

    @pages.get("/requests/<reference>", endpoint="request")
    @staff_only(*READERS)
    def asked(reference: str) -> str:
        found = cashless.database.read(lambda session: _of_request(session, reference))
        return render_template("console/request.html", shown=found)


def _of_credit(session: Session, number: int, *, now: datetime) -> Movement:
    credit = session.get(Credit, number)
    if credit is None:
        raise UnknownCredit(number=number)
    request = None
    if credit.payment_request_id is not None:
        request = session.get_one(PaymentRequest, credit.payment_request_id)
    account = credit.collection_account_id
    return Movement(
        account=session.get_one(CollectionAccount, account),
        credit=credit,
        line=None,
        request=request,
        history=_history(session, list(breaks.of_credit(session, credit))),
        breaks=breaks.waiting_about(session, account, lines=[], credits=[credit.id]),
        refunds=session.scalars(payouts.of_credit(credit.id).order_by(Payout.id)).all(),
        assigned=assigned(session, credit, now=now),
    )


def _of_line(session: Session, number: int) -> Movement:
    line = session.get(StatementLine, number)
    if line is None:
        raise UnknownLine(number=number)
    account = statements.account_of(session, line)
    return Movement(
        account=session.get_one(CollectionAccount, account),
        credit=None,
        line=line,
        request=None,
        history=_history(session, list(breaks.of_line(session, line))),
        breaks=breaks.waiting_about(session, account, lines=[line.id], credits=[]),
    )


def _history(session: Session, told: Sequence[Entry]) -> Sequence[Happened]:
    names: Mapping[str, str] = names_of(session, [entry.by for entry in told])
    return history(sorted(told, key=lambda entry: entry.at), names)


def _of_request(session: Session, reference: str) -> Asked:
    request = session.scalar(select(PaymentRequest).where(PaymentRequest.reference == reference))
    if request is None:
        raise UnknownRequest(reference=reference[:40])
    this = select(PaymentRequest.id).where(PaymentRequest.id == request.id)
    wanted = Wanted(request.collection_account_id, request=request.id, agreeing=True)
    return Asked(
        request=request,
        account=session.get_one(CollectionAccount, request.collection_account_id),
        told=_told(session, request),
        rows=three_way.page(session, wanted, after=Place(), most=MOST),
        refunds=session.scalars(payouts.of_request(request).order_by(Payout.id)).all(),
        named=session.scalars(payouts.named_for(this)).all(),
    )


def _told(session: Session, request: PaymentRequest) -> Sequence[Told]:
    """The messages about a request, each for every endpoint it went to, in order."""
    answered = (
        select(DeliveryAttempt.status)
        .where(DeliveryAttempt.delivery_id == Delivery.id)
        .order_by(DeliveryAttempt.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Event.type, Event.occurred_at, Delivery.state, Delivery.attempts, answered)
        .outerjoin(Delivery, Delivery.event_id == Event.id)
        .where(Event.payment_request_id == request.id)
        .order_by(Event.id, Delivery.id)
        .limit(MOST)
    )
    return [
        Told(kind, at, state, attempts or 0, status) for kind, at, state, attempts, status in rows
    ]
