"""The payments half of what is done by timetable and in loops.

`JOBS` is joined with the other half's by `cashless scheduler`. Any number of hosts may run all of
it: accounts, deliveries and the feed's positions are each leased or locked in the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Final

from payments.core import idempotency
from payments.core.scheduler import Job, Loop, daily, every
from payments.core.service import Service
from payments.jobs.auditing import read_audit
from payments.jobs.delivering import Courier, place
from payments.jobs.expiring import expire
from payments.jobs.receipting import issue
from payments.jobs.remitting import remit
from payments.jobs.settling import retry, settle


def forget_keys(cashless: Service, now: datetime) -> str:
    """Forgets idempotency keys older than 30 days."""
    gone = cashless.database.write(lambda session: idempotency.forget_old(session, now=now))
    return f"{gone} keys"


JOBS: Final[Sequence[Job | Loop]] = (
    Loop("settle", timedelta(milliseconds=200), settle, pause=timedelta(milliseconds=100)),
    Loop("place_events", timedelta(seconds=1), place),
    Loop("deliver", timedelta(seconds=1), Courier().go_round),
    Loop("issue_receipts", timedelta(seconds=1), issue),
    Job("retry_settling", every(10), retry, once=False),
    Job("expire", every(1), expire, once=False),
    Job("remit", every(5), remit, once=False),
    Job("read_audit", daily(time(0, 40)), read_audit),
    Job("forget_keys", daily(time(3, 10)), forget_keys, once=False),
)
