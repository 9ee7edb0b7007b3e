"""The watched folder: what a bank's SFTP leaves there is imported like any other file.

A file that was taken goes into `imported/`, one that was refused into `refused/` beside a text that
says why. A process that dies between the two imports it again, which changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from payments.core import clock
from payments.core.calendar import VIETNAM
from payments.core.errors import CashlessError
from payments.core.logs import log
from payments.core.service import Service
from payments.core.words import say
from reconciliation.jobs.files import import_statement
from reconciliation.statements import MOST_BYTES, Received, StatementTooLarge

BY: Final = "job:drop_folder"
IMPORTED: Final = "imported"
REFUSED: Final = "refused"

CALM: Final = 10.0
"""Seconds since a file last grew, until which it may still be on its way."""

_UNFINISHED: Final = (".part", ".filepart", ".tmp", ".crdownload")


def take_dropped(cashless: Service, now: datetime) -> str:
    """Imports every file that lies whole in the watched folder, in the order of names."""
    folder = cashless.config.drop_folder
    if folder is None:
        return "no folder is watched"
    machine_now = (now - clock.offset()).timestamp()
    waiting = [path for path in sorted(folder.iterdir()) if _is_whole(path, machine_now)]
    taken = sum(_take(cashless, path, now=now) for path in waiting)
    return f"{taken} of {len(waiting)} files"


def _is_whole(path: Path, machine_now: float) -> bool:
    """Whether it is a file that nobody is still writing; links are left where they lie."""
    named = not path.name.startswith(".") and path.suffix.lower() not in _UNFINISHED
    if not named or path.is_symlink() or not path.is_file():
        return False
    return machine_now - path.stat().st_mtime >= CALM


def _take(cashless: Service, path: Path, *, now: datetime) -> bool:
    """Imports one file and moves it; whether it was taken."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise StatementTooLarge(size=size, most=MOST_BYTES)
        import_statement(cashless, Received(path.read_bytes(), path.name), account=None, by=BY)
    except CashlessError as refused:
        reason = say(f"error.{refused.code}", in_language="vi", **refused.fields)
        moved = _move(path, REFUSED, now=now)
        moved.with_name(f"{moved.name}.txt").write_text(f"{reason}\n", encoding="utf-8")
        # The name may be a payer's or hold an account's number; what it is kept under is enough.
        log.warning("statement.refused", file=moved.name.partition("-")[0], reason=refused.code)
        return False
    except OSError as error:
        log.error("statement.unreadable", reason=type(error).__name__)
        return False
    _move(path, IMPORTED, now=now)
    return True


def _move(path: Path, to: str, *, now: datetime) -> Path:
    """Puts the file away under the time it was taken, so that no other takes its name."""
    folder = path.parent / to
    folder.mkdir(exist_ok=True)
    stamp = f"{now.astimezone(VIETNAM):%Y%m%dT%H%M%S}"
    return path.rename(folder / f"{stamp}-{path.name}")
