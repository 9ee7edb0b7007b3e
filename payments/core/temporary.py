"""Temporary tables: a set is materialised once, with ids, and every statement starts from it.

A connection lives as long as its process and so do its temporary tables. What is known of them is
remembered, since a small set would otherwise spend most of its time on making and measuring them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from sqlalchemy import MetaData, Select, Table, event, insert
from sqlalchemy.engine import Connection, CursorResult, Engine
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTable

MOST_DEAD: Final = 5_000
"""Rows deleted from a temporary table of a connection before PostgreSQL truncates it."""

FEW: Final = 50
SAME_SIZE: Final = 4
"""A temporary table of so many times the rows, or a part of them, is planned for anew; all small
ones are alike."""

scratch = MetaData()
"""The temporary tables of all modules."""


def temporary(session: Session, *tables: Table) -> None:
    """Makes each temporary table exist on this connection, and empty.

    Nobody vacuums PostgreSQL's temporary tables: what was deleted would be scanned for ever by a
    connection that lives as long as its process. So there, once much was deleted, the table is
    truncated; not each time, since that costs a small set more than all its other work.
    """
    connection = session.connection()
    known = _laid(connection)
    new = [table for table in tables if table.name not in known.made | known.making]
    for table in new:
        connection.execute(CreateTable(table, if_not_exists=True))
        known.making.add(table.name)
    if connection.dialect.name != "postgresql":
        _call_small(connection, new)
        for table in tables:
            connection.exec_driver_sql(f"DELETE FROM {table.name}")
        return
    known.dead.update(_emptied(connection, tables))
    for table in tables:
        if known.dead[table.name] > MOST_DEAD:
            connection.exec_driver_sql(f"TRUNCATE {table.name}")
            known.dead[table.name] = 0
            known.sized.pop(table.name, None)


def _call_small(connection: Connection, tables: Sequence[Table]) -> None:
    """Tells SQLite's planner that new tables are small; it measures none without rows.

    It would take each for a million rows, and read a whole table of ours to look its rows up in
    one.
    """
    for table in tables:
        connection.exec_driver_sql(f"ANALYZE temp.{table.name}")  # makes what is written to next
        few = f"INSERT INTO temp.sqlite_stat1 (tbl, stat) VALUES ('{table.name}', '{FEW}')"
        connection.exec_driver_sql(few)
    if tables:
        connection.exec_driver_sql("ANALYZE temp.sqlite_schema")
        _laid(connection).sized.update({table.name: FEW for table in tables})


def _emptied(connection: Connection, tables: Sequence[Table]) -> dict[str, int]:
    """Deletes every row of the tables by one statement; how many of each."""
    gone = [f"gone_{place} AS (DELETE FROM {one.name} RETURNING 1)"
            for place, one in enumerate(tables)]  # fmt: skip
    counts = [f"(SELECT count(*) FROM gone_{place})" for place in range(len(tables))]
    row = connection.exec_driver_sql(f"WITH {', '.join(gone)} SELECT {', '.join(counts)}").one()
    return {table.name: count for table, count in zip(tables, row, strict=True)}


def analyze(session: Session, *tables: Table) -> None:
    """Tells the planner the size of temporary tables.

    Only where it is much another than when it was last told: that makes every plan anew, which
    costs a small set more than its work.
    """
    connection = session.connection()
    known = _laid(connection).sized
    counts = ", ".join(f"(SELECT count(*) FROM {table.name})" for table in tables)
    sizes = connection.exec_driver_sql(f"SELECT {counts}").one()
    schema = "temp." if connection.dialect.name == "sqlite" else ""
    for table, size in zip(tables, sizes, strict=True):
        before, now = known.get(table.name), max(size, FEW)
        same = before is not None and before / SAME_SIZE <= now <= before * SAME_SIZE
        if size and not same:
            connection.exec_driver_sql(f"ANALYZE {schema}{table.name}")
            known[table.name] = now


def materialise(session: Session, table: Table, rows: Select[*tuple[Any, ...]]) -> int:
    """Materialises a set: the table holds its rows and no others, and is planned for; how many.

    `rows` selects the table's columns, in their order.
    """
    temporary(session, table)
    laid = session.execute(insert(table).from_select(list(table.c.keys()), rows))
    analyze(session, table)
    return cast(CursorResult[Any], laid).rowcount


def watch(engine: Engine) -> Engine:
    """Keeps what is known of each connection's temporary tables true, whatever is rolled back."""
    event.listen(engine, "commit", _keep)
    event.listen(engine, "rollback", _forget)
    event.listen(engine, "rollback_savepoint", lambda connection, *_: _forget(connection))
    return engine


@dataclass
class _Laid:
    """What is known of a connection's temporary tables, by name."""

    made: set[str] = field(default_factory=set)
    making: set[str] = field(default_factory=set)
    """Made in the transaction under way: gone if it is rolled back."""

    dead: Counter[str] = field(default_factory=Counter)
    """Rows deleted that still take room."""

    sized: dict[str, int] = field(default_factory=dict)
    """Rows when the planner was last told of them."""


def _laid(connection: Connection) -> _Laid:
    known: _Laid = connection.info.setdefault("temporary", _Laid())
    return known


def _keep(connection: Connection) -> None:
    known = _laid(connection)
    known.made |= known.making
    known.making.clear()


def _forget(connection: Connection) -> None:
    if connection.invalidated:  # the next one begins with nothing
        return
    known = _laid(connection)
    known.making.clear()
    known.sized.clear()
