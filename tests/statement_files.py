"""Statement files as banks write them, made from a few figures: the other end of the readers."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO, StringIO
from xml.sax.saxutils import escape

import xlsxwriter

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
ACCOUNT = "0281000999999"
DAY = date(2026, 11, 24)
MESSAGES = {
    "camt.052": ("BkToCstmrAcctRpt", "Rpt"),
    "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
HEADER = ("Ngày giao dịch", "Số tham chiếu", "+/- (Thay đổi)", "Số tiền", "Mô tả")


@dataclass(frozen=True)
class Movement:
    """One entry of a statement; `change` is below zero where money leaves."""

    change: int
    memo: str = ""
    reference: str = "5242-74128"
    payer: str = ""
    payer_account: str = ""
    reversal: bool = False
    day: date = DAY

    @property
    def direction(self) -> str:
        return "DBIT" if self.change < 0 else "CRDT"


def camt(
    movements: Sequence[Movement],
    *,
    opening: int = 0,
    closing: int | None = None,
    version: int | None = 8,
    prefix: str = "",
    head: str = "",
    extra: str = "",
) -> bytes:
    """A CAMT.053 file of one statement; `head` goes before its entries, `extra` after them."""
    if closing is None:
        closing = opening + sum(movement.change for movement in movements)
    entries = "".join(entry(movement, modern=(version or 8) >= 8) for movement in movements)
    body = (
        f"<BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId></GrpHdr><Stmt><Id>S1</Id>"
        f"<ElctrncSeqNb>7</ElctrncSeqNb>"
        f"<FrToDt><FrDtTm>2026-11-24T00:00:00+07:00</FrDtTm>"
        f"<ToDtTm>2026-11-24T23:59:59+07:00</ToDtTm></FrToDt>"
        f"<Acct><Id><Othr><Id>{ACCOUNT}</Id></Othr></Id><Ccy>VND</Ccy></Acct>\n"
        f"{balance('OPBD', opening)}\n{balance('CLBD', closing)}{head}\n{entries}{extra}"
        f"</Stmt></BkToCstmrStmt>"
    )
    namespace = "" if version is None else f"{NAMESPACE}{version:02}"
    return document(body, namespace=namespace, prefix=prefix)


def about_the_day(
    kind: str,
    movements: Sequence[Movement],
    *,
    version: int = 8,
    account: str = ACCOUNT,
    head: str = "",
    extra: str = "",
) -> bytes:
    """A CAMT.052 or CAMT.054 of one account, as that version writes it; `head` holds balances."""
    message, part = MESSAGES[kind]
    entries = "".join(entry(movement, modern=version >= 8) for movement in movements)
    body = (
        f"<{message}><GrpHdr><MsgId>M1</MsgId></GrpHdr><{part}><Id>R1</Id>"
        f"<Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>VND</Ccy></Acct>\n"
        f"{head}\n{entries}{extra}</{part}></{message}>"
    )
    return document(body, namespace=f"{NAMESPACE.replace('camt.053', kind)}{version:02}")


def document(body: str, *, namespace: str = f"{NAMESPACE}08", prefix: str = "") -> bytes:
    """`body` within a Document, its elements in `namespace` and named with `prefix`, if given."""
    whole = f"<Document>{body}</Document>"
    if prefix:
        whole = whole.replace("</", "\0").replace("<", f"<{prefix}:").replace("\0", f"</{prefix}:")
        declared = f' xmlns:{prefix}="{namespace}"'
    else:
        declared = f' xmlns="{namespace}"' if namespace else ""
    whole = whole.replace("Document>", f"Document{declared}>", 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{whole}'.encode()


def balance(code: str, amount: int, currency: str = "VND") -> str:
    """A `Bal` element, its sign told by its indicator."""
    direction = "DBIT" if amount < 0 else "CRDT"
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="{currency}">{abs(amount)}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'
        f"<Dt><Dt>2026-11-24</Dt></Dt></Bal>"
    )


def entry(
    movement: Movement, *, modern: bool = True, status: str = "BOOK", details: str = ""
) -> str:
    """An `Ntry` element as versions up to .07 write it, or as the later, modern ones do."""
    return (
        f'<Ntry><Amt Ccy="VND">{abs(movement.change)}</Amt>'
        f"<CdtDbtInd>{movement.direction}</CdtDbtInd>"
        f"{'<RvslInd>true</RvslInd>' if movement.reversal else ''}"
        f"<Sts>{f'<Cd>{status}</Cd>' if modern else status}</Sts>"
        f"<BookgDt><Dt>{movement.day}</Dt></BookgDt><ValDt><Dt>{movement.day}</Dt></ValDt>"
        f"<AcctSvcrRef>{escape(movement.reference)}</AcctSvcrRef>"
        f"<NtryDtls>{details or payment(movement, modern=modern)}</NtryDtls></Ntry>\n"
    )


def payment(movement: Movement, *, modern: bool = True, amount: str = "", refs: str = "") -> str:
    """A `TxDtls` element: the other side, and the memo in pieces of 140 characters."""
    role = "Dbtr" if (movement.change > 0) != movement.reversal else "Cdtr"
    name = f"<Nm>{escape(movement.payer)}</Nm>"
    pieces = [movement.memo[at : at + 140] for at in range(0, len(movement.memo), 140)]
    return (
        f"<TxDtls><Refs>{refs}<EndToEndId>NOTPROVIDED</EndToEndId></Refs>{amount}"
        f"<RltdPties><{role}>{f'<Pty>{name}</Pty>' if modern else name}</{role}>"
        f"<{role}Acct><Id><Othr><Id>{escape(movement.payer_account)}</Id></Othr></Id></{role}Acct>"
        f"</RltdPties><RmtInf>"
        f"{''.join(f'<Ustrd>{escape(piece)}</Ustrd>' for piece in pieces)}</RmtInf></TxDtls>"
    )


def rows(
    movements: Sequence[Movement],
    *,
    opening: int = 0,
    closing: int | None = None,
    total: str | None = None,
) -> list[list[str]]:
    """The rows of Vietcombank's personal layout, header and total included."""
    net = sum(movement.change for movement in movements)
    return [
        ["SAO KÊ TÀI KHOẢN"],
        [f"Số tài khoản: {ACCOUNT}"],
        ["Từ ngày:", "24/11/2026"],
        ["Đến ngày:", "24/11/2026"],
        [f"Số dư đầu kỳ: {opening:,}"],
        ["Số dư cuối kỳ:", f"{opening + net if closing is None else closing:,} VND"],
        [],
        list(HEADER),
        *(
            [f"{m.day:%d/%m/%Y}", m.reference, sign(m.change), f"{abs(m.change):,}", m.memo]
            for m in movements
        ),
        ["Tổng", "", sign(net), f"{abs(net):,}" if total is None else total, ""],
        ["Phiếu này được in từ hệ thống ngân hàng điện tử"],
    ]


def sign(change: int) -> str:
    """The direction as its column writes it."""
    return "-" if change < 0 else "+"


def as_csv(table: Sequence[Sequence[str]], *, encoding: str = "utf-8-sig") -> bytes:
    """The rows as a CSV file."""
    text = StringIO(newline="")
    csv.writer(text).writerows(table)
    return text.getvalue().encode(encoding)


def as_xlsx(table: Sequence[Sequence[object]]) -> bytes:
    """The rows as a workbook: texts as text cells, numbers as numbers."""
    stream = BytesIO()
    workbook = xlsxwriter.Workbook(stream, {"in_memory": True})
    sheet = workbook.add_worksheet()
    for place, row in enumerate(table):
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(place, column, cell)
            else:
                sheet.write(place, column, cell)
    workbook.close()
    return stream.getvalue()
