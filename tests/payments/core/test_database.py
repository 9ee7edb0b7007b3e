"""Units of work: whole or not at all, tried again when that helps, alike on both engines."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import Column, MetaData, Table, create_engine, delete, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from payments.core.columns import Key
from payments.core.database import Database, DatabaseBusy, load
from payments.core.leases import Lease
from payments.core.temporary import temporary
from tests.stores import POSTGRESQL, SQLITE, Stores

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


def a_counter(session: Session) -> None:
    session.add(Lease(name="counter", holder="nobody", fence=1, leased_until=NOW))


def count(session: Session) -> int:
    return session.scalars(text("SELECT fence FROM lease")).one()  # type: ignore[call-overload]


def add_one(session: Session) -> None:
    """Reads, then writes: what another wrote in between would be lost."""
    lease = session.query(Lease).with_for_update().one()
    lease.fence += 1


def in_threads(work: Callable[[], object], threads: int) -> None:
    start = threading.Barrier(threads)

    def run() -> None:
        start.wait()
        work()

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


@pytest.mark.committed
def test_no_update_is_lost(database: Database) -> None:
    """Eight writers add one twenty times each; SQLAlchemy's own way with SQLite lost most."""
    database.write(a_counter)
    in_threads(lambda: [database.write(add_one) for _ in range(20)], threads=8)
    assert database.read(count) == 161


@pytest.mark.committed
def test_a_deferred_transaction_loses_updates_on_sqlite(stores: Stores) -> None:
    """The naive variant: the driver begins a transaction only at the first write."""
    with stores.fresh_url(SQLITE) as url:
        Database(url).write(a_counter)
        naive = create_engine(url, connect_args={"timeout": 30})

        def add() -> None:
            for _ in range(20):
                with naive.begin() as connection:
                    now = connection.scalar(text("SELECT fence FROM lease"))
                    pause.wait(0.001)
                    connection.execute(text("UPDATE lease SET fence = :n"), {"n": now + 1})

        pause = threading.Event()
        in_threads(add, threads=8)
        naive.dispose()
        assert Database(url).read(count) < 161


@pytest.mark.committed
def test_a_unit_that_fails_leaves_nothing(database: Database) -> None:
    def twice(session: Session) -> None:
        a_counter(session)
        session.flush()
        a_counter(session)

    with pytest.raises(IntegrityError):
        database.write(twice)
    assert database.read(lambda session: session.query(Lease).count()) == 0


@pytest.mark.committed
def test_a_read_keeps_nothing(database: Database) -> None:
    database.read(a_counter)
    assert database.read(lambda session: session.query(Lease).count()) == 0


@pytest.mark.committed
def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    """Somebody writes for a while; readers go on seeing what was there before."""
    database.write(a_counter)
    wrote, go_on = threading.Event(), threading.Event()

    def slowly(session: Session) -> None:
        add_one(session)
        session.flush()
        wrote.set()
        go_on.wait(10)

    writer = threading.Thread(target=lambda: database.write(slowly))
    writer.start()
    wrote.wait(10)
    seen = database.read(count)
    go_on.set()
    writer.join()
    assert (seen, database.read(count)) == (1, 2)


@pytest.mark.committed
@pytest.mark.parametrize("state", ["40001", "40P01", "55P03", "57P01", "08006"])
def test_what_may_succeed_next_time_is_tried_again(stores: Stores, state: str) -> None:
    """Conflicts, deadlocks, waits for locks and lost connections, by their SQLSTATE."""
    with stores.fresh_url(POSTGRESQL) as url:
        database, tries = Database(url), []

        def unit(session: Session) -> str:
            tries.append(state)
            a_counter(session)
            session.flush()
            if len(tries) < 3:
                failing = f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"
                session.execute(text(failing))
            return "done"

        assert database.write(unit) == "done"
        assert len(tries) == 3
        assert database.read(lambda session: session.query(Lease).count()) == 1
        database.dispose()


def looks_then_writes(seen: list[str], together: threading.Barrier) -> Callable[[Session], str]:
    """A unit that writes the counter where there is none; the first time both look at once."""

    def unit(session: Session) -> str:
        there = session.query(Lease).one_or_none() is not None
        if len(seen) < 2:
            seen.append("looked")
            together.wait(10)
        if there:
            return "found"
        a_counter(session)
        session.flush()
        return "written"

    return unit


@pytest.mark.committed
def test_who_writes_what_another_just_wrote_looks_again(stores: Stores) -> None:
    """One of two wrote it, the other found it; the naive variant fails with a collision."""
    with stores.fresh_url(POSTGRESQL) as url:
        database, seen, told = Database(url), list[str](), list[str]()
        unit = looks_then_writes(seen, threading.Barrier(2))
        in_threads(lambda: told.append(database.write(unit)), threads=2)
        assert sorted(told) == ["found", "written"]

        database.write(lambda session: session.execute(delete(Lease)))
        naive, collided = looks_then_writes([], threading.Barrier(2)), []

        def once() -> None:
            with Session(database.engine) as session:
                try:
                    naive(session)
                    session.commit()
                except IntegrityError as error:
                    collided.append(error)

        in_threads(once, threads=2)
        assert len(collided) == 1
        database.dispose()


@pytest.mark.committed
def test_what_cannot_succeed_is_not_tried_again(database: Database) -> None:
    tries = []

    def unit(session: Session) -> None:
        tries.append(1)
        session.execute(text("SELECT nonsense FROM nowhere"))

    with pytest.raises(DBAPIError):
        database.write(unit)
    assert len(tries) == 1


@pytest.mark.committed
def test_when_trying_does_not_help_the_database_is_busy(stores: Stores) -> None:
    with stores.fresh_url(POSTGRESQL) as url:
        database, tries = Database(url), []

        def unit(session: Session) -> None:
            tries.append(1)
            session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE='40001'; END $$"))

        with pytest.raises(DatabaseBusy):
            database.write(unit)
        assert len(tries) == 5
        database.dispose()


@pytest.mark.committed
def test_a_connection_that_is_cut_is_replaced(stores: Stores) -> None:
    """Another session terminates ours in the middle of a unit; the unit is done all the same."""
    with stores.fresh_url(POSTGRESQL) as url:
        database, killed = Database(url), []

        def unit(session: Session) -> None:
            a_counter(session)
            session.flush()
            if not killed:
                killed.append(session.scalar(text("SELECT pg_backend_pid()")))
                kill = text(f"SELECT pg_terminate_backend({killed[0]})")
                other.read(lambda session: session.execute(kill))
                session.execute(text("SELECT 1"))

        other = Database(url)
        database.write(unit)
        assert database.read(lambda session: session.query(Lease).count()) == 1
        database.dispose()
        other.dispose()


@pytest.mark.committed
def test_a_commit_whose_standby_was_not_waited_for_is_no_commit(stores: Stores) -> None:
    """PostgreSQL returns normally and only warns (reliability.md); we say we do not know."""
    with stores.fresh_url(POSTGRESQL) as url:
        database = Database(url)
        warning = "canceling wait for synchronous replication due to user request"

        def unit(session: Session) -> None:
            session.execute(text(f"DO $$ BEGIN RAISE WARNING '{warning}'; END $$"))

        with pytest.raises(DatabaseBusy):
            database.write(unit)
        database.write(lambda session: None)
        database.dispose()


def test_an_address_may_name_several_hosts(stores: Stores, tmp_path: Path) -> None:
    """The first that answers is used: PostgreSQL under Patroni is one string for the service."""
    server = stores.server
    server.create("several")
    hosts = f"host={quote(str(tmp_path))}&host={quote(str(server.folder))}"
    database = Database(f"postgresql://postgres@/several?{hosts}&target_session_attrs=read-write")
    assert database.read(lambda s: s.scalar(text("SELECT current_database()"))) == "several"
    database.dispose()
    server.drop("several")


def test_an_address_may_add_options_and_the_limits_stay(stores: Stores) -> None:
    with stores.fresh_url(POSTGRESQL) as url:
        database = Database(f"{url}&options={quote('-c statement_timeout=7s')}&connect_timeout=3")

        def shown(name: str) -> object:
            return database.read(lambda session: session.scalar(text(f"SHOW {name}")))

        assert (shown("statement_timeout"), shown("lock_timeout")) == ("7s", "10s")
        assert shown("idle_in_transaction_session_timeout") == "1min"
        database.dispose()


def test_sqlite_keeps_what_it_was_told_to_keep(stores: Stores) -> None:
    """A power cut must not undo a commit, and no reference may dangle."""
    with stores.rolled_back(SQLITE) as database, database.session() as session:
        pragmas = {
            name: session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "recursive_triggers": 1,
    }


def test_a_temporary_table_does_not_keep_the_room_of_its_past(stores: Stores) -> None:
    """However many sets a connection lays out, its table stays small; deleting alone grows it."""
    laid_out = Table("laid_out", MetaData(), Column("id", Key()), prefixes=["TEMPORARY"])
    rows = [{"id": number} for number in range(1000)]
    size = text("SELECT pg_relation_size('laid_out')")

    def lay_out(session: Session) -> None:
        temporary(session, laid_out)
        load(session, laid_out, rows)

    def only_delete(session: Session) -> None:
        session.execute(delete(laid_out))
        load(session, laid_out, rows)

    with stores.fresh_url(POSTGRESQL) as url:
        database, sizes = Database(url, pool_size=1), []
        for verb in (lay_out, only_delete):
            for _ in range(40):
                database.write(verb)
            sizes.append(database.read(lambda session: session.scalar(size)))
        database.dispose()

    assert sizes[0] < 400_000 < sizes[1]
