"""The account that a payer names for what is kept of their payment to go back to.

Whoever holds the address of a payment can name one, so nobody is believed by it: it is what staff
fill a proposal in with. Whether it is the account that the money came from, and so how many persons
approve the refund, is decided as for any other account (`refunds.goes_elsewhere`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from payments import agencies
from payments.core import audit
from payments.core.database import Rows
from payments.core.errors import Conflict
from payments.core.money import ZERO, Dong
from payments.core.vault import Vault
from payments.payment_requests import PaymentRequest, Status
from payments.payouts.beneficiaries import hint_of, opened, sealed
from payments.payouts.files import BankAccount
from payments.payouts.kept import kept
from payments.payouts.tables import MOST_NAMED, Payout, RefundAccount

PAYER: Final = "payer"
"""Who names an account, as the audit trail calls them: whoever holds the payment's address."""


class NothingKept(Conflict):
    """Of this payment nothing is kept that could go back."""

    code = "nothing_kept"


class NamedTooOften(Conflict):
    """For the refunds of one payment an account is named a few times, not again and again."""

    code = "named_too_often"


def to_go_back(session: Session, request: PaymentRequest, *, now: datetime) -> Dong:
    """What is kept of a request that can be paid no more and is in no refund, in đồng."""
    payable = request.status == Status.OPEN and now < request.expires_at
    return ZERO if payable else kept(session, request)


def name_account(
    session: Session, request: PaymentRequest, to: BankAccount, *, now: datetime, vault: Vault
) -> None:
    """Notes the account that the payer names; the one that is noted already is not noted twice.

    Raises `NothingKept` or `NamedTooOften`.
    """
    agencies.lock(session, request.collection_account_id)  # two at once would both be the next
    session.refresh(request)
    last = newest(session, request.id)
    if last is not None and opened(last.beneficiary, vault=vault) == to:
        return
    if not to_go_back(session, request, now=now):
        raise NothingKept
    if last is not None and last.number == MOST_NAMED:
        raise NamedTooOften(most=MOST_NAMED)
    named = RefundAccount(
        payment_request_id=request.id,
        number=1 if last is None else last.number + 1,
        beneficiary=sealed(to, vault=vault),
        bin=to.bin,
        hint=hint_of(to),
        named_at=now,
    )
    session.add(named)
    session.flush()
    about = {"number": named.number, "bin": named.bin, "account_ends_in": named.hint}
    _note(session, request, "named", by=PAYER, now=now, **about)


def newest(session: Session, request_id: int) -> RefundAccount | None:
    """The account that the payer of a request named last."""
    this = select(PaymentRequest.id).where(PaymentRequest.id == request_id)
    return session.scalar(named_for(this).limit(1))


def named_for(request: Rows) -> Select[RefundAccount]:
    """Every account that the payer of a request named, the newest first; `request` is its id."""
    theirs = RefundAccount.payment_request_id == request.scalar_subquery()
    return select(RefundAccount).where(theirs).order_by(RefundAccount.number.desc())


def newest_if(
    session: Session, request_id: int | None, to: BankAccount, *, vault: Vault
) -> int | None:
    """The row of the account that the payer named last, if it is `to`; else None."""
    last = None if request_id is None else newest(session, request_id)
    if last is None or opened(last.beneficiary, vault=vault) != to:
        return None
    return last.id


def goes_to(payout: Payout, named: RefundAccount, *, vault: Vault) -> bool:
    """Whether a refund goes to an account that a payer named."""
    to = opened(payout.beneficiary, vault=vault)
    return opened(named.beneficiary, vault=vault) == to


def open_named(
    session: Session, request: PaymentRequest, *, by: str, now: datetime, vault: Vault
) -> tuple[RefundAccount, BankAccount] | None:
    """The account that the payer named last, whole, and when; who looked is audited."""
    last = newest(session, request.id)
    if last is None:
        return None
    _note(session, request, "opened", by=by, now=now, number=last.number)
    return last, opened(last.beneficiary, vault=vault)


def _note(
    session: Session,
    request: PaymentRequest,
    what: str,
    *,
    by: str,
    now: datetime,
    **details: object,
) -> None:
    audit.append(
        session,
        actor=by,
        action=f"refund_account.{what}",
        subject=f"payment_request:{request.reference}",
        details=details,
        now=now,
    )
