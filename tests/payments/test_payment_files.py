"""Payment files: what a bank is told to send, held to the standard's own schema."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from payments import banks
from payments.banks import UnknownBank
from payments.core.errors import CashlessError
from payments.core.money import MOST, Dong, NotAnAmount
from payments.core.words import speaking
from payments.payouts.files import (
    BankAccount,
    DoublePayout,
    EmptyOrder,
    NameNotWritable,
    NumberNotWritable,
    Order,
    Payment,
    Totals,
    pain001,
    sheet,
    totals,
)

SCHEMA = Path(__file__).parents[1] / "samples/schemas/pain.001.001.09.xsd"
NAMES = {"": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"}
OURS = BankAccount("970436", "0011001234567", "SỞ TƯ PHÁP TỈNH MẪU")
SENT = re.compile(r"[A-Za-z0-9/?:().,'+ -]+")
"""SWIFT's character set X, written down a second time."""

ANYTHING = st.one_of(
    st.text(max_size=200),
    st.text("ĐđƯươỞẶặễỹ nguyễn văn AN", max_size=200),
    st.text("🙂👩\u200d👧\u202e\u200fעבריתالعربية\x00\x07\x1b\ud7ffA", max_size=40),
    st.text("=+-@/:&<>]]>\"' \t\r\n1a", max_size=200),
)
PAYMENT = st.builds(
    lambda name, text, amount, number: (name, text, amount, number),
    ANYTHING,
    ANYTHING,
    st.integers(1, MOST),
    st.text("0123456789abcXYZ", min_size=1, max_size=34),
)


@cache
def schema() -> xmlschema.XMLSchema:
    """The official schema, read once."""
    return xmlschema.XMLSchema(SCHEMA)


def a_payment(
    number: int = 1,
    *,
    amount: int = 50_000,
    name: str = "Nguyễn Văn An",
    account: str = "0123456789",
    text: str = "hoàn trả phí hồ sơ 000.00.12.H09-261124-0004",
    bin: str = "970405",
) -> Payment:
    """A refund to a citizen."""
    return Payment(f"HT{number:06}", Dong(amount), BankAccount(bin, account, name), text)


def an_order(*payments: Payment) -> Order:
    """An order with these payments, or with two."""
    return Order(
        file_id="CK-20261129-0001",
        created_at=datetime(2026, 11, 29, 2, 30, 5, 123456, tzinfo=UTC),
        execute_on=date(2026, 11, 30),
        debtor=OURS,
        payments=payments or (a_payment(1), a_payment(2, amount=120_000, name="Trần Thị Bưởi")),
    )


def said(file: bytes, path: str) -> list[str]:
    """The texts at a path below the message, as another reader finds them."""
    message = ElementTree.fromstring(file).find("CstmrCdtTrfInitn", NAMES)
    return [found.text or "" for found in message.iterfind(path, NAMES)]


def cells(file: bytes) -> list[list[object]]:
    """The cells of the sheet, as another library reads them."""
    [read] = openpyxl.load_workbook(io.BytesIO(file)).worksheets
    return [[cell.value for cell in row] for row in read.rows]


def test_an_order_is_what_the_standards_schema_allows() -> None:
    """The file says who pays, when, how much to whom, and the code by which we know it again."""
    file = pain001.write(an_order())
    schema().validate(file.decode())
    each = "PmtInf/CdtTrfTxInf/"
    assert said(file, "GrpHdr/MsgId") == ["CK-20261129-0001"]
    assert said(file, "GrpHdr/CreDtTm") == ["2026-11-29T09:30:05+07:00"]
    assert said(file, "PmtInf/ReqdExctnDt/Dt") == ["2026-11-30"]
    assert said(file, "PmtInf/Dbtr/Nm") == ["SO TU PHAP TINH MAU"]
    assert said(file, "PmtInf/DbtrAcct/Id/Othr/Id") == ["0011001234567"]
    assert said(file, "PmtInf/DbtrAgt/FinInstnId/ClrSysMmbId/MmbId") == ["970436"]
    assert said(file, each + "PmtId/EndToEndId") == ["HT000001", "HT000002"]
    assert said(file, each + "Amt/InstdAmt") == ["50000", "120000"]
    assert said(file, each + "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId") == ["970405"] * 2
    assert set(said(file, each + "CdtrAgt/FinInstnId/Nm")) == {
        "Ngan hang Nong nghiep va Phat trien Nong thon Viet Nam"
    }
    assert said(file, each + "Cdtr/Nm") == ["NGUYEN VAN AN", "TRAN THI BUOI"]
    assert said(file, each + "CdtrAcct/Id/Othr/Id") == ["0123456789"] * 2
    assert said(file, each + "RmtInf/Ustrd") == [
        "HT000001 hoan tra phi ho so 000.00.12.H09-261124-0004",
        "HT000002 hoan tra phi ho so 000.00.12.H09-261124-0004",
    ]


def test_each_payment_is_booked_by_itself_and_arrives_whole() -> None:
    """Else no statement would show its code, or the beneficiary would bear the charge."""
    file = pain001.write(an_order())
    assert said(file, "PmtInf/BtchBookg") == ["false"]
    assert said(file, "PmtInf/ChrgBr") == ["DEBT"]
    assert b'<InstdAmt Ccy="VND">50000</InstdAmt>' in file


@pytest.mark.parametrize("write", [pain001.write, sheet.write])
def test_the_same_order_is_the_same_bytes(write) -> None:
    """So a file can be told by its hash, in whatever language it is asked for."""
    first = write(an_order())
    with speaking("en"):
        assert write(an_order()) == first
    assert write(replace(an_order(), file_id="CK-20261129-0002")) != first


@settings(max_examples=400, deadline=None)
@given(st.lists(PAYMENT, min_size=1, max_size=5), st.sampled_from(sorted(banks.every_bank())))
def test_whatever_people_are_called_a_bank_can_take_the_file(drawn, bin) -> None:
    """Only a name of which no letter is left is refused; everything else keeps to the standard."""
    payments = []
    for number, (name, text, amount, account) in enumerate(drawn):
        try:
            payments.append(
                a_payment(number, amount=amount, name=name, account=account, text=text, bin=bin)
            )
        except NameNotWritable:
            assert not re.search("[A-Za-z0-9]", name)
    if payments:
        agrees(an_order(*payments))


def agrees(order: Order) -> None:
    """Schema, sums and characters of the file, and the sheet that says the same."""
    file = pain001.write(order)
    schema().validate(file.decode())
    each = "PmtInf/CdtTrfTxInf/"
    amounts = [Decimal(text) for text in said(file, each + "Amt/InstdAmt")]
    for head in ("GrpHdr", "PmtInf"):
        assert said(file, f"{head}/NbOfTxs") == [str(len(amounts))]
        assert said(file, f"{head}/CtrlSum") == [str(sum(amounts))]
    assert totals(order) == Totals(len(amounts), Dong(int(sum(amounts))))
    texts = [*said(file, each + "Cdtr/Nm"), *said(file, each + "RmtInf/Ustrd")]
    assert [text for text in texts if not SENT.fullmatch(text) or len(text) > 140] == []
    _, *rows, total = cells(sheet.write(order))
    assert [row[5] for row in rows] == amounts
    assert total[5] == sum(amounts)
    assert [row[2] for row in rows] == said(file, each + "Cdtr/Nm")
    assert [row[6] for row in rows] == said(file, each + "RmtInf/Ustrd")
    assert [row[1] for row in rows] == said(file, each + "CdtrAcct/Id/Othr/Id")


def test_a_name_of_which_something_is_left_is_written() -> None:
    """A mark, an emoji or a letter of another script does not cost a person their money."""
    for name, written in {
        "Đặng Thị Ưởng 🙂": "DANG THI UONG",
        "\u202eAn\x00 Bình": "AN BINH",
        "O'Neil & Sons <Ltd>": "O'NEIL SONS LTD",
        "=HYPERLINK(1)": "HYPERLINK(1)",
        "/-:+Lan": "LAN",
    }.items():
        assert BankAccount("970405", "1", name).holder == written


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        (lambda: a_payment(bin="970499"), UnknownBank),
        (lambda: a_payment(account=""), NumberNotWritable),
        (lambda: a_payment(account="0123 456"), NumberNotWritable),
        (lambda: a_payment(account="7111.0.123"), NumberNotWritable),
        (lambda: a_payment(account="1" * 35), NumberNotWritable),
        (lambda: a_payment(account="١٢٣"), NumberNotWritable),
        (lambda: a_payment(account="123\n"), NumberNotWritable),
        (lambda: a_payment(name="عبد الله"), NameNotWritable),
        (lambda: a_payment(name=" . "), NameNotWritable),
        (lambda: a_payment(amount=0), NotAnAmount),
        (lambda: a_payment(amount=-1), NotAnAmount),
        (lambda: a_payment(amount=MOST + 1), NotAnAmount),
        (lambda: an_order(a_payment(1), a_payment(2), a_payment(1)), DoublePayout),
        (lambda: replace(an_order(), payments=()), EmptyOrder),
    ],
)
def test_what_a_bank_would_refuse_is_refused_here(wrong, refusal: type[CashlessError]) -> None:
    """Before a file exists, and by a name that the page can say."""
    with pytest.raises(refusal):
        wrong()


@pytest.mark.parametrize("code", ["", "HT", "ht000001", "HT 1", "TTHC12345678901234567", "HT1\n"])
def test_a_payout_has_a_code_that_every_statement_can_show(code: str) -> None:
    """Letters, then digits, short enough to come back whole."""
    with pytest.raises(ValueError, match="no payout"):
        replace(a_payment(), code=code)


def test_a_number_of_a_file_fits_the_message() -> None:
    """35 characters at most, none of which a bank refuses in a file's name."""
    for wrong in ("", "a" * 36, "../x", "-1", "số 1"):
        with pytest.raises(ValueError, match="no number"):
            replace(an_order(), file_id=wrong)


def test_the_code_is_what_is_left_of_a_long_text() -> None:
    """It stands first, and the text is cut to what the standard holds."""
    [memo] = said(pain001.write(an_order(a_payment(text="phí " * 200))), ".//Ustrd")
    assert memo.startswith("HT000001 phi phi")
    assert len(memo) <= 140


def test_the_sheet_is_the_one_banks_take() -> None:
    """Vietnamese headings, a row for each payment, then how many and how much."""
    headings, first, second, total = cells(sheet.write(an_order()))
    assert headings == [
        "STT", "Số tài khoản", "Tên người thụ hưởng", "Ngân hàng thụ hưởng", "Mã BIN",
        "Số tiền", "Nội dung",
    ]  # fmt: skip
    memo = "hoan tra phi ho so 000.00.12.H09-261124-0004"
    bank = "Ngân hàng Nông nghiệp và Phát triển Nông thôn Việt Nam"
    assert first == [1, "0123456789", "NGUYEN VAN AN", bank, "970405", 50_000, f"HT000001 {memo}"]
    assert second[0] == 2
    assert total == [None, "Tổng cộng 2 khoản", None, None, None, 170_000, None]


def test_no_cell_of_the_sheet_is_a_formula() -> None:
    """Whatever a payer is called, a spreadsheet runs nothing, nor after it was saved as CSV."""
    order = an_order(*(a_payment(i, name=f"{c}1+1 An", text=c) for i, c in enumerate("=+-@\t")))
    read = openpyxl.load_workbook(io.BytesIO(sheet.write(order))).active
    kinds = {cell.data_type for row in read.rows for cell in row if cell.value is not None}
    assert kinds == {"s", "n"}
    assert {cell.value for cell in read["C"][1:-1]} == {"1+1 AN"}


def test_a_day_of_many_refunds_is_one_file() -> None:
    """Five thousand payments, each there once and in its place."""
    order = an_order(*(a_payment(number, amount=number + 1) for number in range(5_000)))
    file = pain001.write(order)
    assert said(file, ".//EndToEndId") == [f"HT{number:06}" for number in range(5_000)]
    assert totals(order) == Totals(5_000, Dong(5_000 * 5_001 // 2))
    rows: Sequence[list[object]] = cells(sheet.write(order))
    assert rows[-1][5] == totals(order).amount
