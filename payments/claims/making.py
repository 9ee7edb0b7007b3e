"""Making a claim, once for each request, and answering it."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments.claims.photos import PHOTO_TYPE
from payments.claims.reading import Told, words_of
from payments.claims.seeing import of_request
from payments.claims.tables import DIGITS, Claim
from payments.core import audit, files
from payments.core.errors import Conflict, Invalid, Unavailable
from payments.payment_requests import PaymentRequest, Status

PAYER: Final = "payer"
"""Who makes a claim, as the audit trail calls them: whoever holds the request's address."""

_TRIES: Final = 8


class NothingToClaim(Conflict):
    """The request is paid: there is nothing to look for."""

    code = "nothing_to_claim"


class NothingAnswered(Invalid):
    """An answer has words."""

    code = "nothing_answered"


class NoFreeNumber(Unavailable):
    """No unused claim number was found by chance; there are a hundred million."""

    code = "no_free_claim_number"


def claimable(request: PaymentRequest) -> bool:
    """Whether a payer may say of a request that they paid it: it is not paid."""
    return request.status != Status.PAID


def make(session: Session, request: PaymentRequest, told: Told, *, now: datetime) -> Claim:
    """The claim of a request: a new one, or the one that is there, as it was first told.

    Raises `NothingToClaim` or `NoFreeNumber`.
    """
    known = of_request(session, request.id)
    if known is not None:
        return known
    if not claimable(request):
        raise NothingToClaim
    photo = None
    if told.photo is not None:
        photo = files.store(session, told.photo, media_type=PHOTO_TYPE)
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    new = (
        insert(Claim)
        .values(
            public_id=str(uuid7()),
            number=_number(session),
            collection_account_id=request.collection_account_id,
            payment_request_id=request.id,
            bank_number=told.bank_number,
            paid_on=told.paid_on,
            amount=told.amount,
            words=told.words,
            stored_file_id=photo,
            made_at=now,
        )
        .on_conflict_do_nothing(index_elements=[Claim.payment_request_id])
        .returning(Claim.id)
    )
    made = session.scalar(new) is not None
    claim = session.scalars(select(Claim).where(Claim.payment_request_id == request.id)).one()
    if made:
        about = {"request": request.reference, "number": claim.number, "photo": photo is not None}
        _note(session, claim, "made", by=PAYER, now=now, **about)
    return claim


def answer(session: Session, claim: Claim, words: str, *, by: str, now: datetime) -> None:
    """Answers the payer in words, who reads them on the claim's page; a later answer counts.

    Raises `NothingAnswered` or `WordsTooLong`.
    """
    told = words_of(words)
    if not told:
        raise NothingAnswered(pointer="/words")
    claim.answer, claim.answered_at, claim.answered_by = told, now, by
    session.flush()
    _note(session, claim, "answered", by=by, now=now, words=told)


def _number(session: Session) -> str:
    for _ in range(_TRIES):
        number = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
        if session.scalar(select(Claim.id).where(Claim.number == number)) is None:
            return number
    raise NoFreeNumber


def _note(
    session: Session, claim: Claim, what: str, *, by: str, now: datetime, **details: object
) -> None:
    audit.append(
        session,
        actor=by,
        action=f"claim.{what}",
        subject=f"claim:{claim.public_id}",
        details=details,
        now=now,
    )
