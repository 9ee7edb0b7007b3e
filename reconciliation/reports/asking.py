"""What a report is asked: which days, by which of a payment's two days, of which accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.agencies import CollectionAccount
from payments.core.errors import Invalid


class PeriodReversed(Invalid):
    """A period ends on its first day or later."""

    code = "period_reversed"


class Basis(StrEnum):
    """By which day a credit is counted."""

    PAYMENT = "payment"  # when it was paid, by the bank's time
    BANK = "bank"  # when it was booked as seen on a statement; what was not seen is left out


class Grain(StrEnum):
    """How much time stands on one row."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a list goes on: after this credit, in the order of account, day and arrival."""

    account: int
    day: date
    credit: int


@dataclass(frozen=True, slots=True)
class Asked:
    """The question of a report; `first` and `last` are days in Viet Nam, both included.

    `accounts` are numbers of collection accounts. A `portal` sees only what its own requests
    received. `known_at` asks for the ledger as it was known at an instant. `after` goes on with a
    list. `now` is when it is asked.
    """

    first: date
    last: date
    accounts: Sequence[int]
    now: datetime
    basis: Basis = Basis.PAYMENT
    grain: Grain = Grain.DAY
    portal: int | None = None
    known_at: datetime | None = None
    after: Cursor | None = None

    def __post_init__(self) -> None:
        """Raises `PeriodReversed`."""
        if self.first > self.last:
            raise PeriodReversed(pointer="query:from", first=self.first, last=self.last)


def every_account(session: Session) -> list[int]:
    """Every collection account that ever was, in the order they were opened."""
    return list(session.scalars(select(CollectionAccount.id).order_by(CollectionAccount.id)))
