"""Connections: the callback address, the accounts behind it, secrets that rotate with overlap."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, connections
from payments.agencies import Described, Kind, Opening
from payments.connections import Connection, ConnectionSecret, Registration
from payments.core.config import Mode
from payments.core.errors import CashlessError
from payments.core.vault import Unopenable, Vault

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)
SINCE = date(2022, 1, 1)
DAY = timedelta(days=1)
BY = "staff:1"
VAULT = Vault([b"k" * 32])


def an_account(session: Session, number: str, *, bin: str = "970436") -> int:
    province = Described("H99", "Tỉnh mẫu", None, Kind.PROVINCE, None, verified=True)
    agencies.put(session, province, since=SINCE, on=NOW.date())
    owner = agencies.by_code(session, "H99", on=NOW.date())
    opening = Opening(bin=bin, number=number, name="TINH MAU")
    return agencies.open_account(session, owner.id, opening, valid_from=SINCE, by=BY, now=NOW).id


def add(session: Session, *account_ids: int, **changed: Any) -> Connection:
    told: dict[str, Any] = {
        "source": "sandbox",
        "scheme": "hmac",
        "name": "Ngân hàng mẫu",
        "secret": "secret-one",
        "collection_account_ids": account_ids,
    }
    registration = Registration(**told | changed)
    return connections.add(session, registration, vault=VAULT, by=BY, now=NOW)


def live(session: Session, connection: Connection, *, at: datetime = NOW) -> tuple[str, ...]:
    return connections.live_secrets(session, connection.id, VAULT, now=at)


def rotate(session: Session, connection: Connection, secret: str, *, at: datetime) -> None:
    connections.rotate(session, connection.id, secret, vault=VAULT, by=BY, now=at)


def test_an_intake_holds_all_that_a_callback_needs(session: Session) -> None:
    """Its source and scheme, its live secrets, and the accounts it may speak of."""
    first, second = an_account(session, "1000"), an_account(session, "1001")
    connection = add(session, first, second)
    intake = connections.intake(session, connection.public_id, VAULT, now=NOW)
    assert (intake.connection_id, intake.source, intake.scheme) == (
        connection.id,
        "sandbox",
        "hmac",
    )
    assert intake.secrets == ("secret-one",)
    assert dict(intake.accounts) == {"1000": first, "1001": second}


def test_a_callback_address_cannot_be_guessed(session: Session) -> None:
    """128 random bits, in letters that need no escaping."""
    added = [add(session, name=f"Mẫu {n}").public_id for n in range(20)]
    assert len(set(added)) == 20
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", public_id) for public_id in added)


@pytest.mark.parametrize("address", ["", "no-such-address", "a" * 5000, "1", "Ngân hàng mẫu"])
def test_no_other_address_takes_anything_in(session: Session, address: str) -> None:
    """An address is known or it is not."""
    add(session)
    with pytest.raises(connections.UnknownConnection):
        connections.intake(session, address, VAULT, now=NOW)


def test_a_stopped_connection_takes_nothing_in(session: Session) -> None:
    """Its address is no longer known from that moment."""
    connection = add(session)
    connections.stop(session, connection.id, by=BY, now=NOW)
    with pytest.raises(connections.UnknownConnection):
        connections.intake(session, connection.public_id, VAULT, now=NOW)


def test_a_replaced_secret_stays_live_for_the_overlap(session: Session) -> None:
    """The bank changes over when it can; after the overlap only the new secret opens."""
    connection = add(session)
    rotate(session, connection, "secret-two", at=NOW + DAY)
    assert live(session, connection, at=NOW + DAY) == ("secret-two", "secret-one")
    last = NOW + DAY + connections.OVERLAP
    assert live(session, connection, at=last - timedelta(seconds=1)) == (
        "secret-two",
        "secret-one",
    )
    assert live(session, connection, at=last) == ("secret-two",)


def test_at_most_two_secrets_are_live(session: Session) -> None:
    """A second rotation within the overlap ends the oldest at once."""
    connection = add(session)
    rotate(session, connection, "secret-two", at=NOW + DAY)
    rotate(session, connection, "secret-three", at=NOW + 2 * DAY)
    assert live(session, connection, at=NOW + 2 * DAY) == ("secret-three", "secret-two")


def test_a_secret_is_stored_sealed(session: Session) -> None:
    """The table holds no readable secret, and another master key does not open it."""
    connection = add(session)
    (row,) = session.scalars(select(ConnectionSecret)).all()
    assert b"secret-one" not in row.sealed
    with pytest.raises(Unopenable):
        connections.live_secrets(session, connection.id, Vault([b"x" * 32]), now=NOW)
    intake = connections.intake(session, connection.public_id, VAULT, now=NOW)
    assert "secret-one" not in repr(intake)


def test_a_connection_may_be_given_one_more_account(session: Session) -> None:
    """The same account twice is the same; the same number at another bank is refused."""
    connection = add(session, an_account(session, "1000"))
    second = an_account(session, "1001")
    for _ in range(2):
        connections.report_on(session, connection.id, second, by=BY, now=NOW)
    intake = connections.intake(session, connection.public_id, VAULT, now=NOW)
    assert intake.accounts["1001"] == second
    elsewhere = an_account(session, "1000", bin="970418")
    with pytest.raises(connections.SameAccountNumber):
        connections.report_on(session, connection.id, elsewhere, by=BY, now=NOW)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"source": "nobank"}, "unknown_source"),
        ({"source": "sandbox", "scheme": "key"}, "unknown_source"),
        ({"secret": ""}, "invalid_secret"),
        ({"secret": "khóa"}, "invalid_secret"),
        ({"secret": "a\nb"}, "invalid_secret"),
        ({"secret": "a" * 201}, "invalid_secret"),
        ({"collection_account_ids": [404]}, "unknown_collection_account"),
        ({"name": "Đã có"}, "connection_name_taken"),
    ],
)
def test_a_wrong_registration_is_refused(
    session: Session, changed: dict[str, Any], code: str
) -> None:
    """With the reason by its code."""
    add(session, name="Đã có")
    with pytest.raises(CashlessError) as refused:
        add(session, **changed)
    assert refused.value.code == code


def test_an_unsigned_source_is_for_practice_only(session: Session) -> None:
    """Live mode does not start while an active connection has a shared key alone (class C)."""
    add(session, source="sepay", scheme="hmac", name="Có ký")
    connections.check(session, mode=Mode.LIVE)
    unsigned = add(session, source="sepay", scheme="key", name="Không ký")
    connections.check(session, mode=Mode.SANDBOX)
    with pytest.raises(connections.UnsignedSource) as refused:
        connections.check(session, mode=Mode.LIVE)
    assert refused.value.fields == {"name": "Không ký", "source": "sepay"}
    connections.stop(session, unsigned.id, by=BY, now=NOW)
    connections.check(session, mode=Mode.LIVE)


def test_a_source_the_program_no_longer_has_stops_the_start(session: Session) -> None:
    """Callbacks that nobody can read are not taken in silently."""
    add(session).source = "gone"
    session.flush()
    with pytest.raises(connections.UnknownSource):
        connections.check(session, mode=Mode.SANDBOX)
