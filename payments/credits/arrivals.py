"""How credits come to be: from messages nobody told before, and from statement lines.

Messages are taken one source at a time, so that two sources' words of one movement meet in one
credit and two words of one source never do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Insert,
    Table,
    and_,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from payments.core.columns import Amount, Bytes, Code, Day, Flag, Instant, Key, Words
from payments.core.database import Rows, load, numbered
from payments.core.temporary import analyze, materialise, scratch, temporary
from payments.credits.assigning import teach_assigned
from payments.credits.pairing import CREDIT, pair_messages, pairing, told
from payments.credits.tables import CreditReference, Evidence
from payments.references import Kind

message = Table(
    "message",
    scratch,
    Column("id", Key(), primary_key=True),
    Column("collection_account_id", Key()),
    Column("source", Code()),
    Column("event_id", Code()),
    Column("trust", Code()),
    Column("body_sha256", Code()),
    Column("amount", Amount()),
    Column("booked_at", Instant()),
    Column("day", Day()),
    Column("memo", Words()),
    Column("bank_reference", Code()),
    Column("code", Code()),
    Column("virtual_account", Code()),
    Column("payer_key", Code()),
    Column("payer", Bytes()),
    Column("arrived_at", Instant()),
    prefixes=["TEMPORARY"],
)
"""What messages say, by callback number: filled by the inbox."""

message_reference = Table(
    "message_reference",
    scratch,
    Column("message_id", Key()),
    Column("code", Code()),
    Column("kind", Code()),
    prefixes=["TEMPORARY"],
)

arrival = Table(
    "arrival",
    scratch,
    Column("told_id", Key(), primary_key=True),
    Column("credit_id", Key(), unique=True),
    prefixes=["TEMPORARY"],
)
"""New credits, by the number of the message or line that brought them."""

touched = Table(
    "touched_credit",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    prefixes=["TEMPORARY"],
)
"""Every credit that a set of messages or lines brought or told more of."""

_COPIED: Final = (
    "collection_account_id",
    "amount",
    "booked_at",
    "day",
    "memo",
    "bank_reference",
    "code",
    "virtual_account",
    "payer_key",
    "payer",
    "arrived_at",
)

_LEARNED: Final = ("code", "virtual_account", "bank_reference", "payer_key", "payer")

_ZERO_AT_FIRST: Final = (
    "decisions",
    "to_fees",
    "held",
    "unidentified",
    "refunded",
    "reversed",
    "remitted",
    "reclaimed",
)


def code_of(references: Iterable[tuple[str, str]]) -> str | None:
    """What ties a memo to requests: its FULL codes in order, joined by `+`; None without one."""
    full = sorted({code for code, kind in references if kind == Kind.FULL})
    return "+".join(full) or None


def tell(
    session: Session,
    messages: Iterable[Mapping[str, Any]],
    references: Iterable[Mapping[str, Any]],
) -> None:
    """Lays out messages, with the columns of `message`, and the codes in their memos."""
    temporary(session, message, message_reference, touched)
    load(session, message, list(messages))
    load(session, message_reference, list(references))
    analyze(session, message, message_reference)


def take_messages(session: Session, *, source: str) -> None:
    """Pairs one source's messages with credits, makes credits of the rest, keeps all as evidence.

    Every credit concerned is then in `touched`.
    """
    pair_messages(session, _told_by(source), source=source)
    analyze(session, pairing)
    new = _not_paired(source)
    _arrive(session, new, order_by=new.selected_columns.id)
    session.execute(_credits_of_messages())
    session.execute(_references_of_arrivals())
    if session.execute(_said_by_messages().limit(1)).first():
        learn(session, _said_by_messages())
    for known in (pairing, arrival):
        session.execute(_evidence(known))
        session.execute(_touched(known))


@cache
def _told_by(source: str) -> Rows:
    return select(*[message.c[column.name] for column in told.c]).where(message.c.source == source)


@cache
def _not_paired(source: str) -> Rows:
    paired = select(pairing.c.told_id)
    return select(message.c.id).where(message.c.source == source, message.c.id.not_in(paired))


@cache
def _credits_of_messages() -> Insert:
    told_by = [message.c[name] for name in _COPIED]
    return _new_credits(*told_by, message.c.trust < "C")


def found_all(session: Session, lines: Rows, references: Rows, *, now: datetime) -> None:
    """Makes credits of statement lines that nobody told; `arrival` then says which.

    `lines` selects (id, collection_account_id, amount, booked_at, day, memo, bank_reference, code,
    payer_key, payer); `references` selects (line id, code, kind).
    """
    temporary(session, message, message_reference, touched)
    names = ["id", *[name for name in _COPIED if name != "arrived_at"]]
    session.execute(insert(message).from_select(names, lines))
    session.execute(
        insert(message_reference).from_select(["message_id", "code", "kind"], references)
    )
    analyze(session, message, message_reference)
    _arrive(session, select(message.c.id), order_by=message.c.id)
    brought = [message.c[name] for name in _COPIED if name != "arrived_at"]
    session.execute(_new_credits(*brought, literal(now, Instant()), literal(True, Flag())))
    session.execute(_references_of_arrivals())
    session.execute(_touched(arrival))


def learn(session: Session, said: Rows, *, seen: bool = False) -> None:
    """Fills in what credits lacked, from later words of the same movement.

    `said` selects the columns of `_lesson`: (credit_id, code, virtual_account, bank_reference,
    payer_key, payer, trusted). What a credit already says of itself stays, but for the payer where
    it was `seen` on a statement: money goes back to whom the bank's statement names.
    """
    materialise(session, _lesson, said)
    teach_assigned(session, select(_lesson.c.credit_id, _lesson.c.code))
    _learn_codes(session)
    if seen:
        other = _lesson.c.payer_key != CREDIT.c.payer_key
        session.execute(
            update(CREDIT)
            .where(CREDIT.c.id == _lesson.c.credit_id, other)
            .values(payer_key=_lesson.c.payer_key, payer=_lesson.c.payer)
        )
    news = or_(
        *[and_(CREDIT.c[name].is_(None), _lesson.c[name].is_not(None)) for name in _LEARNED],
        and_(CREDIT.c.trusted.is_(False), _lesson.c.trusted.is_(True)),
    )
    session.execute(
        update(CREDIT)
        .where(CREDIT.c.id == _lesson.c.credit_id, news)
        .values(
            {name: func.coalesce(CREDIT.c[name], _lesson.c[name]) for name in _LEARNED}
            | {"trusted": case((_lesson.c.trusted.is_(True), True), else_=CREDIT.c.trusted)}
        )
    )


_lesson = Table(
    "lesson",
    scratch,
    Column("credit_id", Key(), primary_key=True),
    Column("code", Code()),
    Column("virtual_account", Code()),
    Column("bank_reference", Code()),
    Column("payer_key", Code()),
    Column("payer", Bytes()),
    Column("trusted", Flag()),
    prefixes=["TEMPORARY"],
)


def _learn_codes(session: Session) -> None:
    """A credit without a code gets the FULL codes that later words of it carry."""
    learned = session.execute(
        select(CREDIT.c.collection_account_id, CREDIT.c.id, _lesson.c.code).where(
            CREDIT.c.id == _lesson.c.credit_id,
            CREDIT.c.code.is_(None),
            _lesson.c.code.is_not(None),
        )
    ).all()
    rows = [
        {
            "collection_account_id": account,
            "credit_id": credit,
            "code": one,
            "kind": Kind.FULL,
        }
        for account, credit, code in learned
        for one in code.split("+")
    ]
    if rows:
        session.execute(insert(CreditReference), rows)


@cache
def _said_by_messages() -> Rows:
    return select(
        pairing.c.credit_id,
        message.c.code,
        message.c.virtual_account,
        message.c.bank_reference,
        message.c.payer_key,
        message.c.payer,
        message.c.trust < "C",
    ).join(message, message.c.id == pairing.c.told_id)


def _arrive(session: Session, new: Rows, *, order_by: Any) -> None:
    temporary(session, arrival)
    ids = numbered(session, CREDIT, order_by=order_by)
    session.execute(
        insert(arrival).from_select(
            ["told_id", "credit_id"], new.add_columns(ids).order_by(order_by)
        )
    )
    analyze(session, arrival)


def _new_credits(*columns: ColumnElement[Any]) -> Insert:
    """Credits of the arrivals; `columns` are those of `_COPIED`, and whether they are trusted."""
    zero = literal(0, Amount())
    brought = (
        select(arrival.c.credit_id, *columns, message.c.amount, *[zero for _ in _ZERO_AT_FIRST])
        .join(arrival, arrival.c.told_id == message.c.id)
        .order_by(message.c.id)
    )
    names = ["id", *_COPIED, "trusted", "advised", *_ZERO_AT_FIRST]
    return insert(CREDIT).from_select(names, brought)


@cache
def _references_of_arrivals() -> Insert:
    found = (
        select(
            message.c.collection_account_id,
            arrival.c.credit_id,
            message_reference.c.code,
            message_reference.c.kind,
        )
        .join(arrival, arrival.c.told_id == message_reference.c.message_id)
        .join(message, message.c.id == message_reference.c.message_id)
    )
    names = ["collection_account_id", "credit_id", "code", "kind"]
    return insert(CreditReference).from_select(names, found)


_EVIDENCE: Final = (
    "collection_account_id",
    "source",
    "event_id",
    "trust",
    "body_sha256",
    "arrived_at",
)


@cache
def _evidence(known: Table) -> Insert:
    said = select(known.c.credit_id, message.c.id, *[message.c[name] for name in _EVIDENCE])
    said = said.join(message, message.c.id == known.c.told_id)
    return insert(Evidence).from_select(["credit_id", "callback_id", *_EVIDENCE], said)


@cache
def _touched(known: Table) -> Insert:
    before = select(touched.c.credit_id)
    more = select(known.c.credit_id).where(known.c.credit_id.not_in(before))
    return insert(touched).from_select(["credit_id"], more)
