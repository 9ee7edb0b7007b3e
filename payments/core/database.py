"""The database: one engine, units of work, and the two dialects made to behave alike.

SQLite (embedded): WAL with synchronous=FULL, foreign keys and recursive triggers on, and a
transaction we begin ourselves: IMMEDIATE for a unit that may write, deferred for a pure read.
SQLAlchemy's default silently lost 699 of 800 updates in a measured race (reliability.md 0.1).

PostgreSQL: READ COMMITTED, short lock and statement limits. A cancelled wait for a synchronous
standby looks like a successful COMMIT with only a warning; here it is an error.

A unit of work is a function of a session, so that it can be tried again: after a serialization
failure, a deadlock, a lock timeout or a lost connection, and only because units are idempotent.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import orjson
import psycopg
from sqlalchemy import (
    Column,
    ColumnElement,
    MetaData,
    Select,
    Table,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.engine import URL, Connection, CursorResult, Dialect, Engine, Result, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.orm.decl_api import registry
from sqlalchemy.pool import QueuePool

from payments.core import temporary
from payments.core.columns import Flag, Instant, Json, Key, Words
from payments.core.errors import Unavailable
from payments.core.money import Dong

T = TypeVar("T")

Rows = Select[*tuple[Any, ...]]
"""A set, handed on as the query that finds it."""

_TRIES: Final = 5
_RETRIED: Final = {"40001", "40P01", "55P03"}
_CONNECTION_LOST: Final = ("08", "57P")
_SAMPLED: Final = 20
"""Of how fine a grain PostgreSQL's statistics are that a unit of work asks for; 100 by itself."""

_OPTIONS: Final = "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"

NAMES: Final = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

metadata = MetaData(naming_convention=NAMES)


class Row(DeclarativeBase):
    """What every mapped class descends from."""

    registry = registry(
        metadata=metadata,
        type_annotation_map={
            int: Key(),
            str: Words(),
            bool: Flag(),
            datetime: Instant(),
            Dong: Key(),
        },
    )
    __table_args__: Any = {"sqlite_strict": True}  # noqa: RUF012  declared so by SQLAlchemy


def table_of(row: type[Row]) -> Table:
    """The table a class is mapped to."""
    table = row.__table__
    if not isinstance(table, Table):
        raise TypeError(f"{row.__name__} is not mapped to a table")
    return table


def rows_of(result: Result[Any]) -> int:
    """How many rows an INSERT, UPDATE or DELETE touched."""
    if not isinstance(result, CursorResult) or result.rowcount < 0:
        raise TypeError("not the result of a statement that counts what it writes")
    return int(result.rowcount)


class DatabaseBusy(Unavailable):
    """The database did not answer in time or the outcome of a commit is not known."""

    code = "database_busy"


class Database:
    """One database by its address, `sqlite:///…` or `postgresql+psycopg://…`.

    `write(unit)` and `read(unit)` call `unit(session)` in one transaction and return what it
    returns; `write` commits, `read` never does. Both raise `DatabaseBusy` when tries run out.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.engine: Engine = _engine(url, pool_size=pool_size)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self.engine.dialect.name == "sqlite"

    def write(self, unit: Callable[[Session], T]) -> T:
        """What `unit` returns, committed."""
        return _tried(lambda: self._once(unit, mode="IMMEDIATE"))

    def read(self, unit: Callable[[Session], T]) -> T:
        """What `unit` returns from one consistent view; nothing it does is kept."""
        return _tried(lambda: self._once(unit, mode="DEFERRED"))

    def dispose(self) -> None:
        """Closes every pooled connection."""
        self.engine.dispose()

    def _once(self, unit: Callable[[Session], T], *, mode: str) -> T:
        with self.engine.connect() as bare:
            connection = bare.execution_options(begin=mode)
            with Session(connection, expire_on_commit=False) as session:
                result = unit(session)
                if mode == "IMMEDIATE":
                    session.commit()
                    _refuse_unconfirmed(connection)
                else:
                    session.expunge_all()  # what was read stays readable
                    session.rollback()
                return result


def load(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes many rows that all have the same columns, every one of them told.

    PostgreSQL takes them by COPY, several times as fast as one after another; SQLite by one
    statement prepared once, without SQLAlchemy looking at each row anew.
    """
    if not rows:
        return
    dialect = session.get_bind().dialect
    columns = [table.c[name] for name in rows[0]]
    written = [_as_written(column, dialect) for column in columns]
    names = ", ".join(dialect.identifier_preparer.quote(column.name) for column in columns)
    into = f"{dialect.identifier_preparer.format_table(table)} ({names})"
    values = ([write(row[name]) for name, write in written] for row in rows)
    if dialect.name == "postgresql":
        _copy(session, into, values)
    else:
        marks = ", ".join("?" for _ in columns)
        command = f"INSERT INTO {into} VALUES ({marks})"  # noqa: S608  our own tables' names
        session.connection().exec_driver_sql(command, [tuple(row) for row in values])


def _copy(session: Session, into: str, rows: Iterable[Sequence[Any]]) -> None:
    connection = session.connection().connection.driver_connection
    if not isinstance(connection, psycopg.Connection):
        raise TypeError("rows are copied by psycopg alone")
    command = f"COPY {into} FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(command.encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _as_written(column: Column[Any], dialect: Dialect) -> tuple[str, Callable[[Any], Any]]:
    """How a column's values are written: JSON as its text, the others as they are bound."""
    if isinstance(column.type, Json):
        return column.name, lambda value: None if value is None else orjson.dumps(value).decode()
    bound = column.type.bind_processor(dialect)
    return column.name, bound or (lambda value: value)


def renew_statistics(session: Session, *tables: Table) -> None:
    """Tells PostgreSQL's planner of tables that a unit makes grow much; it does so itself later.

    A fifth of the rows it would look at by itself tells it how many there are of an account's.
    """
    if session.get_bind().dialect.name == "postgresql":
        names = ", ".join(table.name for table in tables)
        connection = session.connection()
        connection.exec_driver_sql(f"SET LOCAL default_statistics_target = {_SAMPLED}")
        connection.exec_driver_sql(f"ANALYZE {names}")
        connection.exec_driver_sql("SET LOCAL default_statistics_target TO DEFAULT")


def numbered(session: Session, table: Table, *, order_by: Any) -> ColumnElement[int]:
    """New ids of `table` for the rows of a SELECT, in the order of `order_by`.

    The one necessary difference of dialect: a sequence on PostgreSQL, `max(id)` and a row
    number on SQLite, where there is a single writer.
    """
    if session.get_bind().dialect.name == "postgresql":
        return func.nextval(func.pg_get_serial_sequence(table.name, "id"))
    newest = select(func.coalesce(func.max(table.c.id), 0)).scalar_subquery()
    return newest + func.row_number().over(order_by=order_by)


def _tried(attempt: Callable[[], T]) -> T:
    for number in range(1, _TRIES + 1):
        try:
            return attempt()
        except DBAPIError as error:
            collided = _collided(error)
            if not collided and not _may_try_again(error):
                raise
            if number == _TRIES:
                if collided:  # with nobody but itself
                    raise
                raise DatabaseBusy from error
        time.sleep(random.uniform(0.5, 1.0) * 0.02 * 2**number)  # noqa: S311  jitter, not a secret
    raise DatabaseBusy


def _collided(error: DBAPIError) -> bool:
    """Whether a row is there already that the unit may not have seen when it looked for it.

    Two that look, find nothing and write the same: the second one, tried again, finds it.
    """
    return isinstance(error.orig, psycopg.errors.UniqueViolation)


def _may_try_again(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    original = error.orig
    if isinstance(original, psycopg.Error):
        state = original.sqlstate or ""
        lost = isinstance(original, psycopg.OperationalError) and not state
        return lost or state in _RETRIED or state.startswith(_CONNECTION_LOST)
    if isinstance(error, OperationalError) and isinstance(original, sqlite3.OperationalError):
        return original.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    return False


def _engine(url: str, *, pool_size: int) -> Engine:
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        engine = create_engine(
            address,
            poolclass=QueuePool,
            pool_size=pool_size,
            max_overflow=20,
            execution_options={"preserve_rowcount": True},
            connect_args={
                "timeout": 30,
                "check_same_thread": False,
                "isolation_level": None,
            },
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return temporary.watch(engine)
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(
        address.difference_update_query(["options"]),
        pool_size=pool_size,
        max_overflow=20,
        execution_options={"preserve_rowcount": True},
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args=_limits(address),
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
    )
    event.listen(engine, "connect", _listen_to_notices)
    return temporary.watch(engine)


def _limits(address: URL) -> dict[str, Any]:
    """Short limits on waiting; what the address itself says about them wins."""
    given = address.query.get("options", "")
    options = f"{_OPTIONS} {given if isinstance(given, str) else ' '.join(given)}"
    patience = {} if "connect_timeout" in address.query else {"connect_timeout": 5}
    return {"options": options.strip(), **patience}


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "recursive_triggers=ON",
        "busy_timeout=30000",
        "wal_autocheckpoint=16000",
        "cache_size=-65536",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _listen_to_notices(connection: psycopg.Connection[Any], record: Any) -> None:
    def heard(diagnostic: psycopg.errors.Diagnostic) -> None:
        if "synchronous replication" in (diagnostic.message_primary or ""):
            record.info["unconfirmed"] = True

    connection.add_notice_handler(heard)


def _refuse_unconfirmed(connection: Connection) -> None:
    """A COMMIT whose wait for the standby was cancelled returned normally: it is not one."""
    if connection.info.pop("unconfirmed", False):
        raise DatabaseBusy
