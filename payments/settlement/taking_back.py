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
    union,
    union_all,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from payments import credits, ledger, payment_requests
from payments.agencies import Agency
from payments.core.columns import Amount, Code, Day, Flag, Key
from payments.core.database import Rows, rows_of, table_of
from payments.core.temporary import analyze, scratch, temporary
from payments.credits import COUNTED, Allocation, Credit, Finding
from payments.credits.paths import fees_path, held, path, unidentified
from payments.payment_requests import PaymentRequest, PaymentRequestLine, Status

CREDIT: Final = table_of(Credit)
REQUEST: Final = table_of(PaymentRequest)
LINE: Final = table_of(PaymentRequestLine)
ALLOCATION: Final = table_of(Allocation)
AGENCY: Final = table_of(Agency)

_back: Final = Table(
    "taking_back",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("decision", Code()),
    Column("day", Day()),
    Column("leaves", Flag()),  # else its money stays, and pays something else
    prefixes=["TEMPORARY"],
)

_reopened: Final = Table(
    "reopened_request",
    scratch,
    Column("payment_request_id", Key(), primary_key=True),
    Column("day", Day()),
    Column("was_paid", Flag()),
    prefixes=["TEMPORARY"],
)

_share: Final = Table(
    "taken_share",
    scratch,
    Column("credit_id", Key()),
    Column("payment_request_id", Key()),
    Column("amount", Amount()),
    Column("seen", Flag()),
    prefixes=["TEMPORARY"],
)

_concerned: Final = Table(
    "concerned_credit",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    prefixes=["TEMPORARY"],
)

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
    _begin(session, pairs, leaves=literal(True, Flag()))
    _post_parts(session, kind=kind, against=against, actor=actor, now=now)
    _let_fall(session, actor=actor, now=now)


def free_all(session: Session, pairs: Rows, *, actor: str, now: datetime) -> None:
    """Puts credits back before their settlement: theirs is what falls back, and nothing leaves.

    They are afterwards in `resettled` too, all of their money held.
    """
    _begin(session, pairs, leaves=literal(False, Flag()))
    _let_fall(session, actor=actor, now=now)


def _begin(session: Session, pairs: Rows, *, leaves: ColumnElement[bool]) -> None:
    temporary(session, _back, _reopened, _share, _concerned, resettled)
    names = ["credit_id", "decision", "day", "leaves"]
    session.execute(insert(_back).from_select(names, pairs.add_columns(leaves)))
    analyze(session, _back)
    _find_shares(session)


def _let_fall(session: Session, *, actor: str, now: datetime) -> None:
    _post_deallocations(session, actor=actor, now=now)
    _give_back(session, now=now)
    _announce(session, now=now)


def _leaving() -> Rows:
    """The credits whose money leaves."""
    return select(_back.c.credit_id).where(_back.c.leaves.is_(True))


def no_longer_paid() -> Rows:
    """The requests that `take_back_all` took from being paid and that were not paid anew since."""
    return (
        select(_reopened.c.payment_request_id)
        .join(REQUEST, REQUEST.c.id == _reopened.c.payment_request_id)
        .where(_reopened.c.was_paid.is_(True), REQUEST.c.status != Status.PAID.value)
    )


def _find_shares(session: Session) -> None:
    """The requests these credits count for, and every credit that counts for those."""
    mine = credits.counted(select(_back.c.credit_id)).subquery()
    opened = (
        select(mine.c.payment_request_id, func.min(_back.c.day))
        .join(_back, _back.c.credit_id == mine.c.credit_id)
        .group_by(mine.c.payment_request_id)
    )
    session.execute(insert(_reopened).from_select(["payment_request_id", "day"], opened))
    grown = 1
    while grown:
        analyze(session, _reopened)
        temporary(session, _share, _concerned)
        session.execute(insert(_concerned).from_select(["credit_id"], _credits_of_reopened()))
        analyze(session, _concerned)
        counted = credits.counted(select(_concerned.c.credit_id))
        session.execute(insert(_share).from_select([column.name for column in _share.c], counted))
        more = insert(_reopened).from_select(["payment_request_id", "day"], _drawn_in())
        grown = rows_of(session.execute(more))
    analyze(session, _reopened, _share)


def _drawn_in() -> Rows:
    """Further requests that a credit of a reopened one pays, and since when they are open too."""
    further = _share.alias()
    known = select(_reopened.c.payment_request_id)
    return (
        select(further.c.payment_request_id, func.min(_reopened.c.day))
        .select_from(_reopened)
        .join(_share, _share.c.payment_request_id == _reopened.c.payment_request_id)
        .join(further, further.c.credit_id == _share.c.credit_id)
        .where(further.c.payment_request_id.not_in(known))
        .group_by(further.c.payment_request_id)
    )


def _credits_of_reopened() -> Rows:
    """Credits that pay, or are held for, a reopened request."""
    named = _named_by_reopened().where(CREDIT.c.reversed == 0)
    paying = (
        select(ALLOCATION.c.credit_id)
        .select_from(_reopened)
        .join(LINE, LINE.c.payment_request_id == _reopened.c.payment_request_id)
        .join(ALLOCATION, ALLOCATION.c.payment_request_line_id == LINE.c.id)
    )
    named = select(named.subquery().c.id)
    both = union(named, paying, select(_back.c.credit_id)).subquery()
    return select(both.c[0])


def _named_by_reopened() -> Rows:
    """Credits of a reopened request, by the index that begins with its account."""
    ours = and_(
        CREDIT.c.collection_account_id == REQUEST.c.collection_account_id,
        CREDIT.c.payment_request_id == REQUEST.c.id,
    )
    return (
        select(CREDIT.c.id, _reopened.c.day)
        .select_from(_reopened)
        .join(REQUEST, REQUEST.c.id == _reopened.c.payment_request_id)
        .join(CREDIT, ours)
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
    fee = _allocated(select(_back.c.credit_id))
    account = CREDIT.c.collection_account_id
    opposite = path(f"assets:{against}:", account)
    head = (account, literal(kind, Code()), _back.c.decision, _back.c.day)
    nothing = cast(literal(None), Key())

    def part(name: str, debited: ColumnElement[str]) -> Any:
        return (
            select(*head, debited, opposite, CREDIT.c[name], nothing)
            .join(CREDIT, CREDIT.c.id == _back.c.credit_id)
            .where(CREDIT.c[name] > 0)
        )

    debited = case((fee.c.day > _back.c.day, held(account)), else_=fee.c.path)
    fees = (
        select(*head, debited, opposite, cast(func.sum(fee.c.amount), Amount()), nothing)
        .select_from(_back)
        .join(CREDIT, CREDIT.c.id == _back.c.credit_id)
        .join(fee, fee.c.credit_id == _back.c.credit_id)
        .group_by(account, _back.c.decision, _back.c.day, debited)
    )
    drafts = union_all(
        fees,
        part("held", held(account)),
        part("unidentified", unidentified(account)),
    ).subquery()
    ledger.post_all(session, select(*drafts.c), actor=actor, now=now)


def _others() -> Rows:
    """The credits of reopened requests whose money stays, and since when those are open."""
    return (
        select(_share.c.credit_id, func.min(_reopened.c.day, type_=Day()).label("day"))
        .join(_reopened, _reopened.c.payment_request_id == _share.c.payment_request_id)
        .where(_share.c.credit_id.not_in(_leaving()))
        .group_by(_share.c.credit_id)
    )


def _post_deallocations(session: Session, *, actor: str, now: datetime) -> None:
    """What other credits paid of the reopened requests goes back to being held.

    So do fees that a credit taken back turned into after the day it is taken back on: a part of a
    request that was paid in parts, which never came after all. Nothing goes back before the day it
    became a fee.
    """
    leaving = _leaving().add_columns(_back.c.day)
    concerned = union_all(_others(), leaving).subquery()
    fee = _allocated(select(concerned.c.credit_id))
    first = select(func.min(_back.c.decision)).scalar_subquery()
    day = case((fee.c.day > concerned.c.day, fee.c.day), else_=concerned.c.day)
    before = exists().where(
        _back.c.leaves.is_(True), _back.c.credit_id == fee.c.credit_id, fee.c.day <= _back.c.day
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
        _share.c.payment_request_id,
        -cast(func.sum(_share.c.amount), Amount()),
        zero,
        -cast(func.sum(case((_share.c.seen.is_(True), _share.c.amount), else_=0)), Amount()),
        literal(None),
        literal(None),
    ).group_by(_share.c.payment_request_id)
    others = _others().subquery()
    everyone = union_all(_leaving(), select(others.c.credit_id)).subquery()
    fee = _allocated(select(everyone.c[0]))
    first = select(func.min(_back.c.decision)).scalar_subquery()
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
    waiting = _waiting_for_reopened()
    session.execute(insert(resettled).from_select(["credit_id", "day"], waiting))
    taken = select(
        CREDIT.c.id,
        CREDIT.c.finding,
        CREDIT.c.payment_request_id,
        zero.label("to_fees"),
        zero.label("held"),
        zero.label("unidentified"),
        (CREDIT.c.amount - CREDIT.c.refunded).label("reversed"),
    ).where(CREDIT.c.id.in_(_leaving()))
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


def _waiting_for_reopened() -> Rows:
    """The credits that counted for, or were held as duplicates of, a reopened request, and stay."""
    duplicates = _named_by_reopened().where(
        CREDIT.c.held > 0,
        CREDIT.c.refunded == 0,
        CREDIT.c.finding.in_([*COUNTED, Finding.DUPLICATE.value]),
        CREDIT.c.merged_into_id.is_(None),
        CREDIT.c.id.not_in(_leaving()),
    )
    staying = select(_back.c.credit_id, _back.c.day).where(_back.c.leaves.is_(False))
    both = union_all(_others(), duplicates, staying).subquery()
    return select(both.c[0], func.min(both.c[1])).group_by(both.c[0])


def _note_paid(session: Session) -> None:
    session.execute(
        _reopened.update()
        .where(REQUEST.c.id == _reopened.c.payment_request_id)
        .values(was_paid=REQUEST.c.status == Status.PAID)
    )


def _announce(session: Session, *, now: datetime) -> None:
    """Tells of the requests that were paid, and of those of which nothing is left.

    Of a part that others paid beside is told when those are settled anew.
    """
    beside = exists().where(
        _share.c.payment_request_id == _reopened.c.payment_request_id,
        _share.c.credit_id.not_in(select(_back.c.credit_id)),
    )
    fallen = select(
        _reopened.c.payment_request_id, literal("payment_request.reversed", Code()), literal(1)
    ).where(or_(_reopened.c.was_paid.is_(True), ~beside))
    payment_requests.announce_all(session, fallen, now=now)
