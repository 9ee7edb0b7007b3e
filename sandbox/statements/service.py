"""The bank's statement service: who may fetch which account's statement, and what goes wrong.

A customer's program fetches a day that is over, with a key it was given for the account. On request
the next answers go wrong in the ways such services do.
"""

from __future__ import annotations

import hmac
from collections import defaultdict, deque
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from threading import Lock

from sandbox.clock import bank_day
from sandbox.refusals import Unknown, Unsigned


class BadStatementKey(Unsigned):
    """A call without a key that opens this account's statements."""

    code = "bad_statement_key"


class StatementNotReady(Unknown):
    """The statement of a day that is not over yet."""

    code = "statement_not_ready"


class StatementFault(StrEnum):
    """How one answer of the service goes wrong."""

    UNAVAILABLE = "unavailable"
    NOT_READY = "not_ready"
    SLOW = "slow"
    CUT = "cut"
    GARBLED = "garbled"


STATEMENT_FAULTS: Mapping[str, StatementFault] = {fault.value: fault for fault in StatementFault}


class StatementService:
    """Keys and faults by account number; used by many threads."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._faults: dict[str, deque[StatementFault]] = defaultdict(deque)
        self._lock = Lock()

    def admit(self, number: str, key: str) -> None:
        """Lets whoever knows `key` fetch the account's statements; an older key opens no more."""
        with self._lock:
            self._keys[number] = key

    def spoil(self, number: str, fault: StatementFault, *, times: int) -> None:
        """Makes so many of the next answers about the account go wrong."""
        with self._lock:
            self._faults[number].extend([fault] * times)

    def open(self, number: str, day: date, *, given: str, now: datetime) -> StatementFault | None:
        """How the answer to this call goes wrong, if it does.

        Raises `BadStatementKey`, and `StatementNotReady` for a day that is not over at `now`.
        """
        with self._lock:
            key = self._keys.get(number, "")
            if not key or not hmac.compare_digest(given.encode(), f"Bearer {key}".encode()):
                raise BadStatementKey
            if self._faults[number]:
                return self._faults[number].popleft()
        if day >= bank_day(now):
            raise StatementNotReady(day=day.isoformat())
        return None
