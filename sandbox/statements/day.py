"""One account's statement of one bank day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sandbox.accounts import Account, Bank, Movement
from sandbox.clock import bank_day


@dataclass(frozen=True, slots=True)
class DayStatement:
    """Opening balance, lines in the order of booking time, closing balance, in đồng.

    `opening` and every line's change add up to `closing`.
    """

    account: Account
    day: date
    opening: int
    lines: Sequence[Movement]

    @property
    def closing(self) -> int:
        """The balance at the end of the day."""
        return self.opening + sum(line.change for line in self.lines)

    @property
    def credits(self) -> list[Movement]:
        """The lines that raised the balance."""
        return [line for line in self.lines if line.credit]

    @property
    def debits(self) -> list[Movement]:
        """The lines that lowered it."""
        return [line for line in self.lines if not line.credit]


def total(lines: Sequence[Movement]) -> int:
    """The sum of the lines' amounts, whichever their direction."""
    return sum(line.draft.amount for line in lines)


def draw_up(bank: Bank, account: Account, *, day: date) -> DayStatement:
    """The statement of that day; a day without movements has no lines and one balance."""
    booked = [one for one in bank.movements(account) if one.draft.on_statement]
    earlier = [one for one in booked if bank_day(one.draft.booked_at) < day]
    today = [one for one in booked if bank_day(one.draft.booked_at) == day]
    return DayStatement(
        account=account,
        day=day,
        opening=account.opening_balance + sum(one.change for one in earlier),
        lines=sorted(today, key=lambda one: (one.draft.booked_at, one.id)),
    )
