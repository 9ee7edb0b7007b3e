"""The databases that tests run on: a migrated one to copy, and one connection to undo.

A test gets one of two things. By default it works on a shared database through a single
connection, whose transaction is rolled back at the end: nothing is kept, so the next test finds
nothing. A test marked `committed` gets a database of its own, a copy of the migrated one, where
commits are real: for threads, processes and crashes.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Session

from payments.core.database import Database
from payments.core.migrations import migrate
from tests.postgres import Server, postgres_server

T = TypeVar("T")

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
ENGINES = {"both": (SQLITE, POSTGRESQL), SQLITE: (SQLITE,), POSTGRESQL: (POSTGRESQL,)}


_ENGINES: dict[str, Engine] = {}


def opened(url: str) -> Database:
    """A fresh database, by the engine its address had before.

    Addresses come again, and what SQLAlchemy has compiled for an engine stays with it: compiling
    every statement anew was a sixth of the time of a test that commits.
    """
    return with_kept_engine(Database(url))


def with_kept_engine(database: Database) -> Database:
    """The database, by the engine its address had before."""
    database.engine = _ENGINES.setdefault(str(database.engine.url), database.engine)
    return database


class RolledBack(Database):
    """A database of one connection, in a transaction that is never committed.

    Each unit of work is a savepoint in it. So units see what earlier ones did, one that fails
    leaves nothing, and the whole test is undone by one rollback. Two units at once, a second
    process, or a retry after a lost connection need a test marked `committed`.
    """

    def __init__(self, connection: Connection) -> None:
        self.engine = connection.engine
        self.connection = connection

    def session(self) -> Session:
        """A session within the one transaction; its commits are savepoints."""
        return Session(
            self.connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        )

    def write(self, unit: Callable[[Session], T]) -> T:
        """What `unit` returns, kept until the end of the test."""
        with self.session() as session:
            result = unit(session)
            session.commit()
            return result

    def read(self, unit: Callable[[Session], T]) -> T:
        """What `unit` returns; nothing it does is kept."""
        with self.session() as session:
            result = unit(session)
            session.expunge_all()
            session.rollback()
            return result

    def dispose(self) -> None:
        """Leaves the connection open: the test that lent it rolls it back."""


class Stores:
    """The databases of one test process, each made when first asked for."""

    def __init__(self, folder: Path, closing: contextlib.ExitStack) -> None:
        self._folder = folder
        self._closing = closing
        self._lent: set[int] = set()
        self._shared: dict[str, Database] = {}

    @contextlib.contextmanager
    def rolled_back(self, engine: str) -> Iterator[RolledBack]:
        """The shared database of an engine; whatever the block does to it is undone."""
        with self._shared_database(engine).engine.connect() as bare:
            connection = bare.execution_options(begin="IMMEDIATE")
            transaction = connection.begin()
            try:
                yield RolledBack(connection)
            finally:
                transaction.rollback()
                if engine == SQLITE:
                    connection.invalidate()  # a PRAGMA outlives a rollback, not its connection

    @contextlib.contextmanager
    def fresh_url(self, engine: str) -> Iterator[str]:
        """The address of a migrated database that nobody has used."""
        number = next(number for number in itertools.count(1) if number not in self._lent)
        self._lent.add(number)
        if engine == SQLITE:
            path = self._folder / f"{number}.sqlite"
            shutil.copy(self._sqlite_template, path)
            yield f"sqlite:///{path}"
            for left in self._folder.glob(f"{path.name}*"):
                left.unlink()
        else:
            name = f"fresh_{number}"
            self.server.create(name, template=self._postgresql_template)
            yield self.server.url(name)
            self.server.drop(name)
        self._lent.discard(number)

    @cached_property
    def server(self) -> Server:
        """This process's own PostgreSQL."""
        return self._closing.enter_context(postgres_server())

    def _shared_database(self, engine: str) -> Database:
        if engine not in self._shared:
            url = self._closing.enter_context(self.fresh_url(engine))
            database = Database(url)
            self._closing.callback(database.dispose)
            self._shared[engine] = database
        return self._shared[engine]

    @cached_property
    def _sqlite_template(self) -> Path:
        path = self._folder / "migrated.sqlite"
        _migrate(f"sqlite:///{path}")
        return path

    @cached_property
    def _postgresql_template(self) -> str:
        self.server.create("migrated")
        _migrate(self.server.url("migrated"))
        return "migrated"


def _migrate(url: str) -> None:
    database = Database(url)
    migrate(database)
    database.dispose()
