"""The inbox: messages as received, and handing over what they say.

Store, then act. A callback is answered when its raw bytes are durable: one insert, one commit. The
settle loop then takes what waits, in sets, account by account. What can't be money of ours (wrong
currency, an account we don't have, a debit, zero, a time that can't be) is kept with its reason and
books nothing. So is a payout of ours that came back: its statement line tells of it. One event told
twice with different bodies is a conflict: both are kept, the first stands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    UniqueConstraint,
    and_,
    select,
    update,
)
from sqlalchemy import Row as Result
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments import agencies, credits, payouts, references, settlement
from payments.advice import Advice, Direction
from payments.connections import Connection, Intake
from payments.core.calendar import local_day
from payments.core.columns import Bytes, Code, Count, Instant, Key, Words, one_of, partial_index
from payments.core.database import Row, table_of
from payments.core.vault import Vault
from payments.credits import Evidence
from payments.sources import SOURCES

EARLIEST: Final = timedelta(days=400)
LATEST: Final = timedelta(days=3)
"""How far from now a bank may say that money moved: longer ago or further ahead is a mistake."""

RETURNED_PAYOUT: Final = "returned_payout"
"""Why a message is kept and books nothing: it carries the code and amount of a payout of ours."""

MOST_AT_ONCE: Final = 2000
"""Callbacks settled in one unit: short enough that nobody waits long for the account's lock."""


class State(StrEnum):
    """What became of a callback."""

    WAITING = "waiting"
    TAKEN = "taken"
    REPEATED = "repeated"
    CONFLICT = "conflict"
    REJECTED = "rejected"
    FAILED = "failed"


_UNSETTLED: Final = (State.WAITING.value, State.FAILED.value)
"""The states of a callback that may yet be settled."""


class Callback(Row):
    """A message as it was received, byte for byte."""

    __tablename__ = "callback"
    __table_args__ = (
        UniqueConstraint("connection_id", "event_id", "body_sha256"),
        one_of("state", State),
        CheckConstraint("tries >= 0", name="tries"),
        partial_index(
            "ix_callback_waiting",
            "collection_account_id",
            "id",
            where="state = 'waiting'",
        ),
        partial_index(
            "ix_callback_unsettled",
            "state",
            "collection_account_id",
            where="state NOT IN ('taken', 'repeated')",
        ),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    collection_account_id: Mapped[int | None] = mapped_column(
        Key(), ForeignKey("collection_account.id")
    )
    event_id: Mapped[str] = mapped_column(Code())
    body: Mapped[bytes] = mapped_column(Bytes())
    body_sha256: Mapped[str] = mapped_column(Code())
    received_at: Mapped[datetime] = mapped_column(Instant())
    state: Mapped[str] = mapped_column(Code())
    reason: Mapped[str | None] = mapped_column(Words())
    tries: Mapped[int] = mapped_column(Count(), default=0)
    taken_at: Mapped[datetime | None] = mapped_column(Instant())


@dataclass(frozen=True, slots=True)
class Letter:
    """One authentic message on its way into the inbox."""

    intake: Intake
    advice: Advice
    body: bytes


def keep_all(session: Session, letters: Sequence[Letter], *, now: datetime) -> None:
    """Stores messages in order; one stored before, byte for byte the same, changes nothing.

    One that can't be money of ours is `rejected` at once, the others wait to be settled.
    """
    if letters:
        session.execute(_insert_once(session), [_row(letter, now=now) for letter in letters])


def accounts_waiting(session: Session) -> list[int]:
    """The collection accounts for which callbacks wait."""
    waiting = select(Callback.collection_account_id).where(
        Callback.state == State.WAITING, Callback.collection_account_id.is_not(None)
    )
    return [account for account in session.scalars(waiting.distinct()) if account is not None]


def settle_account(
    session: Session,
    collection_account_id: int,
    *,
    vault: Vault,
    prefix: str,
    now: datetime,
    only: Sequence[int] | None = None,
) -> int:
    """Takes up to 2,000 of an account's waiting callbacks, in order of arrival; how many.

    Takes none when another unit holds the account. `only` names callbacks to take by number,
    whatever their state, when a set failed and they are tried one by one.
    """
    if not agencies.lock_if_free(session, collection_account_id):
        return 0
    rows = _waiting(session, collection_account_id, only=only)
    if not rows:
        return 0
    ours = agencies.virtual_prefixes(session)
    opened = [_open(row, prefix=prefix, ours=ours) for row in rows]
    letters, returned = _without_returns(session, collection_account_id, opened)
    fresh, repeated, conflicting = _sort_out(session, collection_account_id, letters)
    credits.tell(
        session,
        [_message(one, collection_account_id, vault=vault) for one in fresh],
        [found for one in fresh for found in _references(one)],
    )
    for source in dict.fromkeys(one.advice.source for one in fresh):
        credits.take_messages(session, source=source)
    touched = select(credits.touched.c.credit_id)
    settlement.tie_all(session, touched, now=now)
    settlement.advise_all(session, touched, now=now)
    for state, some in (
        (State.TAKEN, fresh),
        (State.REPEATED, repeated),
        (State.CONFLICT, conflicting),
    ):
        _mark(session, [one.row.id for one in some], state, now=now)
    back = [one.row.id for one in returned]
    _mark(session, back, State.REJECTED, reason=RETURNED_PAYOUT, now=now)
    return len(rows)


def waiting_ids(session: Session, collection_account_id: int) -> list[int]:
    """The callbacks that the next set of this account would take, by number."""
    return [row.id for row in _waiting(session, collection_account_id, only=None)]


def mark_failed(session: Session, callback_id: int, *, reason: str, now: datetime) -> None:
    """Sets aside a callback that could not be settled even alone, for a person and a later try.

    One that another host has settled meanwhile stays as it is.
    """
    session.execute(
        update(Callback)
        .where(Callback.id == callback_id, Callback.state.in_(_UNSETTLED))
        .values(
            state=State.FAILED.value, reason=reason[:500], tries=Callback.tries + 1, taken_at=now
        )
    )


@dataclass(frozen=True, slots=True)
class _Opened:
    """A callback with what it says, and the codes it names: by a virtual account, or its memo."""

    row: Result[*tuple[Any, ...]]
    advice: Advice
    references: Sequence[references.Reference]
    virtual_account: str | None


def _row(letter: Letter, *, now: datetime) -> dict[str, Any]:
    advice = letter.advice
    account = letter.intake.accounts.get(advice.account_number)
    reason = _reason_to_reject(advice, account, now=now)
    return {
        "connection_id": letter.intake.connection_id,
        "collection_account_id": account,
        "event_id": advice.source_event_id,
        "body": letter.body,
        "body_sha256": hashlib.sha256(letter.body).hexdigest(),
        "received_at": now,
        "state": (State.REJECTED if reason else State.WAITING).value,
        "reason": reason,
        "tries": 0,
    }


def _reason_to_reject(advice: Advice, account: int | None, *, now: datetime) -> str | None:
    if account is None:
        return "unknown_account"
    if advice.currency != "VND":
        return "wrong_currency"
    if advice.direction is Direction.DEBIT:
        return "debit"
    if not now - EARLIEST <= advice.booked_at <= now + LATEST:
        return "impossible_time"
    return "zero" if advice.amount == 0 else None


def _insert_once(session: Session) -> Any:
    table = table_of(Callback)
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def _waiting(
    session: Session, collection_account_id: int, *, only: Sequence[int] | None
) -> Sequence[Result[*tuple[Any, ...]]]:
    chosen = (
        select(
            Callback.id,
            Callback.event_id,
            Callback.body,
            Callback.body_sha256,
            Callback.received_at,
            Connection.source,
            Connection.scheme,
        )
        .join(Connection, Connection.id == Callback.connection_id)
        .where(Callback.collection_account_id == collection_account_id)
        .order_by(Callback.id)
        .limit(MOST_AT_ONCE)
    )
    if only is None:
        chosen = chosen.where(Callback.state == State.WAITING)
    else:
        chosen = chosen.where(Callback.id.in_(only), Callback.state.in_(_UNSETTLED))
    return session.execute(chosen).all()


def _open(row: Result[*tuple[Any, ...]], *, prefix: str, ours: Collection[str]) -> _Opened:
    advice = SOURCES[row.source].read(row.body, scheme=row.scheme)
    if advice is None:
        raise ValueError("a test message was stored")
    paid_to = references.of_virtual_account(advice.virtual_account, ours, prefix)
    if paid_to is not None:
        return _Opened(row, advice, [paid_to], advice.virtual_account)
    return _Opened(row, advice, references.find(advice.memo, prefix), None)


def _without_returns(
    session: Session, collection_account_id: int, letters: Sequence[_Opened]
) -> tuple[list[_Opened], list[_Opened]]:
    """Payers' money; and payouts of ours that came back, by code and amount.

    What carries a request's code is its payer's, who may have copied the text of a refund.
    """
    named = [
        "" if _names_request(one) else payouts.find_code(one.advice.memo) or "" for one in letters
    ]
    ours = payouts.given_to_bank(session, collection_account_id, sorted({*named} - {""}))
    incoming: list[_Opened] = []
    back: list[_Opened] = []
    for one, code in zip(letters, named, strict=True):
        (back if ours.get(code) == one.advice.amount else incoming).append(one)
    return incoming, back


def _names_request(one: _Opened) -> bool:
    return any(found.kind is references.Kind.FULL for found in one.references)


def _sort_out(
    session: Session, collection_account_id: int, letters: Sequence[_Opened]
) -> tuple[list[_Opened], list[_Opened], list[_Opened]]:
    """Fresh ones; repeated ones; ones whose event was told before with another body."""
    known = _known(session, collection_account_id, letters)
    fresh: list[_Opened] = []
    repeated: list[_Opened] = []
    conflicting: list[_Opened] = []
    for one in letters:
        event = (one.advice.source, one.row.event_id)
        if event not in known:
            known[event] = one.row.body_sha256
            fresh.append(one)
        elif known[event] == one.row.body_sha256:
            repeated.append(one)
        else:
            conflicting.append(one)
    return fresh, repeated, conflicting


def _known(
    session: Session, collection_account_id: int, letters: Sequence[_Opened]
) -> dict[tuple[str, str], str]:
    known: dict[tuple[str, str], str] = {}
    events = [one.row.event_id for one in letters]
    for start in range(0, len(events), 500):
        found = session.execute(
            select(Evidence.source, Evidence.event_id, Evidence.body_sha256).where(
                and_(
                    Evidence.collection_account_id == collection_account_id,
                    Evidence.source.in_({one.advice.source for one in letters}),
                    Evidence.event_id.in_(events[start : start + 500]),
                )
            )
        )
        known |= {(source, event): digest for source, event, digest in found}
    return known


def _message(one: _Opened, collection_account_id: int, *, vault: Vault) -> dict[str, Any]:
    advice = one.advice
    return {
        "id": one.row.id,
        "collection_account_id": collection_account_id,
        "source": advice.source,
        "event_id": one.row.event_id,
        "trust": advice.trust.value,
        "body_sha256": one.row.body_sha256,
        "amount": advice.amount,
        "booked_at": advice.booked_at,
        "day": local_day(advice.booked_at),
        "memo": advice.memo,
        "bank_reference": advice.bank_reference,
        "code": credits.code_of((found.code, found.kind) for found in one.references),
        "virtual_account": one.virtual_account,
        "payer_key": credits.payer_key(advice.payer_account, vault=vault),
        "payer": credits.sealed_payer(advice.payer_account, advice.payer_name, vault=vault),
        "arrived_at": one.row.received_at,
    }


def _references(one: _Opened) -> list[dict[str, Any]]:
    return [
        {"message_id": one.row.id, "code": found.code, "kind": found.kind.value}
        for found in one.references
    ]


def _mark(
    session: Session,
    ids: Sequence[int],
    state: State,
    *,
    now: datetime,
    **facts: str,
) -> None:
    for start in range(0, len(ids), 500):
        session.execute(
            update(Callback)
            .where(Callback.id.in_(ids[start : start + 500]))
            .values(state=state.value, taken_at=now, **facts)
        )
