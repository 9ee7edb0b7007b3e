"""Reading what a request says, field by field: strictly, and naming the field that is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, NoReturn
from urllib.parse import urlsplit

from sandbox.refusals import Malformed, Wrong

MOST_AMOUNT: Final = 1_000_000_000_000
"""No single movement is larger, in đồng."""

MOST_BALANCE: Final = 1_000_000_000_000_000
LONGEST_MEMO: Final = 140
_MOST_LISTED: Final = 100

_BIN: Final = re.compile(r"[0-9]{6}")
_NUMBER: Final = re.compile(r"[0-9A-Za-z]{1,19}")
_WHOLE: Final = re.compile(r"[0-9]{1,15}")
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_YEARS: Final = range(2000, 2100)


class NotJson(Malformed):
    """A body that is not one JSON object in UTF-8."""

    code = "not_json"


class MissingField(Wrong):
    """A field that must be told is not."""

    code = "missing_field"


class UnknownField(Wrong):
    """A field nobody asked for, probably misspelt."""

    code = "unknown_field"


class NotAText(Wrong):
    """A field that is not a text of a sensible length."""

    code = "not_a_text"


class NotAnAmount(Wrong):
    """A field that is not a whole number between its bounds."""

    code = "not_an_amount"


class NotATruth(Wrong):
    """A field that is neither true nor false."""

    code = "not_a_truth"


class NotAList(Wrong):
    """A field that is not a list of texts."""

    code = "not_a_list"


class NotAnObject(Wrong):
    """A field that is not an object with fields of its own."""

    code = "not_an_object"


class NotAnInstant(Wrong):
    """A field that is not an instant with its zone, as RFC 3339 writes it."""

    code = "not_an_instant"


class NotADay(Wrong):
    """A field that is not a day of the calendar."""

    code = "not_a_day"


class NotAnAccountNumber(Wrong):
    """A field that is not 1 to 19 letters and digits."""

    code = "not_an_account_number"


class NotABin(Wrong):
    """A field that is not the six digits of a bank."""

    code = "not_a_bin"


class NotAnAddress(Wrong):
    """A field that is not an http or https address."""

    code = "not_an_address"


class NotAChoice(Wrong):
    """A field whose value is not among those allowed."""

    code = "not_a_choice"


class Fields:
    """The fields of one request, taken one at a time; `end` refuses what nobody took."""

    def __init__(self, told: Mapping[str, object], *, inside: str = "") -> None:
        self._told = dict(told)
        self._inside = inside
        self._taken: set[str] = set()

    def pointer(self, name: str) -> str:
        """The JSON pointer of a field."""
        return f"{self._inside}/{name}"

    def has(self, name: str) -> bool:
        """Whether the field is told, and not null."""
        return self._told.get(name) is not None

    def text(self, name: str, *, longest: int = LONGEST_MEMO, default: str | None = None) -> str:
        """A text of printable characters, trimmed; without a default it must not be empty."""
        told = self._take(name)
        if told is None and default is not None:
            return default
        text = self._as_text(told, name).strip()
        if len(text) > longest or not text.isprintable() or (not text and default is None):
            raise NotAText(pointer=self.pointer(name), limit=longest)
        return text

    def raw(self, name: str, *, longest: int) -> str:
        """A text as it came."""
        text = self._as_text(self._take(name), name)
        if len(text) > longest:
            raise NotAText(pointer=self.pointer(name), limit=longest)
        return text

    def whole(
        self, name: str, *, least: int = 1, most: int = MOST_AMOUNT, default: int | None = None
    ) -> int:
        """A whole number: a JSON number, or digits where the request is a form or an address."""
        told = self._take(name)
        if told is None and default is not None:
            return default
        if told is None:
            raise MissingField(pointer=self.pointer(name), name=name)
        if isinstance(told, str) and _WHOLE.fullmatch(told):
            told = int(told)
        if isinstance(told, bool) or not isinstance(told, int) or not least <= told <= most:
            raise NotAnAmount(pointer=self.pointer(name), least=least, most=most)
        return told

    def truth(self, name: str) -> bool:
        """True or false; false where it is not told."""
        told = self._take(name)
        if told is not None and not isinstance(told, bool):
            raise NotATruth(pointer=self.pointer(name))
        return told is True

    def texts(self, name: str) -> list[str]:
        """A list of texts, empty where it is not told."""
        told = self._take(name)
        if told is None:
            return []
        if not isinstance(told, list) or len(told) > _MOST_LISTED:
            raise NotAList(pointer=self.pointer(name))
        if not all(isinstance(one, str) for one in told):
            raise NotAList(pointer=self.pointer(name))
        return told

    def fields(self, name: str) -> Fields | None:
        """The fields of an object inside, None where it is not told."""
        told = self._take(name)
        if told is None:
            return None
        if not isinstance(told, dict):
            raise NotAnObject(pointer=self.pointer(name))
        return Fields(told, inside=self.pointer(name))

    def instant(self, name: str, *, default: datetime) -> datetime:
        """An instant with its zone; `default` where it is not told."""
        told = self._take(name)
        return default if told is None else self._as_instant(self._as_text(told, name), name)

    def day(self, name: str) -> date:
        """A day as `2026-11-24`."""
        text = self._as_text(self._take(name), name)
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise NotADay(pointer=self.pointer(name)) from None
        if day.year not in _YEARS or text != day.isoformat():
            raise NotADay(pointer=self.pointer(name))
        return day

    def account_number(self, name: str) -> str:
        """An account's number."""
        text = self._as_text(self._take(name), name)
        if not _NUMBER.fullmatch(text):
            raise NotAnAccountNumber(pointer=self.pointer(name))
        return text

    def bin(self, name: str) -> str:
        """A bank's BIN."""
        text = self._as_text(self._take(name), name)
        if not _BIN.fullmatch(text):
            raise NotABin(pointer=self.pointer(name))
        return text

    def choice(self, name: str, allowed: Mapping[str, object]) -> str:
        """One of the keys of `allowed`."""
        text = self._as_text(self._take(name), name)
        if text not in allowed:
            raise NotAChoice(pointer=self.pointer(name), allowed=", ".join(allowed))
        return text

    def address(self, name: str) -> str:
        """An address to which callbacks can be sent."""
        text = self.text(name, longest=2_000)
        try:
            parts = urlsplit(text)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable or not text.isascii() or " " in text:
            raise NotAnAddress(pointer=self.pointer(name))
        return text

    def end(self) -> None:
        """Refuses the first field that was told and not taken."""
        for name in self._told:
            if name not in self._taken:
                raise UnknownField(pointer=self.pointer(name), name=name[:40])

    def _take(self, name: str) -> object:
        self._taken.add(name)
        return self._told.get(name)

    def _as_text(self, told: object, name: str) -> str:
        if told is None:
            raise MissingField(pointer=self.pointer(name), name=name)
        if not isinstance(told, str):
            raise NotAText(pointer=self.pointer(name), limit=LONGEST_MEMO)
        return told

    def _as_instant(self, text: str, name: str) -> datetime:
        try:
            if not _INSTANT.fullmatch(text):
                raise ValueError(text)
            instant = datetime.fromisoformat(text.upper())
            if instant.year not in _YEARS:
                raise ValueError(text)
        except ValueError:
            raise NotAnInstant(pointer=self.pointer(name)) from None
        return instant


def read_json(body: bytes) -> Fields:
    """The fields of a JSON object; repeated names, NaN and other than UTF-8 are refused."""
    try:
        told = json.loads(
            body.decode(), object_pairs_hook=_without_repeats, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        raise NotJson from None
    if not isinstance(told, dict):
        raise NotJson
    return Fields(told)


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    told = dict(pairs)
    if len(told) != len(pairs):
        raise NotJson
    return told


def _no_constant(_name: str) -> NoReturn:
    raise NotJson
