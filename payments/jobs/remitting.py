"""Proposing remittances: on each working day of an account, in the morning and at its cut-off.

In the morning, since what came yesterday is known by the statement that was read at `run_at`; at
the cut-off, since statements of the same day may have come until then.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Final

from sqlalchemy.orm import Session

from payments import agencies, payouts
from payments.agencies import CollectionAccount
from payments.core import leases
from payments.core.calendar import at, local_day
from payments.core.logs import log
from payments.core.service import Service

BY: Final = "job:remit"

AFTER_RUN: Final = timedelta(hours=1)
"""So long after the hour at which yesterday is run: a day of an account takes minutes."""

_LEASED: Final = timedelta(minutes=15)


def remit(cashless: Service, now: datetime) -> str:
    """Proposes what is due at each moment that has come; one account that fails holds up none."""
    proposed = 0
    for account, moment in cashless.database.read(lambda session: _moments(session, now=now)):
        try:
            proposed += _at_moment(cashless, account, moment, now=now)
        except Exception as error:  # noqa: BLE001  the next round tries again
            log.error("remit.failed", collection_account=account, exc_info=error)
    return f"{proposed} remittances"


def _at_moment(cashless: Service, account: int, moment: datetime, *, now: datetime) -> int:
    """Proposes once for a moment, whoever's clock struck first; how many remittances."""
    holder = leases.this_process()
    name = f"remit:{account}:{moment:%Y-%m-%dT%H:%M}"

    def unit(session: Session) -> int:
        fence = leases.take(session, name, holder=holder, for_=_LEASED, now=now)
        if fence is None:
            return 0
        collecting = session.get_one(CollectionAccount, account)
        made = payouts.propose_remittances(
            session, collecting, by=BY, now=now, vault=cashless.vault
        )
        leases.finish(session, fence, now=now)
        return len(made)

    return cashless.database.write(unit)


def _moments(session: Session, *, now: datetime) -> list[tuple[int, datetime]]:
    """The accounts and moments of today that have come."""
    today = local_day(now)
    return [
        (account.id, moment)
        for account in agencies.accounts(session, on=today)
        for moment in _of_day(session, account, now=now)
        if moment <= now
    ]


def _of_day(session: Session, account: CollectionAccount, *, now: datetime) -> Iterator[datetime]:
    today, calendar = local_day(now), agencies.calendar_of(session, account.id)
    if calendar.works(today):
        yield at(today, time.fromisoformat(account.run_at)) + AFTER_RUN
        yield at(today, calendar.cut_offs.get(today, calendar.cut_off))
