"""A day as CAMT.053, the ISO 20022 bank statement, in version camt.053.001.08.

The account is named by its number under `Othr` (Viet Nam has no IBAN). A reversal carries
`RvslInd`, its parties stand as in the payment it takes back, and the reference it takes back is
the proprietary reference `OriginalReference`, since the format has no element for it.

Source: ISO 20022, BankToCustomerStatementV08.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from sandbox.accounts import Account, Kind, Movement, Party
from sandbox.clock import VIETNAM, rfc3339
from sandbox.statements.day import DayStatement, total

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
_CODES: Final = {
    Kind.PAYMENT: ("PMNT", "RRCT", "DMCT"),
    Kind.REVERSAL: ("PMNT", "RRCT", "RPCR"),
    Kind.CHARGE: ("ACMT", "MDOP", "CHRG"),
    Kind.INTEREST: ("ACMT", "MCOP", "INTR"),
    Kind.EXTRA_LINE: ("PMNT", "RRCT", "OTHR"),
    Kind.TRANSFER: ("PMNT", "ICDT", "DMCT"),
    Kind.RETURN: ("PMNT", "ICDT", "RRTN"),
}
"""Domain, family and sub-family of a bank transaction code (ISO 20022 external code sets)."""


def write(statement: DayStatement, now: datetime) -> bytes:
    """The statement as an XML file, made at `now`."""
    document = Element("Document", xmlns=NAMESPACE)
    message = SubElement(document, "BkToCstmrStmt")
    name = f"{statement.account.number}-{statement.day:%Y%m%d}"
    header = SubElement(message, "GrpHdr")
    _text(header, "MsgId", f"CAMT053-{name}"[:35])
    _text(header, "CreDtTm", rfc3339(now))
    whole = SubElement(message, "Stmt")
    _text(whole, "Id", name[:35])
    _text(whole, "ElctrncSeqNb", str(statement.day.toordinal()))
    _text(whole, "CreDtTm", rfc3339(now))
    _period(whole, statement)
    _account(SubElement(whole, "Acct"), statement.account)
    _balance(whole, "OPBD", statement.opening, statement)
    _balance(whole, "CLBD", statement.closing, statement)
    _summary(SubElement(whole, "TxsSummry"), statement)
    for number, line in enumerate(statement.lines, start=1):
        _entry(SubElement(whole, "Ntry"), line, number)
    xml: bytes = tostring(document, encoding="utf-8", xml_declaration=True)
    return xml


def _period(whole: Element, statement: DayStatement) -> None:
    period = SubElement(whole, "FrToDt")
    for tag, clock in (("FrDtTm", time.min), ("ToDtTm", time(23, 59, 59))):
        _text(period, tag, rfc3339(datetime.combine(statement.day, clock, VIETNAM)))


def _account(element: Element, account: Account) -> None:
    _number(element, account.number)
    _text(element, "Ccy", "VND")
    _text(element, "Nm", account.name[:70])
    bank = SubElement(SubElement(element, "Svcr"), "FinInstnId")
    member = SubElement(bank, "ClrSysMmbId")
    _text(member, "MmbId", account.bin)
    _text(bank, "Nm", account.bank_name)


def _balance(whole: Element, code: str, amount: int, statement: DayStatement) -> None:
    element = SubElement(whole, "Bal")
    _text(SubElement(SubElement(element, "Tp"), "CdOrPrtry"), "Cd", code)
    _amount(element, amount)
    _direction(element, amount)
    _text(SubElement(element, "Dt"), "Dt", statement.day.isoformat())


def _summary(element: Element, statement: DayStatement) -> None:
    entries = SubElement(element, "TtlNtries")
    _count(entries, statement.lines)
    net = statement.closing - statement.opening
    told = SubElement(entries, "TtlNetNtry")
    _text(told, "Amt", str(abs(net)))
    _direction(told, net)
    _count(SubElement(element, "TtlCdtNtries"), statement.credits)
    _count(SubElement(element, "TtlDbtNtries"), statement.debits)


def _count(element: Element, lines: Sequence[Movement]) -> None:
    _text(element, "NbOfNtries", str(len(lines)))
    _text(element, "Sum", str(total(lines)))


def _entry(element: Element, line: Movement, number: int) -> None:
    draft = line.draft
    _text(element, "NtryRef", str(number))
    _amount(element, draft.amount)
    _direction(element, line.change)
    if draft.kind is Kind.REVERSAL:
        _text(element, "RvslInd", "true")
    _text(SubElement(element, "Sts"), "Cd", "BOOK")
    for tag in ("BookgDt", "ValDt"):
        _text(SubElement(element, tag), "DtTm", rfc3339(draft.booked_at))
    _text(element, "AcctSvcrRef", line.bank_reference)
    _code(SubElement(element, "BkTxCd"), draft.kind)
    _details(SubElement(SubElement(element, "NtryDtls"), "TxDtls"), line)


def _details(element: Element, line: Movement) -> None:
    draft = line.draft
    references = SubElement(element, "Refs")
    _text(references, "AcctSvcrRef", line.bank_reference)
    if draft.reverses is not None:
        original = SubElement(references, "Prtry")
        _text(original, "Tp", "OriginalReference")
        _text(original, "Ref", draft.reverses)
    _amount(element, draft.amount)
    _direction(element, line.change)
    if draft.other_side is not None:
        _parties(SubElement(element, "RltdPties"), line, draft.other_side)
    _text(SubElement(element, "RmtInf"), "Ustrd", draft.memo)


def _parties(element: Element, line: Movement, other: Party) -> None:
    """The other side pays in a credit and in its reversal, else it is paid."""
    ours = Party(name=line.account.name, account=line.account.number)
    pays = line.credit or line.draft.kind is Kind.REVERSAL
    debtor, creditor = (other, ours) if pays else (ours, other)
    for role, party in (("Dbtr", debtor), ("Cdtr", creditor)):
        _text(SubElement(SubElement(element, role), "Pty"), "Nm", party.name[:140])
        _number(SubElement(element, f"{role}Acct"), party.account)


def _number(element: Element, number: str) -> None:
    _text(SubElement(SubElement(element, "Id"), "Othr"), "Id", number)


def _code(element: Element, kind: Kind) -> None:
    domain_code, family_code, sub_family_code = _CODES[kind]
    domain = SubElement(element, "Domn")
    _text(domain, "Cd", domain_code)
    family = SubElement(domain, "Fmly")
    _text(family, "Cd", family_code)
    _text(family, "SubFmlyCd", sub_family_code)


def _amount(element: Element, amount: int) -> None:
    SubElement(element, "Amt", Ccy="VND").text = str(abs(amount))


def _direction(element: Element, change: int) -> None:
    _text(element, "CdtDbtInd", "DBIT" if change < 0 else "CRDT")


def _text(element: Element, tag: str, text: str) -> None:
    SubElement(element, tag).text = text
