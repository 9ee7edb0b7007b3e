"""The only place that asks what time it is. Edges call `now()` and pass the instant on.

In sandbox mode the clock may be set off by `CASHLESS_CLOCK_OFFSET_SECONDS`, so that the
demonstration lives a working day at any hour; `set_offset` is called once at start-up.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_offset = timedelta()


def set_offset(seconds: int) -> None:
    """Runs this process's clock `seconds` ahead of the machine's (sandbox mode only)."""
    global _offset
    _offset = timedelta(seconds=seconds)


def offset() -> timedelta:
    """How far this process's clock runs ahead of the machine's."""
    return _offset


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC) + _offset
