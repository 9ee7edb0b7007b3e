"""How long a batch of receipts takes: numbers, papers, signatures, and what memory it needs.

Goals: 10,000 receipts within memory bounds; one PDF in 15 ms, drawn and not yet signed. One is
told in time of the processor, which other work on the machine spoils less.

    python -m bench.bench_receipts [--many 10000] [--engine sqlite|postgresql]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench.world import a_bench_province, a_database, bulk_callbacks, bulk_requests
from payments import inbox, receipts
from payments.core.database import Database
from payments.core.service import Service
from payments.documents import sign_pdf, sign_xml
from payments.jobs.receipting import issue
from payments.receipts import Receipt
from payments.receipts.pdf_paper import receipt_pdf
from payments.receipts.xml_paper import receipt_xml
from tests.builders import NOON, Province
from tests.receipts import a_practice_signer, open_a_pair
from tests.services import a_service

ALONE = 200
"""So many receipts are drawn and signed one by one, to time each step."""


def main() -> None:
    """Print the time of each step for one receipt, then of the whole batch on each engine."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--many", type=int, default=10_000)
    asked.add_argument("--engine", choices=["sqlite", "postgresql"], action="append")
    options = asked.parse_args()
    for engine in options.engine or ["sqlite", "postgresql"]:
        with a_database(engine) as database:
            province = a_bench_province(database)
            made = bulk_requests(database, province, many=options.many)
            bulk_callbacks(database, province, [reference for _, reference in made])
            settle(database, province)
            database.write(open_a_pair)
            before = peak()
            seconds = issued(a_service(database))
            count, unsigned = database.read(counted)
            assert (count, unsigned) == (options.many, 0), (count, unsigned)
            assert not database.read(lambda session: list(receipts.flaws(session)))
            print(
                f"{engine:12} {count} receipts in {seconds:.0f} s, {count / seconds:.0f} a second; "
                f"peak memory {peak()} MiB, before it {before} MiB",
                flush=True,
            )
            for name, milliseconds in alone(database).items():
                print(f"   {name:10} {milliseconds:6.1f} ms", flush=True)


def settle(database: Database, province: Province) -> None:
    """Settles every callback, so that every request is paid."""
    while database.write(
        lambda session: inbox.settle_account(
            session, province.account.id, vault=province.vault, prefix="TTHC", now=NOON
        )
    ):
        pass


def issued(cashless: Service) -> float:
    """Seconds until every receipt is issued."""
    began = time.perf_counter()
    while issue(cashless, NOON):
        pass
    return time.perf_counter() - began


def alone(database: Database) -> dict[str, float]:
    """Milliseconds of the processor of each step for one receipt, the median of warm ones."""
    rows = select(Receipt.content).order_by(Receipt.id).limit(ALONE)
    contents = database.read(lambda session: session.scalars(rows).all())
    signer = database.write(a_practice_signer)
    addresses = [f"https://pay.example.vn/verify/{one['code']}" for one in contents]
    asked = list(zip(contents, addresses, strict=True))
    pdfs = [receipt_pdf(one, verify=at, practice=True) for one, at in asked]
    xmls = [receipt_xml(one, verify=at) for one, at in asked]
    return {
        "draw PDF": median(
            lambda n: receipt_pdf(asked[n][0], verify=f"{asked[n][1]}0", practice=True)
        ),
        "sign PDF": median(lambda n: sign_pdf(pdfs[n], signer, at=NOON)),
        "write XML": median(lambda n: receipt_xml(asked[n][0], verify=asked[n][1])),
        "sign XML": median(lambda n: sign_xml(xmls[n], signer, at=NOON)),
    }


def median(step: Callable[[int], object]) -> float:
    """Milliseconds of the processor of a step, one receipt after another."""
    times = []
    for number in range(ALONE):
        began = time.process_time()
        step(number)
        times.append(time.process_time() - began)
    return 1000 * statistics.median(times)


def counted(session: Session) -> tuple[int, int]:
    """How many receipts there are, and how many of them have no papers."""
    count = session.scalar(select(func.count()).select_from(Receipt)) or 0
    return count, receipts.waiting(session)[0]


def peak() -> int:
    """The most memory this process ever held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
