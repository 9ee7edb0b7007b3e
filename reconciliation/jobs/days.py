"""Running days: unit by unit, by the scheduler, the command and the console alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Final

from sqlalchemy.orm import Session

from payments import agencies, payment_requests
from payments.core import clock, leases
from payments.core.database import Database
from payments.core.leases import Fence
from payments.core.logs import log
from payments.core.service import Service
from reconciliation import breaks, day_close
from reconciliation.day_close import AccountDay, Progress, RunUnderWay, Step

BY: Final = "job:reconcile"

CHUNK_SQLITE: Final = 2_000
CHUNK_POSTGRESQL: Final = 5_000
"""Lines of one unit: SQLite has one writer, which nobody should wait long for."""


def run_day(
    database: Database,
    collection_account_id: int,
    day: date,
    *,
    by: str = BY,
    tell: Callable[[Progress], None] | None = None,
) -> AccountDay:
    """Runs a day to its verdict, unit by unit; `tell` hears of each.

    Raises `RunUnderWay` while another runs it, `RunTakenOver` when another took over.
    """
    holder = leases.this_process()
    fence = database.write(
        lambda session: day_close.begin(
            session, collection_account_id, day, holder=holder, now=clock.now()
        )
    )
    try:
        progress = Progress()
        while progress.step is not Step.DONE:
            unit = _unit(database, collection_account_id, day, fence, progress, by=by)
            progress = database.write(unit)
            if tell is not None:
                tell(progress)
    except Exception:
        database.write(lambda session: leases.release(session, fence, now=clock.now()))
        raise
    while database.write(lambda session: _announce(session, collection_account_id)):
        pass
    return database.read(lambda session: day_close.of(session, collection_account_id, day))


def _announce(session: Session, collection_account_id: int) -> int:
    """Tells portals of requests whose every credit now stands on a statement; how many."""
    agencies.lock(session, collection_account_id)
    return payment_requests.announce_reconciled(session, collection_account_id, now=clock.now())


def run_due(cashless: Service, now: datetime) -> str:
    """Runs every day that is due, in order; one that fails does not hold up the others."""
    database = cashless.database
    waiting = database.read(lambda session: day_close.due(session, now=now))
    run = 0
    for one in waiting:
        try:
            row = run_day(database, one.collection_account_id, one.day)
        except RunUnderWay:
            continue
        except Exception as error:  # noqa: BLE001  the next minute tries again
            log.error("day.failed", day=one.day, exc_info=error)
            continue
        run += 1
        account = f"collection_account:{one.collection_account_id}"
        log.info("day.run", subject=account, day=one.day, verdict=row.verdict)
        if breaks.Kind.STATEMENT_MISSING in row.figures["reasons"]:
            log.warning("statement.missing", subject=account, day=one.day)
    return f"{run} of {len(waiting)} days"


def _unit(
    database: Database,
    collection_account_id: int,
    day: date,
    fence: Fence,
    progress: Progress,
    *,
    by: str,
) -> Callable[[Session], Progress]:
    most = CHUNK_SQLITE if database.is_sqlite else CHUNK_POSTGRESQL
    return lambda session: day_close.run_chunk(
        session,
        collection_account_id,
        day,
        fence=fence,
        progress=progress,
        actor=by,
        now=clock.now(),
        most=most,
    )
