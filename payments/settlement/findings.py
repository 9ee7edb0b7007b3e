"""What each credit is found to be: the table of money.md, Settlement, on sets.

Credits that name the same request are settled in order of arrival. So a set is settled in waves:
in each, every credit that is the first left for all of its requests, and every further one of a
request that is closed by now. Almost always one wave is all.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Insert,
    Update,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from payments import payment_requests
from payments.core.columns import Amount, Instant
from payments.core.database import Rows, rows_of, table_of
from payments.core.temporary import analyze, temporary
from payments.credits import COUNTED, Credit, CreditReference, Finding
from payments.payment_requests import WAITING, PaymentRequest, Status
from payments.references import Kind
from payments.settlement.sets import ALL, claim, ready, settling, share

CREDIT: Final = table_of(Credit)
REQUEST: Final = table_of(PaymentRequest)


def lay_out(session: Session, credits: Rows, *, since: Rows | None = None) -> int:
    """Lays out those of `credits` (ids) that are to be settled; returns how many.

    To be settled are trusted credits without a finding, and unidentified ones whose code has
    become known. `since` selects (credit_id, day) of held ones that pay nothing before a day.
    """
    temporary(session, *ALL)
    columns = [
        "credit_id",
        "collection_account_id",
        "amount",
        "part",
        "day",
        "booked_at",
        "seen",
        "decision",
        "reversed",
    ]
    chosen = _to_be_settled().where(CREDIT.c.id.in_(credits))
    laid = rows_of(session.execute(insert(settling).from_select(columns, chosen)))
    analyze(session, settling)
    if laid and since is not None:
        credit, day = since.subquery().c
        later = and_(settling.c.credit_id == credit, settling.c.day < day)
        session.execute(update(settling).where(later).values(day=day))
    return laid


@cache
def _to_be_settled() -> Rows:
    unsettled = CREDIT.c.finding.is_(None)
    known_now = and_(CREDIT.c.unidentified > 0, CREDIT.c.code.is_not(None))
    part = case(
        (CREDIT.c.advised > 0, "transit"),
        (CREDIT.c.unidentified > 0, "unidentified"),
        else_="held",
    )
    amount = CREDIT.c.advised + CREDIT.c.unidentified + CREDIT.c.held
    nth = case(
        (CREDIT.c.decisions > 0, literal(":") + cast(CREDIT.c.decisions + 1, SqlText)),
        else_="",
    )
    return select(
        CREDIT.c.id,
        CREDIT.c.collection_account_id,
        amount,
        cast(part, SqlText),
        CREDIT.c.day,
        CREDIT.c.booked_at,
        CREDIT.c.match_id.is_not(None),
        literal("credit:") + cast(CREDIT.c.id, SqlText) + nth,
        CREDIT.c.reversed,
    ).where(
        CREDIT.c.trusted.is_(True),
        CREDIT.c.merged_into_id.is_(None),
        CREDIT.c.reversed < CREDIT.c.amount,
        CREDIT.c.refunded == 0,
        or_(unsettled, known_now),
    )


def forget_advice(session: Session) -> None:
    """What was only advised is now settled: takes it off the requests it was noted on."""
    if session.execute(_noted().limit(1)).first():
        payment_requests.apply_all(session, _noted())


@cache
def _noted() -> Rows:
    return (
        select(
            CREDIT.c.payment_request_id,
            literal(0, Amount()),
            -cast(func.sum(CREDIT.c.amount), Amount()),
            literal(0, Amount()),
            literal(None),
            literal(None),
        )
        .join(settling, settling.c.credit_id == CREDIT.c.id)
        .where(settling.c.part == "transit", CREDIT.c.payment_request_id.is_not(None))
        .group_by(CREDIT.c.payment_request_id)
    )


def find_all(session: Session) -> None:
    """Gives every credit laid out its finding, and its requests what they receive by it."""
    _claim_requests(session)
    session.execute(_found_without_a_request())
    while _next_wave(session):
        _find_wave(session)
        _share_wave(session)
        payment_requests.apply_all(session, _received())


def _claim_requests(session: Session) -> None:
    session.execute(_claims())
    analyze(session, claim)
    session.execute(_counted_claims())


@cache
def _claims() -> Insert:
    reference = table_of(CreditReference)
    whole = and_(reference.c.credit_id == settling.c.credit_id, reference.c.kind == Kind.FULL)
    named = (
        select(
            settling.c.credit_id,
            REQUEST.c.id,
            REQUEST.c.collection_account_id == settling.c.collection_account_id,
        )
        .select_from(settling)
        .join(reference, whole)
        .outerjoin(REQUEST, REQUEST.c.reference == reference.c.code)
    )
    return insert(claim).from_select(["credit_id", "payment_request_id", "here"], named)


@cache
def _counted_claims() -> Update:
    counted = (
        select(
            claim.c.credit_id,
            func.count().label("codes"),
            func.count(claim.c.payment_request_id).label("issued"),
            func.count(case((claim.c.here.is_(True), 1))).label("here"),
            func.max(claim.c.payment_request_id).label("any"),
        )
        .group_by(claim.c.credit_id)
        .subquery()
    )
    return (
        update(settling)
        .where(settling.c.credit_id == counted.c.credit_id)
        .values(
            codes=counted.c.codes,
            issued=counted.c.issued,
            here=counted.c.here,
            payment_request_id=case((counted.c.codes == 1, counted.c.any)),
        )
    )


@cache
def _found_without_a_request() -> Update:
    """Unidentified, wrong account, or several codes not all of this account's requests."""
    s = settling.c
    return update(settling).values(
        finding=case(
            (or_(s.codes.is_(None), s.issued == 0), Finding.UNIDENTIFIED.value),
            (and_(s.codes == 1, s.here == 0), Finding.WRONG_ACCOUNT.value),
            (and_(s.codes > 1, s.here < s.codes), Finding.SPLIT_MISMATCH.value),
        ),
        to_fees=0,
    )


def _next_wave(session: Session) -> bool:
    session.execute(delete(ready))
    added = session.execute(_first_left())
    analyze(session, ready)
    return rows_of(added) > 0


@cache
def _first_left() -> Insert:
    first = (
        select(claim.c.payment_request_id, func.min(claim.c.credit_id).label("first"))
        .join(settling, settling.c.credit_id == claim.c.credit_id)
        .where(settling.c.finding.is_(None))
        .group_by(claim.c.payment_request_id)
        .subquery()
    )
    waiting = (
        select(claim.c.credit_id)
        .join(first, first.c.payment_request_id == claim.c.payment_request_id)
        .where(claim.c.credit_id != first.c.first)
    )
    closed = (
        select(settling.c.credit_id)
        .join(REQUEST, REQUEST.c.id == settling.c.payment_request_id)
        .where(REQUEST.c.status.in_([Status.PAID.value, Status.CANCELLED.value]))
    )
    return insert(ready).from_select(
        ["credit_id"],
        select(settling.c.credit_id).where(
            settling.c.finding.is_(None),
            or_(
                settling.c.credit_id.not_in(waiting),
                and_(settling.c.codes == 1, settling.c.credit_id.in_(closed)),
            ),
        ),
    )


def _find_wave(session: Session) -> None:
    session.execute(_found_of_one())
    session.execute(_found_of_several())


@cache
def _found_of_one() -> Update:
    due = REQUEST.c.amount - REQUEST.c.received
    found = case(
        (REQUEST.c.status == Status.CANCELLED, Finding.AFTER_CANCEL.value),
        (REQUEST.c.status == Status.PAID, Finding.DUPLICATE.value),
        (settling.c.amount < due, Finding.SHORT.value),
        (settling.c.amount > due, Finding.OVERPAID.value),
        (settling.c.booked_at > REQUEST.c.expires_at, Finding.LATE.value),
        else_=Finding.EXACT.value,
    )
    return (
        update(settling)
        .where(_in_wave(), settling.c.codes == 1, REQUEST.c.id == settling.c.payment_request_id)
        .values(finding=found)
    )


def _in_wave() -> ColumnElement[bool]:
    return settling.c.credit_id.in_(select(ready.c.credit_id))


@cache
def _found_of_several() -> Update:
    due = REQUEST.c.amount - REQUEST.c.received
    joint = (
        select(
            claim.c.credit_id,
            cast(func.sum(due), Amount()).label("due"),
            func.count(case((REQUEST.c.status.in_(WAITING), 1))).label("waiting"),
        )
        .join(ready, ready.c.credit_id == claim.c.credit_id)
        .join(REQUEST, REQUEST.c.id == claim.c.payment_request_id)
        .group_by(claim.c.credit_id)
        .subquery()
    )
    fits = and_(joint.c.due == settling.c.amount, joint.c.waiting == settling.c.codes)
    return (
        update(settling)
        .where(_in_wave(), settling.c.codes > 1, joint.c.credit_id == settling.c.credit_id)
        .values(finding=case((fits, Finding.SPLIT.value), else_=Finding.SPLIT_MISMATCH.value))
    )


def _share_wave(session: Session) -> None:
    session.execute(_shares())
    session.execute(_paid_of_shares())


@cache
def _shares() -> Insert:
    due = REQUEST.c.amount - REQUEST.c.received
    split = settling.c.finding == Finding.SPLIT
    counted = case((split, due), else_=settling.c.amount)
    brought = (
        select(
            settling.c.credit_id,
            REQUEST.c.id,
            counted,
            REQUEST.c.received,
            counted >= due,
            _reached_at(),
        )
        .select_from(ready)
        .join(settling, settling.c.credit_id == ready.c.credit_id)
        .join(claim, claim.c.credit_id == ready.c.credit_id)
        .join(REQUEST, REQUEST.c.id == claim.c.payment_request_id)
        .where(settling.c.finding.in_(COUNTED))
    )
    return insert(share).from_select([column.name for column in share.c], brought)


@cache
def _paid_of_shares() -> Update:
    due = REQUEST.c.amount - REQUEST.c.received
    paid = (
        select(
            share.c.credit_id,
            cast(func.sum(_least(share.c.counted, due)), Amount()).label("to_fees"),
        )
        .join(REQUEST, REQUEST.c.id == share.c.payment_request_id)
        .where(
            share.c.credit_id.in_(select(ready.c.credit_id)),
            share.c.completes.is_(True),
        )
        .group_by(share.c.credit_id)
        .subquery()
    )
    return (
        update(settling)
        .where(settling.c.credit_id == paid.c.credit_id)
        .values(to_fees=paid.c.to_fees)
    )


def _reached_at() -> ColumnElement[Any]:
    """When the last of the request's money came: parts of it may be told after later ones."""
    before = (
        select(func.max(CREDIT.c.booked_at, type_=Instant()))
        .where(
            REQUEST.c.received > 0,
            CREDIT.c.collection_account_id == settling.c.collection_account_id,
            CREDIT.c.payment_request_id == REQUEST.c.id,
            CREDIT.c.finding == Finding.SHORT,
            CREDIT.c.reversed == 0,
        )
        .correlate(REQUEST, settling)
        .scalar_subquery()
    )
    told = share.alias()  # in this set: not written to the credits yet
    together = (
        select(func.max(told.c.reached_at, type_=Instant()))
        .where(REQUEST.c.received > 0, told.c.payment_request_id == REQUEST.c.id)
        .correlate(REQUEST)
        .scalar_subquery()
    )
    latest = case((before > settling.c.booked_at, before), else_=settling.c.booked_at)
    return case((together > latest, together), else_=latest)


@cache
def _received() -> Rows:
    return (
        select(
            share.c.payment_request_id,
            share.c.counted,
            literal(0, Amount()),
            case((settling.c.seen.is_(True), share.c.counted), else_=0),
            share.c.reached_at,
            share.c.reached_at > REQUEST.c.expires_at,
        )
        .join(settling, settling.c.credit_id == share.c.credit_id)
        .join(REQUEST, REQUEST.c.id == share.c.payment_request_id)
        .where(share.c.credit_id.in_(select(ready.c.credit_id)))
    )


def _least(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((one < other, one), else_=other)
