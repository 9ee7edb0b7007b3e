"""Delivering: the feed's positions, and messages carried to portals by a few threads.

No transaction is open while a message is under way: it is leased, sent, recorded, each a step of
its own. One endpoint gets at most half of the threads, so that a portal which answers slowly, or
not at all, does not hold up the others.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from payments import outbox
from payments.core import clock, leases, metrics
from payments.core.gathering import Gathering
from payments.core.http import Client
from payments.core.logs import log
from payments.core.service import Service
from payments.outbox import Attempt, DeliveryState, Outcome, Parcel

THREADS: Final = 16
SHARE: Final = THREADS // 2
"""So many messages at most are under way to one endpoint at once."""

_PATIENCE: Final = 0.5
"""Seconds to wait for a thread to become free before looking again."""

_SENT: Final = metrics.counter("webhook_attempts", "Webhook attempts.", labels=["outcome"])
_SECONDS: Final = metrics.histogram("webhook_seconds", "Time of an attempt, in seconds.")


def place(cashless: Service, now: datetime) -> bool:
    """Gives committed events their positions in the feed; whether any waited."""
    if not cashless.database.read(outbox.unplaced):
        return False
    holder = leases.this_process()
    placed = cashless.database.write(
        lambda session: outbox.place_events(session, holder=holder, now=now)
    )
    return placed > 0


Record = Gathering[Outcome, DeliveryState]
"""Where threads hand in how their attempts went, written down together."""


def recorded(cashless: Service, outcomes: Sequence[Outcome]) -> Sequence[DeliveryState]:
    """Writes down how attempts went, with one commit."""
    return cashless.database.write(lambda session: outbox.record_all(session, outcomes))


class Courier:
    """Carries what is due; one for a process, whose threads are made when first needed."""

    def __init__(
        self,
        *,
        client: Client | None = None,
        leased: timedelta = outbox.LEASED,
        threads: int = THREADS,
        share: int = SHARE,
    ) -> None:
        self._client = client
        self._leased = leased
        self._threads = threads
        self._share = share
        self._pool: ThreadPoolExecutor | None = None
        self._record: Record | None = None
        self._under_way: Counter[int] = Counter()
        self._change = threading.Condition()

    def go_round(self, cashless: Service, now: datetime) -> bool:
        """Leases what is due and free threads can carry; whether to come back at once."""
        due = cashless.database.read(lambda session: outbox.endpoints_due(session, now=now))
        if not due:
            return False
        room = self._room(due)
        if not room:
            with self._change:
                self._change.wait(_PATIENCE)
            return True
        parcels = cashless.database.write(lambda session: self._lease(session, cashless, room, now))
        for parcel in parcels:
            self._start(cashless, parcel)
        return bool(parcels)

    def wait(self) -> None:
        """Returns when nothing is under way."""
        with self._change:
            self._change.wait_for(lambda: not self._under_way.total())

    def _room(self, due: Sequence[int]) -> dict[int, int]:
        """How many more messages each endpoint may be sent now, the longest waiting first."""
        room: dict[int, int] = {}
        with self._change:
            free = self._threads - self._under_way.total()
            for endpoint in due:
                own = min(free, self._share - self._under_way[endpoint])
                if own > 0:
                    room[endpoint] = own
                    free -= own
        return room

    def _lease(
        self, session: Session, cashless: Service, room: dict[int, int], now: datetime
    ) -> list[Parcel]:
        return [
            parcel
            for endpoint, most in room.items()
            for parcel in outbox.lease(
                session, endpoint, most=most, vault=cashless.vault, now=now, for_=self._leased
            )
        ]

    def _start(self, cashless: Service, parcel: Parcel) -> None:
        with self._change:
            self._under_way[parcel.webhook_endpoint_id] += 1
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="deliver")
            if self._client is None:
                self._client = Client(allowed=cashless.config.webhook_hosts)
            if self._record is None:
                self._record = Gathering(lambda outcomes: recorded(cashless, outcomes))
        self._pool.submit(self._carry, self._client, self._record, parcel)

    def _carry(self, client: Client, record: Record, parcel: Parcel) -> None:
        try:
            outcome = deliver(client, parcel)
            if record.ask(outcome) is DeliveryState.GIVEN_UP:
                status = outcome.attempt.status
                log.warning("webhook.given_up", public_id=parcel.event, status=status)
        except Exception as error:  # noqa: BLE001  the lease ends, and it is due again
            log.error("webhook.not_recorded", exc_info=error)
        finally:
            with self._change:
                self._under_way[parcel.webhook_endpoint_id] -= 1
                self._change.notify_all()


def deliver(client: Client, parcel: Parcel) -> Outcome:
    """Sends one leased message; how it went."""
    at, began = clock.now(), time.perf_counter()
    reply = outbox.send(client, parcel, now=at)
    seconds = time.perf_counter() - began
    attempt = Attempt(
        at=at, status=reply.status, milliseconds=round(seconds * 1000), answer=reply.words
    )
    _SECONDS.observe(seconds)
    _SENT.labels("delivered" if attempt.delivered else "failed").inc()
    jitter = random.uniform(-1, 1)  # noqa: S311  spreads retries, keeps no secret
    return Outcome(parcel, attempt, jitter)
