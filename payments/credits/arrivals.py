"""How credits come to be: from messages nobody told before, and from statement lines.

Messages are taken one source at a time, so that two sources' words of one movement meet in one
credit and two words of one source never do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
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
from payments.core.temporary import analyze, scratch, temporary
from payments.credits.pairing import CREDIT, pair_messages, pairing
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

_ZERO_AT_FIRST: Final = ("decisions", "to_fees", "held", "unidentified", "refunded", "reversed")


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
    ours = message.c.source == source
    asked = (
        "id",
        "collection_account_id",
        "amount",
        "day",
        "code",
        "virtual_account",
        "payer_key",
        "bank_reference",
    )
    pair_messages(session, select(*[message.c[name] for name in asked]).where(ours), source=source)
    analyze(session, pairing)
    new = select(message).where(ours, message.c.id.not_in(select(pairing.c.told_id))).subquery()
    _arrive(session, select(new.c.id), order_by=new.c.id)
    _insert_credits(
        session,
        select(
            arrival.c.credit_id,
            *[message.c[name] for name in _COPIED],
            message.c.trust < "C",
        )
        .join(arrival, arrival.c.told_id == message.c.id)
        .order_by(message.c.id),
    )
    _insert_references(
        session,
        select(
            message.c.collection_account_id,
            arrival.c.credit_id,
            message_reference.c.code,
            message_reference.c.kind,
        )
        .join(arrival, arrival.c.told_id == message_reference.c.message_id)
        .join(message, message.c.id == message_reference.c.message_id),
    )
    learn(session, _said_by_messages())
    _keep_evidence(session)
    _touch(session)


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
    _insert_credits(
        session,
        select(
            arrival.c.credit_id,
            *brought,
            literal(now, Instant()),
            literal(True, Flag()),
        )
        .join(arrival, arrival.c.told_id == message.c.id)
        .order_by(message.c.id),
    )
    _insert_references(
        session,
        select(
            message.c.collection_account_id,
            arrival.c.credit_id,
            message_reference.c.code,
            message_reference.c.kind,
        )
        .join(arrival, arrival.c.told_id == message_reference.c.message_id)
        .join(message, message.c.id == message_reference.c.message_id),
    )
    session.execute(insert(touched).from_select(["credit_id"], select(arrival.c.credit_id)))


def learn(session: Session, said: Rows) -> None:
    """Fills in what credits lacked, from later words of the same movement.

    `said` selects the columns of `_lesson`: (credit_id, code, virtual_account, bank_reference,
    payer_key, payer, trusted). What a credit already says of itself stays.
    """
    temporary(session, _lesson)
    session.execute(insert(_lesson).from_select(list(_lesson.c.keys()), said))
    analyze(session, _lesson)
    _learn_codes(session)
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


def _insert_credits(session: Session, new: Rows) -> None:
    zero = literal(0, Amount())
    numbered_ = new.subquery()
    session.execute(
        insert(CREDIT).from_select(
            ["id", *_COPIED, "trusted", "advised", *_ZERO_AT_FIRST],
            select(*numbered_.c, numbered_.c.amount, *[zero for _ in _ZERO_AT_FIRST]),
        )
    )


def _insert_references(session: Session, found: Rows) -> None:
    session.execute(
        insert(CreditReference).from_select(
            ["collection_account_id", "credit_id", "code", "kind"], found
        )
    )


def _keep_evidence(session: Session) -> None:
    columns = (
        "collection_account_id",
        "source",
        "event_id",
        "trust",
        "body_sha256",
        "arrived_at",
    )
    for told in (pairing, arrival):
        session.execute(
            insert(Evidence).from_select(
                ["credit_id", "callback_id", *columns],
                select(
                    told.c.credit_id,
                    message.c.id,
                    *[message.c[name] for name in columns],
                ).join(message, message.c.id == told.c.told_id),
            )
        )


def _touch(session: Session) -> None:
    known = select(touched.c.credit_id)
    for told in (pairing, arrival):
        session.execute(
            insert(touched).from_select(
                ["credit_id"],
                select(told.c.credit_id).where(told.c.credit_id.not_in(known)),
            )
        )
