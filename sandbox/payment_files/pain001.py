"""A payment file as a bank reads one: ISO 20022 pain.001.001.09, strictly.

A file orders payments in đồng out of one account. It is taken whole or not at all: what is missing,
too long or in another place than the standard says is named by its element.

Source: ISO 20022, CustomerCreditTransferInitiationV09.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeAlias, TypeVar

from lxml import etree

from sandbox.accounts import LONGEST_TEXT, Party
from sandbox.refusals import Malformed, Wrong

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
MOST_PAYMENTS: Final = 10_000

_ID: Final = 35
_NAME: Final = 140
_COUNT: Final = re.compile(r"[0-9]{1,15}")
_AMOUNT: Final = re.compile(r"[0-9]{1,13}(\.0{1,5})?")
_BIN: Final = re.compile(r"[0-9]{6}")
_NUMBER: Final = re.compile(r"[0-9A-Za-z]{1,34}")

_Element: TypeAlias = Any
_Read = TypeVar("_Read")


class NotAPaymentFile(Malformed):
    """A file that is not pain.001.001.09; `part` is the element at fault."""

    code = "not_a_payment_file"


class ControlTotalsDiffer(Wrong):
    """The number or the sum of the payments is another than the file says of itself."""

    code = "control_totals_differ"


class PaymentTwice(Wrong):
    """Two payments of a file under one identification."""

    code = "payment_twice"


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment; `id` is its EndToEndId, `amount` in đồng, `text` what the payee is told."""

    id: str
    amount: int
    to: Party
    text: str


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """What a file orders: from which account, not before which day, and the payments."""

    message_id: str
    bin: str
    account: str
    execute_on: date
    payments: Sequence[Payment]

    @property
    def total(self) -> int:
        """The sum of the payments, in đồng."""
        return sum(one.amount for one in self.payments)


def read(content: bytes) -> PaymentFile:
    """The order in a file. Raises `NotAPaymentFile`, `ControlTotalsDiffer` or `PaymentTwice`."""
    message = _only(_root(content), "CstmrCdtTrfInitn")
    header, batch = _only(message, "GrpHdr"), _only(message, "PmtInf")
    if _text(batch, "PmtMtd") != "TRF":
        raise NotAPaymentFile(part="PmtMtd")
    transfers = _all(batch, "CdtTrfTxInf")
    if not 1 <= len(transfers) <= MOST_PAYMENTS:
        raise NotAPaymentFile(part="CdtTrfTxInf")
    bin, number = _account(batch, "Dbtr")
    file = PaymentFile(
        message_id=_text(header, "MsgId", longest=_ID),
        bin=bin,
        account=number,
        execute_on=_as(date.fromisoformat, _only(batch, "ReqdExctnDt"), "Dt"),
        payments=[_payment(one) for one in transfers],
    )
    for stated in (header, batch):
        _check_totals(stated, file)
    counted = Counter(one.id for one in file.payments)
    most, times = counted.most_common(1)[0]
    if times > 1:
        raise PaymentTwice(payment=most)
    return file


def _root(content: bytes) -> _Element:
    """The document's element; a file that declares entities or a document type is none."""
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise NotAPaymentFile(part="XML") from None
    if root.getroottree().docinfo.doctype or root.tag != f"{{{NAMESPACE}}}Document":
        raise NotAPaymentFile(part="Document")
    return root


def _payment(transfer: _Element) -> Payment:
    bin, number = _account(transfer, "Cdtr")
    name = _text(_only(transfer, "Cdtr"), "Nm", longest=_NAME)
    return Payment(
        id=_text(_only(transfer, "PmtId"), "EndToEndId", longest=_ID),
        amount=_amount(_only(transfer, "Amt")),
        to=Party(name=name.upper(), account=number, bin=bin),
        text=_text(_only(transfer, "RmtInf"), "Ustrd", longest=LONGEST_TEXT),
    )


def _account(inside: _Element, role: str) -> tuple[str, str]:
    """The bank's BIN and the number of an account, whose holder is `role`."""
    agent = _only(_only(inside, f"{role}Agt"), "FinInstnId")
    bin = _text(_only(agent, "ClrSysMmbId"), "MmbId")
    other = _only(_only(_only(inside, f"{role}Acct"), "Id"), "Othr")
    number = _text(other, "Id")
    if not _BIN.fullmatch(bin):
        raise NotAPaymentFile(part="MmbId")
    if not _NUMBER.fullmatch(number):
        raise NotAPaymentFile(part=f"{role}Acct")
    return bin, number


def _amount(inside: _Element) -> int:
    """Whole đồng, at least one."""
    element = _only(inside, "InstdAmt")
    text = _stripped(element)
    if element.get("Ccy") != "VND" or not _AMOUNT.fullmatch(text):
        raise NotAPaymentFile(part="InstdAmt")
    amount = int(text.partition(".")[0])
    if amount < 1:
        raise NotAPaymentFile(part="InstdAmt")
    return amount


def _check_totals(stated: _Element, file: PaymentFile) -> None:
    count = _as(_whole, stated, "NbOfTxs")
    total = _as(_whole, stated, "CtrlSum")
    if (count, total) != (len(file.payments), file.total):
        raise ControlTotalsDiffer(
            count=count, total=total, counted=len(file.payments), summed=file.total
        )


def _whole(text: str) -> int:
    whole, _, rest = text.partition(".")
    if not _COUNT.fullmatch(whole) or rest.strip("0"):
        raise ValueError(text)
    return int(whole)


def _as(reader: Callable[[str], _Read], inside: _Element, name: str) -> _Read:
    try:
        return reader(_text(inside, name))
    except ValueError:
        raise NotAPaymentFile(part=name) from None


def _text(inside: _Element, name: str, *, longest: int = LONGEST_TEXT) -> str:
    text = _stripped(_only(inside, name))
    if not 1 <= len(text) <= longest or not text.isprintable():
        raise NotAPaymentFile(part=name)
    return text


def _stripped(element: _Element) -> str:
    return (element.text or "").strip()


def _only(inside: _Element, name: str) -> _Element:
    found = _all(inside, name)
    if len(found) != 1:
        raise NotAPaymentFile(part=name)
    return found[0]


def _all(inside: _Element, name: str) -> list[_Element]:
    return list(inside.findall(f"{{{NAMESPACE}}}{name}"))
