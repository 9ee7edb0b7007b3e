"""Where payouts go: a bank account and its holder, sealed as payers are."""

from __future__ import annotations

from typing import Final

import orjson

from payments.banks import UnknownBank, by_bin
from payments.core.errors import Invalid
from payments.core.vault import Vault
from payments.payouts.files import BankAccount, NameNotWritable
from payments.payouts.files.order import LONGEST_NAME

_PURPOSE: Final = "beneficiary"
_HINT: Final = 4


class BankNotChosen(Invalid):
    """Money goes to an account at a bank."""

    code = "bank_not_chosen"


def beneficiary(bin: str, number: str, name: str) -> BankAccount:
    """An account to pay to, its number and name without stray spaces.

    Raises `BankNotChosen`, `UnknownBank`, `NumberNotWritable` or `NameNotWritable`.
    """
    if not bin:
        raise BankNotChosen(pointer="/to/bin")
    if by_bin(bin) is None:
        raise UnknownBank(bin=bin, pointer="/to/bin")
    holder = " ".join(name.split())
    if len(holder) > LONGEST_NAME or not holder.isprintable():  # what people see is what is sent
        raise NameNotWritable(name=holder[:LONGEST_NAME], pointer="/to/name")
    return BankAccount(bin, "".join(number.split()).upper(), holder)


def hint_of(one: BankAccount) -> str:
    """The last digits of an account, to be recognised by."""
    return one.number[-_HINT:]


def sealed(one: BankAccount, *, vault: Vault) -> bytes:
    """The beneficiary as the table keeps it."""
    told = {"bin": one.bin, "number": one.number, "name": one.name}
    return vault.seal(orjson.dumps(told).decode(), purpose=_PURPOSE)


def opened(kept: bytes, *, vault: Vault) -> BankAccount:
    """The beneficiary that was sealed."""
    return BankAccount(**orjson.loads(vault.open(kept, purpose=_PURPOSE)))
