"""Money that leaves a credit again: a bank's reversal, a credit that never came, a double.

The credit's parts are debited, and its requests fall back to open. Every other credit of such a
request goes back to being held and is settled anew, in order: so a payer who paid twice, and had
one payment taken back by the bank, stays paid. A credit that was assigned by mistake leaves its
request in the same way, but its money stays: it is settled anew with the others.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from payments import credits, ledger, payment_requests
from payments.agencies import Agency
from payments.core.columns import Amount, Code, Day, Flag, Key
from payments.core.database import Rows, table_of
from payments.core.temporary import scratch, temporary
from payments.credits import Allocation, Credit
from payments.credits.paths import fees_path, held, path, unidentified
from payments.payment_requests import PaymentRequest, PaymentRequestLine, Status
from payments.settlement.falling import (
    back,
    begin,
    leaving,
    reopened,
    share,
    staying,
    to_settle_anew,
)

CREDIT: Final = table_of(Credit)
REQUEST: Final = table_of(PaymentRequest)
LINE: Final = table_of(PaymentRequestLine)
ALLOCATION: Final = table_of(Allocation)
AGENCY: Final = table_of(Agency)

resettled: Final = Table(
    "resettled_credit",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("day", Day()),
    prefixes=["TEMPORARY"],
)
"""The credits to be settled anew, others of reopened requests among them, and from which day on."""


def take_back_all(
    session: Session, pairs: Rows, *, kind: str, against: str, actor: str, now: datetime
) -> None:
    """Debits every part of the credits and credits the account `against` (`bank` or `transit`).

    `pairs` selects (credit_id, decision, day). Their requests fall back; what else was paid for
    those is afterwards in `resettled`, held and without a finding.
    """
    temporary(session, resettled)
    begin(session, pairs, leaves=literal(True, Flag()))
    _post_parts(session, kind=kind, against=against, actor=actor, now=now)
    _let_fall(session, actor=actor, now=now)


def free_all(session: Session, pairs: Rows, *, actor: str, now: datetime) -> None:
    """Puts credits back before their settlement: theirs is what falls back, and nothing leaves.

    They are afterwards in `resettled` too, all of their money held.
    """
    temporary(session, resettled)
    begin(session, pairs, leaves=literal(False, Flag()))
    _let_fall(session, actor=actor, now=now)


def _let_fall(session: Session, *, actor: str, now: datetime) -> None:
    _post_deallocations(session, actor=actor, now=now)
    _give_back(session, now=now)
    _announce(session, now=now)


def no_longer_paid() -> Rows:
    """The requests that `take_back_all` took from being paid and that were not paid anew since."""
    return (
        select(reopened.c.payment_request_id)
        .join(REQUEST, REQUEST.c.id == reopened.c.payment_request_id)
        .where(reopened.c.was_paid.is_(True), REQUEST.c.status != Status.PAID.value)
    )


def _allocated(chosen: Rows) -> Any:
    """What each chosen credit still pays of each fee line, since when, and that fee's path."""
    ours = chosen.subquery()
    theirs = and_(
        ALLOCATION.c.collection_account_id == CREDIT.c.collection_account_id,
        ALLOCATION.c.credit_id == CREDIT.c.id,
    )
    return (
        select(
            ALLOCATION.c.credit_id,
            ALLOCATION.c.payment_request_line_id,
            ALLOCATION.c.day,
            fees_path().label("path"),
            cast(func.sum(ALLOCATION.c.amount), Amount()).label("amount"),
        )
        .select_from(ours)
        .join(CREDIT, CREDIT.c.id == ours.c[0])
        .join(ALLOCATION, theirs)
        .join(LINE, LINE.c.id == ALLOCATION.c.payment_request_line_id)
        .join(REQUEST, REQUEST.c.id == LINE.c.payment_request_id)
        .join(AGENCY, AGENCY.c.id == REQUEST.c.agency_id)
        .group_by(
            ALLOCATION.c.credit_id,
            ALLOCATION.c.payment_request_line_id,
            ALLOCATION.c.day,
            REQUEST.c.collection_account_id,
            AGENCY.c.code,
            LINE.c.kind,
            LINE.c.sub_item,
        )
        .having(func.sum(ALLOCATION.c.amount) > 0)
        .subquery()
    )


def _post_parts(session: Session, *, kind: str, against: str, actor: str, now: datetime) -> None:
    """Debits the parts on the day of taking back; later fees went back to being held before."""
    fee = _allocated(select(back.c.credit_id))
    account = CREDIT.c.collection_account_id
    opposite = path(f"assets:{against}:", account)
    head = (account, literal(kind, Code()), back.c.decision, back.c.day)
    nothing = cast(literal(None), Key())

    def part(name: str, debited: ColumnElement[str]) -> Any:
        return (
            select(*head, debited, opposite, CREDIT.c[name], nothing)
            .join(CREDIT, CREDIT.c.id == back.c.credit_id)
            .where(CREDIT.c[name] > 0)
        )

    debited = case((fee.c.day > back.c.day, held(account)), else_=fee.c.path)
    fees = (
        select(*head, debited, opposite, cast(func.sum(fee.c.amount), Amount()), nothing)
        .select_from(back)
        .join(CREDIT, CREDIT.c.id == back.c.credit_id)
        .join(fee, fee.c.credit_id == back.c.credit_id)
        .group_by(account, back.c.decision, back.c.day, debited)
    )
    drafts = union_all(
        fees,
        part("held", held(account)),
        part("unidentified", unidentified(account)),
    ).subquery()
    ledger.post_all(session, select(*drafts.c), actor=actor, now=now)


def _post_deallocations(session: Session, *, actor: str, now: datetime) -> None:
    """What other credits paid of the reopened requests goes back to being held.

    So do fees that a credit taken back turned into after the day it is taken back on: a part of a
    request that was paid in parts, which never came after all. Nothing goes back before the day it
    became a fee.
    """
    concerned = union_all(staying(), leaving().add_columns(back.c.day)).subquery()
    fee = _allocated(select(concerned.c.credit_id))
    first = select(func.min(back.c.decision)).scalar_subquery()
    day = case((fee.c.day > concerned.c.day, fee.c.day), else_=concerned.c.day)
    before = exists().where(
        back.c.leaves.is_(True), back.c.credit_id == fee.c.credit_id, fee.c.day <= back.c.day
    )
    decision = (
        literal("credit:", Code())
        + cast(fee.c.credit_id, SqlText)
        + literal(":back:", Code())
        + first
    )
    drafts = (
        select(
            CREDIT.c.collection_account_id,
            literal("deallocation", Code()),
            decision,
            day,
            fee.c.path,
            held(CREDIT.c.collection_account_id),
            cast(func.sum(fee.c.amount), Amount()),
            cast(literal(None), Key()),
        )
        .join(CREDIT, CREDIT.c.id == fee.c.credit_id)
        .join(concerned, concerned.c.credit_id == fee.c.credit_id)
        .where(~before)
        .group_by(CREDIT.c.collection_account_id, fee.c.credit_id, day, fee.c.path)
    )
    ledger.post_all(session, drafts, actor=actor, now=now)


def _give_back(session: Session, *, now: datetime) -> None:
    zero = literal(0, Amount())
    lost = select(
        share.c.payment_request_id,
        -cast(func.sum(share.c.amount), Amount()),
        zero,
        -cast(func.sum(case((share.c.seen.is_(True), share.c.amount), else_=0)), Amount()),
        literal(None),
        literal(None),
    ).group_by(share.c.payment_request_id)
    others = staying().subquery()
    everyone = union_all(leaving(), select(others.c.credit_id)).subquery()
    fee = _allocated(select(everyone.c[0]))
    first = select(func.min(back.c.decision)).scalar_subquery()
    credits.allocate_all(
        session,
        select(
            CREDIT.c.collection_account_id,
            fee.c.credit_id,
            fee.c.payment_request_line_id,
            -fee.c.amount,
            literal("back:", Code()) + first,
            fee.c.day,
        ).join(CREDIT, CREDIT.c.id == fee.c.credit_id),
    )
    _note_paid(session)
    payment_requests.apply_all(session, lost)
    waiting = to_settle_anew()
    session.execute(insert(resettled).from_select(["credit_id", "day"], waiting))
    taken = select(
        CREDIT.c.id,
        CREDIT.c.finding,
        CREDIT.c.payment_request_id,
        zero.label("to_fees"),
        zero.label("held"),
        zero.label("unidentified"),
        (CREDIT.c.amount - CREDIT.c.refunded).label("reversed"),
    ).where(CREDIT.c.id.in_(leaving()))
    freed = select(
        CREDIT.c.id,
        cast(literal(None), Code()),
        CREDIT.c.payment_request_id,
        zero,
        CREDIT.c.to_fees + CREDIT.c.held,
        zero,
        CREDIT.c.reversed,
    ).where(CREDIT.c.id.in_(select(resettled.c.credit_id)))
    parts = union_all(taken, freed).subquery()
    credits.divide_all(session, select(*parts.c), now=now)


def _note_paid(session: Session) -> None:
    session.execute(
        reopened.update()
        .where(REQUEST.c.id == reopened.c.payment_request_id)
        .values(was_paid=REQUEST.c.status == Status.PAID)
    )


def _announce(session: Session, *, now: datetime) -> None:
    """Tells of the requests that were paid, and of those of which nothing is left.

    Of a part that others paid beside is told when those are settled anew.
    """
    beside = exists().where(
        share.c.payment_request_id == reopened.c.payment_request_id,
        share.c.credit_id.not_in(select(back.c.credit_id)),
    )
    fallen = select(
        reopened.c.payment_request_id, literal("payment_request.reversed", Code()), literal(1)
    ).where(or_(reopened.c.was_paid.is_(True), ~beside))
    payment_requests.announce_all(session, fallen, now=now)
