"""Large files wait for their turn: kept at once, read by a loop, their progress to be seen.

Whoever brings one is answered when it is durable. A loop of any host reads it then, leased in the
database, so that one that died is followed by another; it ends imported or refused like every file.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from payments.agencies import CollectionAccount
from payments.core import clock, leases
from payments.core.errors import CashlessError, Conflict, Invalid, NotFound
from payments.core.leases import Fence
from payments.core.logs import log
from payments.core.service import Service
from reconciliation import statements
from reconciliation.jobs.files import import_statement
from reconciliation.statements import Received, StatementFile

LARGE: Final = 2 << 20
"""Bytes from which on a file waits for its turn: about three thousand lines of CAMT.053."""

LEASED: Final = timedelta(seconds=60)
"""How long a file is left to a host that gives no sign of life."""


def put_in_line(
    cashless: Service, received: Received, *, account: CollectionAccount | None, by: str
) -> str:
    """Keeps a large file until its turn comes; its public id."""
    return cashless.database.write(
        lambda session: (
            statements.put_in_line(
                session,
                received,
                collection_account_id=None if account is None else account.id,
                by=by,
                now=clock.now(),
            ).public_id
        )
    )


class Importer:
    """Imports what waits; a file's progress is noted every so many seconds (`told_every`)."""

    def __init__(self, *, told_every: float = 1.0) -> None:
        self._told_every = told_every

    def go_round(self, cashless: Service, _now: datetime) -> bool:
        """Imports the files whose turn it is, one after the other; whether any was."""
        waiting = cashless.database.read(statements.in_line)
        return sum(self._take(cashless, file_id) for file_id in waiting) > 0

    def _take(self, cashless: Service, file_id: int) -> bool:
        """Imports one waiting file, unless another is at it."""
        holder = leases.this_process()
        fence = cashless.database.write(
            lambda session: leases.take(
                session, f"statement_file:{file_id}", holder=holder, for_=LEASED, now=clock.now()
            )
        )
        waiting = cashless.database.read(lambda session: _waiting(session, file_id))
        if fence is None or waiting is None:
            return False
        file, received, account = waiting
        try:
            done = import_statement(
                cashless,
                received,
                account=account,
                by=file.received_by,
                tell=self._reporting(cashless, file, fence),
            )
        except (Invalid, NotFound, Conflict) as error:
            log.warning("statement.refused", file=f"statement_file:{file_id}", reason=error.code)
            _refuse(cashless, file, received, error)
        except Exception as error:  # noqa: BLE001  its lease ends, and it is tried again
            log.error("statement.import_broke", file=f"statement_file:{file_id}", exc_info=error)
            return False
        else:
            if done.again:
                cashless.database.write(lambda session: statements.leave_line(session, file_id))
        return True

    def _reporting(
        self, cashless: Service, file: StatementFile, fence: Fence
    ) -> Callable[[int], None]:
        """Notes now and then how much has been read, and keeps the lease."""
        told = time.monotonic()

        def tell(place: int) -> None:
            nonlocal told
            if time.monotonic() - told < self._told_every:
                return
            told = time.monotonic()
            percent = min(99, 100 * place // max(1, file.size))

            def unit(session: Session) -> None:
                statements.report_progress(session, file.id, percent)
                leases.renew(session, fence, for_=LEASED, now=clock.now())

            cashless.database.write(unit)

        return tell


def _refuse(
    cashless: Service, file: StatementFile, received: Received, error: CashlessError
) -> None:
    """Notes a refusal that came before the file was read; others are noted already."""

    def unit(session: Session) -> None:
        if statements.next_in_line(session, file.id) is not None:
            statements.keep_refusal(session, received, error, by=file.received_by, now=clock.now())

    cashless.database.write(unit)


def _waiting(
    session: Session, file_id: int
) -> tuple[StatementFile, Received, CollectionAccount | None] | None:
    found = statements.next_in_line(session, file_id)
    if found is None:
        return None
    file, received = found
    chosen = file.collection_account_id
    account = None if chosen is None else session.get_one(CollectionAccount, chosen)
    return file, received, account
