"""Payouts as staff look for them: by state, kind, account, or a code; and what is under way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, cast, false, func, or_, select
from sqlalchemy.orm import Session

from payments.core import audit
from payments.core.columns import Amount
from payments.core.money import Dong
from payments.core.vault import Vault
from payments.payment_requests import PaymentRequest
from payments.payouts.beneficiaries import opened
from payments.payouts.deciding import shown, subject
from payments.payouts.files import BankAccount, Totals
from payments.payouts.tables import Kind, Payout, State


@dataclass(frozen=True, slots=True)
class Search:
    """Which payouts are looked for; None asks for all.

    `text` is the beginning of a payout's code or of a request's reference, however it is written.
    """

    state: State | None = None
    kind: Kind | None = None
    collection_account_id: int | None = None
    text: str | None = None


def search(wanted: Search) -> Select[Payout]:
    """The payouts looked for."""
    found = select(Payout)
    if wanted.state is not None:
        found = found.where(Payout.state == wanted.state)
    if wanted.kind is not None:
        found = found.where(Payout.kind == wanted.kind)
    if wanted.collection_account_id is not None:
        found = found.where(Payout.collection_account_id == wanted.collection_account_id)
    if wanted.text is not None:
        told = "".join(c for c in wanted.text.upper() if c.isascii() and c.isalnum())
        named = select(PaymentRequest.id).where(PaymentRequest.reference.startswith(told))
        either = or_(Payout.code.startswith(told), Payout.payment_request_id.in_(named))
        found = found.where(either if told else false())
    return found


def of_credit(credit_id: int) -> Select[Payout]:
    """The refunds out of a credit."""
    return select(Payout).where(Payout.credit_id == credit_id)


def of_match(match_id: int) -> Select[Payout]:
    """The payouts that a match of a statement's lines shows leaving or coming back."""
    return select(Payout).where(
        or_(Payout.match_id == match_id, Payout.returned_match_id == match_id)
    )


def tallies(session: Session) -> Mapping[State, Totals]:
    """How many payouts stand in each state, and their sum; states without any are left out."""
    rows = session.execute(
        select(Payout.state, func.count(), cast(func.sum(Payout.amount), Amount())).group_by(
            Payout.state
        )
    )
    return {State(state): Totals(count, Dong(amount)) for state, count, amount in rows}


def version_of(payout: Payout) -> str:
    """The mark of how a payout stands. A page shows it, and sends it back with what is decided."""
    return audit.digest({**shown(payout), "state": payout.state})[:16]


def open_beneficiary(
    session: Session, payout: Payout, *, by: str, now: datetime, vault: Vault
) -> BankAccount:
    """The whole account that a payout goes to, and its holder; who looked is audited."""
    audit.append(
        session,
        actor=by,
        action="payout.beneficiary_opened",
        subject=subject(payout),
        details={"code": payout.code},
        now=now,
    )
    return opened(payout.beneficiary, vault=vault)
