"""A bank's side of the tests: lines, and a CAMT.053 file of a day made from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from xml.sax.saxutils import escape

from payments import agencies
from payments.core.calendar import VIETNAM
from reconciliation import bookings, day_close, proof, statements
from reconciliation.bookings import LinePattern
from reconciliation.day_close import AccountDay, Progress, Step
from reconciliation.proof import Identity
from reconciliation.statements import Imported, Received
from tests.builders import BY, NOON, Province

TODAY = NOON.astimezone(VIETNAM).date()
_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


@dataclass(frozen=True)
class BankLine:
    """One movement as the bank lists it; `amount` below zero went out."""

    amount: int
    memo: str = ""
    reference: str | None = None
    payer: str | None = None
    paid_to: str | None = None
    day: date = TODAY
    at: datetime | None = None
    reversal: bool = False
    reverses: str | None = None


def camt(
    account: str,
    lines: Sequence[BankLine],
    *,
    opening: int = 0,
    closing: int | None = None,
    day: date = TODAY,
    through: date | None = None,
    sequence: int | None = None,
    currency: str = "VND",
    number: str = "S1",
) -> bytes:
    """The bank's CAMT.053.001.08 file of one account from `day` on."""
    end = opening + sum(line.amount for line in lines) if closing is None else closing
    counted = "" if sequence is None else f"<ElctrncSeqNb>{sequence}</ElctrncSeqNb>"
    until = through or day
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{_NAMESPACE}"><BkToCstmrStmt>'
        "<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-25T01:00:00+07:00</CreDtTm></GrpHdr>"
        f"<Stmt><Id>{number}</Id>{counted}<CreDtTm>2026-11-25T01:00:00+07:00</CreDtTm>"
        f"<FrToDt><FrDtTm>{day}T00:00:00+07:00</FrDtTm><ToDtTm>{until}T23:59:59+07:00</ToDtTm>"
        f"</FrToDt><Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>{currency}</Ccy></Acct>"
        f"{_balance('OPBD', opening, day, currency)}{_balance('CLBD', end, until, currency)}"
        f"{''.join(_entry(line, currency) for line in lines)}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def vietcombank(lines: Sequence[BankLine]) -> bytes:
    """The same lines in Vietcombank's personal layout, as CSV."""
    rows = ["Ngày giao dịch,Số tham chiếu,+/- (Thay đổi),Số tiền,Mô tả"]
    rows += [
        f"{line.day:%d/%m/%Y},{line.reference or ''},{'+' if line.amount > 0 else '-'},"
        f'"{abs(line.amount):,}",{line.memo}'
        for line in lines
    ]
    net = sum(line.amount for line in lines)
    rows.append(f'Tổng,,,"{net:,}",')
    return "\n".join(rows).encode()


def imported(
    province: Province,
    content: bytes,
    *,
    filename: str = "statement.xml",
    now: datetime = NOON + timedelta(hours=13),
    layouts: str = "",
) -> Imported:
    """The file imported for the province's account."""
    received = Received(content, filename)
    ours = agencies.virtual_prefixes(province.session)
    read = statements.read(
        received,
        vault=province.vault,
        prefix="TTHC",
        ours=ours,
        layouts=statements.Layouts(layouts),
    )
    return statements.import_file(
        province.session, received, read, account=province.account, by=BY, now=now
    )


def a_statement(
    province: Province,
    *lines: BankLine,
    now: datetime = NOON + timedelta(hours=13),
    **told: object,
) -> Imported:
    """A CAMT.053 file of the province's account with these lines, imported."""
    content = camt(province.account.number, lines, **told)  # type: ignore[arg-type]
    return imported(province, content, now=now)


def run(province: Province, day: date = TODAY, *, now: datetime | None = None) -> AccountDay:
    """The day, run to its verdict: in the night after it, or after today's."""
    now = now or NOON + timedelta(hours=13) + max(day - TODAY, timedelta())
    session, account = province.session, province.account.id
    fence = day_close.begin(session, account, day, holder="test", now=now)
    progress = Progress()
    while progress.step is not Step.DONE:
        progress = day_close.run_chunk(
            session, account, day, fence=fence, progress=progress, actor="job:reconcile", now=now
        )
    session.expire_all()
    return day_close.of(session, account, day)


def known_words(province: Province, kind: bookings.Kind, words: str) -> LinePattern:
    """Words of the account's charges or interest, proposed by one person, confirmed by another."""
    session, account = province.session, province.account.id
    row = bookings.propose_pattern(session, account, kind=kind, words=words, by="staff:1", now=NOON)
    bookings.confirm_pattern(session, row, by="staff:2", now=NOON)
    return row


def unproved(province: Province) -> list[Identity]:
    """The identities of the province's account that do not hold."""
    province.session.flush()
    found = proof.prove(province.session, account=province.account.id)
    assert found
    return [identity for identity in found if not identity.holds]


def _balance(kind: str, amount: int, day: date, currency: str) -> str:
    sign = "CRDT" if amount >= 0 else "DBIT"
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="{currency}">{abs(amount)}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'
        f"<Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _entry(line: BankLine, currency: str) -> str:
    booked = (
        f"<Dt>{line.day}</Dt>"
        if line.at is None
        else f"<DtTm>{line.at.astimezone(VIETNAM).isoformat()}</DtTm>"
    )
    sign = "CRDT" if line.amount > 0 else "DBIT"
    reversal = "<RvslInd>true</RvslInd>" if line.reversal else ""
    reference = f"<AcctSvcrRef>{escape(line.reference)}</AcctSvcrRef>" if line.reference else ""
    party = "Dbtr" if line.amount > 0 else "Cdtr"
    parties = [(party, line.payer), ("Cdtr", line.paid_to)]
    accounts = "".join(
        f"<{role}Acct><Id><Othr><Id>{number}</Id></Othr></Id></{role}Acct>"
        for role, number in parties
        if number
    )
    payer = f"<RltdPties>{accounts}</RltdPties>" if accounts else ""
    back = (
        f"<Refs><Prtry><Tp>OriginalReference</Tp><Ref>{escape(line.reverses)}</Ref></Prtry></Refs>"
        if line.reverses
        else ""
    )
    return (
        f'<Ntry><Amt Ccy="{currency}">{abs(line.amount)}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'
        f"{reversal}<Sts><Cd>BOOK</Cd></Sts><BookgDt>{booked}</BookgDt>{reference}"
        f"<NtryDtls><TxDtls>{back}{payer}<RmtInf><Ustrd>{escape(line.memo)}</Ustrd></RmtInf>"
        "</TxDtls></NtryDtls></Ntry>"
    )
