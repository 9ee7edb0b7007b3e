"""Pulls: which account's statements are fetched from its bank's API.

A pull is dated configuration beside the collection account: the address, the header with the key
(sealed), the first day.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import CheckConstraint, ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments import agencies
from payments.core import audit
from payments.core.columns import Bytes, Code, Day, Instant, Key, Words, partial_index
from payments.core.database import Row
from payments.core.errors import Invalid, NotFound
from payments.core.http import destination
from payments.core.validity import valid_on
from payments.core.vault import Vault

_PURPOSE: Final = "statement_pull.sealed"
_LONGEST_KEY: Final = 2_000
_HEADER: Final = 100


class NoPull(NotFound):
    """Nobody said where this account's statements are fetched."""

    code = "no_pull"


class InvalidPull(Invalid):
    """`what` is wrong: no place for the day, a place in the host, an unsendable header or key."""

    code = "invalid_pull"


class StatementPull(Row):
    """Where an account's statements are fetched, from one instant to another.

    `address` holds `{account}` and `{day}` (2026-11-24) or `{yyyymmdd}`. `header` names the header
    that carries the sealed key. Days from `since` on are fetched.
    """

    __tablename__ = "statement_pull"
    __table_args__ = (
        partial_index(
            "uq_statement_pull_collection_account_id_open",
            "collection_account_id",
            unique=True,
            where="valid_to IS NULL",
        ),
        CheckConstraint("valid_to >= valid_from", name="valid_to"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    address: Mapped[str] = mapped_column(Words())
    header: Mapped[str] = mapped_column(Code())
    sealed: Mapped[bytes] = mapped_column(Bytes())
    format: Mapped[str | None] = mapped_column(Code())
    since: Mapped[date] = mapped_column(Day())
    valid_from: Mapped[datetime] = mapped_column(Instant())
    valid_to: Mapped[datetime | None] = mapped_column(Instant())


@dataclass(frozen=True, slots=True)
class Access:
    """How a bank's API is asked; `key` is the whole value of `header`, such as `Bearer abc`."""

    address: str
    key: str = field(repr=False)
    header: str = "Authorization"
    format: str | None = None


def begin_pull(
    session: Session,
    collection_account_id: int,
    access: Access,
    *,
    since: date,
    allowed: Collection[str],
    vault: Vault,
    by: str,
    now: datetime,
) -> StatementPull:
    """Fetches an account's statements of the days from `since` on; replaces what was said before.

    The address is https, unless its host is `allowed`.
    Raises `InvalidPull`, `AddressRefused` or `UnknownCollectionAccount`.
    """
    _check(access, allowed=allowed)
    agencies.lock(session, collection_account_id)
    before = _open(session, collection_account_id)
    if before is not None:
        before.valid_to = now
        session.flush()
    pull = StatementPull(
        collection_account_id=collection_account_id,
        address=access.address,
        header=access.header,
        sealed=vault.seal(access.key, purpose=_PURPOSE),
        format=access.format,
        since=since,
        valid_from=now,
    )
    session.add(pull)
    session.flush()
    _tell(session, "statement_pull.begun", pull, by=by, now=now)
    return pull


def end_pull(session: Session, collection_account_id: int, *, by: str, now: datetime) -> None:
    """Fetches no more of this account. Raises `NoPull`."""
    pull = _open(session, collection_account_id)
    if pull is None:
        raise NoPull
    pull.valid_to = now
    session.flush()
    _tell(session, "statement_pull.ended", pull, by=by, now=now)


def pulls_in_force(session: Session, *, now: datetime) -> list[StatementPull]:
    """The pulls in force at `now`, in the order of accounts."""
    rows = select(StatementPull).where(valid_on(StatementPull, now))
    return list(session.scalars(rows.order_by(StatementPull.collection_account_id)))


def pull_of(session: Session, collection_account_id: int, *, now: datetime) -> StatementPull:
    """The account's pull in force at `now`. Raises `NoPull`."""
    pull = session.scalar(
        select(StatementPull).where(
            StatementPull.collection_account_id == collection_account_id,
            valid_on(StatementPull, now),
        )
    )
    if pull is None:
        raise NoPull
    return pull


def key_of(pull: StatementPull, *, vault: Vault) -> str:
    """The value of the header that carries the key."""
    return vault.open(pull.sealed, purpose=_PURPOSE)


def filled(address: str, number: str, day: date) -> str:
    """The address of one day's statement."""
    told = {"{account}": number, "{day}": day.isoformat(), "{yyyymmdd}": f"{day:%Y%m%d}"}
    for place, value in told.items():
        address = address.replace(place, value)
    return address


def _check(access: Access, *, allowed: Collection[str]) -> None:
    if "{day}" not in access.address and "{yyyymmdd}" not in access.address:
        raise InvalidPull(what="day")
    destination(filled(access.address, "0", date.min), allowed=allowed)
    if "{" in urlsplit(access.address).netloc:
        raise InvalidPull(what="host")
    name = access.header.replace("-", "")
    if not (name.isascii() and name.isalnum() and len(name) <= _HEADER):
        raise InvalidPull(what="header")
    sendable = access.key.isascii() and access.key.isprintable()
    if not (sendable and 1 <= len(access.key) <= _LONGEST_KEY):
        raise InvalidPull(what="key")


def _open(session: Session, collection_account_id: int) -> StatementPull | None:
    return session.scalar(
        select(StatementPull).where(
            StatementPull.collection_account_id == collection_account_id,
            StatementPull.valid_to.is_(None),
        )
    )


def _tell(session: Session, action: str, pull: StatementPull, *, by: str, now: datetime) -> None:
    audit.append(
        session,
        actor=by,
        action=action,
        subject=f"collection_account:{pull.collection_account_id}",
        details={"pull": pull.id, "address": pull.address, "since": pull.since.isoformat()},
        now=now,
    )
