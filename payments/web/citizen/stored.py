"""What the address of a payment opens: how its pages read and write, in the database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import claims, credits, payment_requests, payouts, receipts, slips
from payments.claims import Told
from payments.core import clock
from payments.core.database import Database, Rows
from payments.core.errors import NotFound
from payments.core.files import Kept
from payments.core.money import Dong
from payments.core.vault import Vault
from payments.core.words import language
from payments.payment_requests import PaymentRequest, UnknownRequest
from payments.payouts import BankAccount, Payout, RefundAccount
from payments.slips import Slip
from payments.web.citizen.page import Asked

_DUE: Final = ("open", "confirming", "partially_paid", "expired")
"""Public statuses in which money that comes is still due."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22}")


class UnknownPage(NotFound):
    """No payment has this address."""

    code = "unknown_page"


class Doors(Protocol):
    """What the pages need of a payment. Every one raises `UnknownPage`."""

    def find(self, token: str) -> Asked:
        """What the holder of the address may see."""

    def glance(self, token: str) -> Mapping[str, Any]:
        """Of that, only what changes (`Asked.changing`)."""

    def slip(self, token: str) -> Slip:
        """What is printed to pay by. Raises `NotToBePaid`."""

    def paper(self, token: str, public_id: str, form: str) -> Kept:
        """A receipt of that number, signed, as `pdf` or as `xml`."""

    def claim(self, token: str, told: Told) -> None:
        """Makes what its payer says a claim. Raises `NothingToClaim`."""

    def name_account(self, token: str, to: BankAccount) -> None:
        """Notes where what is kept is to go back to. Raises `NothingKept`, `NamedTooOften`."""


@dataclass(frozen=True)
class Stored:
    """The payments of a database."""

    database: Database
    vault: Vault

    def find(self, token: str) -> Asked:
        """What the holder of the address may see."""
        _check(token)
        now = clock.now()
        return self.database.read(lambda session: asked(session, token, now=now))

    def glance(self, token: str) -> Mapping[str, Any]:
        """Of that, only what changes."""
        _check(token)
        now = clock.now()
        found = self.database.read(lambda session: glanced(session, token, now=now))
        if found is None:
            raise UnknownPage
        return found

    def slip(self, token: str) -> Slip:
        """What is printed to pay by."""
        _check(token)
        now = clock.now()
        return self.database.read(
            lambda session: slips.of(session, _request(session, token), now=now)
        )

    def paper(self, token: str, public_id: str, form: str) -> Kept:
        """A receipt, signed."""
        _check(token)
        return self.database.read(lambda session: _paper(session, token, public_id, form))

    def claim(self, token: str, told: Told) -> None:
        """What its payer says, made a claim."""
        _check(token)
        now = clock.now()
        self.database.write(
            lambda session: claims.make(session, _request(session, token), told, now=now)
        )

    def name_account(self, token: str, to: BankAccount) -> None:
        """Where what is kept is to go back to, noted."""
        _check(token)
        now = clock.now()
        self.database.write(
            lambda session: payouts.name_account(
                session, _request(session, token), to, now=now, vault=self.vault
            )
        )


def asked(session: Session, token: str, *, now: datetime) -> Asked:
    """What the holder of `token` may see. Raises `UnknownPage`."""
    found = _request(session, token)
    this = select(PaymentRequest.id).where(PaymentRequest.id == found.id)
    names = payment_requests.names_of(session, found)
    snapshot = payment_requests.snapshots(session, this)[found.id]
    refunds = payouts.of_request(found).order_by(Payout.id)
    claim = claims.of_request(session, found.id)
    return Asked(
        snapshot=snapshot,
        agency=_in_language(*names.agency),
        fees=[_in_language(*name) for name in names.fees],
        beyond=_beyond(session, this, status=snapshot["status"]),
        **_receipts(session, this, status=snapshot["status"]),
        refunds=[payouts.snapshot(session, one) for one in session.scalars(refunds)],
        kept=payouts.to_go_back(session, found, now=now),
        named=_named(session, this, snapshot, now=now),
        claim=None if claim is None else claims.snapshot(claim, found),
    )


def _check(token: str) -> None:
    if not _TOKEN.fullmatch(token):
        raise UnknownPage


def _request(session: Session, token: str) -> PaymentRequest:
    try:
        return payment_requests.by_token(session, token)
    except UnknownRequest:
        raise UnknownPage from None


def glanced(session: Session, token: str, *, now: datetime) -> Mapping[str, Any] | None:
    """Of what the holder of `token` may see, only what changes; None without a request.

    While money is still due it is two rows by their indexes: a page that waits asks again and
    again.
    """
    found = payment_requests.glance(session, token)
    if found is None:
        return None
    this = select(PaymentRequest.id).where(PaymentRequest.token == token)
    status = found["status"]
    beyond = _beyond(session, this, status=status)
    named = _named(session, this, found, now=now)
    told = {
        "beyond": beyond,
        "named": 0 if named is None else named.number,
        "answered": claims.answered(session, this),
    }
    return {**found, **told, **_receipts(session, this, status=status)}


def _beyond(session: Session, this: Rows, *, status: str) -> Dong:
    return Dong(0) if status in _DUE else credits.beyond(session, this)


def _receipts(session: Session, this: Rows, *, status: str) -> dict[str, Any]:
    if status in _DUE:
        return {"receipts": [], "awaited": False}
    shown = receipts.snapshots(session, receipts.of_requests(this))
    return {"receipts": list(shown.values()), "awaited": receipts.awaited(session, this)}


def _named(
    session: Session, this: Rows, told: Mapping[str, Any], *, now: datetime
) -> RefundAccount | None:
    """The account its payer named last; nobody asks while nothing came and it can be paid."""
    in_time = now < datetime.fromisoformat(told["expires_at"])
    if in_time and told["status"] in _DUE and not told["received"]:
        return None
    return session.scalar(payouts.named_for(this).limit(1))


def _paper(session: Session, token: str, public_id: str, form: str) -> Kept:
    found = _request(session, token)
    receipt = receipts.by_public_id(session, public_id, payment_request_id=found.id)
    return receipts.xml(session, receipt) if form == "xml" else receipts.pdf(session, receipt)


def _in_language(vietnamese: str, english: str | None) -> str:
    return english if language.get() == "en" and english else vietnamese
