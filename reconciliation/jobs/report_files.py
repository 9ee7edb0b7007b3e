"""A report as a file on the disk, whole before anybody is given the first byte of it.

So a report that fails half-way is never taken for a short one, a lost connection can be tried
again, and a million rows take no memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import IO

from sqlalchemy.orm import Session

from payments.core.database import Database

Writer = Callable[[Session, IO[bytes]], None]
"""Writes a report from what the session reads."""


def written(database: Database, write: Writer) -> IO[bytes]:
    """A file without a name, at its beginning; it goes when it is closed."""
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  whoever asked for it closes it

    def unit(session: Session) -> None:
        file.seek(0)
        file.truncate()
        write(session, file)

    try:
        database.read(unit)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file
