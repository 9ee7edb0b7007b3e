"""Callbacks: who is told of movements, and every attempt to tell them.

`Courier` sends from threads of its own, so that whoever pays never waits. An answer other than 2xx
is tried again: eight attempts on SePay's ladder (1, 1, 2, 3, 5, 8, 13 minutes), made shorter by a
factor. A message is signed anew at each attempt.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import urllib3

from sandbox.accounts import Movement
from sandbox.clock import Clock
from sandbox.protocols import PROTOCOLS, Message
from sandbox.refusals import Unknown

LADDER_SECONDS: Final = (60, 60, 120, 180, 300, 480, 780)
"""SePay's waits between its eight attempts."""

THREADS: Final = 8
STALE_BY: Final = timedelta(hours=1)
_TIMEOUT: Final = urllib3.Timeout(connect=2.0, read=10.0)
_FORGED: Final = "a secret that nobody was given"


class UnknownSubscription(Unknown):
    """A subscription this bank does not have."""

    code = "unknown_subscription"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Somebody to be told: of which accounts, in which protocol, where, with which secret."""

    id: int
    accounts: frozenset[str]
    protocol: str
    url: str
    secret: str = field(repr=False)


class Timing(StrEnum):
    """When a callback is sent."""

    NOW = "now"
    LOST = "lost"
    LATE = "late"  # held until released, or for so many seconds
    AFTER_NEXT = "after_next"  # held until the next payment's callback has been sent


class Proof(StrEnum):
    """Whether a callback proves who sends it."""

    GOOD = "good"
    STALE = "stale"
    FORGED = "forged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a movement is told."""

    timing: Timing = Timing.NOW
    late_seconds: int | None = None
    copies: int = 1
    proof: Proof = Proof.GOOD


class State(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"  # for its first or its next attempt
    HELD = "held"
    LOST = "lost"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending: the HTTP status, or why there is none."""

    at: datetime
    status: int | None
    error: str | None
    milliseconds: int


@dataclass(slots=True, eq=False)
class Delivery:
    """One message to one subscriber; `ticket` names its one valid place in the queue."""

    id: int
    movement: Movement
    subscription: Subscription
    proof: Proof
    state: State = State.WAITING
    ticket: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    followers: list[Delivery] = field(default_factory=list)
    """Deliveries that wait until this one has been tried once."""


class Courier:
    """Keeps subscriptions and deliveries, and sends what is due; safe under threads."""

    def __init__(self, *, clock: Clock, retry_factor: float) -> None:
        self._clock = clock
        self._waits = tuple(seconds * retry_factor for seconds in LADDER_SECONDS)
        self._changed = threading.Condition()
        self._subscriptions: dict[int, Subscription] = {}
        self._deliveries: list[Delivery] = []
        self._by_movement: defaultdict[int, list[Delivery]] = defaultdict(list)
        self._queue: list[tuple[float, int, Delivery]] = []
        self._for_the_next: defaultdict[int, list[Delivery]] = defaultdict(list)
        self._numbers = itertools.count(1)
        self._tickets = itertools.count(1)
        self._counts: Counter[State] = Counter()
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._http = urllib3.PoolManager(num_pools=16, maxsize=THREADS, retries=False)

    def subscribe(
        self, accounts: Iterable[str], *, protocol: str, url: str, secret: str
    ) -> Subscription:
        """Tells `url` of these accounts' movements from now on."""
        with self._changed:
            subscription = Subscription(
                id=next(self._numbers),
                accounts=frozenset(accounts),
                protocol=protocol,
                url=url,
                secret=secret,
            )
            self._subscriptions[subscription.id] = subscription
            return subscription

    def unsubscribe(self, subscription_id: int) -> None:
        """Tells it no more; what is under way still is. Raises `UnknownSubscription`."""
        with self._changed:
            if self._subscriptions.pop(subscription_id, None) is None:
                raise UnknownSubscription(number=str(subscription_id))

    def subscriptions(self, *, account: str | None = None) -> list[Subscription]:
        """All subscriptions, or those that cover one account."""
        with self._changed:
            everyone = list(self._subscriptions.values())
        return [one for one in everyone if account is None or account in one.accounts]

    def tell(self, movement: Movement, manner: Manner) -> None:
        """Takes a movement to be told to every subscriber whose protocol tells such things."""
        for subscription in self.subscriptions(account=movement.account.number):
            if movement.credit or PROTOCOLS[subscription.protocol].tells_debits:
                self._prepare(movement, subscription, manner)
        self._start()

    def release(self, *, movement_id: int | None = None) -> int:
        """Sends what is held, of one movement or of all; returns how many messages that is."""
        with self._changed:
            among = (
                self._deliveries if movement_id is None else self._by_movement.get(movement_id, [])
            )
            held = _held(among)
            self._enqueue_all(held, after=0.0)
            return len(held)

    def deliveries(self, *, movement_id: int | None = None) -> list[Delivery]:
        """Every delivery, or those of one movement, oldest first."""
        with self._changed:
            if movement_id is None:
                return list(self._deliveries)
            return list(self._by_movement.get(movement_id, ()))

    def counts(self) -> dict[str, int]:
        """How many deliveries stand in each state."""
        with self._changed:
            return {state.value: self._counts[state] for state in State}

    def close(self) -> None:
        """Stops sending and waits for the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._http.clear()

    def _prepare(self, movement: Movement, subscription: Subscription, manner: Manner) -> None:
        with self._changed:
            copies = [
                Delivery(next(self._numbers), movement, subscription, manner.proof)
                for _ in range(manner.copies)
            ]
            self._deliveries += copies
            self._by_movement[movement.id] += copies
            self._counts[State.WAITING] += len(copies)
            self._place(copies, manner)

    def _place(self, copies: list[Delivery], manner: Manner) -> None:
        """Puts new deliveries where their timing says."""
        waiting = self._for_the_next[copies[0].subscription.id]
        match manner.timing:
            case Timing.NOW:
                copies[0].followers, waiting[:] = waiting.copy(), []
                self._enqueue_all(copies, after=0.0)
            case Timing.LOST:
                self._move_all(copies, State.LOST)
            case Timing.AFTER_NEXT:
                self._move_all(copies, State.HELD)
                waiting.extend(copies)
            case Timing.LATE:
                if manner.late_seconds is not None:
                    self._enqueue_all(copies, after=float(manner.late_seconds))
                self._move_all(copies, State.HELD)

    def _move_all(self, deliveries: Iterable[Delivery], state: State) -> None:
        for delivery in deliveries:
            self._move(delivery, state)

    def _enqueue_all(self, deliveries: Iterable[Delivery], *, after: float) -> None:
        for delivery in deliveries:
            self._enqueue(delivery, after=after)

    def _move(self, delivery: Delivery, state: State) -> None:
        self._counts[delivery.state] -= 1
        self._counts[state] += 1
        delivery.state = state

    def _enqueue(self, delivery: Delivery, *, after: float) -> None:
        self._move(delivery, State.WAITING)
        delivery.ticket = next(self._tickets)
        heapq.heappush(self._queue, (time.monotonic() + after, delivery.ticket, delivery))
        self._changed.notify()

    def _start(self) -> None:
        """Starts the threads at the first message, in the process that has one to send."""
        with self._changed:
            if self._threads or self._closed:
                return
            self._threads = [
                threading.Thread(target=self._work, name=f"courier-{number}", daemon=True)
                for number in range(THREADS)
            ]
            for thread in self._threads:
                thread.start()

    def _work(self) -> None:
        while (delivery := self._next_due()) is not None:
            self._record(delivery, self._attempt(delivery))

    def _next_due(self) -> Delivery | None:
        """Waits for a delivery whose time has come; None when the courier closes."""
        with self._changed:
            while not self._closed:
                if not self._queue:
                    self._changed.wait()
                    continue
                due, ticket, delivery = self._queue[0]
                if (wait := due - time.monotonic()) > 0:
                    self._changed.wait(wait)
                    continue
                heapq.heappop(self._queue)
                if ticket == delivery.ticket:
                    return delivery
            return None

    def _attempt(self, delivery: Delivery) -> Attempt:
        message = self._message(delivery)
        started = time.monotonic()
        status, error = None, None
        try:
            status = self._http.request(
                "POST",
                delivery.subscription.url,
                body=message.body,
                headers=message.headers,
                timeout=_TIMEOUT,
                redirect=False,
            ).status
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as failure:
            error = type(failure).__name__
        elapsed = round((time.monotonic() - started) * 1000)
        return Attempt(self._clock.now(), status, error, elapsed)

    def _message(self, delivery: Delivery) -> Message:
        subscription = delivery.subscription
        protocol = PROTOCOLS[subscription.protocol]
        now, secret = self._clock.now(), subscription.secret
        if delivery.proof is Proof.STALE:
            now -= STALE_BY
        elif delivery.proof is Proof.FORGED:
            secret = _FORGED
        return protocol.seal(protocol.content(delivery.movement), secret, now)

    def _record(self, delivery: Delivery, attempt: Attempt) -> None:
        with self._changed:
            delivery.attempts.append(attempt)
            tried = len(delivery.attempts)
            if attempt.status is not None and 200 <= attempt.status < 300:
                self._move(delivery, State.DELIVERED)
            elif tried <= len(self._waits):
                self._enqueue(delivery, after=self._waits[tried - 1])
            else:
                self._move(delivery, State.FAILED)
            followers, delivery.followers = delivery.followers, []
            self._enqueue_all(_held(followers), after=0.0)


def _held(deliveries: Iterable[Delivery]) -> list[Delivery]:
    return [delivery for delivery in deliveries if delivery.state is State.HELD]
