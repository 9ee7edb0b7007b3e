"""The statements of an MT940 file: messages, each a page, joined where the bank says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import BinaryIO, Final

from reconciliation.formats.figures import words
from reconciliation.formats.mt940.details import Details, read_details
from reconciliation.formats.mt940.entries import (
    EXPECTED,
    REVERSALS,
    Entry,
    comma_amount,
    read_entry,
    swift_day,
)
from reconciliation.formats.mt940.fields import END, MOST_FIELD_LINES, Field, fields
from reconciliation.formats.parts import Discrepancy, End, Figure, Line, Part, Start, Tally
from reconciliation.formats.refusals import (
    CutFile,
    FileTooLarge,
    MalformedField,
    MisplacedFigure,
    MissingFigure,
    MixedCurrencies,
    NotAStatement,
    RepeatedFigure,
    UnknownFormat,
)

FORMAT: Final = "mt940"
MOST_STATEMENTS: Final = 10_000

_ACCOUNT: Final = frozenset(("25", "25P"))
_PAGE: Final = frozenset(("28", "28C"))
_OPENINGS: Final = frozenset(("60F", "60M"))
_CLOSINGS: Final = frozenset(("62F", "62M"))
_REPORT: Final = "34F"
"""The floor limit of MT942, which a statement has not."""

_BALANCE: Final = re.compile(r"([CD])([0-9]{6})([A-Z]{3})([0-9.,]+)")
_PAGE_NUMBER: Final = re.compile(r"([0-9]{1,15})(?:/([0-9]{1,15}))?")
_BEGINS: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?[\s\x01\x03$]*"
    rb"(?:\{[1-4]:|(?:(?:[A-Z0-9]{3,12}|:940:)[ \t]*[\r\n]+){0,4}:20:)"
)


def recognises(head: bytes) -> bool:
    """Whether a file begins as MT940 does: an envelope, or field 20."""
    return _BEGINS.match(head) is not None


def parse(stream: BinaryIO) -> Iterator[Part]:
    """The statements of an MT940 file, read once from where `stream` stands."""
    reading = _Reading()
    for one in fields(stream):
        if one[1] == "61":
            yield from reading.take_entry(one)
        elif one[1] == "86":
            reading.take_details(one)
        else:
            yield from reading.take(one)
    yield from reading.finish()


@dataclass(slots=True)
class _Page:
    """One message: what its head says, and its balances as they come."""

    line: int
    reference: str
    account: tuple[int, str] | None = None
    number: tuple[str, str | None] | None = None
    opened: bool = False
    closing: tuple[str, Decimal, date] | None = None
    passed_over: int = 0


@dataclass(slots=True)
class _Statement:
    """One account's statement, of one page or several."""

    start: Start
    tally: Tally
    number: tuple[str, str | None] | None
    lines: int = 0
    begun: bool = False
    differing: list[Discrepancy] = field(default_factory=list)

    @property
    def reached(self) -> Decimal:
        """The balance after the entries read so far."""
        booked = self.tally.booked
        return (self.tally.opening or Decimal(0)) + booked.credits - booked.debits

    def begin(self, day: date) -> list[Part]:
        """Its start, once; the opening balance is of the evening before as often as of the day."""
        if self.begun:
            return []
        self.begun = True
        self.start = replace(self.start, from_day=day)
        return [self.start]

    def compare(self, stated: Decimal) -> None:
        """Takes the balance between two pages, which must be the one reached."""
        if stated != self.reached:
            self.differing.append(Discrepancy(Figure.RUNNING, stated, self.reached))

    def end(self, closing: Decimal, day: date) -> End:
        """Its foot, with every balance on the way compared."""
        end = replace(self.tally.end(closing), to_day=day)
        if not self.differing:
            return end
        found = (*end.discrepancies, self.differing[0])
        return replace(end, discrepancies=found, balanced=False)


class _Reading:
    """A file whose fields are taken one after the other."""

    def __init__(self) -> None:
        self.page: _Page | None = None
        self.statement: _Statement | None = None
        self.entry: Entry | None = None
        self.details: list[str] = []
        self.statements = self.line = 0

    def take_entry(self, one: Field) -> list[Part]:
        """Takes a field 61; the line before it is complete now."""
        number, _, lines = one
        made = self._flush()
        statement = self._inside(number)
        self.entry = entry = read_entry(lines, currency=statement.start.currency, line=number)
        if entry.mark in EXPECTED:
            statement.tally.leave_out(entry.change)
        else:
            statement.tally.book(entry.change)
        return made

    def take_details(self, one: Field) -> None:
        """Takes a field 86: of the entry above it, else of the whole statement, unread."""
        number, _, lines = one
        if self.entry is not None:
            self.details += lines
            if len(self.details) > MOST_FIELD_LINES:
                raise FileTooLarge(line=number, limit=MOST_FIELD_LINES)
        else:
            self._pass_over(number)

    def take(self, one: Field) -> list[Part]:
        """Takes any other field; what it completes comes first."""
        number, tag, lines = one
        self.line = number
        made = self._flush()
        text = lines[0].rstrip() if lines else ""
        if tag in (END, "20"):
            made += self._close_page(number, at_end=tag == END)
            self.page = None if tag == END else _Page(number, text.strip())
        elif tag == "940":
            made += self._close_page(number, at_end=False)
            self.page = None
        elif tag in _OPENINGS:
            self._open(number, tag, text)
        elif tag in _CLOSINGS:
            self._close(number, tag, text)
        elif tag in _ACCOUNT or tag in _PAGE:
            self._take_head(number, tag, text)
        elif tag == _REPORT:
            raise NotAStatement(line=number, message="MT942")
        else:
            self._pass_over(number)
        return made

    def finish(self) -> list[Part]:
        """What the end of the file completes; it must be the end of a statement."""
        made = self._flush() + self._close_page(self.line + 1, at_end=False)
        if self.statement is not None:
            raise CutFile(line=self.line + 1)
        if not self.statements:
            raise UnknownFormat(line=1, name="MT940")
        return made

    def _inside(self, number: int) -> _Statement:
        page = self._current(number)
        if not page.opened or self.statement is None:
            raise MissingFigure(line=number, what=":60F:")
        if page.closing is not None:
            raise MisplacedFigure(line=number, what=":61:")
        return self.statement

    def _current(self, number: int) -> _Page:
        if self.page is None:
            raise MissingFigure(line=number, what=":20:")
        return self.page

    def _pass_over(self, number: int) -> None:
        page = self._current(number)
        page.passed_over += 1
        if page.passed_over > MOST_FIELD_LINES:
            raise FileTooLarge(line=number, limit=MOST_FIELD_LINES)

    def _take_head(self, number: int, tag: str, text: str) -> None:
        page = self._current(number)
        if page.opened:
            raise MisplacedFigure(line=number, what=f":{tag}:")
        told = page.account if tag in _ACCOUNT else page.number
        if told is not None:
            raise RepeatedFigure(line=number, what=f":{tag}:")
        if tag in _ACCOUNT:
            page.account = (number, text)
            return
        found = _PAGE_NUMBER.fullmatch(text.strip())
        if found is None:
            raise MalformedField(line=number, tag=f":{tag}:")
        page.number = (found[1], found[2])

    def _open(self, number: int, tag: str, text: str) -> None:
        """Begins a statement with `60F`, or its next page with `60M`."""
        page = self._current(number)
        if page.opened:
            raise RepeatedFigure(line=number, what=f":{tag}:")
        if page.account is None:
            raise MissingFigure(line=number, what=":25:")
        page.opened = True
        amount, currency, _ = _balance(text, tag=tag, line=number)
        account = account_number(page.account[1], currency=currency, line=page.account[0])
        if tag == "60F":
            if self.statement is not None:
                raise CutFile(line=page.line)
            self.statement = _statement(page, account, currency, amount)
        else:
            self._go_on(page, account, currency, amount, line=number)

    def _go_on(
        self, page: _Page, account: str, currency: str, amount: Decimal, *, line: int
    ) -> None:
        """Joins a page to the one before it: same account and number, and none between them."""
        statement = self.statement
        if statement is None:
            raise MissingFigure(line=line, what=":60F:")
        if account != statement.start.account or not _follows(statement.number, page.number):
            raise CutFile(line=page.line)
        if currency != statement.start.currency:
            raise MixedCurrencies(line=line, text=currency, currency=statement.start.currency)
        statement.number = page.number
        statement.compare(amount)

    def _close(self, number: int, tag: str, text: str) -> None:
        page = self._current(number)
        if page.closing is not None:
            raise RepeatedFigure(line=number, what=f":{tag}:")
        statement = self._inside(number)
        amount, currency, day = _balance(text, tag=tag, line=number)
        if currency != statement.start.currency:
            raise MixedCurrencies(line=number, text=currency, currency=statement.start.currency)
        page.closing = (tag, amount, day)

    def _close_page(self, number: int, *, at_end: bool) -> list[Part]:
        """The end of a statement, if the message that ends here is its last page."""
        page, statement = self.page, self.statement
        if page is None:
            if at_end:
                raise MalformedField(line=number, tag=END)
            return []
        if page.closing is None or statement is None:
            raise CutFile(line=number)
        tag, closing, day = page.closing
        if tag == "62M":
            statement.compare(closing)
            return []
        self.statements += 1
        if self.statements > MOST_STATEMENTS:
            raise FileTooLarge(line=number, limit=MOST_STATEMENTS)
        self.statement = None
        return [*statement.begin(day), statement.end(closing, day)]

    def _flush(self) -> list[Part]:
        """The line of the last entry, its details complete; an expected entry is no line."""
        entry, statement = self.entry, self.statement
        if entry is None or statement is None:
            return []
        details, self.entry, self.details = self.details, None, []
        if entry.mark in EXPECTED:
            return []
        statement.lines += 1
        line = _line(entry, details, number=statement.lines, currency=statement.start.currency)
        return [line] if statement.begun else [*statement.begin(line.day), line]


def account_number(text: str, *, currency: str, line: int) -> str:
    """The account of field 25: behind a bank's code and a slash, before a currency.

    `BFTVVNVX/0281000999999`, `0281000999999VND` and `0281000999999 / VND` are one account.
    """
    told = "".join(text.split())
    if told.endswith(currency):
        told = told[: -len(currency)].rstrip("/")
    number = told.rpartition("/")[2]
    if not any(character.isdigit() for character in number):
        raise MissingFigure(line=line, what=":25:")
    return number


def _statement(page: _Page, account: str, currency: str, opening: Decimal) -> _Statement:
    start = Start(
        format=FORMAT,
        account=account,
        currency=currency,
        opening=opening,
        from_day=None,
        to_day=None,
        number=words(page.reference) or None,
        sequence=None if page.number is None else int(page.number[0]),
    )
    return _Statement(start, Tally(opening), page.number)


def _follows(before: tuple[str, str | None] | None, after: tuple[str, str | None] | None) -> bool:
    """Whether `28C` says the next page of the same statement, as far as it says anything."""
    if before is None or after is None:
        return before is after
    if int(before[0]) != int(after[0]):
        return False
    if before[1] is None or after[1] is None:
        return before[1] is after[1]
    return int(after[1]) == int(before[1]) + 1


def _balance(text: str, *, tag: str, line: int) -> tuple[Decimal, str, date]:
    """Amount, below zero where the account is overdrawn, currency and day of a balance."""
    found = _BALANCE.fullmatch(text)
    if found is None:
        raise MalformedField(line=line, tag=f":{tag}:")
    mark, day, currency, told = found.groups()
    amount = comma_amount(told, currency=currency, line=line)
    return amount if mark == "C" else -amount, currency, swift_day(day, line=line)


def _line(entry: Entry, written: list[str], *, number: int, currency: str) -> Line:
    reversal = entry.mark in REVERSALS
    change = entry.change
    credit = not change.is_signed()
    details = read_details(written, receives=credit != reversal) if written else Details("")
    own = entry.bank_reference
    return Line(
        number=number,
        day=entry.day,
        value_day=entry.value_day,
        booked_at=None,
        amount=entry.amount,
        credit=credit,
        bank_reference=own or entry.reference,
        memo=details.memo or entry.supplement or entry.reference or "",
        payer_account=details.account,
        payer_name=details.name,
        balance=None,
        reversal=reversal,
        reverses=None,
        stable_id=own and f"{own}:{change}",
        currency=currency,
    )
