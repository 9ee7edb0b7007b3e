"""The history of the schema: brought up to date at start-up, checked before serving.

Migrations live in the folder `migrations`, in plain SQL for each engine and without any type of
this application, so that an old step means the same for ever. Several hosts may start at once:
one migrates, the others wait for it and find nothing left to do. A step that fails leaves the
schema as it was, on both engines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config as Alembic
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection

from payments.core.database import Database
from payments.core.errors import Unavailable

FOLDER: Final = Path(__file__).parents[2] / "migrations"

_LOCK: Final = 5_071_982_001
"""The advisory lock that a migrating process holds on PostgreSQL."""


class SchemaOutOfDate(Unavailable):
    """The database is not at the revision this program was made for."""

    code = "schema_out_of_date"


def migrate(database: Database, *, to: str = "head") -> None:
    """Brings the schema to the revision `to`, in one transaction, one process at a time."""
    with database.engine.connect() as bare:
        connection = bare.execution_options(begin="IMMEDIATE")
        with connection.begin():
            if connection.dialect.name == "postgresql":
                _wait_for_turn(connection)
            settings = _alembic()
            settings.attributes["connection"] = connection
            command.upgrade(settings, to)


def current(database: Database) -> str | None:
    """The revision the database is at; None before the first migration."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The revision this program was made for."""
    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    if head is None:
        raise LookupError(f"no migrations in {FOLDER.name}")
    return head


def check(database: Database) -> None:
    """Raises `SchemaOutOfDate` unless the database is at the newest revision."""
    found, wanted = current(database), newest()
    if found != wanted:
        raise SchemaOutOfDate(found=found or "-", wanted=wanted)


def _wait_for_turn(connection: Connection) -> None:
    """Waits for another host's migration however long it takes; for a table, only briefly."""
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(text("SET LOCAL lock_timeout = '10s'"))


def _alembic() -> Alembic:
    settings = Alembic()
    settings.set_main_option("script_location", str(FOLDER))
    settings.set_main_option("path_separator", "os")
    return settings
