"""The order to a bank: from which of our accounts, on which day, how much to whom.

Names and texts go out as every bank can take them: without diacritics, in the characters of
payment systems, cut to the length of the standard.

Source: ISO 20022 pain.001.001.09 for lengths (`Max34Text`, `Max35Text`, `Max140Text`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from payments import banks
from payments.core.errors import Invalid
from payments.core.money import MOST, ZERO, Dong, NotAnAmount
from payments.core.text import sendable

LONGEST_NUMBER: Final = 34
LONGEST_NAME: Final = 140
LONGEST_TEXT: Final = 140

_NUMBER: Final = re.compile(rf"[A-Za-z0-9]{{1,{LONGEST_NUMBER}}}")
_FILE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,34}")
_PAYOUT: Final = re.compile(r"[A-Z]{2,4}[0-9]{1,16}")


class NumberNotWritable(Invalid):
    """An account in a payment file has 1 to 34 letters and digits."""

    code = "number_not_writable"


class NameNotWritable(Invalid):
    """Nothing of the holder's name is left in the letters that payment files are written in."""

    code = "name_not_writable"


class EmptyOrder(Invalid):
    """An order names at least one payment."""

    code = "empty_order"


class DoublePayout(Invalid):
    """A payout stands in an order once."""

    code = "double_payout"


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account at a bank; `name` is its holder, in any letters."""

    bin: str
    number: str
    name: str

    def __post_init__(self) -> None:
        """Raises `banks.UnknownBank`, `NumberNotWritable` or `NameNotWritable`."""
        banks.known(self.bin)
        if not _NUMBER.fullmatch(self.number):
            raise NumberNotWritable(
                number=self.number[-4:], limit=LONGEST_NUMBER, pointer="/to/account"
            )
        if not any(c.isalnum() for c in self.holder):
            raise NameNotWritable(name=self.name[:LONGEST_NAME], pointer="/to/name")

    @property
    def holder(self) -> str:
        """The holder as banks write one: `NGUYEN VAN AN`."""
        return sendable(self.name, longest=LONGEST_NAME).upper()

    @property
    def bank(self) -> str:
        """The bank's name, in Vietnamese."""
        return banks.known(self.bin).name


@dataclass(frozen=True, slots=True)
class Payment:
    """An amount for a beneficiary, under the payout's code (`CHTR` and digits); `text` says why."""

    code: str
    amount: Dong
    beneficiary: BankAccount
    text: str = ""

    def __post_init__(self) -> None:
        """Raises `NotAnAmount`, and ValueError for a code that is none of ours."""
        if not _PAYOUT.fullmatch(self.code):
            raise ValueError(f"{self.code!r} is no payout's code")
        if not ZERO < self.amount <= MOST:
            raise NotAnAmount(text=str(self.amount))

    @property
    def memo(self) -> str:
        """What the statement is to show: the code first, so that what cuts a memo leaves it."""
        return sendable(f"{self.code} {self.text}", longest=LONGEST_TEXT)


@dataclass(frozen=True, slots=True)
class Order:
    """Payments from one of our accounts; `file_id` is the message's number, up to 35 characters.

    `created_at` is when the order was made, `execute_on` the day on which the bank is to send.
    """

    file_id: str
    created_at: datetime
    execute_on: date
    debtor: BankAccount
    payments: Sequence[Payment] = field(repr=False)

    def __post_init__(self) -> None:
        """Raises `EmptyOrder` or `DoublePayout`, and ValueError for a number that is too long."""
        if not _FILE_ID.fullmatch(self.file_id):
            raise ValueError(f"{self.file_id!r} is no number of a file")
        if not self.payments:
            raise EmptyOrder
        seen: set[str] = set()
        for payment in self.payments:
            if payment.code in seen:
                raise DoublePayout(payout=payment.code)
            seen.add(payment.code)


@dataclass(frozen=True, slots=True)
class Totals:
    """What a bank checks a file by: how many payments, and their sum in đồng."""

    count: int
    amount: Dong


def totals(order: Order) -> Totals:
    """The control totals of an order."""
    amount = sum((payment.amount for payment in order.payments), start=ZERO)
    return Totals(count=len(order.payments), amount=amount)
