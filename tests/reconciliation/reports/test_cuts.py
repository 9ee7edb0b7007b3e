"""The cuts come to the same total, and that is the ledger's."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from payments import agencies, ledger
from payments.agencies import Described, Kind
from payments.ledger import JournalEntry, Posting
from reconciliation import reports
from reconciliation.reports import Asked, Basis, Grain, Takes, Total
from reconciliation.reports.facts import MEASURES
from tests.bank import TODAY, BankLine, a_statement, run, unproved
from tests.builders import (
    NOON,
    SINCE,
    Province,
    a_message,
    a_payment_request,
    a_province,
    paid,
    settle,
)

TOMORROW = TODAY + timedelta(days=1)
CUTS = ("units", "banks", "findings", "summary", "times")
NAMES = [column.name for column in MEASURES]


@pytest.fixture
def province(session: Session) -> Iterator[Province]:
    """Two days with every finding that settlement makes by itself; the ledger proves."""
    one = a_province(session)
    a_busy_day(one)
    assert unproved(one) == []
    yield one
    assert unproved(one) == []


def a_busy_day(province: Province) -> None:
    """Exact, overpaid, short, duplicate, split, unidentified; one payment is of the next day."""
    both = a_payment_request(province, amount=100_000, le_phi=30_000)
    over, part, twice = (a_payment_request(province) for _ in range(3))
    paid(province, both)
    paid(province, over, amount=60_000)
    paid(province, part, amount=20_000)
    paid(province, twice)
    paid(province, twice, at=NOON + timedelta(days=1))
    two = [a_payment_request(province, le_phi=20_000) for _ in range(2)]
    a_message(province, " ".join(one.reference for one in two), amount=100_000)
    a_message(province, "=1+1 khong ma", amount=7_000)
    settle(province)
    a_statement(
        province,
        BankLine(100_000, both.reference),
        BankLine(60_000, over.reference),
        BankLine(-1_000, "PHI QLTK"),
        BankLine(15_000, "tien mat"),
    )
    run(province)


def asked(province: Province, **told: object) -> Asked:
    """A question about both days of the province's account."""
    usual = {"first": TODAY, "last": TOMORROW, "accounts": [province.account.id], "now": NOON}
    return Asked(**{**usual, **told})  # type: ignore[arg-type]


def rows_of(province: Province, name: str, **told: object) -> list[dict[str, object]]:
    """The rows of a report, each by the names of its columns."""
    report = reports.by_name(name)
    names = [column.name for column in report.columns]
    found = report.rows(province.session, asked(province, **told))
    return [dict(zip(names, row, strict=True)) for row in found]


def total_of(province: Province, name: str, **told: object) -> dict[str, object]:
    """The total of a report, by the names of its columns."""
    report = reports.by_name(name)
    total = Total(report)
    list(total.adding(report.rows(province.session, asked(province, **told))))
    names = [column.name for column in report.columns]
    return {name: cell for name, cell in zip(names, total.cells, strict=True) if cell is not None}


@pytest.mark.parametrize("basis", list(Basis))
def test_every_cut_comes_to_the_same(province: Province, basis: Basis) -> None:
    """However credits are grouped, their count, amount and each part are the same."""
    totals = [total_of(province, name, basis=basis) for name in CUTS]
    detail = total_of(province, "detail", basis=basis)
    for total in totals:
        parts = {name: total[name] for name in NAMES}
        assert parts == {name: totals[0][name] for name in NAMES}
        assert {name: parts[name] for name in NAMES[1:]} == {n: detail[n] for n in NAMES[1:]}
    assert totals[0]["credits"] == len(rows_of(province, "detail", basis=basis)) > 0


@pytest.mark.parametrize("name", CUTS)
def test_every_row_adds_up(province: Province, name: str) -> None:
    """An amount is what went to fees, what is held, unidentified, refunded and taken back."""
    for row in rows_of(province, name):
        assert row["amount"] == sum(int(str(row[part])) for part in NAMES[2:])


def test_the_cuts_are_what_the_ledger_says(province: Province) -> None:
    """What came in by day of payment, and what is owed for it, are balances of the ledger."""
    total = total_of(province, "units")
    assert total["phi"] == province.fees("phi")
    assert total["le_phi"] == province.fees("le_phi")
    assert total["held"] == -province.balance("liabilities:held")
    assert total["unidentified"] == -province.balance("liabilities:unidentified")
    postings = province.session.query(Posting).join(
        JournalEntry, JournalEntry.id == Posting.journal_entry_id
    )
    came = sum(int(one.amount) for one in postings.filter(JournalEntry.kind == "credit"))
    assert total["amount"] == came
    seen = sum(int(one.amount) for one in postings.filter(JournalEntry.kind == "match"))
    assert total_of(province, "units", basis=Basis.BANK)["amount"] == seen == 175_000


def test_findings_tell_what_each_credit_was(province: Province) -> None:
    """Each finding with its count and its parts."""
    found = {
        row["finding"]: (row["credits"], row["amount"]) for row in rows_of(province, "findings")
    }
    assert found == {
        "exact": (2, 150_000),
        "overpaid": (1, 60_000),
        "short": (1, 20_000),
        "duplicate": (1, 50_000),
        "split": (1, 100_000),
        "unidentified": (2, 22_000),
    }


def test_the_source_that_told_first_is_named(province: Province) -> None:
    """What no source told came from the statement."""
    found = {row["source"]: row["credits"] for row in rows_of(province, "banks")}
    assert found == {"sandbox": 7, "statement": 1}


def test_a_unit_includes_what_is_below_it(province: Province) -> None:
    """The tree of that day; its root is the total, and a unit's own part is told beside it."""
    session = province.session
    told = (("H09.D1", Kind.DISTRICT, "H09"), ("H09.D1.X", Kind.COMMUNE, "H09.D1"))
    for code, kind, parent in told:
        described = Described(code, f"Đơn vị {code}", f"Unit {code}", kind, parent, True)
        agencies.put(session, described, since=SINCE, on=SINCE)
    commune = agencies.by_code(session, "H09.D1.X", on=TODAY)
    before = total_of(province, "units")["amount"]
    request = a_payment_request(province)
    request.agency_id = commune.id
    session.flush()
    paid(province, request)

    rows = {str(row["agency"]): row for row in rows_of(province, "units")}

    assert list(rows) == ["H09", "H09.D1", "H09.D1.X"]
    assert [row["depth"] for row in rows.values()] == [0, 1, 2]
    assert [row["amount"] for row in rows.values()] == [int(str(before)) + 50_000, 50_000, 50_000]
    assert [row["own_amount"] for row in rows.values()] == [before, 0, 50_000]
    assert total_of(province, "units")["amount"] == int(str(before)) + 50_000


def test_what_a_unit_that_ended_received_is_not_lost(province: Province) -> None:
    """It stands with its successor where it has one, else on a row of its own."""
    session = province.session
    for code in ("OLD", "NEW", "GONE"):
        described = Described(code, code, None, Kind.COMMUNE, "H09", True)
        agencies.put(session, described, since=SINCE, on=SINCE)
    old, new, gone = (agencies.by_code(session, one, on=TODAY) for one in ("OLD", "NEW", "GONE"))
    for agency in (old, gone):
        request = a_payment_request(province)
        request.agency_id = agency.id
        session.flush()
        paid(province, request)
    agencies.succeed(session, old.id, new.id, on=TOMORROW)
    gone.valid_to = TOMORROW
    session.flush()

    rows = {row["agency"]: row["amount"] for row in rows_of(province, "units")}

    assert (rows["NEW"], rows["GONE"]) == (50_000, 50_000)
    whole = total_of(province, "units")
    assert {name: whole[name] for name in NAMES} == total_of(province, "findings")


@pytest.mark.parametrize(
    ("grain", "spans"),
    [
        (Grain.DAY, [TODAY, TOMORROW]),
        (Grain.MONTH, [date(2026, 11, 1)]),
        (Grain.YEAR, [date(2026, 1, 1)]),
    ],
)
def test_time_is_cut_as_asked(province: Province, grain: Grain, spans: list[date]) -> None:
    """A row for each day, month or year, by its first day."""
    assert [row["since_day"] for row in rows_of(province, "times", grain=grain)] == spans


def test_a_period_includes_both_its_days(province: Province) -> None:
    """And nothing beside them."""
    one = total_of(province, "findings", last=TODAY)
    other = total_of(province, "findings", first=TOMORROW)
    both = total_of(province, "findings")
    assert other["amount"] == 50_000
    assert int(str(one["amount"])) + 50_000 == both["amount"]
    assert (
        rows_of(province, "findings", first=TODAY - timedelta(9), last=TODAY - timedelta(1)) == []
    )


def test_a_period_does_not_end_before_it_begins(province: Province) -> None:
    """It is refused, not answered with nothing."""
    with pytest.raises(reports.PeriodReversed):
        asked(province, first=TOMORROW, last=TODAY)


def test_the_exported_rows_recompute_the_cut(province: Province) -> None:
    """Plain Python over the CSV file of every credit comes to the cut by finding."""
    file = io.BytesIO()
    detail = reports.by_name("detail")
    reports.write(province.session, detail, asked(province), as_=reports.FileKind.CSV, to=file)
    text = file.getvalue().decode("utf-8-sig")
    again: Counter[str] = Counter()
    for row in csv.DictReader(io.StringIO(text, newline="")):
        again[row["Kết quả"]] += int(row["Số tiền"])
    report = reports.by_name("findings")
    spoken = reports.spoken(report, report.rows(province.session, asked(province)))
    assert again == {row[0]: row[2] for row in spoken}


def test_a_memo_is_no_formula_in_the_treasurys_spreadsheet(province: Province) -> None:
    """What a payer wrote is disarmed in CSV, and shown as it was written elsewhere."""
    file = io.BytesIO()
    detail = reports.by_name("detail")
    reports.write(province.session, detail, asked(province), as_=reports.FileKind.CSV, to=file)
    assert ",'=1+1 khong ma" in file.getvalue().decode()
    assert "=1+1 khong ma" in [row["memo"] for row in rows_of(province, "detail")]


def test_a_list_goes_on_after_any_row(province: Province) -> None:
    """The rows after a cursor are those that followed it, by either day."""
    for basis in Basis:
        whole = list(reports.entries(province.session, asked(province, basis=basis)))
        for place, (cursor, _) in enumerate(whole):
            rest = list(
                reports.entries(province.session, asked(province, basis=basis, after=cursor))
            )
            assert rest == whole[place + 1 :]


def test_a_portal_sees_what_its_own_requests_received(province: Province) -> None:
    """Money nobody can name is no portal's; another portal sees nothing."""
    mine = total_of(province, "findings", portal=province.portal.id)
    assert (mine["unidentified"], mine["amount"]) == (0, 380_000)
    assert total_of(province, "units", portal=province.portal.id)["amount"] == 380_000
    for name, report in reports.REPORTS.items():
        if Takes.PORTAL in report.takes:
            assert rows_of(province, name, portal=province.portal.id + 1) == []


def test_requests_are_counted_by_status(province: Province) -> None:
    """By the day of issue: what was asked and what came."""
    rows = {row["status"]: row for row in rows_of(province, "requests")}
    assert {status: row["requests"] for status, row in rows.items()} == {"open": 1, "paid": 5}
    assert (rows["open"]["asked"], rows["open"]["received"]) == (50_000, 20_000)
    assert rows_of(province, "requests", first=TOMORROW) == []


def test_fees_are_told_by_unit_kind_and_sub_item(province: Province) -> None:
    """Phí and lệ phí apart, before the period, within it and after it."""
    rows = {row["fee_kind"]: row for row in rows_of(province, "fees")}
    assert {kind: row["closing"] for kind, row in rows.items()} == {
        "phi": province.fees("phi"),
        "le_phi": province.fees("le_phi"),
    }
    later = {row["fee_kind"]: row for row in rows_of(province, "fees", first=TOMORROW)}
    assert [row["opening"] for row in later.values()] == [row["closing"] for row in rows.values()]
    assert [row["collected"] for row in later.values()] == [0, 0]


def test_a_balance_is_told_as_of_any_day_and_as_known_at_any_moment(province: Province) -> None:
    """The ledger remembers when it learnt what."""
    account = province.account.id
    for day in (TODAY - timedelta(1), TODAY, TOMORROW):
        told = {
            row["path"]: row["balance"]
            for row in rows_of(province, "balances", last=day, first=day)
        }
        known = ledger.balances(province.session, account, on=day)
        number = f"{province.account.bin}-{province.account.number}"
        assert told == {
            path.replace(f":{account}", f":{number}"): int(b) for path, b in known.items()
        }
    before_the_run = NOON + timedelta(hours=1)
    rows = rows_of(province, "balances", known_at=before_the_run)
    assert not [row for row in rows if str(row["path"]).startswith("assets:bank")]
    assert rows_of(province, "balances", known_at=NOON - timedelta(days=1)) == []
    assert rows_of(province, "balances", known_at=NOON + timedelta(days=9)) == rows_of(
        province, "balances"
    )


def test_debits_are_credits_in_the_balances(province: Province) -> None:
    """Their total is zero."""
    total = total_of(province, "balances")
    assert total["debits"] == total["credited"]
    assert total["balance"] == 0


def test_open_money_is_told_by_age(province: Province) -> None:
    """Each day older than the last, the same money; and it is the ledger's."""
    ages = []
    for days in (0, 1, 2, 7, 8, 30, 31):
        rows = rows_of(province, "held", now=NOON + timedelta(days=1 + days))
        ages.append(rows[-1]["age"])
        assert sum(int(str(row["open_amount"])) for row in rows) == -(
            province.balance("liabilities:held") + province.balance("liabilities:unidentified")
        )
    assert ages == ["0_1", "2_7", "2_7", "8_30", "8_30", "over_30", "over_30"]
    items = rows_of(province, "held_items", now=NOON + timedelta(days=1))
    assert [row["days"] for row in items] == sorted((row["days"] for row in items), reverse=True)
    assert sum(int(str(row["held"])) + int(str(row["unidentified"])) for row in items) == 102_000


def test_breaks_are_counted_by_kind_and_age(province: Province) -> None:
    """Every live one once."""
    now = {str(row["kind"]): row for row in rows_of(province, "ageing")}
    later = rows_of(province, "ageing", now=NOON + timedelta(days=40))
    assert now["overpaid"]["age_0_1"] == now["overpaid"]["breaks"] == 1
    assert now["unidentified"]["breaks"] == 2
    assert all(row["age_over_30"] == row["breaks"] for row in later)


def test_a_report_that_is_none_is_refused() -> None:
    """By its name."""
    with pytest.raises(reports.UnknownReport):
        reports.by_name("../etc/passwd")


def test_an_empty_province_has_empty_reports(session: Session) -> None:
    """No report fails where there is nothing."""
    bare = a_province(session)
    for name in reports.REPORTS:
        assert rows_of(bare, name) == [], name
        for kind in reports.FileKind:
            file = io.BytesIO()
            reports.write(session, reports.by_name(name), asked(bare), as_=kind, to=file)
            assert file.tell() > 0
