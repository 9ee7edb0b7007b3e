"""What machines ask us: alive, ready, and how it is going.

`/healthz` answers as long as the process does, so that a restart helps when it does not.
`/readyz` also asks the database and its revision; a balancer sends no one here while it says 503.
It tells whether a scheduler's heart beats, but does not turn callbacks away for that: they are
stored and settled later. `/metrics` is for Prometheus and is kept from the public by the proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from flask import Blueprint, Response, jsonify
from sqlalchemy.orm import Session

from payments.core import clock, leases, metrics, schema
from payments.core.database import Database
from payments.core.errors import CashlessError
from payments.core.logs import log
from payments.core.metrics import Reading

OK: Final = "ok"

Readings = Callable[[Session], Iterable[Reading]]
"""Figures read from the database when the page of measurements is asked for."""


def blueprint(database: Database, readings: Sequence[Readings]) -> Blueprint:
    """`/healthz`, `/readyz` and `/metrics`. `readings` may still grow after this call."""
    ops = Blueprint("ops", __name__)

    @ops.get("/healthz")
    def healthz() -> Response:
        return jsonify(status=OK)

    @ops.get("/readyz")
    def readyz() -> tuple[Response, int]:
        found = _checks(database)
        ready = all(answer == OK for name, answer in found.items() if name != "scheduler")
        return jsonify(status=OK if ready else "not_ready", checks=found), 200 if ready else 503

    @ops.get("/metrics")
    def page() -> Response:
        figures = database.read(lambda session: [one for read in readings for one in read(session)])
        return Response(metrics.exposition(figures), content_type=metrics.CONTENT_TYPE)

    return ops


def heart(session: Session) -> Iterable[Reading]:
    """Whether some scheduler's heart beats, as a reading of 0 or 1."""
    beating = leases.is_alive(session, leases.HEART, now=clock.now())
    return [Reading("scheduler_alive", "Whether a scheduler's heart beats.", float(beating))]


def _checks(database: Database) -> dict[str, str]:
    """What each thing we lean on answered; only `ok` is good."""
    try:
        schema.check(database)
        now = clock.now()
        beating = database.read(lambda session: leases.is_alive(session, leases.HEART, now=now))
    except CashlessError as error:
        return {"database": error.code}
    except Exception as error:  # noqa: BLE001  whatever it is, we are not ready
        log.error("ready.failed", exc_info=error)
        return {"database": "failed"}
    return {"database": OK, "scheduler": OK if beating else "no_heartbeat"}
