"""Many rows by one statement: what is written is what was given, on both engines."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments.core.database import table_of
from payments.core.idempotency import IdempotencyKey
from payments.core.money import Dong
from payments.core.rows import insert_new_rows, insert_rows
from payments.fees import Fee, FeePrice
from tests.builders import a_fee

KEYS = table_of(IdempotencyKey)
PRICES = table_of(FeePrice)


def a_key(key: str, **told: Any) -> dict[str, Any]:
    """A row of texts, a number and an instant."""
    at = datetime(2026, 11, 24, 12, 0, 0, 5, tzinfo=UTC)
    row = {"caller": "portal:1", "key": key, "fingerprint": "f", "status": 201, "body": "{}"}
    return row | {"created_at": at} | told


def read(session: Session) -> list[dict[str, Any]]:
    """Every key as it is kept, in the order of writing, without its id."""
    columns = [column for column in KEYS.c if column.name != "id"]
    rows = session.execute(select(*columns).order_by(KEYS.c.id))
    return [dict(row._mapping) for row in rows]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "'; DROP TABLE fee; --",
        '"quoted" \\ and \\u0041',
        "Đặng Thị Ưởng ₫ 😀",
        "null",
        "12",
        '{"a":[1]}',
        "line\nend\ttab",
    ],
)
def test_a_text_comes_back_to_the_letter(session: Session, text: str) -> None:
    """Whatever it looks like to SQL or to JSON."""
    insert_rows(session, KEYS, [a_key("k", body=text)])
    (row,) = read(session)
    assert row["body"] == text


def test_an_instant_comes_back_in_utc(session: Session) -> None:
    """To the microsecond, also on the second, also from another zone."""
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    here = noon.astimezone(timezone(timedelta(hours=7)))
    rows = [a_key("a", created_at=noon), a_key("b"), a_key("c", created_at=here)]
    insert_rows(session, KEYS, rows)
    found = [row["created_at"] for row in read(session)]
    assert found == [noon, noon + timedelta(microseconds=5), noon]
    assert all(one.utcoffset() == timedelta(0) for one in found)


def test_a_naive_instant_is_refused(session: Session) -> None:
    """As everywhere."""
    with pytest.raises(ValueError, match="time zone"):
        insert_rows(session, KEYS, [a_key("a", created_at=datetime(2026, 11, 24, 12))])  # noqa: DTZ001


def test_days_amounts_flags_and_nothing_come_back_as_they_were(session: Session) -> None:
    """A day, đồng, true and false, and what is not there."""
    a_fee(session, code="PHI")
    fee = session.scalars(select(Fee)).one()
    common = {"fee_id": fee.id, "channel": "online", "at_most": None, "valid_to": None}
    rows = [
        common
        | {
            "from_quantity": n,
            "unit_amount": amount,
            "valid_from": day,
            "verified": flag,
            "basis": "",
        }
        for n, amount, day, flag in (
            (1, Dong(1_000_000_000_000), date(2026, 2, 28), True),
            (2, None, None, False),
        )
    ]
    insert_rows(session, PRICES, rows)
    kept = session.execute(
        select(*(PRICES.c[name] for name in rows[0]))
        .where(PRICES.c.channel == "online")
        .order_by(PRICES.c.from_quantity)
    )
    assert [dict(row._mapping) for row in kept] == rows


def test_a_taken_key_is_an_error_or_left_out(session: Session) -> None:
    """As the caller wants it; who leaves out is told what was written."""
    insert_rows(session, KEYS, [a_key("a")])
    written = insert_new_rows(session, KEYS, [a_key("a"), a_key("b")], returning=["key", "status"])
    assert [(row.key, row.status) for row in written] == [("b", 201)]
    assert [row["key"] for row in read(session)] == ["a", "b"]
    with pytest.raises(IntegrityError):
        insert_rows(session, KEYS, [a_key("c"), a_key("b")])


def test_no_rows_are_no_statement(session: Session) -> None:
    """Nothing is asked of the database."""
    sent: list[str] = []

    def note(_c, _cursor, statement, *_):
        sent.append(statement)

    engine = session.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    insert_rows(session, KEYS, [])
    assert insert_new_rows(session, KEYS, [], returning=["id"]) == []
    event.remove(engine, "before_cursor_execute", note)
    assert sent == []


def test_a_hundred_rows_are_one_statement_like_any_other(session: Session) -> None:
    """The same text for one row as for a hundred, so it is prepared once."""
    sent: list[str] = []

    def note(_c, _cursor, statement, *_):
        sent.append(statement)

    engine = session.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    insert_rows(session, KEYS, [a_key("one")])
    insert_rows(session, KEYS, [a_key(str(n)) for n in range(100)])
    event.remove(engine, "before_cursor_execute", note)
    inserts = [statement for statement in sent if statement.startswith("INSERT")]
    assert len(inserts) == 2
    assert inserts[0] == inserts[1]
    assert len(read(session)) == 101
