"""The column types of every table: `Key Amount Code Words Instant Day Flag Json Bytes`.

SQLite tables are STRICT, which refuses BIGINT, VARCHAR, DATETIME, BOOLEAN, DATE and JSON; so each
type here maps to INTEGER, TEXT or BLOB there and to the proper type on PostgreSQL. Values mean
the same on both: an instant always knows its time zone and comes back in UTC, money is `Dong`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import BigInteger, Boolean, CheckConstraint, Index, Integer, LargeBinary, Text, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from payments.core.money import Dong


class Key(TypeDecorator[int]):
    """A row's number: BIGINT on PostgreSQL, INTEGER (the rowid) on SQLite."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())


class Amount(Key):
    """An amount of money in whole đồng; `Dong` in Python."""

    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Dong | None:
        return None if value is None else int.__new__(Dong, value)  # a whole number: its column's


class Count(Key):
    """How many of something."""

    cache_ok = True


class Code(TypeDecorator[str]):
    """A short machine-readable text: a status, a kind, a reference."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)


class Words(Code):
    """Text for or from people: a name, a memo, a reason."""

    cache_ok = True


class Instant(TypeDecorator[datetime]):
    """A point in time, in UTC; a naive one is refused."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant knows its time zone")
        in_utc = value.astimezone(UTC)
        if dialect.name != "sqlite":
            return in_utc
        return in_utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC)  # type: ignore[no-any-return]  # psycopg gives a datetime


class Day(TypeDecorator[date]):
    """A calendar day in Viet Nam."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else postgresql.DATE())

    def process_bind_param(self, value: date | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return value.isoformat()

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        return date.fromisoformat(value) if isinstance(value, str) else value


class Flag(TypeDecorator[bool]):
    """Yes or no."""

    impl = Boolean
    coerce_to_is_types = (type(None), bool)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Integer())
        return dialect.type_descriptor(postgresql.BOOLEAN())

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> Any:
        return int(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


class Json(TypeDecorator[Any]):
    """A document kept whole: JSONB on PostgreSQL, TEXT on SQLite. Never queried into."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(postgresql.JSONB(none_as_null=True))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return orjson.loads(value) if isinstance(value, str) else value


class Bytes(TypeDecorator[bytes]):
    """Bytes kept as they came."""

    impl = LargeBinary
    cache_ok = True


def one_of(column: str, codes: type[StrEnum] | Iterable[str]) -> CheckConstraint:
    """The constraint that `column` holds one of `codes`, named after the column."""
    listed = ", ".join(f"'{code}'" for code in codes)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows for which `where` holds, in the same words on both engines.

    A query finds it only if it says the condition as it is written here.
    """
    chosen = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=chosen, postgresql_where=chosen)
