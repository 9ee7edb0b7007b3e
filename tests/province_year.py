"""A province's year laid out in bulk: 119 units, every kind of payment, written by sets.

Rows are written straight, not through the verbs: it is about counting many payments, not about how
they came. The same seed gives the same year on both engines. Of a hundred fees 15 are paid in cash;
among the others are two sources and none, transfers by hand, payments in two parts, some on no
statement yet, refunds whole and in part; beside them are requests that expired and voided cash.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    Table,
    case,
    cast,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
    union_all,
)
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from payments import agencies, portals, seed
from payments.agencies import CollectionAccount, Kind, Opening
from payments.cash import CashCollection, CashCollectionLine, Reason
from payments.core.calendar import at
from payments.core.columns import Amount, Code, Count, Day, Flag, Instant, Key, Words
from payments.core.database import Database, table_of
from payments.core.temporary import analyze, scratch, temporary
from payments.credits import Allocation, Credit, Evidence
from payments.fees import Fee
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from payments.receipts import Receipt, ReceiptSeries

YEAR: Final = 2026
FIRST: Final = date(YEAR, 1, 1)
LAST: Final = date(YEAR, 12, 31)
BY: Final = "staff:1"

IN_CASH: Final = 15
"""Of a hundred payments."""

CHUNK: Final = 100_000
SLOTS: Final = 16
"""Moments of a day at which payments come."""

AMOUNTS: Final = (10_000, 20_000, 50_000, 100_000, 150_000, 300_000)

_number = Table(
    "year_number", scratch, Column("n", Key(), primary_key=True), prefixes=["TEMPORARY"]
)
_unit = Table(
    "year_unit",
    scratch,
    Column("place", Key(), primary_key=True),
    Column("agency_id", Key()),
    Column("account_id", Key()),
    prefixes=["TEMPORARY"],
)
_fee = Table(
    "year_fee",
    scratch,
    Column("place", Key(), primary_key=True),
    Column("fee_id", Key()),
    Column("fee", Code()),
    Column("name", Words()),
    Column("kind", Code()),
    Column("sub_item", Code()),
    Column("amount", Amount()),
    prefixes=["TEMPORARY"],
)
_moment = Table(
    "year_moment",
    scratch,
    Column("place", Key(), primary_key=True),
    Column("day", Day()),
    Column("issued_at", Instant()),
    Column("expires_at", Instant()),
    Column("paid_at", Instant()),
    Column("settled_at", Instant()),
    Column("receipted_at", Instant()),
    prefixes=["TEMPORARY"],
)

Value = ColumnElement[Any]
N: Final = _number.c.n

REQUEST: Final = table_of(PaymentRequest)
LINE: Final = table_of(PaymentRequestLine)
CREDIT: Final = table_of(Credit)
EVIDENCE: Final = table_of(Evidence)
ALLOCATION: Final = table_of(Allocation)
CASH: Final = table_of(CashCollection)
CASH_LINE: Final = table_of(CashCollectionLine)
RECEIPT: Final = table_of(Receipt)

RAW: Final = (REQUEST, LINE, CREDIT, EVIDENCE, ALLOCATION, CASH, CASH_LINE, RECEIPT)
"""The tables that are filled."""


def lay_out(database: Database, payments: int, *, every: int = 1, rng: int = 1) -> None:
    """The year with so many payments, 15 of a hundred in cash; 1 in 20 more expired.

    They come on every so many-th day.
    """
    for part in range(0, payments, CHUNK):
        database.write(
            lambda session, part=part: _chunk(
                session,
                part + 1,
                min(part + CHUNK, payments),
                payments=payments,
                every=every,
                rng=rng,
            )
        )
    database.write(_go_on_numbering)


def province(session: Session, *, now: datetime) -> None:
    """The units, an account of each department and district, the tariff, a portal."""
    seed.load_units(session, seed.read_units(), by=BY, now=now)
    seed.load_tariff(session, seed.read_tariff(), by=BY, now=now)
    portals.add(session, "year", by=BY, now=now)
    nodes = agencies.tree(session, on=now.date())
    for place, node in enumerate(nodes):
        if node.kind in (Kind.DEPARTMENT, Kind.DISTRICT):
            opening = Opening(bin="970436", number=f"{place:010}", name="MAU")
            agencies.open_account(session, node.id, opening, valid_from=FIRST, by=BY, now=now)
    series = [
        {
            "agency_id": nodes[0].id,
            "kind": kind,
            "year": YEAR,
            "form": f"01BLP{place}-001",
            "symbol": f"AB-{place}E",
            "next_number": 1,
        }
        for place, kind in enumerate(("phi", "le_phi"))
    ]
    session.execute(insert(ReceiptSeries), series)


def _chunk(session: Session, first: int, last: int, *, payments: int, every: int, rng: int) -> None:
    _scratch(session, first, last, every=every, rng=rng)
    for table, rows in _rows(payments):
        names = [column.name for column in rows.selected_columns]
        session.execute(insert(table).from_select(names, rows, include_defaults=False))


def _scratch(session: Session, first: int, last: int, *, every: int, rng: int) -> None:
    """What payments are made of: numbers, units with their accounts, fees, moments."""
    temporary(session, _number, _unit, _fee, _moment)
    # One statement for both engines; only a test writes SQL by hand.
    session.execute(
        text(
            "INSERT INTO year_number (n) WITH RECURSIVE series(n) AS "
            "(SELECT CAST(:first AS BIGINT) UNION ALL SELECT n + 1 FROM series WHERE n < :last) "
            "SELECT n FROM series"
        ),
        {"first": first, "last": last},
    )
    session.execute(insert(_unit), list(_units(session)))
    session.execute(insert(_fee), list(_fees(session)))
    session.execute(insert(_moment), list(_moments(every, rng)))
    analyze(session, _number, _unit, _fee, _moment)


def _units(session: Session) -> Iterator[dict[str, Any]]:
    nodes = agencies.tree(session, on=FIRST)
    accounts = {one.agency_id: one.id for one in session.scalars(select(CollectionAccount))}
    known = {node.code: node for node in nodes}
    working = [node for node in nodes if node.kind is not Kind.PROVINCE]
    for place, node in enumerate(working):
        above = node if node.id in accounts else known[node.parent or ""]
        yield {"place": place, "agency_id": node.id, "account_id": accounts[above.id]}


def _fees(session: Session) -> Iterator[dict[str, Any]]:
    fees = session.scalars(select(Fee).order_by(Fee.code)).all()
    for place, fee in enumerate(fees[:12]):
        yield {
            "place": place,
            "fee_id": fee.id,
            "fee": fee.code,
            "name": fee.name,
            "kind": fee.kind,
            "sub_item": fee.sub_item,
            "amount": AMOUNTS[place % len(AMOUNTS)],
        }


def _moments(every: int, rng: int) -> Iterator[dict[str, Any]]:
    drawn = random.Random(rng)
    days = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
    for place in range(len(days) * SLOTS):
        day = days[place // SLOTS // every * every]
        issued = at(
            day, time(drawn.choice((7, 8, 8, 9, 9, 10, 13, 14, 15, 19)), drawn.randrange(60))
        )
        paid = issued + timedelta(seconds=drawn.choice((20, 90, 600, 3_000, 10_000)))
        by_sheet = drawn.random() < 0.03  # a statement in a sheet tells the day alone
        paid = at(day, time.min) if by_sheet else paid
        settled = paid + timedelta(seconds=drawn.choice((1, 2, 5, 200)))
        yield {
            "place": place,
            "day": day,
            "issued_at": min(issued, paid - timedelta(seconds=5)),
            "expires_at": issued + timedelta(days=1),
            "paid_at": paid,
            "settled_at": settled,
            "receipted_at": settled + timedelta(seconds=drawn.choice((30, 300, 2_000, 100_000))),
        }


def _drawn(salt: int, below: int) -> Value:
    """A number from 0 on, below `below`, that looks drawn by lot from n and the salt."""
    mixed = (
        N * literal_column(str(1_103_515_245 + 2 * salt)) + 12_345 * (salt + 1)
    ) % 2_147_483_647
    mixed = (mixed * literal_column("48271") + salt) % 2_147_483_647
    return mixed % below


IS_CASH: Final = _drawn(1, 100) < IN_CASH
TWO_LINES: Final = _drawn(2, 10) == 0
IN_PARTS: Final = _drawn(3, 200) == 0
UNSEEN: Final = _drawn(4, 100) < 3
REFUNDED: Final = _drawn(5, 150)
"""0: given back whole; 1: half of the first fee; else nothing. Only what was seen."""

EXPIRED: Final = _drawn(6, 20) == 0
BY_HAND: Final = _drawn(7, 12) == 0
TOLD: Final = _drawn(8, 10)
VOIDED: Final = _drawn(9, 50) == 0
DAYS: Final = (LAST - FIRST).days + 1
FEE: Final = _drawn(10, 12)
SECOND_FEE: Final = (FEE + 5) % 12
MOMENT: Final = _drawn(11, DAYS * SLOTS)
UNIT: Final = (_drawn(12, 119) * (_drawn(13, 60) + 60)) % 119
_second = _fee.alias("second_fee")
_EXTRA: Final = 10_000_000
"""Added to the numbers of requests that expired, and of first parts."""


def _whole(value: Value) -> Value:
    return cast(value, Key())


def _parts() -> Select[Any]:
    """Numbers with their unit, fees and moment."""
    return (
        select()
        .select_from(_number)
        .join(_unit, _unit.c.place == UNIT)
        .join(_fee, _fee.c.place == FEE)
        .join(_second, _second.c.place == SECOND_FEE)
        .join(_moment, _moment.c.place == MOMENT)
    )


def _rows(payments: int) -> Sequence[tuple[Table, Select[Any]]]:
    made = _Made(_parts(), payments)
    return (
        (REQUEST, made.requests()),
        (REQUEST, made.expired()),
        (LINE, made.first_lines()),
        (LINE, made.second_lines()),
        (LINE, made.expired_lines()),
        (CREDIT, made.credits()),
        (CREDIT, made.first_parts()),
        (EVIDENCE, made.evidence()),
        (ALLOCATION, made.first_allocations()),
        (ALLOCATION, made.second_allocations()),
        (ALLOCATION, made.part_allocations()),
        (ALLOCATION, made.given_back()),
        (CASH, made.cash()),
        (CASH_LINE, made.cash_lines()),
        (RECEIPT, made.receipts()),
    )


class _Made:
    """The rows of each table, as SELECTs over the numbers."""

    def __init__(self, parts: Select[Any], payments: int) -> None:
        self._parts = parts
        self._payers = max(payments // 3, 1)
        second = case((TWO_LINES, _second.c.amount), else_=0)
        self.amount = _fee.c.amount + second
        self.seen = ~UNSEEN
        whole, half = REFUNDED == 0, REFUNDED == 1
        given = case((whole, _fee.c.amount), (half, _fee.c.amount // 2), else_=0)
        self.first_back = case((self.seen & ~IN_PARTS, _whole(given)), else_=0)
        self.second_back = case((self.seen & ~IN_PARTS & whole & TWO_LINES, second), else_=0)
        self.back = self.first_back + self.second_back
        self.held_before = case((IN_PARTS, _whole(_fee.c.amount // 2)), else_=0)

    def _cashless(self, *columns: Value) -> Select[Any]:
        return self._parts.with_only_columns(*columns).where(~IS_CASH)

    def requests(self) -> Select[Any]:
        return self._cashless(
            *_request(N),
            self.amount.label("amount"),
            self.amount.label("received"),
            case((self.seen, self.amount), else_=self.held_before).label("confirmed"),
            self.back.label("refunded"),
            literal("paid", Code()).label("status"),
            _moment.c.paid_at,
            _moment.c.receipted_at,
        )

    def expired(self) -> Select[Any]:
        return self._cashless(
            *_request(N + _EXTRA),
            _fee.c.amount,
            literal(0, Amount()).label("received"),
            literal(0, Amount()).label("confirmed"),
            literal(0, Amount()).label("refunded"),
            literal("expired", Code()).label("status"),
            literal(None, Instant()).label("paid_at"),
            literal(None, Instant()).label("receipted_at"),
        ).where(EXPIRED)

    def first_lines(self) -> Select[Any]:
        return self._cashless(*_line(2 * N, N, 1, _fee), self.first_back.label("refunded"))

    def second_lines(self) -> Select[Any]:
        rows = self._cashless(*_line(2 * N + 1, N, 2, _second), self.second_back.label("refunded"))
        return rows.where(TWO_LINES)

    def expired_lines(self) -> Select[Any]:
        number = N + _EXTRA
        none = literal(0, Amount()).label("refunded")
        return self._cashless(*_line(2 * number, number, 1, _fee), none).where(EXPIRED)

    def credits(self) -> Select[Any]:
        """The credit that completes each request."""
        paid = self.amount - self.held_before
        return self._cashless(*self._credit(N, paid, self.back, seen=self.seen))

    def first_parts(self) -> Select[Any]:
        """What came before, of those that were paid in parts: a statement told it."""
        none = literal(0, Amount())
        rows = self._credit(-N, self.held_before, none, seen=literal(True, Flag()))
        return self._cashless(*rows).where(IN_PARTS)

    def _credit(self, number: Value, paid: Value, back: Value, *, seen: Value) -> list[Value]:
        memo = case((BY_HAND, "nop le phi"), else_=literal("CT ") + _reference(N) + " MAU")
        zero = literal(0, Amount())
        number = case((number < 0, _EXTRA - number), else_=number)
        return [
            _whole(number).label("id"),
            _unit.c.account_id.label("collection_account_id"),
            N.label("payment_request_id"),
            _whole(paid).label("amount"),
            _moment.c.paid_at.label("booked_at"),
            _moment.c.day,
            memo.label("memo"),
            _reference(N).label("code"),
            (literal("payer") + cast(_drawn(14, self._payers), SqlText)).label("payer_key"),
            literal(True, Flag()).label("trusted"),
            _moment.c.settled_at.label("arrived_at"),
            literal("exact", Code()).label("finding"),
            _moment.c.settled_at.label("settled_at"),
            literal(0, Count()).label("decisions"),
            zero.label("advised"),
            _whole(paid - back).label("to_fees"),
            zero.label("held"),
            zero.label("unidentified"),
            _whole(back).label("refunded"),
            zero.label("reversed"),
            zero.label("remitted"),
            zero.label("reclaimed"),
            case((seen, N)).label("match_id"),
        ]

    def evidence(self) -> Select[Any]:
        source = case((TOLD < 5, "sandbox"), (TOLD < 8, "sepay"), else_="payos")
        return self._cashless(
            N.label("id"),
            _unit.c.account_id.label("collection_account_id"),
            N.label("credit_id"),
            source.label("source"),
            cast(N, SqlText).label("event_id"),
            literal("A", Code()).label("trust"),
            literal(0, Key()).label("callback_id"),
            literal("", Code()).label("body_sha256"),
            _moment.c.settled_at.label("arrived_at"),
        ).where(TOLD < 9)

    def first_allocations(self) -> Select[Any]:
        paid = _whole(_fee.c.amount - self.held_before)
        return self._cashless(*self._allocation(2 * N, N, paid, "pays"))

    def second_allocations(self) -> Select[Any]:
        second = self._allocation(2 * N + 1, N, _second.c.amount, "pays")
        return self._cashless(*second).where(TWO_LINES)

    def part_allocations(self) -> Select[Any]:
        part = self._allocation(2 * N, _EXTRA + N, _whole(self.held_before), "part")
        return self._cashless(*part).where(IN_PARTS)

    def given_back(self) -> Select[Any]:
        """What refunds took back of the first fees, and of the second ones."""
        first = self._cashless(*self._allocation(2 * N, N, -self.first_back, "back"))
        second = self._cashless(*self._allocation(2 * N + 1, N, -self.second_back, "back"))
        both = union_all(
            first.where(self.first_back > 0), second.where(self.second_back > 0)
        ).subquery()
        return select(*both.c)

    def _allocation(self, line: Value, credit: Value, paid: Value, decision: str) -> list[Value]:
        return [
            _unit.c.account_id.label("collection_account_id"),
            credit.label("credit_id"),
            line.label("payment_request_line_id"),
            paid.label("amount"),
            literal(decision, Code()).label("decision"),
            _moment.c.day,
        ]

    def cash(self) -> Select[Any]:
        reasons = list(Reason)
        drawn = _drawn(15, 10)
        reason = case(
            (drawn < 4, reasons[0].value),
            (drawn < 7, reasons[1].value),
            (drawn < 8, reasons[2].value),
            (drawn < 9, reasons[3].value),
            else_=reasons[4].value,
        )
        voided = case((VOIDED, "mistake"))
        return self._parts.with_only_columns(
            N.label("id"),
            (literal("cash") + cast(N, SqlText)).label("public_id"),
            _unit.c.agency_id,
            literal("dossier", Words()).label("dossier"),
            _channel().label("channel"),
            _fee.c.amount,
            reason.label("reason"),
            literal("told", Words()).label("explanation"),
            _moment.c.issued_at.label("taken_at"),
            _moment.c.day.label("taken_on"),
            literal(BY, Code()).label("taken_by"),
            case((VOIDED, "voided"), else_="taken").label("state"),
            case((VOIDED, _moment.c.settled_at)).label("voided_at"),
            case((VOIDED, BY)).label("voided_by"),
            voided.label("void_reason"),
        ).where(IS_CASH)

    def cash_lines(self) -> Select[Any]:
        return self._parts.with_only_columns(
            N.label("id"),
            N.label("cash_collection_id"),
            literal(1, Count()).label("position"),
            *_priced(_fee),
        ).where(IS_CASH)

    def receipts(self) -> Select[Any]:
        series = select(table_of(ReceiptSeries).c.id).where(
            table_of(ReceiptSeries).c.kind == _fee.c.kind
        )
        return self._cashless(
            N.label("id"),
            (literal("receipt") + cast(N, SqlText)).label("public_id"),
            series.scalar_subquery().label("receipt_series_id"),
            N.label("number"),
            N.label("payment_request_id"),
            _fee.c.kind,
            _fee.c.amount,
            literal({}, RECEIPT.c.content.type).label("content"),
            literal("issued", Code()).label("state"),
            _moment.c.settled_at.label("numbered_at"),
            _moment.c.receipted_at.label("issued_at"),
            N.label("document_id"),
        )


def _request(number: Value) -> list[Value]:
    portal = select(func.min(table_of(portals.Portal).c.id)).scalar_subquery()
    return [
        number.label("id"),
        _reference(number).label("reference"),
        (literal("token") + cast(number, SqlText)).label("token"),
        literal("https://pay.example/p/year", Words()).label("page"),
        portal.label("portal_id"),
        _unit.c.agency_id,
        _unit.c.account_id.label("collection_account_id"),
        literal("dossier", Words()).label("dossier"),
        _channel().label("channel"),
        literal("Phí mẫu", Words()).label("description"),
        literal(0, Amount()).label("advised"),
        literal(0, Amount()).label("remitted"),
        literal(False, Flag()).label("late"),
        _moment.c.issued_at,
        _moment.c.expires_at,
        literal(1, Count()).label("sequence"),
    ]


def _line(number: Value, request: Value, position: int, fee: Any) -> list[Value]:
    return [
        number.label("id"),
        request.label("payment_request_id"),
        literal(position, Count()).label("position"),
        *_priced(fee),
        literal(0, Amount()).label("forwarded"),
    ]


def _priced(fee: Any) -> list[Value]:
    return [
        fee.c.fee_id,
        fee.c.fee,
        fee.c.name,
        fee.c.kind,
        fee.c.sub_item,
        literal(1, Count()).label("quantity"),
        fee.c.amount.label("unit_amount"),
        fee.c.amount.label("amount"),
    ]


def _channel() -> Value:
    return case((_drawn(16, 10) < 7, "online"), else_="counter")


def _reference(number: Value) -> Value:
    padded = literal("0000000000") + cast(number, SqlText)
    return literal("TTHC", Code()) + func.substr(padded, func.length(padded) - 9)


def _go_on_numbering(session: Session) -> None:
    """PostgreSQL's sequences go on behind the numbers that were given here."""
    if session.get_bind().dialect.name == "postgresql":
        for table in RAW:
            newest = f"coalesce((SELECT max(id) FROM {table.name}), 0) + 1"
            session.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {newest}, false)"
                )
            )
            session.execute(text(f"ANALYZE {table.name}"))
