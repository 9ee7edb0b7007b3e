"""Field 86 of MT940: what the payer wrote, and who it was, where the bank sets that apart.

Three ways are known: free text, subfields `?20` to `?63` (German banks), and codewords between
slashes, `/REMI/…/NAME/…` (Dutch banks, SWIFT's CGI). What is not set apart is memo.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from reconciliation.formats.figures import words

WIDTH: Final = 65
"""A line of text in MT940. One of just that width was cut, so the next goes right on."""

_SUBFIELDS: Final = re.compile(r"(?:[0-9]{3})?\?[0-9]{2}")
_SUBFIELD: Final = re.compile(r"\?(0[0-9]|10|2[0-9]|3[0-9]|6[0-3])")
_NAME: Final = frozenset(("32", "33"))
_ACCOUNT: Final = frozenset(("31", "38"))
_CODEWORD: Final = re.compile(
    r"/(ABWA|ABWE|ACCT|ADDR|BENM|BIC|BUSP|CHGS|CNTP|CREF|CRED|CSID|DEBT|EREF|EXCH|IBAN|INIT|IREF"
    r"|ISDT|KREF|MARF|MREF|NAME|NRTX|OAMT|OCMT|ORDP|PREF|PURP|REMI|RTRN|SVCL|SVWZ|TRCD|TRTP|ULTB"
    r"|ULTD)/"
)
_MEMO: Final = ("REMI", "SVWZ")
_UNSTRUCTURED: Final = re.compile(r"/?(?:USTD|STRD(?:/CUR)?)/+")
_PARTIES: Final = frozenset(("ORDP", "BENM"))


@dataclass(frozen=True, slots=True)
class Details:
    """A memo, and the other side's name and account where they are told."""

    memo: str
    name: str | None = None
    account: str | None = None


def read_details(lines: list[str], *, receives: bool) -> Details:
    """What the lines of a field 86 tell; the other side is the payer where the account receives."""
    text = lines[0] if len(lines) == 1 else joined(lines)
    if text[:1] == "/" and _CODEWORD.match(text):
        return _by_codewords(text, receives=receives)
    if _SUBFIELDS.match(text):
        return _by_subfields(text)
    return Details(words(text))


def joined(lines: list[str]) -> str:
    """The lines as one text: a full line goes right on, any other ends with a space."""
    text, before = "", ""
    for line in lines:
        if before and len(before) != WIDTH and line[:1] != "?":
            text += " "
        text += line
        before = line
    return text


def _by_subfields(text: str) -> Details:
    pieces = _SUBFIELD.split(text)
    told: dict[str, str] = {}
    for code, value in zip(pieces[1::2], pieces[2::2], strict=True):
        kind = _kind(code)
        told[kind] = told.get(kind, "") + value
    memo = words(told.get("memo", "")) or words(told.get("booking", ""))
    return Details(memo, words(told.get("name", "")) or None, _account(told.get("account", "")))


def _kind(code: str) -> str:
    if code[0] in "26":
        return "memo"
    if code in _NAME:
        return "name"
    if code in _ACCOUNT:
        return "account"
    return "booking" if code == "00" else "other"


def _by_codewords(text: str, *, receives: bool) -> Details:
    """Names and accounts belong to the party (`ORDP`, `BENM`) they stand behind, if any."""
    pieces = _CODEWORD.split(text)
    told: dict[str, str] = {}
    party = ""
    for code, raw in zip(pieces[1::2], pieces[2::2], strict=True):
        value = raw.rstrip("/ ")
        if code in _PARTIES:
            party = code
            if value.strip("/"):
                told.setdefault(f"{party}NAME", value.strip("/"))
        elif code in ("NAME", "IBAN", "ACCT"):
            told.setdefault(f"{party}{'NAME' if code == 'NAME' else 'ACCT'}", value)
        elif code == "CNTP":
            account, _, behind = value.partition("/")
            told.setdefault("ACCT", account)
            told.setdefault("NAME", behind.partition("/")[2].partition("/")[0])
        else:
            told.setdefault(code, value)
    side = "ORDP" if receives else "BENM"
    memo = next((told[code] for code in _MEMO if told.get(code)), None)
    return Details(
        words(_UNSTRUCTURED.sub("", memo, count=1)) if memo else words(text),
        words(told.get(f"{side}NAME") or told.get("NAME", "")) or None,
        _account(told.get(f"{side}ACCT") or told.get("ACCT", "")),
    )


def _account(text: str) -> str | None:
    return "".join(text.split()) or None
