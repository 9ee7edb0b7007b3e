"""A process that dies at a moment of its own: before a command it sends, or before a commit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from payments.core.database import Database


class Killed(BaseException):
    """The process is gone: no `except Exception` hears of it."""


@contextmanager
def dying(database: Database, *, at: int) -> Iterator[Counter[str]]:
    """Dies before the command, or the commit, of that number; counts them."""
    sent: Counter[str] = Counter()

    def before(*_: object) -> None:
        sent["all"] += 1
        if sent["all"] == at:
            raise Killed

    event.listen(database.engine, "before_cursor_execute", before)
    event.listen(database.engine, "commit", before)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", before)
        event.remove(database.engine, "commit", before)
