"""What every statement file comes down to: a start, its lines and an end, for each account.

A reader yields `Start`, then `Line` after `Line`, then `End`, once for each statement in the file,
and raises `UnreadableFile` at the first thing it cannot read, so whoever stores lines consumes all
of them first. Amounts are exact decimals in the statement's own currency (whole for VND);
`in_dong` makes them money of this service and refuses every other currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from payments.core.errors import Invalid
from payments.core.money import Dong

VND: Final = "VND"


class OtherCurrency(Invalid):
    """A statement that is not in đồng: it can be read and shown, never booked."""

    code = "other_currency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The head of one account's statement; `opening` is negative for an overdrawn account."""

    format: str
    """The format or layout that was found, a name `read` accepts."""
    account: str | None
    currency: str
    opening: Decimal | None
    from_day: date | None
    to_day: date | None
    number: str | None
    """The bank's name for this statement."""
    sequence: int | None
    """The bank's running number of electronic statements of this account, if it counts them."""
    message: str | None = None
    """The name of a message about the day that is no statement: it is shown, never booked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One booked movement, as the bank tells it. What is only pending is no line."""

    number: int
    """Its place in the statement, from 1."""
    day: date
    """The bank's booking day, in Viet Nam."""
    value_day: date | None
    booked_at: datetime | None
    """The instant of booking in UTC, where the file gives more than the day."""
    amount: Decimal
    """Never negative; zero where the bank lists an entry of nothing."""
    credit: bool
    """It raises the balance; so a reversed credit is False."""
    bank_reference: str | None
    memo: str
    payer_account: str | None
    """The other side's account: the payer's of a credit, the payee's of a debit."""
    payer_name: str | None
    balance: Decimal | None
    """The running balance after this line, where the file gives one."""
    reversal: bool
    """The bank says that this line takes back an earlier one."""
    reverses: str | None
    """The bank reference of the line taken back, where the file names it."""
    stable_id: str | None
    """The bank's own identity of the line, where the format declares it stable. It holds direction
    and amount, so two lines that share one are interchangeable: they are counted, not dropped."""
    currency: str
    result: str | None = None
    """What the bank's own comparison says of it (00 … 03), where the file is such a comparison."""
    virtual_account: str | None = None
    """The number that a credit was paid to, where the file names it: the account's own, or one that
    the bank leads to the account."""


class Figure(StrEnum):
    """A control figure a statement may state about itself."""

    CLOSING = "closing"
    COUNT = "count"
    SUM = "sum"  # of all entries, whichever their direction
    CREDIT_COUNT = "credit_count"
    CREDIT_SUM = "credit_sum"
    DEBIT_COUNT = "debit_count"
    DEBIT_SUM = "debit_sum"
    NET = "net"  # credits less debits
    RUNNING = "running"  # the balance beside a line


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A control figure that the entries read do not come to."""

    figure: Figure
    stated: Decimal
    read: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The foot of one account's statement, with what was read beside what it states."""

    closing: Decimal | None
    declared_count: int | None
    declared_sum: Decimal | None
    """The sum of all entries if the file states it, else the net of credits and debits."""
    count: int
    """Booked entries read. A batch is one entry, although each payment in it may be a line."""
    credits: Decimal
    debits: Decimal
    discrepancies: tuple[Discrepancy, ...]
    balanced: bool | None
    """False if any control figure differs, True if opening + lines = closing, None if the file
    gives no balances to tell."""
    to_day: date | None = None
    """The last day of the statement, where only its foot tells it."""
    checksums_checked: bool | None = None
    """Whether the file's checksums were checked: False without the bank's key, None if it has
    none."""


Part: TypeAlias = Start | Line | End


def in_dong(amount: Decimal, *, currency: str) -> Dong:
    """`amount` of a part as money of this service; any currency but VND is `OtherCurrency`."""
    if currency != VND:
        raise OtherCurrency(currency=currency)
    return Dong(int(amount))


@dataclass(slots=True)
class _Sums:
    credit_count: int = 0
    debit_count: int = 0
    credits: Decimal = Decimal(0)
    debits: Decimal = Decimal(0)

    def add(self, change: Decimal) -> None:
        if change.is_signed():
            self.debit_count += 1
            self.debits -= change
        else:
            self.credit_count += 1
            self.credits += change

    def plus(self, other: _Sums) -> _Sums:
        return _Sums(
            self.credit_count + other.credit_count,
            self.debit_count + other.debit_count,
            self.credits + other.credits,
            self.debits + other.debits,
        )

    def figures(self) -> Mapping[Figure, Decimal]:
        return {
            Figure.COUNT: Decimal(self.credit_count + self.debit_count),
            Figure.SUM: self.credits + self.debits,
            Figure.CREDIT_COUNT: Decimal(self.credit_count),
            Figure.CREDIT_SUM: self.credits,
            Figure.DEBIT_COUNT: Decimal(self.debit_count),
            Figure.DEBIT_SUM: self.debits,
            Figure.NET: self.credits - self.debits,
        }


@dataclass(slots=True)
class Tally:
    """Adds a statement's entries up while they pass, and compares at its end."""

    opening: Decimal | None
    booked: _Sums = field(default_factory=_Sums)
    pending: _Sums = field(default_factory=_Sums)
    stated: dict[Figure, Decimal] = field(default_factory=dict)

    def book(self, change: Decimal) -> None:
        """Takes one booked entry: below zero (−0 too) if it lowers the balance."""
        self.booked.add(change)

    def leave_out(self, change: Decimal) -> None:
        """Takes an entry that is not booked; a bank's control figures may include it."""
        self.pending.add(change)

    def state(self, figure: Figure, stated: Decimal) -> None:
        """Takes a control figure that the file states."""
        self.stated[figure] = stated

    def end(self, closing: Decimal | None) -> End:
        """The statement's foot, every control figure compared with what was read."""
        differing = [*self._differing_totals(), *self._differing_balance(closing)]
        provable = self.opening is not None and closing is not None
        count = self.stated.get(Figure.COUNT)
        return End(
            closing=closing,
            declared_count=None if count is None else int(count),
            declared_sum=self.stated.get(Figure.SUM, self.stated.get(Figure.NET)),
            count=self.booked.credit_count + self.booked.debit_count,
            credits=self.booked.credits,
            debits=self.booked.debits,
            discrepancies=tuple(differing),
            balanced=False if differing else (True if provable else None),
        )

    def _differing_balance(self, closing: Decimal | None) -> list[Discrepancy]:
        if self.opening is None or closing is None:
            return []
        reached = self.opening + self.booked.credits - self.booked.debits
        return [] if reached == closing else [Discrepancy(Figure.CLOSING, closing, reached)]

    def _differing_totals(self) -> list[Discrepancy]:
        booked = self.booked.figures()
        every = self.booked.plus(self.pending).figures()
        return [
            Discrepancy(figure, stated, booked[figure])
            for figure, stated in self.stated.items()
            if stated not in (booked[figure], every[figure])
        ]
