"""VietinBank's daily comparison of payments into virtual accounts, `…_THUHOTKAO_IN.txt`.

The bank has compared its payments of a day (record type 002) with the provider's, and once more
those of the day before (003). It is a message about the day, no statement: it is shown with the
bank's result beside each payment, never booked.

Fields are parted by `|`, in UTF-8: a header, a record for each payment, a footer with their number.
Records and footer carry an MD5 of their fields and a key that the bank shares. Without the key they
cannot be checked, and the end says so.

Source: one provider's settlement code (`statement_formats.json`), no specification of the bank's:
the header is not known there, so its words are passed over.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import BinaryIO, Final

from payments.core.calendar import local_day
from reconciliation.formats import figures
from reconciliation.formats.parts import Discrepancy, End, Figure, Line, Part, Start, Tally
from reconciliation.formats.plain_text import numbered_lines
from reconciliation.formats.refusals import (
    CutFile,
    FileTooLarge,
    MalformedField,
    MisplacedFigure,
    UnknownIndicator,
    UnreadableAmount,
    UnreadableDate,
    UnreadableFile,
)

FORMAT: Final = "vietinbank_va"
MESSAGE: Final = "VietinBank VA"

FIELDS: Final = (
    "recordType transId providerId merchantId bankCode branchCode custAcctNo recvVirtualAcctId "
    "recvVirtualAcctName custCode custName amount currencyCode payRefNo merchantAcctNo billCycle "
    "billId transTime status bankTransId addField1 addField2 addField3 addField4 addField5 "
    "recordChecksum"
).split()
FOOTER: Final = "recordType providerId userId recordNo transTime fileChecksum".split()
RECORD_TYPES: Final = ("002", "003")
SEPARATOR: Final = "|"
MOST_BLANK: Final = 500

_CHECKSUM: Final = re.compile(r"[0-9A-Fa-f]{32}")
_COUNT: Final = re.compile(r"[0-9]{1,9}")
_TIME: Final = re.compile(
    r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})[ T]?([0-9]{2}):?([0-9]{2}):?([0-9]{2})"
)
_RECORD: Final = re.compile(rb"(?:^|[\r\n])00[23](?:\|[^|\r\n]*){25}[\r\n]")
_MEMO: Final = ("recvVirtualAcctId", "billId", "payRefNo")


class Result(StrEnum):
    """What the bank's comparison says of a payment; the keys are transId, amount and transTime."""

    SAME = "00"  # on both sides and equal
    BANK_ONLY = "01"
    PROVIDER_ONLY = "02"  # the bank has not got it: no movement of its account
    DIFFERENT = "03"


class WrongChecksum(UnreadableFile):
    """A record or file whose checksum differs: it was changed, or the key is another's."""

    code = "wrong_checksum"


def recognises(head: bytes) -> bool:
    """Whether a file has records of this kind, or their names as its header, at its beginning."""
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    return first.lower().startswith(b"recordtype|") or _RECORD.search(first) is not None


def parse(stream: BinaryIO, *, key: str = "") -> Iterator[Part]:
    """The payments of the file, by the account they went to; `key` is the one the bank shares.

    An account whose payments do not stand together begins more than once.
    """
    reading = _Reading(key)
    for number, line in numbered_lines(stream, encodings=("utf-8",)):
        yield from reading.take(number, line)
    yield from reading.finish()


class _Reading:
    """A file whose lines are taken one after the other."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.count = self.lines = self.blank = self.number = 0
        self.header = self.closed = False
        self.start: Start | None = None
        self.tally = Tally(None)

    def take(self, number: int, line: str) -> list[Part]:
        """The parts that one more line completes."""
        self.number = number
        if not line.strip():
            self.blank += 1
            if self.blank > MOST_BLANK:
                raise FileTooLarge(line=number, limit=MOST_BLANK)
            return []
        cells = line.split(SEPARATOR)
        if self.closed:
            raise MisplacedFigure(line=number, what=cells[0])
        if len(cells) == len(FIELDS) and cells[0] in RECORD_TYPES:
            return self._record(cells, line=number)
        if not (self.header or self.count):
            self.header = True
            return []
        return self._footer(cells, line=number)

    def finish(self) -> list[Part]:
        """Nothing, if the footer has been read."""
        if not self.closed:
            raise CutFile(line=self.number + 1)
        return []

    def _record(self, cells: Sequence[str], *, line: int) -> list[Part]:
        _check(cells, self.key, line=line)
        told = dict(zip(FIELDS, (cell.strip() for cell in cells), strict=True))
        parts = self._begun(told, line=line)
        self.count += 1
        self.lines += 1
        made = _payment(told, number=self.lines, line=line)
        if made.result == Result.PROVIDER_ONLY:
            self.tally.leave_out(made.amount)
        else:
            self.tally.book(made.amount)
        return [*parts, made]

    def _begun(self, told: dict[str, str], *, line: int) -> list[Part]:
        """The start of an account's payments, behind the end of another's."""
        account, currency = told["merchantAcctNo"] or None, told["currencyCode"]
        before = self.start
        if before is not None and (before.account, before.currency) == (account, currency):
            return []
        ended = [] if before is None else [self._end()]
        self.start = _start(account, figures.currency_code(currency, line=line))
        self.tally, self.lines = Tally(None), 0
        return [*ended, self.start]

    def _end(self) -> End:
        return replace(self.tally.end(None), checksums_checked=bool(self.key))

    def _footer(self, cells: Sequence[str], *, line: int) -> list[Part]:
        if len(cells) != len(FOOTER):
            raise MalformedField(line=line, tag=FIELDS[0])
        _check(cells, self.key, line=line)
        stated = cells[FOOTER.index("recordNo")].strip()
        if not _COUNT.fullmatch(stated):
            raise UnreadableAmount(line=line, text=stated)
        self.closed = True
        begun: list[Part] = [] if self.start else [_start(None, "VND")]
        end = replace(self._end(), declared_count=int(stated))
        if int(stated) != self.count:
            differing = Discrepancy(Figure.COUNT, Decimal(stated), Decimal(self.count))
            end = replace(end, discrepancies=(differing,), balanced=False)
        return [*begun, end]


def _start(account: str | None, currency: str) -> Start:
    return Start(
        format=FORMAT,
        account=account,
        currency=currency,
        opening=None,
        from_day=None,
        to_day=None,
        number=None,
        sequence=None,
        message=MESSAGE,
    )


def _payment(told: dict[str, str], *, number: int, line: int) -> Line:
    if told["status"] not in tuple(Result):
        raise UnknownIndicator(line=line, what="status", text=told["status"])
    currency = told["currencyCode"]
    amount = figures.plain_amount(told["amount"], currency=currency, line=line)
    paid_at = _instant(told["transTime"], line=line)
    return Line(
        number=number,
        day=local_day(paid_at),
        value_day=None,
        booked_at=paid_at,
        amount=figures.movement(amount, line=line),
        credit=True,
        bank_reference=figures.words(told["bankTransId"] or told["transId"]) or None,
        memo=figures.words(" ".join(dict.fromkeys(told[name] for name in _MEMO))),
        payer_account=told["custAcctNo"] or None,
        payer_name=figures.words(told["custName"]) or None,
        balance=None,
        reversal=False,
        reverses=None,
        stable_id=None,
        currency=currency,
        result=told["status"],
    )


def _instant(text: str, *, line: int) -> datetime:
    """`20261124093000` or `2026-11-24 09:30:00`, Viet Nam's clock."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise UnreadableDate(line=line, text=text)
    year, month, day, hour, minute, second = found.groups()
    return figures.iso_instant(f"{year}-{month}-{day}T{hour}:{minute}:{second}", line=line)


def _check(cells: Sequence[str], key: str, *, line: int) -> None:
    """Holds the checksum, the last cell, against the others and the key, where there is one."""
    *told, checksum = cells
    if not _CHECKSUM.fullmatch(checksum.strip()):
        raise MalformedField(line=line, tag=FIELDS[-1])
    if not key:
        return
    digest = hashlib.md5("".join((*told, key)).encode(), usedforsecurity=False).hexdigest()
    if not hmac.compare_digest(digest, checksum.strip().lower()):
        raise WrongChecksum(line=line)
