"""Connections: which source reports which collection account, and the secrets it signs with.

A connection is one registration with one bank or gateway. Its public id is part of the callback
address, so the secret is known before the body is read. Secrets are sealed and rotate with
overlap; two are live meanwhile.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.advice import Trust
from payments.agencies import CollectionAccount, UnknownCollectionAccount
from payments.core import audit
from payments.core.columns import Bytes, Code, Flag, Instant, Key, Words
from payments.core.config import Mode
from payments.core.database import Row
from payments.core.errors import Conflict, Invalid, NotFound
from payments.core.validity import valid_on
from payments.core.vault import Vault
from payments.sources import SOURCES

OVERLAP: Final = timedelta(days=7)
"""How long a replaced secret still opens: longer than any bank repeats a callback."""

_PURPOSE: Final = "connection_secret.sealed"
_LONGEST_SECRET: Final = 200


class UnknownConnection(NotFound):
    """No active connection has that public id."""

    code = "unknown_connection"


class UnknownSource(Invalid):
    """There is no such source, or it has no such scheme."""

    code = "unknown_source"


class ConnectionNameTaken(Conflict):
    """Another connection has that name."""

    code = "connection_name_taken"


class SameAccountNumber(Conflict):
    """The connection has another account of that number, at another bank."""

    code = "same_account_number"


class InvalidSecret(Invalid):
    """A secret has 1 to 200 printable ASCII characters."""

    code = "invalid_secret"


class UnsignedSource(Conflict):
    """A source that does not sign its messages is for practice only."""

    code = "unsigned_source"


class Connection(Row):
    """One source's registration with us: how its callbacks are signed and where they come in."""

    __tablename__ = "connection"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code(), unique=True)
    source: Mapped[str] = mapped_column(Code())
    scheme: Mapped[str] = mapped_column(Code())
    name: Mapped[str] = mapped_column(Words(), unique=True)
    active: Mapped[bool] = mapped_column(Flag())

    __table_args__ = ({"sqlite_strict": True},)


class ConnectionAccount(Row):
    """A collection account that a connection reports on."""

    __tablename__ = "connection_account"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    connection_id: Mapped[int] = mapped_column(Key(), ForeignKey("connection.id"))
    collection_account_id: Mapped[int] = mapped_column(Key(), ForeignKey("collection_account.id"))

    __table_args__ = (
        UniqueConstraint("connection_id", "collection_account_id"),
        Index(None, "collection_account_id"),
        {"sqlite_strict": True},
    )


class ConnectionSecret(Row):
    """A secret of a connection, sealed, live from one instant to another."""

    __tablename__ = "connection_secret"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    connection_id: Mapped[int] = mapped_column(Key(), ForeignKey("connection.id"))
    sealed: Mapped[bytes] = mapped_column(Bytes())
    valid_from: Mapped[datetime] = mapped_column(Instant())
    valid_to: Mapped[datetime | None] = mapped_column(Instant())

    __table_args__ = (
        Index(None, "connection_id"),
        CheckConstraint("valid_to >= valid_from", name="valid_to"),
        {"sqlite_strict": True},
    )


@dataclass(frozen=True, slots=True)
class Intake:
    """All that is needed to take in a callback: by which rules, which secrets, for which accounts.

    `accounts` leads from an account number to the collection account's id.
    """

    connection_id: int
    source: str
    scheme: str
    secrets: tuple[str, ...] = field(repr=False)
    accounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Registration:
    """A registration with a bank or gateway, as a person enters it."""

    source: str
    scheme: str
    name: str
    secret: str = field(repr=False)
    collection_account_ids: Sequence[int]


def add(
    session: Session,
    registration: Registration,
    *,
    vault: Vault,
    by: str,
    now: datetime,
) -> Connection:
    """A new connection, with a public id nobody can guess (128 random bits).

    Raises `UnknownSource`, `ConnectionNameTaken`, `InvalidSecret`, `UnknownCollectionAccount` or
    `SameAccountNumber`.
    """
    check_registration(session, registration)
    connection = Connection(
        public_id=secrets.token_urlsafe(16),
        source=registration.source,
        scheme=registration.scheme,
        name=registration.name,
        active=True,
    )
    session.add(connection)
    session.flush()
    for account_id in registration.collection_account_ids:
        _report_on(session, connection.id, account_id)
    _keep(session, connection.id, registration.secret, vault=vault, now=now)
    _tell(session, "connection.added", connection.id, by=by, now=now)
    return connection


def check_registration(
    session: Session, registration: Registration, *, mode: Mode = Mode.SANDBOX
) -> None:
    """Refuses what `add` refuses, and what start-up would refuse in `mode`.

    Raises `UnknownSource`, `UnsignedSource`, `ConnectionNameTaken` or `InvalidSecret`.
    """
    trust = trust_of(registration.source, registration.scheme)
    if trust is None:
        raise UnknownSource(source=registration.source, scheme=registration.scheme)
    if trust is Trust.C and mode is not Mode.SANDBOX:
        raise UnsignedSource(name=registration.name, source=registration.source)
    named = select(Connection.id).where(Connection.name == registration.name)
    if session.scalar(named) is not None:
        raise ConnectionNameTaken(name=registration.name)
    check_secret(registration.secret)


def check_secret(secret: str) -> None:
    """Raises `InvalidSecret` for a text that can't be one."""
    printable = secret.isascii() and secret.isprintable()
    if not (printable and 1 <= len(secret) <= _LONGEST_SECRET):
        raise InvalidSecret(most=_LONGEST_SECRET)


def report_on(
    session: Session,
    connection_id: int,
    collection_account_id: int,
    *,
    by: str,
    now: datetime,
) -> None:
    """Lets a connection report on one more account.

    Raises `UnknownCollectionAccount` or `SameAccountNumber`.
    """
    _report_on(session, connection_id, collection_account_id)
    _tell(session, "connection.account_added", connection_id, by=by, now=now)


def rotate(
    session: Session,
    connection_id: int,
    secret: str,
    *,
    vault: Vault,
    overlap: timedelta = OVERLAP,
    by: str,
    now: datetime,
) -> None:
    """Puts a new secret beside the newest, which ends after `overlap`; older ones end now.

    Raises `InvalidSecret`.
    """
    _lock(session, connection_id)
    live = _live(session, connection_id, now=now)
    for newest in live[:1]:
        newest.valid_to = now + overlap
    for older in live[1:]:
        older.valid_to = now
    _keep(session, connection_id, secret, vault=vault, now=now)
    _tell(session, "connection.secret_rotated", connection_id, by=by, now=now)


def stop(session: Session, connection_id: int, *, by: str, now: datetime) -> None:
    """Takes in nothing more from this connection."""
    session.get_one(Connection, connection_id).active = False
    session.flush()
    _tell(session, "connection.stopped", connection_id, by=by, now=now)


def live_secrets(
    session: Session, connection_id: int, vault: Vault, *, now: datetime
) -> tuple[str, ...]:
    """Every secret that opens now, the newest first."""
    rows = _live(session, connection_id, now=now)
    return tuple(vault.open(row.sealed, purpose=_PURPOSE) for row in rows)


def intake(session: Session, public_id: str, vault: Vault, *, now: datetime) -> Intake:
    """How to take in callbacks that come to this address. Raises `UnknownConnection`."""
    connection = session.scalar(
        select(Connection).where(Connection.public_id == public_id, Connection.active.is_(True))
    )
    if connection is None:
        raise UnknownConnection
    return Intake(
        connection_id=connection.id,
        source=connection.source,
        scheme=connection.scheme,
        secrets=live_secrets(session, connection.id, vault, now=now),
        accounts=MappingProxyType(_accounts(session, connection.id)),
    )


def check(session: Session, *, mode: Mode) -> None:
    """What start-up refuses: an active connection whose source is unknown or, live, unsigned.

    Raises `UnknownSource` or `UnsignedSource` (class C: a shared key proves no message).
    """
    for connection in session.scalars(
        select(Connection).where(Connection.active.is_(True)).order_by(Connection.id)
    ):
        trust = trust_of(connection.source, connection.scheme)
        if trust is None:
            raise UnknownSource(source=connection.source, scheme=connection.scheme)
        if trust is Trust.C and mode is not Mode.SANDBOX:
            raise UnsignedSource(name=connection.name, source=connection.source)


def trust_of(source: str, scheme: str) -> Trust | None:
    """How far a source is trusted that is secured by a scheme; None where there is no such."""
    known = SOURCES.get(source)
    return None if known is None else known.schemes.get(scheme)


def _accounts(session: Session, connection_id: int) -> dict[str, int]:
    rows = session.execute(
        select(CollectionAccount.number, CollectionAccount.id)
        .join(
            ConnectionAccount,
            ConnectionAccount.collection_account_id == CollectionAccount.id,
        )
        .where(ConnectionAccount.connection_id == connection_id)
    )
    return {row.number: row.id for row in rows}


def _report_on(session: Session, connection_id: int, account_id: int) -> None:
    account = session.get(CollectionAccount, account_id)
    if account is None:
        raise UnknownCollectionAccount(id=account_id)
    known = _accounts(session, connection_id).get(account.number)
    if known == account_id:
        return
    if known is not None:
        raise SameAccountNumber(number=account.number[-4:])
    session.add(ConnectionAccount(connection_id=connection_id, collection_account_id=account_id))
    session.flush()


def _live(session: Session, connection_id: int, *, now: datetime) -> list[ConnectionSecret]:
    rows = select(ConnectionSecret).where(
        ConnectionSecret.connection_id == connection_id, valid_on(ConnectionSecret, now)
    )
    return list(session.scalars(rows.order_by(ConnectionSecret.id.desc())))


def _keep(
    session: Session, connection_id: int, secret: str, *, vault: Vault, now: datetime
) -> None:
    check_secret(secret)
    sealed = vault.seal(secret, purpose=_PURPOSE)
    session.add(ConnectionSecret(connection_id=connection_id, sealed=sealed, valid_from=now))
    session.flush()


def _lock(session: Session, connection_id: int) -> None:
    row = select(Connection.id).where(Connection.id == connection_id).with_for_update()
    if session.scalar(row) is None:
        raise UnknownConnection


def _tell(session: Session, action: str, connection_id: int, *, by: str, now: datetime) -> None:
    audit.append(session, actor=by, action=action, subject=f"connection:{connection_id}", now=now)
