"""The schema's history: the same on both engines, whole or not at all, and the past stays."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Integer, MetaData, Table, inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from migrations import tables, write_foundation
from payments.core import schema
from payments.core.database import Database
from payments.core.migrations import migrate
from payments.core.schema import SchemaOutOfDate
from tests.stores import POSTGRESQL, SQLITE, Stores

MIGRATES = """
import sys
from payments.core.database import Database
from payments.core.migrations import migrate
migrate(Database(sys.argv[1]))
"""


@pytest.fixture
def empty_url(stores: Stores, engine: str, tmp_path: Path) -> str:
    if engine == SQLITE:
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    name = f"empty_{tmp_path.name}".lower()
    stores.server.create(name)
    return stores.server.url(name)


def differences(connection: Connection, models: MetaData) -> list[object]:
    """What autogenerate would change to make the database what the models say."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, models))


def test_the_models_and_a_migrated_database_agree(database: Database) -> None:
    """Migrating gives exactly the tables, columns, indexes and keys that the modules declare."""
    models = tables.everything()
    found = database.read(lambda session: differences(session.connection(), models))
    assert found == []


def test_a_difference_would_be_found(database: Database) -> None:
    """The comparison above is able to fail."""
    planted = MetaData()
    for table in tables.everything().tables.values():
        table.to_metadata(planted)
    Table("forgotten", planted, Column("id", Integer, primary_key=True))
    planted.tables["lease"].append_column(Column("colour", Integer))
    found = database.read(lambda session: differences(session.connection(), planted))
    assert {one[0] for one in found if isinstance(one, tuple)} >= {"add_table", "add_column"}


def test_the_foundation_is_written_from_the_models() -> None:
    """Whoever changes a table runs `python migrations/write_foundation.py`."""
    assert write_foundation.TARGET.read_text() == write_foundation.written()


def test_a_new_database_comes_up_to_date_and_migrating_again_does_nothing(empty_url: str) -> None:
    database = Database(empty_url)
    with pytest.raises(SchemaOutOfDate) as refused:
        schema.check(database)
    assert refused.value.fields == {"found": "-", "wanted": schema.newest()}
    migrate(database)
    migrate(database)
    schema.check(database)
    database.dispose()


def test_several_hosts_may_migrate_at_once(empty_url: str) -> None:
    """Four processes start together on an empty database: one migrates, all succeed."""
    started = [
        subprocess.Popen([sys.executable, "-c", MIGRATES, empty_url], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    failures = [process.communicate()[1].decode() for process in started]
    assert [process.returncode for process in started] == [0] * 4, failures
    database = Database(empty_url)
    schema.check(database)
    database.dispose()


def test_a_migration_that_fails_leaves_nothing(empty_url: str) -> None:
    """The last statement meets a table that is in the way; none of the others stays."""
    database = Database(empty_url)
    in_the_way = tables.everything().sorted_tables[-1].name
    database.write(lambda session: session.execute(text(f"CREATE TABLE {in_the_way} (id INT)")))
    with pytest.raises(DBAPIError):
        migrate(database)
    assert database.read(lambda s: inspect(s.connection()).get_table_names()) == [in_the_way]
    database.dispose()


def test_every_table_of_sqlite_is_strict(stores: Stores) -> None:
    """So that 100.5 or 'abc' can never stand where đồng belong."""
    with stores.rolled_back(SQLITE) as database:
        lax = database.read(
            lambda session: session.scalars(
                text(
                    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0"
                    " AND name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
                )
            ).all()
        )
        names = database.read(lambda session: inspect(session.connection()).get_table_names())
    assert lax == []
    assert {"posting", "lease", "audit_entry"} <= set(names)


def test_every_numbered_key_of_postgresql_is_an_identity(stores: Stores) -> None:
    with stores.rolled_back(POSTGRESQL) as database:
        kinds = database.read(
            lambda session: session.execute(
                text(
                    "SELECT table_name, identity_generation FROM information_schema.columns"
                    " WHERE table_schema = 'public' AND column_name = 'id'"
                )
            ).all()
        )
    assert {table for table, kind in kinds if kind != "BY DEFAULT"} == set()
    assert len(kinds) > 20


@pytest.mark.parametrize("table", tables.append_only())
@pytest.mark.parametrize("edit", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_the_past_cannot_be_edited(session: Session, engine: str, table: str, edit: str) -> None:
    """An append-only table refuses UPDATE and DELETE on both engines."""
    if engine == SQLITE:
        plant_a_row(session, table)
    with pytest.raises(DBAPIError, match=f"{table} is append-only"):
        session.execute(text(edit.format(table)))


@pytest.mark.parametrize("table", tables.append_only())
def test_the_past_cannot_be_emptied(stores: Stores, table: str) -> None:
    """PostgreSQL's TRUNCATE passes row triggers by, but not this one."""
    with (
        stores.rolled_back(POSTGRESQL) as database,
        database.session() as session,
        pytest.raises(DBAPIError, match="is append-only"),
    ):
        session.execute(text(f"TRUNCATE {table} CASCADE"))


def test_a_row_of_the_past_cannot_be_replaced(stores: Stores) -> None:
    """INSERT OR REPLACE deletes in passing on SQLite; recursive triggers see that as well."""
    with stores.rolled_back(SQLITE) as database, database.session() as session:
        plant_a_row(session, "audit_entry")
        with pytest.raises(DBAPIError, match="audit_entry is append-only"):
            plant_a_row(session, "audit_entry")


def plant_a_row(session: Session, table: str) -> None:
    """A row of any sort: SQLite's triggers speak once for each row they meet."""
    session.execute(text("PRAGMA defer_foreign_keys = ON"))
    session.execute(text("PRAGMA ignore_check_constraints = ON"))
    columns = tables.everything().tables[table].columns
    values = ", ".join("x'00'" if "BLOB" in str(c.type) else "1" for c in columns)
    session.execute(text(f"INSERT OR REPLACE INTO {table} VALUES ({values})"))


def test_the_ledger_and_the_audit_trail_are_append_only() -> None:
    assert {"journal_entry", "posting", "audit_entry"} <= set(tables.append_only())


def test_readers_go_on_while_another_process_migrates(empty_url: str) -> None:
    """A reader on SQLite sees the schema as it was or as it is, never an error or a half."""
    database = Database(empty_url)
    seen: set[int] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.add(len(database.read(lambda s: inspect(s.connection()).get_table_names())))

    reader = threading.Thread(target=look)
    reader.start()
    subprocess.run([sys.executable, "-c", MIGRATES, empty_url], check=True)
    seen_at_the_end = len(database.read(lambda s: inspect(s.connection()).get_table_names()))
    stop.set()
    reader.join()
    assert seen <= {0, seen_at_the_end}
    database.dispose()
