"""How fast the settle loop works, in sets: credits a second, on both engines.

Goal: 5,000 a second. The floor is the same rows written bare: credits, entries and postings
inserted by three statements.

    python -m bench.bench_settle [--many 20000] [--engine sqlite|postgresql]
"""

from __future__ import annotations

import argparse
import time

from sqlalchemy import event

from bench.world import a_bench_province, a_database, bulk_callbacks, bulk_requests
from payments import inbox
from payments.core.database import Database
from tests.builders import NOON, Province


def main() -> None:
    """Print credits a second for each engine and set size."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--many", type=int, default=20_000)
    asked.add_argument("--engine", choices=["sqlite", "postgresql"], action="append")
    asked.add_argument("--steps", action="store_true", help="print the slowest statements")
    options = asked.parse_args()
    for engine in options.engine or ["sqlite", "postgresql"]:
        with a_database(engine) as database:
            province = a_bench_province(database)
            requests = bulk_requests(database, province, many=options.many)
            bulk_callbacks(database, province, [reference for _, reference in requests])
            steps = watch(database) if options.steps else {}
            seconds = settle_everything(database, province)
            print(f"{engine:12} {options.many / seconds:8.0f} credits/s  goal 5000", flush=True)
            for statement, spent in sorted(steps.items(), key=lambda one: -one[1])[:16]:
                print(f"   {spent:6.2f} s  {statement[:150]}")


def settle_everything(database: Database, province: Province) -> float:
    """Seconds until nothing waits."""
    began = time.perf_counter()
    while database.write(
        lambda session: inbox.settle_account(
            session, province.account.id, vault=province.vault, prefix="TTHC", now=NOON
        )
    ):
        pass
    return time.perf_counter() - began


def watch(database: Database) -> dict[str, float]:
    """Seconds spent in each statement, by its text, from now on."""
    spent: dict[str, float] = {}
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda connection, *_: connection.info.update(began=time.perf_counter()),
    )

    def after(connection, _cursor, statement, *_):  # type: ignore[no-untyped-def]  # SQLAlchemy's event
        key = " ".join(statement.split())
        spent[key] = spent.get(key, 0) + time.perf_counter() - connection.info["began"]

    event.listen(database.engine, "after_cursor_execute", after)
    return spent


if __name__ == "__main__":
    main()
