"""Credits confirmed: by a class C message alone (advised), and by a statement line (matched)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Column, Table, and_, cast, func, insert, literal, select
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from payments import credits, ledger, payment_requests
from payments.core.columns import Amount, Code, Day, Key
from payments.core.database import Rows, rows_of, table_of
from payments.core.temporary import analyze, materialise, scratch, temporary
from payments.credits import Credit, CreditReference
from payments.credits.paths import path
from payments.payment_requests import WAITING, PaymentRequest
from payments.references import Kind

CREDIT: Final = table_of(Credit)
REQUEST: Final = table_of(PaymentRequest)

_confirmation: Final = Table(
    "confirmation",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("match_id", Key()),
    Column("day", Day()),
    prefixes=["TEMPORARY"],
)

_advice: Final = Table(
    "settling_advice",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("payment_request_id", Key()),
    prefixes=["TEMPORARY"],
)


def advise_all(session: Session, chosen: Rows, *, now: datetime) -> None:
    """Notes on its request what was told by a class C message alone; nothing is booked.

    The request is `confirming` until a signed source, a poll or a statement line confirms it.
    """
    temporary(session, _advice)
    named = _of_one_request(chosen)
    laid = session.execute(insert(_advice).from_select(["credit_id", "payment_request_id"], named))
    if not rows_of(laid):
        return
    analyze(session, _advice)
    credits.advise_all(session, select(*_advice.c))
    zero = literal(0, Amount())
    noted = (
        select(
            _advice.c.payment_request_id,
            zero,
            cast(func.sum(CREDIT.c.amount), Amount()),
            zero,
            literal(None),
            literal(None),
        )
        .join(CREDIT, CREDIT.c.id == _advice.c.credit_id)
        .group_by(_advice.c.payment_request_id)
    )
    payment_requests.apply_all(session, noted)
    confirming = literal("payment_request.confirming", Code())
    payment_requests.announce_all(
        session,
        select(_advice.c.payment_request_id, confirming, literal(1)).distinct(),
        now=now,
    )


def _of_one_request(chosen: Rows) -> Rows:
    """Those of the chosen credits that only a class C message told of, with the one they name."""
    reference = table_of(CreditReference)
    return (
        select(
            CREDIT.c.id,
            func.max(REQUEST.c.id),
        )
        .select_from(CREDIT)
        .join(reference, and_(reference.c.credit_id == CREDIT.c.id, reference.c.kind == Kind.FULL))
        .join(REQUEST, REQUEST.c.reference == reference.c.code)
        .where(
            CREDIT.c.id.in_(chosen),
            CREDIT.c.trusted.is_(False),
            CREDIT.c.advised > 0,
            CREDIT.c.payment_request_id.is_(None),
            CREDIT.c.merged_into_id.is_(None),
            REQUEST.c.collection_account_id == CREDIT.c.collection_account_id,
            REQUEST.c.status.in_(WAITING),
        )
        .group_by(CREDIT.c.id)
        .having(func.count() == 1)
    )


def drop_advice_all(session: Session, chosen: Rows, *, now: datetime) -> None:
    """Takes what was only advised off its request: nothing was booked, so that is all."""
    advised = select(CREDIT).where(CREDIT.c.id.in_(chosen), CREDIT.c.advised > 0).subquery()
    zero = literal(0, Amount())
    noted = (
        select(
            advised.c.payment_request_id,
            zero,
            -cast(func.sum(advised.c.amount), Amount()),
            zero,
            literal(None),
            literal(None),
        )
        .where(advised.c.payment_request_id.is_not(None))
        .group_by(advised.c.payment_request_id)
    )
    payment_requests.apply_all(session, noted)
    nothing = cast(literal(None), Code())
    dropped = select(
        advised.c.id, nothing, advised.c.payment_request_id, zero, zero, zero, advised.c.amount
    )
    credits.divide_all(session, dropped, now=now)


def confirm_all(session: Session, pairs: Rows, *, actor: str, now: datetime) -> None:
    """Books that statement lines were matched to settled credits: Dr bank, Cr transit.

    `pairs` selects (credit_id, match_id, day), the day being the line's bank day. A match of
    several credits is one entry of their sum. Raises `AlreadyMatched`.
    """
    materialise(session, _confirmation, pairs)
    confirmed = _confirmation.c
    credits.match_all(session, select(confirmed.credit_id, confirmed.match_id))
    booked = (
        select(
            CREDIT.c.collection_account_id,
            literal("match", Code()),
            literal("match:", Code()) + cast(confirmed.match_id, SqlText),
            confirmed.day,
            path("assets:bank:", CREDIT.c.collection_account_id),
            path("assets:transit:", CREDIT.c.collection_account_id),
            cast(func.sum(CREDIT.c.amount), Amount()),
            cast(literal(None), Key()),
        )
        .join(CREDIT, CREDIT.c.id == confirmed.credit_id)
        .group_by(CREDIT.c.collection_account_id, confirmed.match_id, confirmed.day)
    )
    ledger.post_all(session, booked, actor=actor, now=now)
    payment_requests.apply_all(session, _confirmed_of_requests(select(confirmed.credit_id), sign=1))


def unconfirm_all(
    session: Session, chosen: Rows, entries: Rows, *, actor: str, now: datetime
) -> None:
    """Takes back what `confirm_all` did for revoked matches; nothing else moves.

    `chosen` selects the ids of all their credits, `entries` those of their journal entries.
    """
    payment_requests.apply_all(session, _confirmed_of_requests(chosen, sign=-1))
    credits.unmatch_all(session, chosen)
    ledger.reverse_all(session, entries, actor=actor, now=now)


def _confirmed_of_requests(chosen: Rows, *, sign: int) -> Rows:
    share = credits.counted(chosen).subquery()
    zero = literal(0, Amount())
    amount = cast(func.sum(share.c.amount), Amount()) * sign
    return select(
        share.c.payment_request_id, zero, zero, amount, literal(None), literal(None)
    ).group_by(share.c.payment_request_id)
