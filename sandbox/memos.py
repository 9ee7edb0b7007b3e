"""How a memo arrives: wrapped by the payer's bank, and sometimes damaged on the way.

Every wrap here is a shape seen in real statements; a memo loses its accents whichever way it
comes. What is done to a code inside a memo (`cut`, `split`, `damage`) looks for letters that are
followed by at least five digits, since that is what a payment code looks like to any reader.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from types import MappingProxyType
from typing import Final, TypeAlias

from sandbox.accounts import LONGEST_TEXT, Account, Party
from sandbox.clock import VIETNAM
from sandbox.payers import digits
from sandbox.refusals import Wrong

_CODE: Final = re.compile(r"[A-Za-z]{2,8}[0-9]{5,}")
_MIXED: Final = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"
_REWRAP_EVERY: Final = 35
_MOST_LOST: Final = 4
"""A cut takes one to so many characters off a code."""


class UnknownVia(Wrong):
    """A way of sending money that this bank does not know."""

    code = "unknown_via"


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a wrap may print: the memo, who sends, who receives, when."""

    memo: str
    payer: Party
    payee: Account
    at: datetime
    chance: Random

    def lot(self, count: int) -> str:
        """So many digits that mean nothing."""
        return digits(self.chance, count)

    @property
    def time(self) -> datetime:
        """When it was sent, on a clock in Viet Nam."""
        return self.at.astimezone(VIETNAM)

    @property
    def parties(self) -> str:
        """`CT tu <account> <NAME> toi <account> <NAME>`."""
        return (
            f"CT tu {self.payer.account} {self.payer.name}"
            f" toi {self.payee.number} {self.payee.name}"
        )


Wrap: TypeAlias = Callable[[Transfer], str]


def _vcb(sent: Transfer) -> str:
    return f"MBVCB.{sent.lot(10)}.{sent.memo}.{sent.parties}"


def _mbvcb(sent: Transfer) -> str:
    trace = sent.lot(6)
    bank = sent.payee.bank_name
    return f"MBVCB.{sent.lot(10)}.{trace}.{sent.memo}.{sent.parties} tai {bank}"


def _vcb_to_acb(sent: Transfer) -> str:
    trace = sent.lot(6)
    return (
        f"MBVCB.{sent.lot(10)}.{trace}.{sent.memo}.CT tu {sent.payer.account} {sent.payer.name}"
        f" toi {sent.payee.number} (ACB) A Chau GD {trace}-{sent.time:%m%d%y %H:%M:%S}"
    )


def _momo(sent: Transfer) -> str:
    mixed = "".join(sent.chance.choices(_MIXED, k=8))
    return f"{sent.lot(12)}-{sent.memo}-CHUYEN TIEN-OQCH{mixed}-MOMO{sent.lot(12)}MOMO"


def _momo_cut(sent: Transfer) -> str:
    return f"{sent.lot(12)}-{sent.memo}-CHUYEN TIEN-MOMO"


def _napas(sent: Transfer) -> str:
    return f"{sent.lot(6)}.{sent.time:%d%m%y.%H%M%S}.{sent.memo}"


def _napas_ft_before(sent: Transfer) -> str:
    return f"FT{sent.time:%y%j}{sent.lot(9)} {_napas(sent)}"


def _napas_ft_after(sent: Transfer) -> str:
    return f"{_napas(sent)} FT{sent.time:%y%j}{sent.lot(9)}"


def _ibbiz(sent: Transfer) -> str:
    return f"IBBIZ{sent.lot(10)}.{sent.lot(6)}.{sent.memo}"


def _mbbiz(sent: Transfer) -> str:
    return f"MBBIZ{sent.lot(10)}.{sent.lot(6)}.{sent.memo}"


def _counter(sent: Transfer) -> str:
    return f"SHGD:{sent.lot(8)}.DD:{sent.time:%y%m%d}.BO:{sent.payer.name}.Remark:{sent.memo}"


def _mb(sent: Transfer) -> str:
    return f"CUSTOMER {_without_dots(sent.memo)}  Trace {sent.lot(6)}"


def _rewrapped(sent: Transfer) -> str:
    whole = _mbvcb(sent)
    rows = range(0, len(whole), _REWRAP_EVERY)
    return " ".join(whole[start : start + _REWRAP_EVERY] for start in rows)


def _typed(sent: Transfer) -> str:
    """By hand, in small letters and groups of four."""
    spaced = _CODE.sub(lambda code: " ".join(_groups(code.group())), sent.memo)
    return f"{spaced.lower()} nop tien"


def _hyphens_lost(sent: Transfer) -> str:
    return sent.memo.translate({ord("-"): None, ord("_"): None})


def _replaced(sent: Transfer) -> str:
    """VietinBank's virtual accounts: the bank's own words instead of the payer's."""
    mixed = "".join(sent.chance.choices(_MIXED, k=7)).upper()
    return f"CT DEN:{sent.lot(3)}T{sent.time:%y%j}{mixed} CK"


def _plain(sent: Transfer) -> str:
    return sent.memo


VIAS: Final[Mapping[str, Wrap]] = MappingProxyType(
    {
        "plain": _plain,
        "vcb": _vcb,
        "mbvcb": _mbvcb,
        "vcb_acb": _vcb_to_acb,
        "momo": _momo,
        "momo_cut": _momo_cut,
        "napas": _napas,
        "napas_ft_before": _napas_ft_before,
        "napas_ft_after": _napas_ft_after,
        "ibbiz": _ibbiz,
        "mbbiz": _mbbiz,
        "counter": _counter,
        "mb": _mb,
        "typed": _typed,
        "hyphens_lost": _hyphens_lost,
        "rewrapped": _rewrapped,
        "replaced": _replaced,
    }
)
"""Ways of sending money by name. In `replaced` nothing of the payer's memo is left."""

_LIKELY: Final = (
    "mbvcb", "mbvcb", "vcb", "vcb", "napas", "napas", "napas", "napas_ft_before", "napas_ft_after",
    "momo", "momo", "momo_cut", "mb", "mb", "ibbiz", "mbbiz", "counter", "plain", "plain", "typed",
)  # fmt: skip


def a_via(chance: Random) -> str:
    """A way of sending, the usual ones more often; never one that loses or breaks the memo."""
    return chance.choice(_LIKELY)


def as_booked(sent: Transfer, *, via: str) -> str:
    """The memo as the receiving bank books it, at most 140 characters. Raises `UnknownVia`."""
    wrap = VIAS.get(via)
    if wrap is None:
        raise UnknownVia(pointer="/via", name=via)
    return fold(wrap(sent))[:LONGEST_TEXT].strip()


def fold(text: str) -> str:
    """`text` as banks keep it: printable ASCII, accents lost, đ a d."""
    parts = unicodedata.normalize("NFD", text).translate({ord("đ"): "d", ord("Đ"): "D"})
    return "".join(character for character in parts if " " <= character <= "~")


def cut(memo: str, *, chance: Random) -> str:
    """The memo broken off inside its code, which loses one to four characters of its digits."""
    code = _CODE.search(memo)
    if code is None:
        return memo[: max(1, len(memo) // 2)]
    spare = len(_digits_of(code.group())) - 5
    return memo[: code.end() - chance.randint(1, max(1, min(_MOST_LOST, spare)))]


def split(memo: str, *, chance: Random) -> str:
    """The memo with a space inside its code."""
    start, end = _code_span(memo)
    if end - start < 2:
        return memo
    place = chance.randint(start + 1, end - 1)
    return f"{memo[:place]} {memo[place:]}"


def damage(memo: str, *, chance: Random) -> str:
    """The memo with one digit of its code turned into another; any digit if there is no code."""
    code = _CODE.search(memo)
    start, end = code.span() if code else (0, len(memo))
    places = [place for place in range(start, end) if memo[place].isdigit()]
    if not places:
        return memo
    place = chance.choice(places)
    other = chance.choice([digit for digit in "0123456789" if digit != memo[place]])
    return memo[:place] + other + memo[place + 1 :]


def forgotten(payer: Party) -> str:
    """What a banking app writes when the payer wrote nothing."""
    return f"{payer.name} chuyen tien"


def _code_span(memo: str) -> tuple[int, int]:
    code = _CODE.search(memo)
    return code.span() if code else (0, len(memo))


def _digits_of(code: str) -> str:
    return code.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def _groups(code: str) -> list[str]:
    return [code[start : start + 4] for start in range(0, len(code), 4)]


def _without_dots(memo: str) -> str:
    return memo.replace(".", " ")
