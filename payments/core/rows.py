"""Many rows written by one statement that always looks the same, however many there are.

The rows travel as one JSON text and the engine takes it apart. Beside a statement for each row,
or one that grows with them, this halves what a small set costs: the statement is compiled and
prepared once, and nothing is bound row by row (bench/bench_issue.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, Final

import orjson
from sqlalchemy import (
    JSON,
    Column,
    Dialect,
    Insert,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy import Row as Result
from sqlalchemy import column as named
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

_OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATETIME


def insert_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes `rows`, which all have the same columns; defaults of the mapping are not added."""
    if rows:
        columns, dialect = tuple(rows[0]), session.get_bind().dialect.name
        statement = _insert(table, columns, dialect)
        _execute(session, statement, table, columns, rows)


def insert_new_rows(
    session: Session, table: Table, rows: Sequence[Mapping[str, Any]], *, returning: Sequence[str]
) -> Sequence[Result[*tuple[Any, ...]]]:
    """As `insert_rows`, but leaves out rows whose unique key is taken.

    Gives the columns named by `returning` of each row that was written, in no order.
    """
    if not rows:
        return []
    columns, dialect = tuple(rows[0]), session.get_bind().dialect.name
    statement = _insert_new(table, columns, dialect, tuple(returning))
    return _execute(session, statement, table, columns, rows).all()


def _execute(
    session: Session,
    statement: Any,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[Mapping[str, Any]],
) -> CursorResult[*tuple[Any, ...]]:
    dialect = session.get_bind().dialect
    written = [
        {name: _written(row[name], table.c[name], dialect) for name in columns} for row in rows
    ]
    told = orjson.dumps(written, option=_OPTIONS).decode()
    return session.connection().execute(statement, {"rows": told})


def _written(value: Any, column: Column[Any], dialect: Dialect) -> Any:
    """A value as JSON carries it; a day or an instant as its column writes it."""
    if not isinstance(value, date):  # an instant is one too
        return value
    bound: Any = column.type
    kept = bound.process_bind_param(value, dialect)
    return kept if isinstance(kept, str) else kept.isoformat()


@cache
def _insert(table: Table, columns: tuple[str, ...], dialect: str) -> Insert:
    made = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    return made.from_select(columns, _told(table, columns, dialect), include_defaults=False)


@cache
def _insert_new(
    table: Table, columns: tuple[str, ...], dialect: str, returning: tuple[str, ...]
) -> Any:
    made = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    rows = _told(table, columns, dialect)
    new = made.from_select(columns, rows, include_defaults=False).on_conflict_do_nothing()
    return new.returning(*(table.c[name] for name in returning))


def _told(table: Table, columns: tuple[str, ...], dialect: str) -> Select[*tuple[Any, ...]]:
    """The rows of the parameter `rows` as the engine reads them."""
    told = bindparam("rows", type_=Text)
    if dialect == "sqlite":
        each = func.json_each(told).table_valued("value").alias("told")
        picked = [each.c.value.op("->>")(literal_column(f"'{name}'")) for name in columns]
        return select(*picked).where(literal_column("true"))  # else ON CONFLICT reads as a join
    typed = [named(name, table.c[name].type) for name in columns]
    rows = func.json_to_recordset(cast(told, JSON)).table_valued(*typed)
    return select(*rows.render_derived(name="told", with_types=True).c)
