"""The verbs by which credits are settled and taken back, put together from their parts."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Text as SqlText
from sqlalchemy import cast, literal, select, union
from sqlalchemy.orm import Session

from payments import credits, ledger, payment_requests, receipts
from payments.core.calendar import local_day
from payments.core.columns import Code, Day
from payments.core.database import Rows, table_of
from payments.core.errors import Conflict
from payments.core.money import Dong
from payments.credits import COUNTED, Assignment, Credit
from payments.payment_requests import PaymentRequest
from payments.settlement import booking, findings, ties
from payments.settlement.confirming import drop_advice_all
from payments.settlement.taking_back import free_all, no_longer_paid, resettled, take_back_all

CREDIT: Final = table_of(Credit)
REQUEST: Final = table_of(PaymentRequest)


class NothingToAssign(Conflict):
    """Only money that is held or unidentified can be assigned to a request."""

    code = "nothing_to_assign"


class NotAssigned(Conflict):
    """The credit was assigned to no request, or that was taken back before."""

    code = "not_assigned"


class PartlyGivenBack(Conflict):
    """Of money that was given back in part, the rest is given back too, and pays no request."""

    code = "partly_given_back"


class AlreadySeen(Conflict):
    """A credit that stands on a statement did come; it can't be withdrawn."""

    code = "already_seen"


class PaidOutSince(Conflict):
    """Of the money paid together with it something was given back or forwarded since."""

    code = "paid_out_since"


class NothingToSetOff(Conflict):
    """The bank took nothing of the credit after something had left, or nothing is left of it."""

    code = "nothing_to_set_off"


class SetOffLater(Conflict):
    """Of fees that were paid with the credit something was given back or forwarded, and is away."""

    code = "set_off_later"


class AlreadyTakenBack(Conflict):
    """The credit's money was taken back before."""

    code = "already_taken_back"


def settle_all(
    session: Session,
    chosen: Rows,
    *,
    actor: str = "job:settle",
    now: datetime,
    since: Rows | None = None,
) -> int:
    """Settles those of the chosen credits (ids) that are not settled yet; returns how many.

    A credit told by a class C message alone is left as it is. `since` selects (credit_id, day) of
    held ones that pay nothing before a day.
    """
    laid = findings.lay_out(session, chosen, since=since)
    if laid:
        findings.forget_advice(session)
        findings.find_all(session)
        booking.write_all(session, actor=actor, now=now)
    return laid


def tie_all(session: Session, chosen: Rows, *, now: datetime) -> None:
    """Joins the chosen credits with those that what is now known of them shows to be the same.

    The chosen credits and all that changed with them are settled, in order of arrival.
    """
    joined = ties.join_tied(session, chosen, now=now)
    if joined:
        changed = union(chosen, ties.joined(), select(resettled.c.credit_id)).subquery()
        chosen = select(changed.c[0])
    settle_all(session, chosen, now=now)
    if joined:
        _cancel_receipts(session, reason="merge", actor="job:settle", now=now)


def reverse_all(session: Session, pairs: Rows, *, actor: str, now: datetime) -> None:
    """Books that the bank took credits back: Dr their parts, Cr bank; their requests reopen.

    `pairs` selects (line_id, credit_id, day). What else was paid for those requests is settled
    anew, and pays from that day on: until then it was a duplicate, and the other one the fee.
    """
    chosen = pairs.subquery()
    line, credit, day = chosen.c
    taken = select(credit, literal("line:", Code()) + cast(line, SqlText), day)
    take_back_all(session, taken, kind="bank_reversal", against="bank", actor=actor, now=now)
    since = select(resettled.c.credit_id, resettled.c.day)
    settle_all(session, select(resettled.c.credit_id), actor=actor, now=now, since=since)
    _cancel_receipts(session, reason="bank_reversal", actor=actor, now=now)


def withdraw(session: Session, credit: Credit, *, actor: str, now: datetime) -> None:
    """Takes back a credit that was told and never came: Dr its parts, Cr transit.

    Of one that was only advised nothing was booked: its request no longer waits for it.

    Raises `AlreadySeen` for one that stands on a statement, `AlreadyTakenBack` for one whose
    money is gone, `PaidOutSince` where its requests can't fall back to open.
    """
    if credit.match_id is not None:
        raise AlreadySeen(credit=credit.id)
    if credit.reversed == credit.amount:
        raise AlreadyTakenBack(credit=credit.id)
    chosen = select(CREDIT.c.id).where(CREDIT.c.id == credit.id)
    if credit.advised:
        drop_advice_all(session, chosen, now=now)
        _announce_reversed(session, credit.payment_request_id, now=now)
        return
    credits.gather_company(session, chosen)
    if session.scalar(credits.given_away().limit(1)) is not None:
        raise PaidOutSince(credit=credit.id)
    decision = literal(f"withdrawal:{credit.id}", Code())
    taken = select(CREDIT.c.id, decision, CREDIT.c.day).where(CREDIT.c.id == credit.id)
    take_back_all(session, taken, kind="withdrawal", against="transit", actor=actor, now=now)
    settle_all(session, select(resettled.c.credit_id), actor=actor, now=now)
    _cancel_receipts(session, reason="withdrawal", actor=actor, now=now)


def set_off(session: Session, credit: Credit, *, actor: str, now: datetime) -> None:
    """Ends what is left of a credit that the bank took back: Dr its parts, Cr receivable.

    For one of which something had been given back when the bank took it, so that all of it was
    booked as to be got back. Its requests fall back to open. What left and comes back later is set
    off in its turn.

    Raises `NothingToSetOff`, or `SetOffLater` where requests can't fall back to open.
    """
    if not credit.reclaimed or credit.held + credit.unidentified + credit.to_fees == Dong(0):
        raise NothingToSetOff(credit=credit.id)
    credits.gather_company(session, select(CREDIT.c.id).where(CREDIT.c.id == credit.id))
    if session.scalar(credits.given_away_beside().limit(1)) is not None:
        raise SetOffLater(credit=credit.id)
    decision = literal(f"set_off:{credit.id}:{credit.decisions}", Code())
    day = literal(ledger.open_day(session, credit.collection_account_id, local_day(now)), Day())
    taken = select(CREDIT.c.id, decision, day).where(CREDIT.c.id == credit.id)
    take_back_all(session, taken, kind="set_off", against="receivable", actor=actor, now=now)
    since = select(resettled.c.credit_id, resettled.c.day)
    settle_all(session, select(resettled.c.credit_id), actor=actor, now=now, since=since)
    _cancel_receipts(session, reason="bank_reversal", actor=actor, now=now)


def assign(
    session: Session, credit: Credit, request: PaymentRequest, *, actor: str, now: datetime
) -> None:
    """Gives held or unidentified money to the request it was meant for, and settles it there.

    Raises `NothingToAssign` when nothing of the credit is held or unidentified, or when what is
    held counts towards a request already, and `PartlyGivenBack`.
    """
    if credit.refunded:
        raise PartlyGivenBack(credit=credit.id)
    counts = credit.to_fees > 0 or credit.finding in COUNTED
    if counts or credit.held + credit.unidentified == Dong(0):
        raise NothingToAssign(credit=credit.id)
    credits.identify(session, credit, request, by=actor, now=now)
    settle_all(session, select(CREDIT.c.id).where(CREDIT.c.id == credit.id), actor=actor, now=now)


def unassign(session: Session, credit: Credit, *, reason: str, actor: str, now: datetime) -> None:
    """Takes an assignment back: the credit carries what it did before, and is settled by that.

    The request falls back to open, and what else was paid for it is settled anew. It is booked on
    the credit's day, or on the next open one. By what it carries now it may be the same movement as
    one told meanwhile: then it is joined with that. Raises what `check_unassignable` does.
    """
    one = check_unassignable(session, credit)
    decision = literal(f"unassignment:{credit.id}:{credit.decisions}", Code())
    day = literal(ledger.open_day(session, credit.collection_account_id, credit.day), Day())
    freed = select(CREDIT.c.id, decision, day).where(CREDIT.c.id == credit.id)
    free_all(session, freed, actor=actor, now=now)
    credits.end_assignment(session, credit, one, reason=reason, by=actor, now=now)
    since = select(resettled.c.credit_id, resettled.c.day)
    settle_all(session, select(resettled.c.credit_id), actor=actor, now=now, since=since)
    _cancel_receipts(session, reason="unassignment", actor=actor, now=now)
    tie_all(session, select(CREDIT.c.id).where(CREDIT.c.id == credit.id), now=now)


def check_unassignable(session: Session, credit: Credit) -> Assignment:
    """The assignment of a credit that can be taken back.

    Raises `NotAssigned`, `AlreadyTakenBack` where its money is gone, or `PaidOutSince` where of it,
    or of what pays together with it, something was given back or forwarded.
    """
    one = credits.assignment(session, credit)
    if one is None:
        raise NotAssigned(credit=credit.id)
    if credit.reversed or credit.reclaimed:
        raise AlreadyTakenBack(credit=credit.id)
    credits.gather_company(session, select(CREDIT.c.id).where(CREDIT.c.id == credit.id))
    if session.scalar(credits.given_away().limit(1)) is not None:
        raise PaidOutSince(credit=credit.id)
    return one


def _cancel_receipts(session: Session, *, reason: str, actor: str, now: datetime) -> None:
    """Cancels the receipts of what is not paid any more, now that all else was settled anew."""
    receipts.cancel_all(session, no_longer_paid(), reason=reason, by=actor, now=now)


def _announce_reversed(session: Session, request_id: int | None, *, now: datetime) -> None:
    kind = literal("payment_request.reversed", Code())
    news = select(REQUEST.c.id, kind, literal(1)).where(REQUEST.c.id == request_id)
    payment_requests.announce_all(session, news, now=now)
