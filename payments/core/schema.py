"""At which revision the database's schema is, and whether that is the one this program needs.

Revisions are numbered files in the folder `migrations/versions`; `payments.core.migrations`
brings a database up to the newest.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from payments.core.database import Database
from payments.core.errors import Unavailable

FOLDER: Final = Path(__file__).parents[2] / "migrations"


class SchemaOutOfDate(Unavailable):
    """The database is not at the revision this program was made for."""

    code = "schema_out_of_date"


def check(database: Database) -> None:
    """Raises `SchemaOutOfDate` unless the database is at the newest revision."""
    found, wanted = database.read(lambda session: current(session.connection())), newest()
    if found != wanted:
        raise SchemaOutOfDate(found=found or "-", wanted=wanted)


def current(connection: Connection) -> str | None:
    """The revision a database is at; None before the first migration."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


@cache
def newest() -> str:
    """The revision this program was made for: the highest number among the files."""
    return max(path.name.split("_")[0] for path in (FOLDER / "versions").glob("[0-9]*_*.py"))
