"""`/console/sources`: which bank tells of which account, how far it is trusted, what it sent last.

Counted are the newest messages of all sources together, so that the page costs the same whatever
came before them. A message with a wrong signature is not kept: `/metrics` counts those.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import render_template
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.agencies import CollectionAccount
from payments.connections import Connection, ConnectionAccount, ConnectionSecret
from payments.core import clock
from payments.core.columns import Instant
from payments.core.service import Service
from payments.core.validity import valid_on
from payments.inbox import Callback, State
from payments.sources import SOURCES
from payments.web.auth import StaffPages, staff_only
from reconciliation.web.console.typed import NEWEST, among_newest
from reconciliation.web.console.watching import WATCHERS

MOST_SHOWN: Final = 20
PROBLEMS: Final = (State.REJECTED, State.CONFLICT, State.FAILED)


@dataclass(frozen=True, slots=True)
class Shown:
    """A connection: its accounts, its trust (A, B or C), its latest message, counts by state.

    `ever` says whether it ever sent any; `secrets` counts those that open now.
    """

    connection: Connection
    trust: str | None
    accounts: Sequence[CollectionAccount]
    secrets: int
    latest: datetime | None
    ever: bool
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that books nothing, as far as it may be shown: when, whose, and why."""

    id: int
    at: datetime
    connection: str
    event: str
    state: str
    reason: str | None


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page."""

    @pages.get("/sources", endpoint="sources")
    @staff_only(*WATCHERS)
    def shown() -> str:
        now = clock.now()
        found, refused = cashless.database.read(
            lambda session: (_connections(session, now=now), _refused(session))
        )
        return render_template(
            "console/sources.html", sources=found, refused=refused, states=State, newest=NEWEST
        )


def _connections(session: Session, *, now: datetime) -> Sequence[Shown]:
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    latest: dict[int, datetime] = {}
    rows = session.execute(
        select(
            Callback.connection_id,
            Callback.state,
            func.count(),
            func.max(Callback.received_at, type_=Instant()),
        )
        .where(among_newest(Callback))
        .group_by(Callback.connection_id, Callback.state)
    )
    for number, state, count, at in rows:
        counts[number][state] = count
        latest[number] = max(at, latest.get(number, at))
    known = session.scalars(select(Connection).order_by(Connection.active.desc(), Connection.name))
    return [
        Shown(
            connection=one,
            trust=_trust(one),
            accounts=_accounts(session, one.id),
            secrets=_secrets(session, one.id, now=now),
            latest=latest.get(one.id),
            ever=one.id in latest or _ever(session, one.id),
            counts=counts[one.id],
        )
        for one in known
    ]


def _trust(one: Connection) -> str | None:
    known = SOURCES.get(one.source)
    trust = None if known is None else known.schemes.get(one.scheme)
    return None if trust is None else trust.value


def _accounts(session: Session, connection: int) -> Sequence[CollectionAccount]:
    rows = (
        select(CollectionAccount)
        .join(ConnectionAccount, ConnectionAccount.collection_account_id == CollectionAccount.id)
        .where(ConnectionAccount.connection_id == connection)
    )
    return session.scalars(rows.order_by(CollectionAccount.id)).all()


def _secrets(session: Session, connection: int, *, now: datetime) -> int:
    live = select(func.count()).where(
        ConnectionSecret.connection_id == connection, valid_on(ConnectionSecret, now)
    )
    return session.scalar(live) or 0


def _ever(session: Session, connection: int) -> bool:
    one = select(Callback.id).where(Callback.connection_id == connection).limit(1)
    return session.scalar(one) is not None


def _refused(session: Session) -> Sequence[Refused]:
    rows = session.execute(
        select(
            Callback.id,
            Callback.received_at,
            Connection.name,
            Callback.event_id,
            Callback.state,
            Callback.reason,
        )
        .join(Connection, Connection.id == Callback.connection_id)
        .where(among_newest(Callback), Callback.state.in_(PROBLEMS))
        .order_by(Callback.id.desc())
        .limit(MOST_SHOWN)
    )
    return [Refused(*row) for row in rows]
