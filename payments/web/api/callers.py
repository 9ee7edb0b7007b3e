"""Who calls the API: a portal by its key, what the key is for, and how often it may call.

A key once looked up is known for a second, no longer: one that is revoked must stop working at
once. Calls are counted by each process for itself; what a province's portals need lies far below.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from datetime import datetime, timedelta
from typing import Final

from flask import g, request

from payments import portals
from payments.core.database import Database
from payments.core.remembered import Remembered
from payments.portals import BadKey, Caller
from payments.web.pace import Pace
from payments.web.problems import Unauthenticated

KNOWN_FOR: Final = timedelta(seconds=1)


class Gate:
    """Lets in who shows a live key."""

    def __init__(self, database: Database, pace: Pace) -> None:
        self._database = database
        self._pace = pace
        self._known: Remembered[str, Caller] = Remembered(for_=KNOWN_FOR)

    def enter(self, *, now: datetime) -> None:
        """Notes who calls for the rest of this request. Raises `Unauthenticated`, `TooMany`."""
        shown = request.authorization
        if shown is None or shown.type != "bearer" or not shown.token:
            raise Unauthenticated
        try:
            g.caller = self._caller(shown.token, now=now)
        except BadKey:
            raise Unauthenticated from None
        g.calls_left = 0
        g.calls_left = self._pace.spend(g.caller.key_id, at=time.monotonic())

    def pace_headers(self) -> dict[str, str]:
        """The headers that tell this request's caller its pace; none for one not let in."""
        return self._pace.headers(g.calls_left) if "calls_left" in g else {}

    def _caller(self, key: str, *, now: datetime) -> Caller:
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        known = self._known.get(digest, now=now)
        if known is not None:
            return known
        caller = self._database.read(lambda session: portals.authenticate(session, key, now=now))
        if portals.use_is_due(caller, now=now):
            self._database.write(lambda session: portals.record_use(session, caller, now=now))
            caller = dataclasses.replace(caller, last_used_at=now)
        self._known.put(digest, caller, now=now)
        return caller


def caller() -> Caller:
    """Who makes this request."""
    known: Caller = g.caller
    return known
