"""However much there is: the queries go by indexes, and a file takes no more memory for it."""

from __future__ import annotations

import base64
import gc
import os
import subprocess
import sys
import time
import tracemalloc
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core.database import Database, Rows
from payments.ledger import Posting
from reconciliation import reports
from reconciliation.reports import (
    Asked,
    Basis,
    FileKind,
    Part,
    ages,
    balances,
    detail,
    ledger_export,
)
from reconciliation.reports.facts import facts
from tests.bank import TODAY
from tests.builders import NOON, a_province
from tests.reconciliation.reports.volume import DAYS, many_credits

MB = 1024 * 1024
LARGE = {
    "credit",
    "evidence",
    "allocation",
    "payment_request",
    "payment_request_line",
    "line_match",
    "match_member",
    "posting",
    "journal_entry",
    "break",
}
"""Tables that grow with every payment."""


MEASURING = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""A small process between us and what is measured, which would else be told as large as we are."""


def asked(account: int, **told: object) -> Asked:
    """A question about every day there is something."""
    usual = {
        "first": TODAY,
        "last": TODAY + timedelta(days=DAYS),
        "accounts": [account],
        "now": NOON,
    }
    return Asked(**{**usual, **told})  # type: ignore[arg-type]


def listed(question: Asked) -> dict[str, Rows]:
    """The queries behind the reports."""
    over = facts(question)
    return {
        "cut": select(over.c.amount),
        "days": select(detail.dated(question).c.day),
        "detail": detail.page(question, beyond=0),
        "requests": detail.requests_by_status(question),
        "breaks": ages.live_breaks(question),
        "open": ages.open_credits(question),
        "debits": balances.turnover(question, Posting.debit_id, through=TODAY),
        "fees": balances.turnover(
            question, Posting.credit_id, under="liabilities:fees:", since=TODAY, through=TODAY
        ),
    }


@pytest.mark.parametrize("basis", list(Basis))
@pytest.mark.parametrize("portal", [None, 1])
def test_every_query_goes_by_an_index(session: Session, basis: Basis, portal: int | None) -> None:
    """None reads a whole table that grows with every payment."""
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("SQLite tells its plan before it has statistics")
    for name, query in listed(asked(1, basis=basis, portal=portal)).items():
        compiled = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
        scanned = [row[3] for row in plan if row[3].startswith("SCAN")]
        assert [step for step in scanned if step.split()[1] in LARGE] == [], (name, scanned)


def test_the_ledger_is_exported_in_its_own_order(session: Session) -> None:
    """Entry after entry as they stand, without sorting them first."""
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("SQLite tells its plan before it has statistics")
    query = ledger_export.postings(Part([1, 2]))
    compiled = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    steps = [row[3] for row in plan]
    assert any("posting" in step and step.startswith("SEARCH") for step in steps), steps
    assert not [step for step in steps if "TEMP B-TREE FOR ORDER BY" in step], steps


def exported(session: Session, account: int, path: Path) -> tuple[int, int]:
    """Writes every credit as CSV; how many lines it has, and the most memory that took."""
    gc.collect()
    gc.freeze()  # else what earlier tests left behind decides how seldom rubbish is collected
    tracemalloc.start()
    with path.open("wb") as file:
        reports.write(session, reports.by_name("detail"), asked(account), as_=FileKind.CSV, to=file)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gc.unfreeze()
    with path.open("rb") as file:
        return sum(1 for _ in file) - 1, most


def test_four_times_the_credits_take_no_more_memory(session: Session, tmp_path: Path) -> None:
    """From the database to the file, rows go by a batch at a time."""
    few, more = 6_000, 24_000
    account = a_province(session).account.id
    many_credits(session, account, few)
    exported(session, account, tmp_path / "warm.csv")
    lines, least = exported(session, account, tmp_path / "few.csv")
    assert lines == few
    many_credits(session, account, more - few)
    lines, most = exported(session, account, tmp_path / "more.csv")
    assert lines == more
    assert most - least < MB // 4, (least, most)


def peak_of_command(url: str, to: Path, last: date) -> tuple[float, int]:
    """Seconds, and the most memory in MB, that `cashless report detail` takes up to a day."""
    told = ["--format", "csv", "--from", str(TODAY), "--to", str(last), "--output", str(to)]
    environment = {
        **os.environ,
        "CASHLESS_DATABASE_URL": url,
        "CASHLESS_MASTER_KEY": base64.b64encode(b"k" * 32).decode(),
    }
    began = time.perf_counter()
    command = [sys.executable, "-m", "cashless", "report", "detail", *told]
    measured = subprocess.run(
        [sys.executable, "-c", MEASURING, *command],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - began, int(measured.stdout) // 1024


@pytest.mark.slow
@pytest.mark.committed
def test_a_million_credits_take_no_more_memory(
    database: Database,
    database_url: str,
    engine: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The whole process is as large for a million rows as for a fifth of them."""
    account = database.write(lambda session: a_province(session).account.id)
    database.write(lambda session: many_credits(session, account, 1_000_000))
    file = tmp_path / "credits.csv"
    _, least = peak_of_command(database_url, file, TODAY)
    seconds, most = peak_of_command(database_url, file, TODAY + timedelta(days=DAYS))
    with capsys.disabled():
        print(f"\n{engine}: 1,000,000 rows in {seconds:.0f} s, {most} MB; 200,000 in {least} MB")
    with file.open("rb") as written:
        assert sum(1 for _ in written) == 1_000_001
    assert most - least < 20
