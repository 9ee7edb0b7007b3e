"""How soon a payer sees "paid" while callbacks come steadily and everything runs.

The web, the scheduler (settle loop, deliveries to a portal on this machine, expiry) and the
database with fsync on; 300 callbacks a second, each of another request of one account. Timed from
the answer to a callback, when it is durable, to `paid` at the page's state address, which is asked
every 50 ms for one request in thirty. Goal: half within 0.3 s, 99 of 100 within 1 s.

    python -m bench.bench_steady [--engine postgresql] [--rate 300] [--seconds 25]
"""

from __future__ import annotations

import argparse
import json
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import delete, func, select, text

from bench import serving
from bench.bench_settle import settle_everything
from bench.callers import Line, sign
from bench.world import EARLIER, a_database, bulk_callbacks, bulk_requests, callback_body
from cashless.processes import Member, together
from payments import portals
from payments.connections import Connection
from payments.core.database import Database
from payments.inbox import Callback
from payments.outbox import Delivery
from payments.payment_requests import PaymentRequest
from tests.builders import BY, Province, a_province

SENDERS = 64
WATCHERS = 24
ONE_IN = 30
ASKED_EVERY = 0.05
GIVEN_UP = 30.0
WARM = 4
"""Seconds at the same rate before anything is counted."""

LIVED = 5_000
"""Payments of before the run."""

GOALS = {"p50": 0.3, "p99": 1.0}


@dataclass
class Run:
    """One run: who pays what, and how long everything took."""

    province: Province
    path: str
    rate: int
    requests: Sequence[tuple[str, str]]
    """(reference, token) of each request to be paid, in order."""

    counted_from: float = 0.0
    ended: float = 0.0
    late: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    watched: queue.SimpleQueue[tuple[str, float, bool] | None] = field(
        default_factory=queue.SimpleQueue
    )


def main() -> None:
    """Print how soon payments are seen, on each engine."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--engine", choices=["sqlite", "postgresql"], action="append")
    asked.add_argument("--rate", type=int, default=300)
    asked.add_argument("--seconds", type=int, default=25)
    options = asked.parse_args()
    for engine in options.engine or ["postgresql", "sqlite"]:
        with a_database(engine) as database, tempfile.TemporaryDirectory() as folder:
            measure(database, Path(folder), rate=options.rate, seconds=options.seconds)


def measure(database: Database, folder: Path, *, rate: int, seconds: int) -> None:
    """One engine: start everything, pay, and tell."""
    port, portal = serving.free_port(), serving.free_port()
    run = a_run(database, portal, rate=rate, many=rate * (seconds + WARM))
    members = [
        Member("portal", [sys.executable, "-m", "bench.receiver", str(portal)], {},
               f"http://127.0.0.1:{portal}/"),
        serving.web(database, folder, port=port, workers=1 if database.is_sqlite else 2),
        serving.scheduler(database, folder, port=port),
    ]  # fmt: skip
    with together(members) as company:
        pids = {one.name: company.pid(one.name) for one in members}
        pids["PostgreSQL"] = serving.postmaster(database)
        time.sleep(2)  # the scheduler has nothing to be ready by
        before = {who: serving.processor_seconds([pid]) for who, pid in pids.items()}
        began, ours = time.perf_counter(), time.process_time()
        pay(run, port)
        lasted, ours = time.perf_counter() - began, time.process_time() - ours
        spent = {who: serving.processor_seconds([pid]) - before[who] for who, pid in pids.items()}
        spent["this bench"] = ours
        tell(database, run)
        told = "   ".join(f"{who} {used / lasted:.0%}" for who, used in spent.items() if used)
        print(f"             of one processor: {told}")
        tell_deliveries(database)


def a_run(database: Database, portal: int, *, rate: int, many: int) -> Run:
    """An account with open requests and a portal that is told."""
    now = datetime.now(UTC)

    def unit(session):
        province = a_province(session)
        portals.set_endpoint(
            session,
            province.portal.id,
            url=f"http://127.0.0.1:{portal}/webhooks",
            allowed_hosts={"127.0.0.1"},
            vault=province.vault,
            by=BY,
            now=now,
        )
        connection = session.get_one(Connection, province.intakes["sandbox"].connection_id)
        return province, f"/callbacks/sandbox/{connection.public_id}"

    province, path = database.write(unit)
    have_lived(database, province)
    bulk_requests(database, province, many=many, issued_at=now)
    found = (
        select(PaymentRequest.reference, PaymentRequest.token)
        .where(PaymentRequest.status == "open")
        .order_by(PaymentRequest.token)
    )
    requests = database.read(lambda session: [tuple(row) for row in session.execute(found)])
    return Run(province, path, rate, requests)


def have_lived(database: Database, province: Province) -> None:
    """Some payments of before, and the planner's statistics of them: nobody's first minute."""
    requests = bulk_requests(database, province, many=LIVED)
    memos = [reference for _, reference in requests]
    bulk_callbacks(database, province, memos, at=EARLIER)
    settle_everything(database, province)
    database.write(lambda session: session.execute(delete(Delivery)))
    database.write(lambda session: session.execute(text("ANALYZE")))


def pay(run: Run, port: int) -> None:
    """Every callback at its time, whatever became of those before; watched until all are seen."""
    watchers = [threading.Thread(target=watch, args=(run, port)) for _ in range(WATCHERS)]
    began = time.perf_counter() + 0.2
    senders = [
        threading.Thread(target=send, args=(run, port, who, began)) for who in range(SENDERS)
    ]
    for thread in [*watchers, *senders]:
        thread.start()
    run.counted_from = began + WARM
    for thread in senders:
        thread.join()
    run.ended = time.perf_counter()
    for _ in watchers:
        run.watched.put(None)
    for thread in watchers:
        thread.join()


def send(run: Run, port: int, who: int, began: float) -> None:
    """Brings every 64th callback at its time."""
    line = Line(port)
    warm = WARM * run.rate
    for number in range(who, len(run.requests), SENDERS):
        reference, token = run.requests[number]
        at = datetime.now(UTC)
        due = began + number / run.rate
        time.sleep(max(0.0, due - time.perf_counter()))
        body = callback_body(run.province, reference, number=LIVED + number, at=at)
        sent = time.perf_counter()
        answer = line.post(run.path, sign(body))
        if answer.status != 200:
            raise SystemExit(f"a callback was answered {answer.status}")
        durable = time.perf_counter()
        if number >= warm:
            run.late.append(sent - due)
            run.answered.append(durable - sent)
        if number % ONE_IN == 0:
            run.watched.put((token, durable, number >= warm))


def watch(run: Run, port: int) -> None:
    """Asks for the state of one request after another, each until it is paid."""
    line = Line(port)
    while (one := run.watched.get()) is not None:
        token, durable, counts = one
        answer = line.get(f"/p/{token}/state")
        while answer.status == 304 or json.loads(answer.body)["state"] != "paid":
            if time.perf_counter() - durable > GIVEN_UP:
                raise SystemExit(f"not paid after {GIVEN_UP} s")
            time.sleep(ASKED_EVERY)
            answer = line.get(f"/p/{token}/state", tag=answer.tag)  # as the page's script asks
        if counts:
            run.seen.append(time.perf_counter() - durable)


def tell(database: Database, run: Run) -> None:
    """Print the figures of one engine."""
    engine = "sqlite" if database.is_sqlite else "postgresql"
    told = []
    for name, part in (("p50", 0.5), ("p99", 0.99)):
        value = at_part(run.seen, part)
        told.append(f"{name} {value:.2f} s (goal {GOALS[name]}: "
                    f"{'met' if value <= GOALS[name] else 'MISSED'})")  # fmt: skip
    print(f"{engine:12} durable to `paid` seen: {', '.join(told)}, "
          f"longest {max(run.seen):.2f} s, of {len(run.seen)} watched")  # fmt: skip
    p50, p99 = (1000 * at_part(run.answered, part) for part in (0.5, 0.99))
    lasted = run.ended - run.counted_from
    print(
        f"             {len(run.answered) / lasted:.0f} callbacks/s (asked: {run.rate}), answered "
        f"within p50 {p50:.0f} ms, p99 {p99:.0f} ms; sent late by p99 "
        f"{1000 * at_part(run.late, 0.99):.0f} ms",
        flush=True,
    )


def tell_deliveries(database: Database) -> None:
    """Print how many callbacks and webhooks were done when the last payment was seen."""
    states = select(Callback.state, func.count()).group_by(Callback.state)
    kept = dict(database.read(lambda session: [tuple(row) for row in session.execute(states)]))
    states = select(Delivery.state, func.count()).group_by(Delivery.state)
    owed = dict(database.read(lambda session: [tuple(row) for row in session.execute(states)]))
    print(f"             callbacks {kept}; webhooks {owed}", flush=True)


def at_part(values: Sequence[float], part: float) -> float:
    """The value that this part of all does not exceed."""
    if not values:
        raise SystemExit("nothing was seen: see what the callbacks came to")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


if __name__ == "__main__":
    main()
