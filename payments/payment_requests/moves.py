"""How a request's status changes: one table of moves, applied to sets.

Money moves a request through `apply_all`, which settlement calls with what each request received
or lost; time and people through `expire_all` and `cancel`. All run under the collection
account's lock. `announce_all` tells the portal, with the whole snapshot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import (
    Column,
    Table,
    Update,
    and_,
    case,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session

from payments import outbox
from payments.core.columns import Amount, Code, Count, Flag, Instant, Key
from payments.core.database import Rows, rows_of
from payments.core.errors import Conflict
from payments.core.temporary import analyze, materialise, scratch, temporary
from payments.payment_requests.snapshots import Snapshot, snapshots
from payments.payment_requests.tables import (
    MOVES,
    CancelReason,
    PaymentRequest,
    Status,
)


class MoveNotAllowed(Conflict):
    """A request may not go from its present status to the one asked for."""

    code = "move_not_allowed"


_change = Table(
    "request_change",
    scratch,
    Column("payment_request_id", Key(), primary_key=True),
    Column("received", Amount()),
    Column("advised", Amount()),
    Column("confirmed", Amount()),
    Column("paid_at", Instant()),
    Column("late", Flag()),
    prefixes=["TEMPORARY"],
)

_news = Table(
    "request_news",
    scratch,
    Column("payment_request_id", Key()),
    Column("type", Code()),
    Column("rank", Count()),
    prefixes=["TEMPORARY"],
)


def allowed_into(status: Status) -> list[str]:
    """The statuses from which a request may move into `status`."""
    return sorted(str(before) for before, after in MOVES if after == status)


def apply_all(session: Session, changes: Rows) -> None:
    """Adds what each request received, was advised of and had confirmed; all may be negative.

    `changes` selects (payment_request_id, received, advised, confirmed, paid_at, late), one row a
    request. A request whose money reaches its amount becomes paid, one whose money falls below it
    becomes open again; a cancelled one that would become paid breaks a constraint.
    """
    materialise(session, _change, changes)
    session.execute(_moved())


@cache
def _moved() -> Update:
    request, change = PaymentRequest, _change.c
    reached = request.received + change.received >= request.amount
    becomes_paid = and_(reached, request.status.in_(allowed_into(Status.PAID)))
    stays_paid = and_(reached, request.status == Status.PAID)
    becomes_open = and_(~reached, request.status.in_(allowed_into(Status.OPEN)))
    return (
        update(request)
        .where(
            request.id == change.payment_request_id,
            request.id.in_(select(change.payment_request_id)),  # else SQLite reads all requests
        )
        .values(
            received=request.received + change.received,
            advised=request.advised + change.advised,
            confirmed=request.confirmed + change.confirmed,
            status=case(
                (becomes_paid, Status.PAID.value),
                (becomes_open, Status.OPEN.value),
                else_=request.status,
            ),
            paid_at=case((becomes_paid, change.paid_at), (stays_paid, request.paid_at)),
            late=case((becomes_paid, change.late), (stays_paid, request.late), else_=False),
            reconciled_at=case((stays_paid, request.reconciled_at)),
            receipted_at=case((stays_paid, request.receipted_at)),
        )
        .execution_options(synchronize_session=False)
    )


def expire_all(session: Session, collection_account_id: int, *, now: datetime) -> int:
    """Expires the account's open requests whose time has passed; money may still arrive.

    Returns how many there were.
    """
    due = (
        select(PaymentRequest.id)
        .where(
            PaymentRequest.collection_account_id == collection_account_id,
            PaymentRequest.status == Status.OPEN,
            PaymentRequest.expires_at <= now,
        )
        .limit(2000)
    )
    expired = _lay_out(session, due, "payment_request.expired")
    if expired:
        moved = session.execute(
            update(PaymentRequest)
            .where(
                PaymentRequest.id.in_(_concerned()),
                PaymentRequest.status.in_(allowed_into(Status.EXPIRED)),
            )
            .values(status=Status.EXPIRED.value)
            .execution_options(synchronize_session=False)
        )
        if rows_of(moved) != expired:
            raise MoveNotAllowed(to=Status.EXPIRED.value)
        _announce(session, now=now)
    return expired


def cancel(
    session: Session, request: PaymentRequest, *, reason: CancelReason, now: datetime
) -> None:
    """Cancels an open request, under its account's lock. Raises `MoveNotAllowed`."""
    moved = session.execute(
        update(PaymentRequest)
        .where(
            PaymentRequest.id == request.id,
            PaymentRequest.status.in_(allowed_into(Status.CANCELLED)),
        )
        .values(status=Status.CANCELLED.value, cancelled_at=now, cancel_reason=reason.value)
    )
    if rows_of(moved) != 1:
        raise MoveNotAllowed(reference=request.reference, to=Status.CANCELLED.value)
    this = select(PaymentRequest.id).where(PaymentRequest.id == request.id)
    _lay_out(session, this, "payment_request.cancelled")
    _announce(session, now=now)


def announce_reconciled(session: Session, collection_account_id: int, *, now: datetime) -> int:
    """Tells the portals of up to 2,000 requests whose every credit stands on a statement.

    Run after the day is proved, again until it returns 0.
    """
    request = PaymentRequest
    proved = (
        select(request.id)
        .where(
            request.collection_account_id == collection_account_id,
            request.status == Status.PAID,
            request.reconciled_at.is_(None),
            request.confirmed == request.received,
            request.received > 0,
        )
        .limit(2000)
    )
    reconciled = _lay_out(session, proved, "payment_request.reconciled")
    if reconciled:
        _announce(session, now=now, reconciled_at=now)
    return reconciled


def announce_all(session: Session, news: Rows, *, now: datetime) -> None:
    """Tells each request's portal what happened to it.

    `news` selects (payment_request_id, event type, rank); the news of one request are numbered in
    the order of their ranks and all carry the same, final snapshot.
    """
    materialise(session, _news, news)
    _announce(session, now=now)


@dataclass(frozen=True, slots=True)
class About:
    """News of something of a request's that has a JSON of its own: a refund, a receipt."""

    payment_request_id: int
    type: str
    content: Snapshot


def announce_about(session: Session, news: Sequence[About], *, now: datetime) -> None:
    """Tells portals of what belongs to their requests, numbered with the requests' own news."""
    if not news:
        return
    temporary(session, _news)
    rows = [
        {"payment_request_id": one.payment_request_id, "type": one.type, "rank": place}
        for place, one in enumerate(news)
    ]
    session.execute(insert(_news), rows)
    analyze(session, _news)
    session.execute(_numbered_anew())
    session.expire_all()
    known = session.execute(
        select(PaymentRequest.id, PaymentRequest.portal_id, PaymentRequest.sequence).where(
            PaymentRequest.id.in_(_concerned())
        )
    )
    portals = {row.id: (row.portal_id, row.sequence) for row in known}
    left = Counter(one.payment_request_id for one in news)
    pieces = []
    for one in news:
        left[one.payment_request_id] -= 1
        portal, sequence = portals[one.payment_request_id]
        number = sequence - left[one.payment_request_id]
        pieces.append(outbox.News(one.type, portal, one.payment_request_id, number, one.content))
    outbox.enqueue_all(session, pieces, now=now)


def _lay_out(session: Session, requests: Rows, kind: str) -> int:
    """Lays out one piece of news for each request chosen by id; how many."""
    news = requests.add_columns(literal(kind, Code()), literal(1, Count()))
    return materialise(session, _news, news)


def _announce(session: Session, *, now: datetime, **changed: datetime) -> None:
    """Numbers and tells what is laid out; what else changes of the requests is written with it.

    PostgreSQL asks for every foreign key of a row that one transaction writes a second time.
    """
    session.execute(_numbered_anew().values(changed) if changed else _numbered_anew())
    session.expire_all()
    told = session.execute(_told()).all()
    shown = snapshots(session, _concerned())
    left = Counter(row.payment_request_id for row in told)
    pieces = []
    for request_id, kind, portal_id in told:
        left[request_id] -= 1
        sequence = shown[request_id]["sequence"] - left[request_id]
        content = shown[request_id] | {"sequence": sequence}
        pieces.append(outbox.News(kind, portal_id, request_id, sequence, content))
    outbox.enqueue_all(session, pieces, now=now)


@cache
def _numbered_anew() -> Update:
    counted = (
        select(_news.c.payment_request_id, func.count().label("told"))
        .group_by(_news.c.payment_request_id)
        .subquery()
    )
    return (
        update(PaymentRequest)
        .where(PaymentRequest.id == counted.c.payment_request_id)
        .values(sequence=PaymentRequest.sequence + counted.c.told)
        .execution_options(synchronize_session=False)
    )


@cache
def _told() -> Rows:
    return (
        select(_news.c.payment_request_id, _news.c.type, PaymentRequest.portal_id)
        .join(PaymentRequest, PaymentRequest.id == _news.c.payment_request_id)
        .order_by(_news.c.payment_request_id, _news.c.rank)
    )


@cache
def _concerned() -> Rows:
    return select(_news.c.payment_request_id)
