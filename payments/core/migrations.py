"""The history of the schema, brought up to date: at start-up, or by `cashless migrate`.

Migrations live in the folder `migrations`, in plain SQL for each engine and without any type of
this application, so that an old step means the same for ever. Several hosts may start at once:
one migrates, the others wait for it and find nothing left to do. A step that fails leaves the
schema as it was, on both engines.
"""

from __future__ import annotations

from typing import Final

from alembic import command
from alembic.config import Config as Alembic
from sqlalchemy import text
from sqlalchemy.engine import Connection

from payments.core.database import Database
from payments.core.schema import FOLDER

_LOCK: Final = 5_071_982_001
"""The advisory lock that a migrating process holds on PostgreSQL."""


def migrate(database: Database, *, to: str = "head") -> None:
    """Brings the schema to the revision `to`, in one transaction, one process at a time."""
    with database.engine.connect() as bare:
        connection = bare.execution_options(begin="IMMEDIATE")
        with connection.begin():
            if connection.dialect.name == "postgresql":
                _wait_for_turn(connection)
            settings = Alembic()
            settings.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
            settings.set_main_option("path_separator", "os")
            settings.attributes["connection"] = connection
            command.upgrade(settings, to)


def _wait_for_turn(connection: Connection) -> None:
    """Waits for another host's migration however long it takes; for a table, only briefly."""
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(text("SET LOCAL lock_timeout = '10s'"))
