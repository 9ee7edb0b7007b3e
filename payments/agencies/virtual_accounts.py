"""Virtual accounts: numbers that a bank leads to a collection account, one for each request.

The bank leaves us every number that begins with a prefix of ours. So a request's number is that
prefix and the ten digits of its reference code, and names the request by itself, whatever the memo.
A prefix that ended is still recognised: somebody may pay by an old QR code.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.agencies.accounts import lock
from payments.agencies.tables import CollectionAccount
from payments.core import audit
from payments.core.columns import Code, Instant, Key, partial_index
from payments.core.database import Row
from payments.core.errors import Conflict, Invalid
from payments.core.validity import valid_on

DIGITS: Final = 10
"""So many digits stand behind the prefix: those of a reference code."""

_PREFIX: Final = re.compile(r"[0-9A-Z]{1,9}", re.ASCII)


class InvalidVirtualPrefix(Invalid):
    """A prefix has 1 to 9 letters and digits: a number in a QR code has 19 at most (NAPAS)."""

    code = "invalid_virtual_prefix"


class VirtualPrefixTaken(Conflict):
    """Another account has that prefix, or a real account's number would be read as one of it."""

    code = "virtual_prefix_taken"


class VirtualRange(Row):
    """The numbers under one prefix lead to an account; QR codes show them from a time on."""

    __tablename__ = "virtual_range"
    __table_args__ = (
        UniqueConstraint("prefix"),
        partial_index(
            "uq_virtual_range_collection_account_id_open",
            "collection_account_id",
            unique=True,
            where="valid_to IS NULL",
        ),
        CheckConstraint("valid_to >= valid_from", name="valid_to"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int] = mapped_column(ForeignKey("collection_account.id"))
    prefix: Mapped[str] = mapped_column(Code())
    valid_from: Mapped[datetime] = mapped_column(Instant())
    valid_to: Mapped[datetime | None] = mapped_column(Instant())


def use_virtual_accounts(
    session: Session, collection_account_id: int, prefix: str, *, by: str, now: datetime
) -> None:
    """Requests issued from now on are paid to virtual accounts under `prefix`.

    Raises `InvalidVirtualPrefix`, `VirtualPrefixTaken` or `UnknownCollectionAccount`.
    """
    if not _PREFIX.fullmatch(prefix):
        raise InvalidVirtualPrefix(prefix=prefix[:20])
    lock(session, collection_account_id)
    taken = session.scalar(select(VirtualRange.id).where(VirtualRange.prefix == prefix))
    numbers = session.scalars(select(CollectionAccount.number))
    if taken is not None or any(_is_under(number, prefix) for number in numbers):
        raise VirtualPrefixTaken(prefix=prefix)
    _end(session, collection_account_id, now=now)
    session.add(
        VirtualRange(collection_account_id=collection_account_id, prefix=prefix, valid_from=now)
    )
    session.flush()
    _tell(session, "virtual_accounts.begun", collection_account_id, prefix, by=by, now=now)


def end_virtual_accounts(
    session: Session, collection_account_id: int, *, by: str, now: datetime
) -> None:
    """Requests issued from now on are paid to the account's own number."""
    lock(session, collection_account_id)
    prefix = _end(session, collection_account_id, now=now)
    _tell(session, "virtual_accounts.ended", collection_account_id, prefix or "", by=by, now=now)


def virtual_prefix(session: Session, collection_account_id: int, *, at: datetime) -> str | None:
    """The prefix of numbers that requests issued at `at` are paid to; None without one."""
    return session.scalar(
        select(VirtualRange.prefix).where(
            VirtualRange.collection_account_id == collection_account_id,
            valid_on(VirtualRange, at),
        )
    )


def virtual_prefixes(session: Session) -> frozenset[str]:
    """Every prefix that ever was ours: what is paid to such a number is for its request."""
    return frozenset(session.scalars(select(VirtualRange.prefix)))


def _is_under(number: str, prefix: str) -> bool:
    return number.startswith(prefix) and len(number) == len(prefix) + DIGITS


def _end(session: Session, collection_account_id: int, *, now: datetime) -> str | None:
    before = session.scalar(
        select(VirtualRange).where(
            VirtualRange.collection_account_id == collection_account_id,
            VirtualRange.valid_to.is_(None),
        )
    )
    if before is None:
        return None
    before.valid_to = now
    session.flush()
    return before.prefix


def _tell(
    session: Session, action: str, account: int, prefix: str, *, by: str, now: datetime
) -> None:
    subject = f"collection_account:{account}"
    audit.append(
        session, actor=by, action=action, subject=subject, details={"prefix": prefix}, now=now
    )
