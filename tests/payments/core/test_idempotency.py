"""Idempotency keys: asked again, answered the same; the work is done once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.core import idempotency, leases
from payments.core.approvals import AlreadyProposed
from payments.core.database import Database
from payments.core.idempotency import (
    Answer,
    IdempotencyInFlight,
    IdempotencyKey,
    IdempotencyKeyMalformed,
    IdempotencyKeyReused,
    Question,
)
from payments.core.leases import Lease
from tests.stores import POSTGRESQL

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
KEY = "0190a1b2-c3d4-7e5f"
PATH = "/api/v1/payment-requests"
CREATED = Answer(201, '{"reference":"TTHC1234567894","name":"Đặng"}')


def asked(*, caller: str = "portal:1", key: str = KEY, body: bytes = b"{}") -> Question:
    return idempotency.question(caller, key, method="POST", path=PATH, body=body)


def work(session: Session, name: str = "made") -> Answer:
    """Something that may be done once only, and is seen."""
    if leases.take(session, name, holder="x", for_=timedelta(days=1), now=NOW) is None:
        raise AlreadyProposed
    return CREATED


def answer(session: Session, question: Question, *, now: datetime = NOW) -> Answer:
    return idempotency.answered_once(session, question, lambda: work(session), now=now)


def made(session: Session) -> int:
    return session.scalars(select(func.count()).select_from(Lease)).one()


def test_the_same_question_gets_the_first_answer_to_the_byte(session: Session) -> None:
    assert answer(session, asked()) == CREATED
    assert answer(session, asked()) == CREATED
    assert made(session) == 1


def test_the_same_key_with_another_body_is_refused(session: Session) -> None:
    answer(session, asked())
    with pytest.raises(IdempotencyKeyReused):
        answer(session, asked(body=b'{"amount":1}'))


def test_the_same_key_at_another_address_is_refused(session: Session) -> None:
    answer(session, asked())
    elsewhere = idempotency.question("portal:1", KEY, method="POST", path="/x", body=b"{}")
    with pytest.raises(IdempotencyKeyReused):
        answer(session, elsewhere)


def test_two_portals_may_choose_the_same_key(session: Session) -> None:
    answer(session, asked())
    again = idempotency.answered_once(
        session, asked(caller="portal:2"), lambda: work(session, "another"), now=NOW
    )
    assert again == CREATED
    assert made(session) == 2


def test_work_that_fails_leaves_the_key_free(database: Database) -> None:
    def fails(session: Session) -> Answer:
        def refuse() -> Answer:
            work(session)
            raise AlreadyProposed

        return idempotency.answered_once(session, asked(), refuse, now=NOW)

    with pytest.raises(AlreadyProposed):
        database.write(fails)
    assert database.read(made) == 0
    assert database.write(lambda session: answer(session, asked())) == CREATED


def test_a_key_is_kept_thirty_days(session: Session) -> None:
    answer(session, asked())
    last_moment = NOW + timedelta(days=30) - timedelta(microseconds=1)
    assert answer(session, asked(), now=last_moment) == CREATED
    late = idempotency.answered_once(
        session, asked(), lambda: Answer(201, "new"), now=NOW + timedelta(days=30)
    )
    assert late.body == "new"


def test_old_keys_are_forgotten_and_younger_ones_kept(session: Session) -> None:
    answer(session, asked())
    idempotency.keep(session, asked(key="b" * 16), CREATED, now=NOW + timedelta(days=1))
    assert idempotency.forget_old(session, now=NOW + timedelta(days=30)) == 1
    assert session.scalars(select(IdempotencyKey.key)).all() == ["b" * 16]


@pytest.mark.parametrize(
    "key", ["", "a" * 15, "a" * 256, "a" * 15 + " ", "đ" * 20, "a" * 16 + "\n"]
)
def test_a_key_is_16_to_255_visible_characters(key: str) -> None:
    with pytest.raises(IdempotencyKeyMalformed):
        asked(key=key)


@pytest.mark.parametrize("key", ["a" * 16, "~" * 255, "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"])
def test_a_key_may_be(key: str) -> None:
    assert asked(key=key).key == key


@pytest.mark.committed
def test_a_question_asked_while_its_first_is_worked_on(database: Database, engine: str) -> None:
    """PostgreSQL says so at once; SQLite's one writer makes the second wait for the answer."""
    began, go_on = threading.Event(), threading.Event()
    answers: list[Answer] = []

    def slow(session: Session) -> Answer:
        def work_slowly() -> Answer:
            began.set()
            go_on.wait(10)
            return work(session)

        return idempotency.answered_once(session, asked(), work_slowly, now=NOW)

    first = threading.Thread(target=lambda: answers.append(database.write(slow)))
    first.start()
    began.wait(10)
    if engine == POSTGRESQL:
        asked_at = time.monotonic()
        with pytest.raises(IdempotencyInFlight) as refused:
            database.write(lambda session: answer(session, asked()))
        assert time.monotonic() - asked_at < 5  # the first goes on after ten
        assert refused.value.fields == {"retry_after": 1}
        go_on.set()
        first.join()
    go_on.set()
    assert database.write(lambda session: answer(session, asked())) == CREATED
    first.join()
    assert answers == [CREATED]
    assert database.read(made) == 1


@pytest.mark.committed
def test_of_many_who_ask_at_once_one_works(database: Database, engine: str) -> None:
    """Eight threads ask the same thing until answered: one piece of work, eight same answers."""
    seen: Counter[str] = Counter()
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        while True:
            try:
                given = database.write(lambda session: answer(session, asked()))
            except IdempotencyInFlight:
                seen["in flight"] += 1
                time.sleep(0.005)
            else:
                seen[given.body] += 1
                return

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen[CREATED.body] == 8
    assert database.read(made) == 1
    assert engine == POSTGRESQL or seen["in flight"] == 0


@pytest.mark.committed
def test_a_first_that_was_rolled_back_does_not_bar_the_second(database: Database) -> None:
    """The key is held by the transaction and by nothing that outlives it."""

    def dies(session: Session) -> None:
        idempotency.claim(session, asked(), now=NOW)
        raise AlreadyProposed

    for _ in range(3):
        with pytest.raises(AlreadyProposed):
            database.write(dies)
    assert database.write(lambda session: answer(session, asked())) == CREATED


@pytest.mark.committed
def test_an_answer_that_appeared_after_we_looked_undoes_our_work(database: Database) -> None:
    """Whoever looked a moment too early does nothing and is told to ask again."""
    if database.is_sqlite:
        pytest.skip("with a single writer nobody looks too early")

    def too_early(session: Session) -> Answer | None:
        given = idempotency.claim(session, asked(key="another-key-0000"), now=NOW)
        database.write(lambda other: answer(other, asked()))
        idempotency.keep(session, asked(), CREATED, now=NOW)
        return given

    with pytest.raises(IdempotencyInFlight):
        database.write(too_early)
    assert database.read(made) == 1


@pytest.mark.committed
def test_a_no_because_another_was_first_is_no_answer(database: Database) -> None:
    """Who looked too early and finds the same thing done is told to ask again."""
    if database.is_sqlite:
        pytest.skip("with a single writer nobody looks too early")

    def too_late() -> Answer:
        database.write(lambda other: idempotency.keep(other, asked(), CREATED, now=NOW))
        raise AlreadyProposed

    with pytest.raises(IdempotencyInFlight):
        database.write(
            lambda session: idempotency.answered_once(session, asked(), too_late, now=NOW)
        )
    assert database.write(lambda session: answer(session, asked())) == CREATED
    assert database.read(made) == 0


def test_a_set_is_answered_one_by_one(session: Session) -> None:
    """Known, new, asked twice in the set, and reused: each as if it were alone."""
    answer(session, asked())
    new, reused = asked(key="b" * 16), asked(body=b"other")
    said = idempotency.claim_all(session, [asked(), new, new, reused], now=NOW)
    assert said[:2] == [CREATED, None]
    assert isinstance(said[2], IdempotencyInFlight)
    assert isinstance(said[3], IdempotencyKeyReused)
