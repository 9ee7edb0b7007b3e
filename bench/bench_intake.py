"""How many callbacks a second are taken in over HTTP, beside the same server's empty answer.

gunicorn as production runs it (two workers of eight threads) and PostgreSQL with fsync on, on
this machine, with the load made here too. Every callback is signed and is of another request. The
floor is an empty 204 through the same kit in the same run; beside it the naive way, where a
callback is settled inside the request. Rounds alternate, so that noise falls on all three. Goal:
at least 0.3 of the floor.

    python -m bench.bench_intake [--rounds 3] [--seconds 5]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select, text

from bench import serving
from bench.callers import Load, Signed, press, sign
from bench.under_load import EMPTY, NAIVE
from bench.world import a_database, bulk_requests, callback_body
from cashless.processes import together
from payments import connections, inbox
from payments.connections import Connection, Intake
from payments.core.database import Database
from payments.inbox import Callback, Letter
from payments.sources import SOURCES
from tests.builders import Province, a_province

GOAL = 0.3
FASTEST = 3_000
"""Callbacks a second that are signed ahead: more than can be sent."""
FASTEST_NAIVE = 1_500


@dataclass
class Bank:
    """A practice bank with an account of ours, and requests of which none was paid yet."""

    database: Database
    province: Province
    public_id: str
    memos: Iterator[str]
    sent: Iterator[int] = field(default_factory=lambda: iter(range(10_000_000)))

    def letters(self, many: int) -> list[Signed]:
        """So many callbacks, signed now, each of another request."""
        now = datetime.now(UTC)
        return [
            sign(
                callback_body(self.province, next(self.memos), number=next(self.sent), at=now),
            )
            for _ in range(many)
        ]


@dataclass(frozen=True)
class Round:
    """One load with the processor time it took, in seconds, by whom."""

    load: Load
    spent: dict[str, float]


def main() -> None:
    """Print the rates of each round, their ratios, and where the time goes."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=int, default=5)
    options = asked.parse_args()
    with a_database("postgresql") as database, tempfile.TemporaryDirectory() as name:
        signed = options.rounds * options.seconds
        bank = a_bank(database, "0011001234567", many=FASTEST * (signed + 3))
        naive = a_bank(database, "0011007654321", many=FASTEST_NAIVE * (signed + 3))
        folder, port = Path(name), serving.free_port()
        with together([serving.web(database, folder, port=port, workers=2)]) as company:
            bench = Bench(database, folder, port, company.pid("web"))
            bench.round(bank, naive, seconds=2)  # warm up
            rounds = [
                bench.round(bank, naive, seconds=options.seconds) for _ in range(options.rounds)
            ]
        tell(rounds)
        tell_steps(database, bank)


def a_bank(database: Database, number: str, *, many: int) -> Bank:
    """An account with so many open requests, and the bank that reports on it."""
    province = database.write(lambda session: a_province(session, number=number))
    requests = bulk_requests(database, province, many=many, issued_at=datetime.now(UTC))
    found = select(Connection.public_id).where(
        Connection.id == province.intakes["sandbox"].connection_id
    )
    public_id = database.read(lambda session: session.scalars(found).one())
    return Bank(database, province, public_id, iter([reference for _, reference in requests]))


@dataclass(frozen=True)
class Bench:
    """The server under load."""

    database: Database
    folder: Path
    port: int
    pid: int

    def round(self, bank: Bank, naive: Bank, *, seconds: int) -> dict[str, Round]:
        """The three loads, one after the other; what was answered is looked up in the database."""
        empty = self._measured(lambda: self._press(EMPTY, [], seconds=3))
        letters = bank.letters(FASTEST * seconds)
        kept = self._newest()
        path = f"/callbacks/sandbox/{bank.public_id}"
        taken = self._measured(lambda: self._press(path, letters, seconds=seconds))
        self._check_kept(kept, taken.load)
        letters = naive.letters(FASTEST_NAIVE * seconds)
        path = f"{NAIVE}/sandbox/{naive.public_id}"
        settled = self._measured(lambda: self._press(path, letters, seconds=seconds))
        self._wait_for_the_last()
        print(
            f"   empty {empty.load.a_second:6.0f}/s   callbacks {taken.load.a_second:6.0f}/s "
            f"(p50 {taken.load.median or 0:.0f} ms, p99 {taken.load.p99 or 0:.0f} ms, "
            f"{self._in_one_commit(kept):.1f} in a commit)   "
            f"naive {settled.load.a_second:5.0f}/s",
            flush=True,
        )
        return {"empty": empty, "callbacks": taken, "naive": settled}

    def _press(self, path: str, letters: list[Signed], *, seconds: int) -> Load:
        return press(self.port, path, seconds=seconds, folder=self.folder, bodies=letters)

    def _measured(self, work: Callable[[], Load]) -> Round:
        server = serving.postmaster(self.database)

        def spent() -> dict[str, float]:
            ours = resource.getrusage(resource.RUSAGE_CHILDREN)
            return {
                "web": serving.processor_seconds([self.pid]),
                "PostgreSQL": serving.processor_seconds([server]),
                "the load": ours.ru_utime + ours.ru_stime,
            }

        before = spent()
        load = work()
        return Round(load, {name: value - before[name] for name, value in spent().items()})

    def _newest(self) -> int:
        newest = select(func.coalesce(func.max(Callback.id), 0))
        return self.database.read(lambda session: session.scalar(newest)) or 0

    def _check_kept(self, before: int, load: Load) -> None:
        count = select(func.count()).where(Callback.id > before)
        kept = self.database.read(lambda session: session.scalar(count)) or 0
        if kept < load.answers:
            raise SystemExit(f"{load.answers} answered, only {kept} kept")

    def _wait_for_the_last(self) -> None:
        """Returns when nothing more is stored: requests under way when the load ended."""
        newest = -1
        while newest != self._newest():
            newest = self._newest()
            time.sleep(1)

    def _in_one_commit(self, before: int) -> float:
        """Callbacks stored by one transaction, on average."""
        asked = text(
            "SELECT count(*) * 1.0 / count(DISTINCT CAST(xmin AS text))"
            " FROM callback WHERE id > :before AND state = 'waiting'"
        )
        found = self.database.read(lambda session: session.scalar(asked, {"before": before}))
        return float(found or 0)


def tell(rounds: list[dict[str, Round]]) -> None:
    """Print the medians, and who the processor's time went to."""
    for name in ("callbacks", "naive"):
        rate = statistics.median(one[name].load.a_second for one in rounds)
        ratio = statistics.median(
            one[name].load.a_second / one["empty"].load.a_second for one in rounds
        )
        aim = (
            f"goal >= {GOAL} {'met' if ratio >= GOAL else 'MISSED'}" if name == "callbacks" else ""
        )
        print(f"{name:12}{rate:8.0f}/s   {ratio:.3f} of the empty answer   {aim}")
    print("processor time of one answer, ms (two processors):")
    for name in ("empty", "callbacks", "naive"):
        answers = sum(one[name].load.answers for one in rounds)
        seconds = sum(one[name].load.seconds for one in rounds)
        spent = {who: sum(one[name].spent[who] for one in rounds) for who in rounds[0][name].spent}
        told = "   ".join(f"{who} {1000 * value / answers:.2f}" for who, value in spent.items())
        idle = 1 - sum(spent.values()) / (seconds * (os.cpu_count() or 1))
        print(f"   {name:10} {told}   neither {idle:.0%}", flush=True)


def tell_steps(database: Database, bank: Bank, *, many: int = 400) -> None:
    """Print what the steps of one callback cost in one process, one after another."""
    intake = database.read(
        lambda session: connections.intake(
            session, bank.public_id, bank.province.vault, now=datetime.now(UTC)
        )
    )
    letters = bank.letters(6 * many)
    source = SOURCES["sandbox"]
    groups = {size: letters[size * many : (size + 1) * many] for size in (1, 4)}
    steps: dict[str, Callable[[], object]] = {
        "signature": lambda: [_verify(intake, one) for one in letters[:many]],
        "reading": lambda: [source.read(one.body, scheme="hmac") for one in letters[:many]],
    }
    for size, some in groups.items():
        steps[f"stored, {size} in a commit"] = lambda size=size, some=some: _store(
            database, intake, some, at_once=size
        )
    print("steps of one callback in one process, ms:")
    for name, work in steps.items():
        began = time.perf_counter()
        work()
        print(f"   {name:24}{1000 * (time.perf_counter() - began) / many:7.3f}")


def _verify(intake: Intake, one: Signed) -> None:
    headers = {"x-sandbox-timestamp": one.stamp, "x-sandbox-signature": one.signature}
    SOURCES["sandbox"].verify(
        one.body, headers, scheme="hmac", secrets=intake.secrets, now=datetime.now(UTC)
    )


def _store(database: Database, intake: Intake, some: list[Signed], *, at_once: int) -> None:
    for start in range(0, len(some), at_once):
        letters = [
            Letter(intake, SOURCES["sandbox"].read(one.body, scheme="hmac"), one.body)
            for one in some[start : start + at_once]
        ]
        database.write(
            lambda session, kept=letters: inbox.keep_all(session, kept, now=datetime.now(UTC))
        )


if __name__ == "__main__":
    main()
