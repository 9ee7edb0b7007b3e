"""How long a day takes to reconcile, of one account or of many, and how much memory.

100,000 statement lines against 120,000 requests: 96 of 100 lines confirm a settled credit (half
by the bank's reference, half by our code alone), two are missed callbacks, two are neither. Then
the same day with every callback missed. Each run is a process of its own, so that its peak memory
is told; the server's is not. Beside the seconds stands how long processors worked, here and in the
server: what the work costs where others use the machine too. The floor is one join of the same
lines with their references and requests. Goal: ten times the lines cost at most twelve times the
seconds.

With `--accounts` the lines are spread over so many accounts of one database, each with a file of
its own, and only the usual day is lived: 1,000,000 lines in 40 accounts are to take 120 s on SQLite
and 180 s on PostgreSQL at most, and 600 MB.

    python -m bench.bench_reconcile [--many 100000] [--engine postgresql]
    python -m bench.bench_reconcile --many 1000000 --accounts 40
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Row, and_, func, select, text
from sqlalchemy.orm import Session

from bench.bench_settle import settle_everything, watch
from bench.serving import address_of, postmaster, processor_seconds
from bench.world import a_database, bank_memo, bulk_callbacks, bulk_requests
from payments.agencies import CollectionAccount
from payments.core.database import Database
from payments.credits import Credit
from payments.payment_requests import PaymentRequest
from reconciliation import jobs, proof, statements
from reconciliation.day_close import Progress, Step
from reconciliation.matching import LineMatch
from reconciliation.statements import LineReference, Received, StatementLine
from tests.bank import TODAY, BankLine, camt
from tests.builders import NOON, a_province, a_vault

GOAL = 12.0
GOALS = {"sqlite": 120, "postgresql": 180}
"""Seconds for 1,000,000 lines in 40 accounts."""

TOLD, MISSED = 96, 2
"""Of a hundred lines; the rest carry no code of ours."""

NIGHT = NOON + timedelta(hours=13)

T = TypeVar("T")


def main() -> None:
    """Print seconds by step and peak memory, for each engine, size and day."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--many", type=int, default=100_000)
    asked.add_argument("--engine", choices=["sqlite", "postgresql"], action="append")
    asked.add_argument("--steps", action="store_true", help="print the slowest statements")
    asked.add_argument("--accounts", type=int, default=0)
    asked.add_argument("--day", nargs=2, metavar=("URL", "FOLDER"))
    options = asked.parse_args()
    if options.day:
        url, folder = options.day
        live_day(url, Path(folder), steps=options.steps)
        return
    for engine in options.engine or ["sqlite", "postgresql"]:
        if options.accounts:
            took = measure(
                f"{engine}, {options.accounts} accounts",
                engine,
                many=options.many,
                accounts=options.accounts,
                steps=options.steps,
            )
            goal = GOALS[engine] * options.many / 1_000_000
            print(f"{engine}: {took:.0f} s, goal {goal:.0f} s "
                  f"{'met' if took <= goal else 'MISSED'}", flush=True)  # fmt: skip
            continue
        for missed in (False, True):
            name = f"{engine}, {'every callback missed' if missed else 'a usual day'}"
            small = measure(name, engine, many=options.many // 10, missed=missed)
            large = measure(name, engine, many=options.many, missed=missed, steps=options.steps)
            ratio = large / small
            verdict = "met" if ratio <= GOAL else "MISSED"
            print(f"{name}: x10 lines cost x{ratio:.1f}, goal <= x{GOAL:.0f} {verdict}", flush=True)


def measure(
    name: str,
    engine: str,
    *,
    many: int,
    missed: bool = False,
    accounts: int = 1,
    steps: bool = False,
) -> float:
    """Prepares a day and has it reconciled by a process of its own; the seconds that took."""
    with a_database(engine) as database, tempfile.TemporaryDirectory() as folder:
        for which in range(accounts):
            prepare(database, Path(folder), which, many=many // accounts, missed=missed)
        database.write(lambda session: session.execute(text("ANALYZE")))  # not its first day
        database.dispose()
        command = [sys.executable, "-m", "bench.bench_reconcile"]
        command += ["--steps"] if steps else []
        command += ["--day", address_of(database), folder]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    print("".join(f"{line}\n" for line in done.stdout.splitlines()[:-1]), end="")
    check(found, many=many, missed=missed)
    tell(name, found, many=many)
    return float(sum(found["steps"].values()))


def prepare(database: Database, folder: Path, which: int, *, many: int, missed: bool) -> None:
    """An account with requests, the credits that callbacks told of, and the bank's file."""
    number = f"00110012{which:05}"
    province = database.write(lambda session: a_province(session, number=number))
    requests = bulk_requests(database, province, many=many * 12 // 10)
    memos = [reference for _, reference in requests]
    if not missed:
        bulk_callbacks(database, province, memos[: many * TOLD // 100])
        settle_everything(database, province)
    with_code = many * (TOLD + MISSED) // 100
    lines = [
        BankLine(
            50_000,
            bank_memo(memos[number] if number < with_code else "NOP LE PHI", number=number),
            f"FT{number}" if number % 2 else None,
            payer=f"09{number}",
            at=NOON,
        )
        for number in range(many)
    ]
    file = folder / f"{province.account.id}.xml"
    file.write_bytes(camt(province.account.number, lines))


class Watch:
    """Seconds by step."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}

    @contextmanager
    def over(self, step: str) -> Iterator[None]:
        """Adds what the block takes to a step."""
        began = time.perf_counter()
        yield
        self.steps[step] = self.steps.get(step, 0.0) + time.perf_counter() - began


def live_day(url: str, folder: Path, *, steps: bool) -> None:
    """Reads and imports each account's file, runs its day to the verdict; prints figures as JSON.

    What the accounts' balances are made of is summed up.
    """
    database, clock, floor = Database(url), Watch(), Watch()
    spent = watch(database) if steps else {}
    lines = found = residual = 0
    server = postmaster(database)
    here, there = time.process_time(), processor_seconds([server])
    for file in sorted(folder.glob("*.xml"), key=lambda file: int(file.stem)):
        account_id = int(file.stem)
        lines += store_file(database, file, account_id, clock)
        run_day(database, account_id, clock)
        with floor.over("join"):  # with the statistics that a day leaves
            database.read(lambda session: session.execute(bare_join(account_id)).one())  # noqa: B023  done at once
        bank, transit = database.read(lambda session: explained(session, account_id))  # noqa: B023  done at once
        found += int(bank.explained)
        residual += abs(int(transit.residual))
    for statement, seconds in sorted(spent.items(), key=lambda one: -one[1])[:14]:
        print(f"   {seconds:6.2f} s  {statement[:170]}")
    told = {
        "steps": clock.steps,
        "floor": floor.steps["join"],
        "processor": [time.process_time() - here, processor_seconds([server]) - there],
        "memory": peak_memory(),
        "lines": lines,
        "explained": found,
        "residual": residual,
        "matched": dict(database.read(by_rule)),
        "paid": database.read(paid),
        "findings": dict(database.read(by_finding)),
    }
    print(json.dumps(told))


def store_file(database: Database, file: Path, account_id: int, clock: Watch) -> int:
    """Reads and imports one file; how many lines it has."""
    with clock.over("read"):
        received = Received(file.read_bytes(), file.name)
        read = statements.read(received, vault=a_vault(), prefix="TTHC")

    def store(session: Session) -> None:
        account = session.get_one(CollectionAccount, account_id)
        statements.import_file(session, received, read, account=account, by="bench", now=NIGHT)

    with clock.over("import"):
        database.write(store)
    return len(read[0].lines)


def run_day(database: Database, account_id: int, clock: Watch) -> None:
    """The day's run as the scheduler makes it, unit by unit; each unit's time is its step's."""
    step, began = Step.CONFIRM, time.perf_counter()

    def tell_unit(progress: Progress) -> None:
        nonlocal step, began
        now = time.perf_counter()
        clock.steps[step.value] = clock.steps.get(step.value, 0.0) + now - began
        step, began = progress.step, now

    jobs.run_day(database, account_id, TODAY, by="bench", tell=tell_unit)


def explained(session: Session, account_id: int) -> tuple[proof.Bank, proof.Transit]:
    """What the balances of the day are made of."""
    return proof.bank(session, account_id, TODAY), proof.transit(session, account_id, TODAY)


def bare_join(account_id: int):
    """Lines, their references and the requests of these: a count and a sum, nothing written."""
    line, reference, request = StatementLine, LineReference, PaymentRequest
    return (
        select(func.count(), func.sum(line.amount))
        .join(
            reference,
            and_(
                reference.collection_account_id == line.collection_account_id,
                reference.statement_line_id == line.id,
            ),
        )
        .join(request, request.reference == reference.code)
        .where(line.collection_account_id == account_id, line.day == TODAY)
    )


def by_rule(session: Session) -> list[Row[str, int]]:
    """Matches by rule."""
    return list(session.execute(select(LineMatch.rule, func.count()).group_by(LineMatch.rule)))


def by_finding(session: Session) -> list[Row[str, int]]:
    """Credits by finding."""
    return list(session.execute(select(Credit.finding, func.count()).group_by(Credit.finding)))


def paid(session: Session) -> int:
    """Requests that are paid."""
    asked = select(func.count()).where(PaymentRequest.status == "paid")
    return session.scalar(asked) or 0


def peak_memory() -> float:
    """The most memory this process held, in MB; 0 where /proc does not tell."""
    status = Path("/proc/self/status")
    told = status.read_text() if status.exists() else "VmHWM: 0"
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024


def check(found: dict, *, many: int, missed: bool) -> None:
    """A figure counts only where the day came out as it must."""
    told = 0 if missed else many * TOLD // 100
    expected = {
        "lines": many,
        "paid": many * (TOLD + MISSED) // 100,
        "explained": many * 50_000,
        "residual": 0,
    }
    wrong = {name: found[name] for name, value in expected.items() if found[name] != value}
    untold = found["matched"].get("missed_callback", 0)
    if wrong or untold != many - told:
        raise SystemExit(f"the day came out wrong: {wrong or found['matched']}")


def tell(name: str, found: dict, *, many: int) -> None:
    """Print one run."""
    whole = sum(found["steps"].values())
    print(
        f"{name}, {many:,} lines x {many * 12 // 10:,} requests: {whole:.1f} s, "
        f"{many / whole:,.0f} lines/s, peak {found['memory']:.0f} MB, "
        f"x{whole / found['floor']:.0f} of a bare join ({found['floor']:.2f} s)"
    )
    shares = [f"{step} {took:.1f} s ({took / whole:.0%})" for step, took in found["steps"].items()]
    print(f"   {', '.join(shares)}")
    ours, server = found["processor"]
    print(f"   processor: {ours:.1f} s here, {server:.1f} s in the server", flush=True)


if __name__ == "__main__":
    main()
