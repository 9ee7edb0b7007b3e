"""Statements: always in balance, the same in every format, and readable by others."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from decimal import Decimal

import pytest
from openpyxl import load_workbook

from reconciliation.formats import End, Line, Start, read
from sandbox.faults import Fault
from sandbox.statements import FORMATS
from tests.sandbox.conftest import ACB, VCB

DAY = "2026-11-24"
CAMT = {"": "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"}


def a_day(bank):
    """A day with a payment of every kind, a reversal, a charge, interest and an odd line."""
    for hour, fault in enumerate([None, *Fault], start=7):
        bank.pay(faults=[] if fault is None else [fault.value], at=f"{DAY}T{hour:02d}:00:00+07:00")
    bank.post("reverse", movement=1, at=f"{DAY}T22:00:00+07:00")
    bank.post("charge", account=VCB["number"], amount=11000, at=f"{DAY}T22:10:00+07:00")
    bank.post("interest", account=VCB["number"], amount=123, at=f"{DAY}T22:20:00+07:00")
    payer = {"name": "LE VAN C", "account": "555666777"}
    bank.post(
        "extra-line", account=VCB["number"], amount=70000, payer=payer, at=f"{DAY}T22:30:00+07:00"
    )


def parts(content):
    """Start, lines and end as the service's own readers see them."""
    every = list(read(io.BytesIO(content)))
    [start] = [part for part in every if isinstance(part, Start)]
    [end] = [part for part in every if isinstance(part, End)]
    return start, [part for part in every if isinstance(part, Line)], end


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("fault", [None, *Fault])
def test_the_statement_adds_up_under_every_fault(bank, layout, fault):
    """Opening, lines and closing agree by the service's own reader, whatever went wrong."""
    for _ in range(3):
        bank.pay(faults=[] if fault is None else [fault.value], at=f"{DAY}T09:00:00+07:00")
    for number in (VCB["number"], ACB["number"]):
        start, lines, end = parts(bank.statement(DAY, layout, number))
        assert (end.balanced, end.discrepancies) == (True, ())
        assert end.closing == bank.balance(number)
        change = sum(line.amount if line.credit else -line.amount for line in lines)
        assert start.opening + change == end.closing


def test_every_format_tells_the_same_day(bank):
    """CAMT.053, XLSX and CSV hold the same lines with the same references and memos."""
    a_day(bank)
    told = []
    for layout in FORMATS:
        start, lines, end = parts(bank.statement(DAY, layout))
        assert (start.account, start.opening) == (VCB["number"], Decimal(1_000_000))
        told.append(
            (
                end.closing,
                [(one.day, one.credit, one.amount, one.bank_reference, one.memo) for one in lines],
            )
        )
    assert told[0] == told[1] == told[2]
    assert len(told[0][1]) == 17


def test_lines_are_the_movements_the_bank_tells_of(bank):
    """Each line carries the bank reference and memo of its movement, and its hour in CAMT.053."""
    a_day(bank)
    _, lines, _ = parts(bank.statement(DAY, "camt053"))
    movements = bank.client.get(f"/api/movements?account={VCB['number']}&day={DAY}").get_json()
    booked = [one for one in movements["items"] if one["on_statement"]]
    assert [(one.bank_reference, one.memo, one.amount) for one in lines] == [
        (one["bank_reference"], " ".join(one["memo_as_booked"].split()), one["amount"])
        for one in booked
    ]
    assert [one.payer_account for one in lines] == [one["payer_account"] for one in booked]
    assert [one.payer_name for one in lines] == [one["payer_name"] for one in booked]


def test_a_reversal_is_marked_and_names_what_it_takes_back(bank):
    """CAMT.053 carries the reversal's mark and the original's reference."""
    paid = bank.pay(at=f"{DAY}T09:00:00+07:00")
    bank.post("reverse", movement=paid["id"], at=f"{DAY}T10:00:00+07:00")
    _, [credit, debit], end = parts(bank.statement(DAY, "camt053"))
    assert (credit.reversal, credit.credit) == (False, True)
    assert (debit.reversal, debit.credit) == (True, False)
    assert debit.reverses == credit.bank_reference == paid["bank_reference"]
    assert end.closing == VCB["opening_balance"]


def test_days_follow_each_other_without_a_gap(bank):
    """A day opens with what the day before closed with; the day is Viet Nam's, not UTC's."""
    bank.pay(amount=1000, at="2026-11-23T16:59:59Z")
    bank.pay(amount=2000, at="2026-11-23T17:00:00Z")
    bank.pay(amount=4000, at="2026-11-24T16:59:59Z")
    bank.pay(amount=8000, at="2026-11-24T17:00:00Z")
    days = [parts(bank.statement(f"2026-11-{day}", "camt053")) for day in (22, 23, 24, 25, 26)]
    assert [start.opening - 1_000_000 for start, _, _ in days] == [0, 0, 1000, 7000, 15000]
    assert [end.closing - 1_000_000 for _, _, end in days] == [0, 1000, 7000, 15000, 15000]
    assert [len(lines) for _, lines, _ in days] == [0, 1, 2, 1, 0]


def test_references_are_unique_on_neighbouring_days(bank):
    """Two movements of one bank never share a reference, on one day or from day to day."""
    references = [
        bank.pay(at=f"2026-11-{day}T09:00:00+07:00")["bank_reference"]
        for day in range(10, 30)
        for _ in range(3)
    ]
    assert len(set(references)) == 60


def test_the_summary_counts_credits_and_debits(bank):
    """The control figures of CAMT.053 are those of its entries."""
    a_day(bank)
    root = ET.fromstring(bank.statement(DAY, "camt053"))
    entries = root.findall(".//Ntry", CAMT)
    by_direction = {
        code: [
            int(entry.findtext("Amt", namespaces=CAMT))
            for entry in entries
            if entry.findtext("CdtDbtInd", namespaces=CAMT) == code
        ]
        for code in ("CRDT", "DBIT")
    }
    summary = root.find(".//TxsSummry", CAMT)
    for tag, code in (("TtlCdtNtries", "CRDT"), ("TtlDbtNtries", "DBIT")):
        figures = summary.find(tag, CAMT)
        assert int(figures.findtext("NbOfNtries", namespaces=CAMT)) == len(by_direction[code])
        assert int(figures.findtext("Sum", namespaces=CAMT)) == sum(by_direction[code])
    assert len(by_direction["DBIT"]) == 2


def test_elements_stand_in_the_order_of_the_schema(bank):
    """An entry's elements come in the order ISO 20022 asks for."""
    a_day(bank)
    order = "NtryRef Amt CdtDbtInd RvslInd Sts BookgDt ValDt AcctSvcrRef BkTxCd NtryDtls".split()
    for entry in ET.fromstring(bank.statement(DAY, "camt053")).findall(".//Ntry", CAMT):
        tags = [child.tag.rpartition("}")[2] for child in entry]
        assert tags == [tag for tag in order if tag in tags]
        assert set(order) - set(tags) <= {"RvslInd"}


def test_the_workbook_is_vietcombanks_personal_layout(bank):
    """Text cells, comma thousands, the five columns, and `Tổng` at the end."""
    bank.pay(at=f"{DAY}T09:00:00+07:00", amount=1_234_567, via="plain")
    bank.post("charge", account=VCB["number"], amount=11000, at=f"{DAY}T22:10:00+07:00")
    sheet = load_workbook(io.BytesIO(bank.statement(DAY, "vcb_xlsx"))).active
    rows = [[cell for cell in row if cell is not None] for row in sheet.values]
    assert "Số tài khoản: 0011001234567" in rows[1]
    assert ["Số dư đầu kỳ: 1,000,000"] in rows
    assert ["Số dư cuối kỳ: 2,223,567"] in rows
    header = rows.index(["Ngày giao dịch", "Số tham chiếu", "+/- (Thay đổi)", "Số tiền", "Mô tả"])
    first, second, total = rows[header + 1 :]
    assert (first[0], *first[2:]) == ("24/11/2026", "+", "1,234,567", "TTHC1234567894")
    assert (second[0], *second[2:]) == ("24/11/2026", "-", "11,000", "THU PHI DICH VU")
    assert total[0] == "Tổng"
    assert all(isinstance(cell, str) for row in rows for cell in row)


def test_a_memo_that_looks_like_a_formula_stays_a_text(bank):
    """A payer's `=1+1` is written as text into the workbook."""
    bank.pay(at=f"{DAY}T09:00:00+07:00", memo="=1+1", via="plain")
    sheet = load_workbook(io.BytesIO(bank.statement(DAY, "vcb_xlsx"))).active
    [cell] = [cell for row in sheet.rows for cell in row if cell.value == "=1+1"]
    assert cell.data_type == "s"


def test_the_csv_begins_with_its_byte_order_mark(bank):
    """Excel reads the CSV as UTF-8, because it says so."""
    assert bank.statement(DAY, "vcb_csv").startswith("\ufeffSAO KÊ".encode())


def test_markup_in_a_memo_does_not_break_the_statement(bank):
    """Angle brackets and ampersands are a payer's to write."""
    bank.pay(at=f"{DAY}T09:00:00+07:00", memo='<Ntry> & "x"', via="plain")
    _, [line], _ = parts(bank.statement(DAY, "camt053"))
    assert line.memo == '<Ntry> & "x"'


def test_the_balance_never_falls_below_zero(bank):
    """A charge beyond the balance is refused, and the statement shows nothing of it."""
    order = {"account": VCB["number"], "amount": 1_000_001}
    answer = bank.client.post("/api/charge", json=order)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "balance_too_low")
    assert "1.000.000" in answer.get_json()["detail"]
    assert bank.balance() == 1_000_000
