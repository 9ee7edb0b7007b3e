"""A process that `kill -9` ends at a moment of its own: before a command it sends, or a commit."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import time_machine
from sqlalchemy import event

from payments.core.database import Database

Life = Callable[[Database], object]

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["reconciliation.jobs", "payments.jobs", "tests.services"])


def lived(life: Life, database: Database, url: str, *, dies_at: int | None, now: datetime) -> int:
    """Lives to the end, here, and tells how many commands and commits that were.

    Or in a process that is killed before that one of them (`killed`), which tells nobody: 0.
    """
    if dies_at is None:
        with counting(database) as sent:
            life(database)
        return sent["all"]
    database.dispose()
    killed(life, url, at=dies_at, now=now)
    return 0


def killed(life: Life, url: str, *, at: int, now: datetime) -> None:
    """Lives in a process of its own, which is killed before the command or commit of that number.

    `life` is called with the database at `url`, the clock going on from `now`. It must be what
    another process can import: a function of a module, or a `partial` of one.
    """
    process = _PROCESSES.Process(target=_live, args=(life, url, at, now))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL, process.exitcode


def _live(life: Life, url: str, at: int, now: datetime) -> None:
    database = Database(url)
    with time_machine.travel(now, tick=True), counting(database, last=at):
        life(database)


@contextmanager
def counting(database: Database, *, last: int = 0) -> Iterator[Counter[str]]:
    """Counts commands and commits under "all"; this process is killed before the `last` of them."""
    sent: Counter[str] = Counter()

    def before(*_: object) -> None:
        sent["all"] += 1
        if sent["all"] == last:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.engine, "before_cursor_execute", before)
    event.listen(database.engine, "commit", before)
    try:
        yield sent
    finally:
        event.remove(database.engine, "before_cursor_execute", before)
        event.remove(database.engine, "commit", before)
