"""The ledger in other programs' hands: they add it up to the đồng that our balances say."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments import ledger
from payments.ledger import JournalEntry, Posting
from reconciliation import reports
from reconciliation.reports import Format, Part
from reconciliation.reports.paths import for_beancount, for_hledger, readable, without_twins
from tests.bank import TODAY, BankLine, a_statement, run, unproved
from tests.builders import NOON, Province, a_payment_request, a_province, paid

HLEDGER = shutil.which("hledger")


@pytest.fixture
def province(session: Session) -> Province:
    """A day with fees, money held and unidentified, and a reversal by the bank."""
    one = a_province(session)
    request, over = a_payment_request(one, le_phi=20_000), a_payment_request(one)
    paid(one, request)
    paid(one, over, amount=70_000, reference="FT1")
    a_statement(
        one,
        BankLine(50_000, request.reference),
        BankLine(70_000, over.reference, reference="FT1"),
        BankLine(9_000, "khong ma"),
    )
    run(one)
    tomorrow = TODAY + timedelta(days=1)
    back = BankLine(-70_000, over.reference, reversal=True, reverses="FT1", day=tomorrow)
    a_statement(one, back, opening=129_000, day=tomorrow)
    run(one, tomorrow, now=NOON + timedelta(days=2))
    assert unproved(one) == []
    return one


def exported(province: Province, form: Format, **told: object) -> str:
    """The ledger of the province's account in a format."""
    part = Part([province.account.id], **told)  # type: ignore[arg-type]
    return "".join(reports.export(province.session, part, form))


def ours(province: Province) -> dict[str, int]:
    """Our balances by readable path, without those that are zero."""
    paths = readable(province.session)
    ids = {row.path: row.id for row in province.session.scalars(select(ledger.LedgerAccount))}
    found = ledger.balances(province.session, province.account.id, on=NOON.date() + timedelta(9))
    return {paths[ids[path]]: int(amount) for path, amount in found.items() if amount}


def test_csv_has_every_posting(province: Province) -> None:
    """Added up by plain Python it is our balances; every amount stands on two accounts."""
    text = exported(province, Format.CSV)
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert len(rows) == province.session.scalar(select(func.count()).select_from(Posting))
    added: Counter[str] = Counter()
    for row in rows:
        added[row["debit"]] += int(row["amount"])
        added[row["credit"]] -= int(row["amount"])
    assert {path: amount for path, amount in added.items() if amount} == ours(province)


def test_a_part_of_the_ledger_is_that_part(province: Province) -> None:
    """By days, both included, and by account."""
    whole = exported(province, Format.CSV).splitlines()
    first = exported(province, Format.CSV, last=TODAY).splitlines()
    rest = exported(province, Format.CSV, first=TODAY + timedelta(days=1)).splitlines()
    assert len(first) > 1 < len(rest)
    assert [*first, *rest[1:]] == whole
    other = "".join(reports.export(province.session, Part([0]), Format.CSV))
    assert other.splitlines() == whole[:1]


@pytest.mark.skipif(HLEDGER is None, reason="apt-get install hledger")
def test_hledger_comes_to_the_same_balances(province: Province) -> None:
    """It reads the journal strictly, finds every entry balanced, and adds it up."""
    assert HLEDGER is not None
    journal = exported(province, Format.HLEDGER)
    told = [HLEDGER, "-f", "-", "--strict"]
    listed = subprocess.run(
        [*told, "balance", "--flat", "--no-total", "-O", "csv"],
        input=journal,
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C.UTF-8", "HOME": "/"},
    )
    rows = list(csv.reader(io.StringIO(listed.stdout)))[1:]
    found = {name: int(amount.removesuffix(" VND").replace(".", "")) for name, amount in rows}
    assert found == ours(province)
    entries = province.session.scalar(select(func.count()).select_from(JournalEntry))
    assert journal.count("decision:") == entries


def test_beancount_comes_to_the_same_balances(province: Province) -> None:
    """It loads the journal without an error and adds it up to the same amounts."""
    loader = pytest.importorskip("beancount.loader")
    realization = pytest.importorskip("beancount.core.realization")
    entries, errors, _ = loader.load_string(exported(province, Format.BEANCOUNT))
    assert errors == []
    paths = {one.account: one.meta["path"] for one in entries if hasattr(one, "booking")}
    found = {}
    for account in realization.iter_children(realization.realize(entries)):
        for position in account.balance:
            assert position.units.currency == "VND"
            found[paths[account.account]] = int(position.units.number)
    assert found == ours(province)


def test_the_journals_are_alike_in_every_entry(province: Province) -> None:
    """Each has as many entries as the ledger, in the same order."""
    decisions = province.session.scalars(
        select(JournalEntry.decision).order_by(JournalEntry.id)
    ).all()
    beancount = exported(province, Format.BEANCOUNT)
    told = [line.split('"')[3] for line in beancount.splitlines() if ' * "' in line]
    assert told == list(decisions)


@pytest.mark.parametrize(
    ("path", "hledger", "beancount"),
    [
        (
            "liabilities:fees:970436-001:H09.d1:le_phi:2716",
            "liabilities:fees:970436-001:H09.d1:le_phi:2716",
            "Liabilities:Fees:970436-001:H09-d1:Le-phi:2716",
        ),
        ("assets:bank:a  b;c", "assets:bank:a--b-c", "Assets:Bank:A--b-c"),
        ("assets:bank:Đỏ", "assets:bank:Đỏ", "Assets:Bank:X--"),
        ("assets:bank:", "assets:bank:-", "Assets:Bank:X"),
    ],
)
def test_a_name_is_one_that_the_program_takes(path: str, hledger: str, beancount: str) -> None:
    """No space ends it, no sign begins a comment, every part begins as it must."""
    assert (for_hledger(path), for_beancount(path)) == (hledger, beancount)


def test_two_accounts_never_become_one() -> None:
    """Where names fall together they are told apart by a number, which is not taken either."""
    assert without_twins(["a", "b", "a", "a-2", "a"]) == ["a", "b", "a-2", "a-2-2", "a-3"]
