"""What SQL says of instants, the same on both engines: seconds between two, the clock on the wall.

Viet Nam has had one time all year, seven hours before UTC, since 1975.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from payments.core.columns import Code, Count


class seconds_between(FunctionElement[int]):  # noqa: N801  a function of SQL
    """Whole seconds from one instant to another."""

    inherit_cache = True
    type = Count()


class wall_clock(FunctionElement[str]):  # noqa: N801  a function of SQL
    """What a clock in Viet Nam shows at an instant: `HH:MM:SS.mmm`."""

    inherit_cache = True
    type = Code()


@compiles(seconds_between, "sqlite")
def _seconds_on_sqlite(element: seconds_between, compiler: Any, **options: Any) -> str:
    since, until = (compiler.process(one, **options) for one in element.clauses)
    return f"(unixepoch({until}) - unixepoch({since}))"


@compiles(seconds_between, "postgresql")
def _seconds_on_postgresql(element: seconds_between, compiler: Any, **options: Any) -> str:
    since, until = (compiler.process(one, **options) for one in element.clauses)
    whole = [f"floor(extract(epoch FROM {one}))" for one in (until, since)]
    return f"CAST({whole[0]} - {whole[1]} AS BIGINT)"


@compiles(wall_clock, "sqlite")
def _clock_on_sqlite(element: wall_clock, compiler: Any, **options: Any) -> str:
    instant = compiler.process(element.clauses, **options)
    return f"strftime('%H:%M:%f', {instant}, '+7 hours')"


@compiles(wall_clock, "postgresql")
def _clock_on_postgresql(element: wall_clock, compiler: Any, **options: Any) -> str:
    instant = compiler.process(element.clauses, **options)
    return f"to_char({instant} AT TIME ZONE 'Asia/Ho_Chi_Minh', 'HH24:MI:SS.MS')"
