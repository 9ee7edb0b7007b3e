"""What a payer may write in a claim, read as people write it; what can't be read is refused."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Final

from payments.core.errors import Invalid
from payments.core.money import Dong

LONGEST_WORDS: Final = 1000
MOST: Final = Dong(499_999_999)
"""A transfer by VietQR is below 500 million đồng, and so is every request."""

_NUMBER: Final = re.compile(r"(?=.*[0-9])[A-Z0-9][A-Z0-9./:_-]{3,39}")
_AMOUNT: Final = re.compile(r"[0-9]{1,9}|[0-9]{1,3}(?:([.,\x20])[0-9]{3})(?:\1[0-9]{3}){0,2}")
_CURRENCY: Final = re.compile(r"\s*(?:đồng|dong|vnđ|vnd|đ|₫)$", re.IGNORECASE)
_DAY: Final = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})")


class UnreadableNumber(Invalid):
    """A bank's number of a transfer: 4 to 40 letters, digits and . / : _ -, one digit at least."""

    code = "unreadable_bank_number"


class NotADayToPay(Invalid):
    """A day from the one on which the request was issued until today."""

    code = "not_a_day_to_pay"


class NoSuchAmount(Invalid):
    """An amount in whole đồng, below 500 million, with or without dots."""

    code = "no_such_amount"


class WordsTooLong(Invalid):
    """A claim and its answer have at most 1,000 characters."""

    code = "words_too_long"


@dataclass(frozen=True, slots=True)
class Told:
    """What a payer tells of the transfer; `photo` is one that `photos.cleaned` made."""

    bank_number: str
    paid_on: date
    amount: Dong
    words: str = ""
    photo: bytes | None = None


def bank_number_of(text: str) -> str:
    """The bank's number as it is kept: capitals, no spaces. Raises `UnreadableNumber`."""
    kept = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if not _NUMBER.fullmatch(kept):
        raise UnreadableNumber(pointer="/bank_number")
    return kept


def amount_of(text: str) -> Dong:
    """`150.000`, `150,000 ₫`, `150000đ`: an amount in đồng. Raises `NoSuchAmount`."""
    typed = unicodedata.normalize("NFC", text).replace("\N{NO-BREAK SPACE}", " ").strip()
    bare = _CURRENCY.sub("", typed)
    if not _AMOUNT.fullmatch(bare):
        raise NoSuchAmount(pointer="/amount")
    amount = int(re.sub(r"[., ]", "", bare))
    if not 1 <= amount <= MOST:
        raise NoSuchAmount(pointer="/amount")
    return Dong(amount)


def day_of(text: str, *, first: date, last: date) -> date:
    """`2026-11-24` or `24/11/2026`, from `first` to `last`. Raises `NotADayToPay`."""
    typed = text.strip()
    written = _DAY.fullmatch(typed)
    try:
        if written is None:
            day = date.fromisoformat(typed)
        else:
            day = date(int(written[3]), int(written[2]), int(written[1]))
    except ValueError:
        raise NotADayToPay(first=first, last=last, pointer="/paid_on") from None
    if not first <= day <= last:
        raise NotADayToPay(first=first, last=last, pointer="/paid_on")
    return day


def words_of(text: str) -> str:
    """Words as they are kept. Raises `WordsTooLong`."""
    kept = text.replace("\r\n", "\n").strip()
    if len(kept) > LONGEST_WORDS:
        raise WordsTooLong(most=LONGEST_WORDS, pointer="/words")
    return kept
