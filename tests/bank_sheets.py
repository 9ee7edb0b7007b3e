"""Sheets as each bank writes them, from a few movements: the other end of `layouts.toml`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO

import xlwt

from tests.statement_files import ACCOUNT, HEADER, Movement, as_csv, as_xlsx, sign

Cell = str | int | date
Table = list[list[Cell]]
TONES = "\u0300\u0301\u0303\u0309\u0323"
CONTROLS = ("opening", "closing", "debit_sum", "credit_sum", "debit_count", "credit_count")


@dataclass(frozen=True)
class Figures:
    """What the bank prints around the movements; a test may misstate any of it."""

    movements: tuple[Movement, ...]
    opening: int
    closing: int
    debit_sum: int
    credit_sum: int
    debit_count: int
    credit_count: int

    @property
    def days(self) -> tuple[date, date]:
        days = [one.day for one in self.movements]
        return min(days), max(days)


@dataclass(frozen=True)
class Bank:
    """How one bank lays a statement out."""

    header: tuple[str, ...]
    above: Callable[[Figures], Table]
    row: Callable[[Movement, int, int], list[Cell]]
    """A movement, the balance after it, and its number."""
    below: Callable[[Figures], Table]
    first: Callable[[Figures], Table] = lambda _: []
    """Rows of the table before the first movement."""


def sheet(bank: str, movements: Sequence[Movement], *, opening: int = 0, **misstated: int) -> Table:
    """The rows of a bank's statement, the header and all around it included."""
    how = BANKS[bank]
    told = Figures(tuple(movements), **(figures(movements, opening) | misstated))
    rows, balance = [], opening
    for number, movement in enumerate(movements, start=1):
        balance += movement.change
        rows.append(how.row(movement, balance, number))
    return [*how.above(told), list(how.header), *how.first(told), *rows, *how.below(told)]


def figures(movements: Sequence[Movement], opening: int) -> dict[str, int]:
    ins = [one.change for one in movements if one.change > 0]
    outs = [-one.change for one in movements if one.change < 0]
    told = (opening, opening + sum(ins) - sum(outs), sum(outs), sum(ins), len(outs), len(ins))
    return dict(zip(CONTROLS, told, strict=True))


def as_xls(table: Sequence[Sequence[object]]) -> bytes:
    """The rows as an old workbook (BIFF8): texts as text cells, days as date cells."""
    book = xlwt.Workbook(encoding="utf-8")
    page = book.add_sheet("Sheet1")
    for place, row in enumerate(table):
        for column, cell in enumerate(row):
            if cell != "":
                page.write(place, column, serial(cell) if isinstance(cell, date) else cell)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def as_xlsx_with_days(table: Sequence[Sequence[object]]) -> bytes:
    """The rows as a workbook in which days are date cells."""
    return as_xlsx([[serial(c) if isinstance(c, date) else c for c in row] for row in table])


def serial(day: date) -> int:
    """The number by which a sheet counts a day."""
    return (day - date(1899, 12, 30)).days


def vn(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def out(movement: Movement) -> str:
    return f"{-movement.change:,}" if movement.change < 0 else ""


def in_(movement: Movement) -> str:
    return f"{movement.change:,}" if movement.change > 0 else ""


def usual(f: Figures) -> Table:
    """Account, period and balances, each beside its label."""
    return [
        ["SAO KÊ TÀI KHOẢN"],
        ["Số tài khoản:", ACCOUNT],
        ["Từ ngày:", vn(f.days[0]), "", "Đến ngày:", vn(f.days[1])],
        ["Số dư đầu kỳ:", f"{f.opening:,} VND"],
        ["Số dư cuối kỳ:", f"{f.closing:,} VND"],
        [],
    ]


def nothing(_: Figures) -> Table:
    return []


TECHCOMBANK = Bank(
    (
        "Ngày KH thực hiện/Requesting date",
        "Ngày giao dịch/Transaction date",
        "Số bút toán/Reference number",
        "Ngân hàng đối tác / Remitter's bank",
        "Tài khoản đích/Remitter's account number",
        "Tên tài khoản đối ứng/Remitter's account name",
        "Diễn giải/Description",
        "Nợ/Debit",
        "Có/Credit",
        "Phí/Lãi\n  Fee/Interest",
        "Thuế/Transaction VAT",
        "Số dư/Running balance",
    ),
    lambda f: [
        ["NGÂN HÀNG TMCP KỸ THƯƠNG VIỆT NAM"],
        ["TRUY VẤN GIAO DỊCH TÀI KHOẢN / TRANSACTION ENQUIRY"],
        [f"Từ ngày/From {f.days[0]} Đến ngày/To {f.days[1]}"],
        ["Số tài khoản/Account number", "", ACCOUNT],
        ["Số dư đầu ngày/Opening balance", "", str(f.opening)],
        ["Số dư cuối ngày/ Closing balance", "", str(f.closing)],
        ["Tổng ghi nợ/ Total debits", "", str(-f.debit_sum)],
        ["Tổng ghi có/ Total credits", "", str(f.credit_sum)],
        ["Tổng phí/ Total fees", "", "0"],
        ["Tổng lệnh ghi nợ/ Total debit transaction", "", str(f.debit_count)],
        ["Tổng lệnh ghi có/ Total credit transaction", "", str(f.credit_count)],
        *[[]] * 9,
    ],
    lambda m, balance, _: [
        f"{m.day} 14:02:37",
        str(m.day),
        m.reference,
        "VIETCOMBANK            Hanoi          VNM",
        m.payer_account,
        m.payer,
        m.memo,
        str(m.change) if m.change < 0 else "",
        str(m.change) if m.change > 0 else "",
        "",
        "",
        str(balance),
    ],
    lambda _: [
        ["Phiếu này được in từ hệ thống ngân hàng điện tử của Techcombank, không cần ký."],
        ["Ngày giờ in/ Printed on 25/11/2026 08:00:00"],
    ],
)

VIETCOMBANK_CORPORATE = Bank(
    (
        "STT/ No.",
        "Ngày/ TNX Date/ Số CT/ Doc No",
        "Ngày hiệu lực/ Effective date",
        "Số tiền ghi nợ/ Debit",
        "Số tiền ghi có/ Credit",
        "Số dư/ Balance",
        "Nội dung chi tiết/ Transactions in detail",
    ),
    lambda f: [
        *[[]] * 5,
        ["SAO KÊ TÀI KHOẢN/ ACCOUNT STATEMENT"],
        ["Số tài khoản/ Account number:", ACCOUNT],
        ["Loại tiền/ Currency:", "VND"],
        [],
        ["Từ/ From:", vn(f.days[0]), "Đến/ To:", vn(f.days[1])],
        ["Số dư đầu kỳ/ Opening balance:", f"{f.opening:,} VND"],
        ["Số dư cuối kỳ/ Closing balance:", f"{f.closing:,} VND"],
        [],
    ],
    lambda m, balance, number: [
        str(number),
        f"{vn(m.day)} / {m.reference}",
        vn(m.day),
        out(m),
        in_(m),
        f"{balance:,}",
        m.memo,
    ],
    lambda f: [["Tổng số/ Total", "", "", f"{f.debit_sum:,}", f"{f.credit_sum:,}", "", ""]],
)

VIETCOMBANK_PERSONAL = Bank(
    HEADER,
    usual,
    lambda m, _, __: [vn(m.day), m.reference, sign(m.change), f"{abs(m.change):,}", m.memo],
    lambda f: [
        [
            "Tổng",
            "",
            sign(f.credit_sum - f.debit_sum),
            f"{abs(f.credit_sum - f.debit_sum):,}",
            "",
        ]
    ],
)

BIDV = Bank(
    ("(STT)", "Ngày hiệu lực", "Ghi nợ", "Ghi có", "Số dư", "Mô tả"),
    lambda f: [
        ["BÁO CÁO CHI TIẾT SỐ DƯ TÀI KHOẢN"],
        [f"Số tài khoản: {ACCOUNT}"],
        ["Số tài khoản:", "12010000123456 (cũ)"],
        ["Từ ngày:", vn(f.days[0]), "Đến ngày:", vn(f.days[1])],
        [],
    ],
    lambda m, balance, number: [
        str(number),
        m.day,
        f"{out(m)} VND" if out(m) else "",
        f"{in_(m)} VND" if in_(m) else "",
        f"{balance:,} VND",
        m.memo,
    ],
    lambda f: [["", "Dư cuối", "", "", f"{f.closing:,} VND", ""]],
    lambda f: [["", "Dư đầu", "", "", f"{f.opening:,} VND", ""]],
)

VIETINBANK_EFAST = Bank(
    (
        "Ngày hạch toán / Accounting date",
        "Ngày phát sinh / Transaction date",
        "Mô tả giao dịch / Transaction description",
        "Nợ/ Debit",
        "Có / Credit",
        "Số dư TK / Account balance",
        "Số giao dịch / Transaction number",
    ),
    lambda f: [["LICH SỬ GIAO DỊCH - TRANSACTION HISTORY"], *usual(f)],
    lambda m, balance, _: [
        f"{vn(m.day)} 09:30:05",
        vn(m.day),
        m.memo,
        out(m),
        in_(m),
        f"{balance:,}",
        m.reference,
    ],
    lambda f: [["", "", "Tổng cộng", f"{f.debit_sum:,}", f"{f.credit_sum:,}", "", ""]],
)

MB = Bank(
    (
        "Ngày / Date",
        "Số bút toán / Transaction No",
        "Phát sinh nợ / Debit",
        "Phát sinh có / Credit",
        "Nội dung / Details",
        "Đơn vị thụ hưởng / Beneficiary",
        "Tài khoản / Account",
        "Ngân hàng đối tác / Remitter Bank",
    ),
    usual,
    lambda m, _, __: [
        m.day,
        m.reference,
        out(m),
        in_(m),
        m.memo,
        m.payer,
        m.payer_account,
        "VCB",
    ],
    lambda f: [["Tổng cộng", "", f"{f.debit_sum:,}", f"{f.credit_sum:,}", "", "", "", ""]],
)

MSB = Bank(
    (
        "Ngày giao dịch / Transaction date",
        "Số bút toán / Reference No",
        "Người hưởng/Người chuyển / Payee/Payer",
        "Diễn giải / Transaction description",
        "Nợ / Debit",
        "Có / Credit",
    ),
    lambda f: [
        ["Số tài khoản / Account No:", ACCOUNT],
        ["Từ ngày:", vn(f.days[0]), "Đến ngày:", vn(f.days[1])],
        [],
    ],
    lambda m, _, __: [m.day, m.reference, m.payer, m.memo, out(m), in_(m)],
    lambda f: [
        ["", "", "", "TỔNG PHÁT SINH", f"{f.debit_sum:,}", f"{f.credit_sum:,}"],
        ["", "", "", "SỐ DƯ CUỐI KỲ", "", f"{f.closing:,}"],
        ["Thông tin này được in từ ngân hàng điện tử của MSB lúc 25/11/2026 08:00"],
    ],
    lambda f: [["", "", "", "SỐ DƯ ĐẦU KỲ", "", f"{f.opening:,}"]],
)

ACB = Bank(
    (
        "Ngày hiệu lực",
        "Ngày giao dịch",
        "Số GD",
        "Nội dung giao dịch",
        "Số tiền rút ra",
        "Số tiền gửi vào",
        "Số dư",
    ),
    lambda f: [["BẢNG SAO KÊ GIAO DỊCH"], *usual(f)],
    lambda m, balance, _: [
        m.day,
        vn(m.day),
        m.reference,
        m.memo,
        out(m),
        in_(m),
        f"{balance:,}",
    ],
    nothing,
)

VIB = Bank(
    (
        "Mã khách hàng",
        "Tên khách hàng",
        "Loại tiền",
        "Số tài khoản",
        "Số giao dịch/Id",
        "Ngày giờ giao dịch",
        "Số đầu",
        "Phát sinh nợ",
        "Phát sinh có",
        "Số dư cuối",
        "Nội dung giao dịch",
        "Số TK đối ứng",
        "Tên chủ TK đối ứng",
        "Tên TCTD TK đối ứng",
    ),
    lambda f: [
        ["BÁO CÁO HOẠT ĐỘNG TÀI KHOẢN GIAO DỊCH ĐỐI ỨNG"],
        ["Từ ngày:", vn(f.days[0]), "Đến ngày:", vn(f.days[1])],
    ],
    lambda m, balance, _: [
        "C01",
        "TRUNG TÂM HÀNH CHÍNH CÔNG",
        "VND",
        ACCOUNT,
        m.reference,
        f"{vn(m.day)} 02:15:00 PM",
        f"{balance - m.change:,}",
        out(m) or "0",
        in_(m) or "0",
        f"{balance:,}",
        m.memo,
        m.payer_account,
        m.payer,
        "VCB",
    ],
    nothing,
)

UOB = Bank(
    (
        "Ngày giao dịch",
        "Ngày giá trị",
        "Diễn giải",
        "Tiền gửi (DEBIT)",
        "Tiền rút (CREDIT)",
        "Số dư",
    ),
    usual,
    lambda m, balance, _: [m.day, m.day, m.memo, in_(m), out(m), f"{balance:,}"],
    nothing,
)

SINOPAC = Bank(
    ("Ngày giá trị", "Ghi nợ", "Tín dụng", "Cân đối", "Nhận xét"),
    usual,
    lambda m, balance, _: [m.day, out(m), in_(m), f"{balance:,}", m.memo],
    nothing,
)

BANKS = {
    "techcombank": TECHCOMBANK,
    "vietcombank_corporate": VIETCOMBANK_CORPORATE,
    "vietcombank_personal": VIETCOMBANK_PERSONAL,
    "bidv": BIDV,
    "vietinbank_efast": VIETINBANK_EFAST,
    "mb": MB,
    "msb": MSB,
    "acb": ACB,
    "vib": VIB,
    "uob": UOB,
    "sinopac": SINOPAC,
}


def written(table: Table) -> list[list[str]]:
    """The table with its days as texts, as a CSV has them."""
    return [[vn(cell) if isinstance(cell, date) else str(cell) for cell in row] for row in table]


WRITERS: dict[str, Callable[[Table], bytes]] = {
    "xlsx": as_xlsx_with_days,
    "xls": as_xls,
    "xlsx of texts": lambda table: as_xlsx(written(table)),
    "csv": lambda table: as_csv(written(table)),
}


def in_cp1258(text: str) -> bytes:
    """Windows-1258 writes a vowel and then its tone."""
    apart = unicodedata.normalize("NFD", text)
    return b"".join(
        unicodedata.normalize("NFC", "".join(c for c in cluster if c not in TONES)).encode("cp1258")
        + "".join(c for c in cluster if c in TONES).encode("cp1258")
        for cluster in clusters(apart)
    )


def clusters(text: str) -> list[str]:
    """Letters, each with the marks that follow it."""
    found: list[str] = []
    for character in text:
        if unicodedata.combining(character) and found:
            found[-1] += character
        else:
            found.append(character)
    return found


NEW_LAYOUT = """
[some_bank]
bank = "970400"
currency = "VND"
encodings = ["utf-8"]
delimiter = ";"
days = "dd/mm/yyyy"
thousands = "dot"
stable_references = false
ends_at = ["Cộng"]
[some_bank.columns]
day = ["Ngày"]
credit = ["Tiền vào"]
debit = ["Tiền ra"]
memo = ["Nội dung"]
"""
NEW_SHEET = "Ngày;Tiền vào;Tiền ra;Nội dung\n24/11/2026;50.000;;TTHC0123456789\nCộng;50.000;;\n"
"""A layout of no bank of ours, and a sheet in it."""

GATEWAY = """
[some_gateway]
bank = ""
currency = "VND"
encodings = ["utf-8"]
delimiter = ";"
days = "yyyy-mm-dd"
thousands = "dot"
stable_references = true
ends_at = ["Cộng"]
order = "oldest_first"
[some_gateway.preamble]
account = ["Tài khoản"]
[some_gateway.columns]
bank_reference = ["Mã giao dịch"]
day = ["Ngày"]
memo = ["Nội dung"]
credit = ["Số tiền vào"]
debit = ["Số tiền ra"]
fee = ["Phí dịch vụ"]
balance = ["Số dư"]
"""
"""A layout of no bank: a gateway's settlement report, with what it keeps of each payment."""
