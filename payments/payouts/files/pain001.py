"""An order as ISO 20022 pain.001.001.09, the customer's credit transfer initiation.

Viet Nam has no IBAN: accounts are `Othr/Id`, banks `ClrSysMmbId/MmbId` with their BIN. Each payment
is booked by itself (`BtchBookg` false), so that the statement shows every payout's code; charges
are ours (`DEBT`), so that the beneficiary receives the whole amount.

Source: ISO 20022 message definition pain.001.001.09 (2019), whose schema the tests hold it to.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from payments.core.calendar import local
from payments.core.text import sendable
from payments.payouts.files.order import BankAccount, Order, Payment, totals

MEDIA_TYPE: Final = "application/xml"

_NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_LONGEST_BANK: Final = 140


def write(order: Order) -> bytes:
    """The file, in UTF-8, a line for each payment."""
    return "".join(f"{line}\n" for line in _lines(order)).encode()


def _lines(order: Order) -> Iterator[str]:
    sums = totals(order)
    checked = _text("NbOfTxs", str(sums.count)) + _text("CtrlSum", str(sums.amount))
    debtor = order.debtor
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<Document xmlns="{_NAMESPACE}"><CstmrCdtTrfInitn>'
    yield _node(
        "GrpHdr",
        _text("MsgId", order.file_id),
        _text("CreDtTm", local(order.created_at).isoformat(timespec="seconds")),
        checked,
        _node("InitgPty", _text("Nm", debtor.holder)),
    )
    yield "<PmtInf>" + "".join(
        (
            _text("PmtInfId", order.file_id),
            _text("PmtMtd", "TRF"),
            _text("BtchBookg", "false"),
            checked,
            _node("ReqdExctnDt", _text("Dt", order.execute_on.isoformat())),
            _node("Dbtr", _text("Nm", debtor.holder)),
            _node("DbtrAcct", _number(debtor), _text("Ccy", "VND")),
            _bank("DbtrAgt", debtor),
            _text("ChrgBr", "DEBT"),
        )
    )
    for payment in order.payments:
        yield _credit_transfer(payment)
    yield "</PmtInf></CstmrCdtTrfInitn></Document>"


def _credit_transfer(payment: Payment) -> str:
    beneficiary = payment.beneficiary
    return _node(
        "CdtTrfTxInf",
        _node("PmtId", _text("EndToEndId", payment.code)),
        f'<Amt><InstdAmt Ccy="VND">{payment.amount}</InstdAmt></Amt>',
        _bank("CdtrAgt", beneficiary),
        _node("Cdtr", _text("Nm", beneficiary.holder)),
        _node("CdtrAcct", _number(beneficiary)),
        _node("RmtInf", _text("Ustrd", payment.memo)),
    )


def _number(account: BankAccount) -> str:
    return _node("Id", _node("Othr", _text("Id", account.number)))


def _bank(role: str, account: BankAccount) -> str:
    member = _node("ClrSysMmbId", _text("MmbId", account.bin))
    name = _text("Nm", sendable(account.bank, longest=_LONGEST_BANK))
    return _node(role, _node("FinInstnId", member, name))


def _node(name: str, *parts: str) -> str:
    return f"<{name}>{''.join(parts)}</{name}>"


def _text(name: str, text: str) -> str:
    return f"<{name}>{escape(text, quote=False)}</{name}>"
