"""What a row of the comparison is, why it differs, and what can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from payments.core.money import Dong


class Differs(StrEnum):
    """Why the three sides of a row are not the same."""

    NOT_ON_STATEMENT = "not_on_statement"  # told and booked, and no line shows it
    ADVISED = "advised"  # told by a message that nothing confirms; not booked
    NOT_BOOKED = "not_booked"  # a line that no rule and nobody could book
    ANOTHER_DAY = "another_day"  # the line and the credit have different days
    UNIDENTIFIED = "unidentified"  # booked, and nobody knows for which request
    HELD = "held"  # booked, and not as the fee of its request
    TAKEN_BACK = "taken_back"  # told once, and the bank or staff took it back
    STATUS = "status"  # the request's status is not what the money says
    NOT_TOLD = "not_told"  # the portal has not taken the message
    LEDGER = "ledger"  # what is booked is another amount


class Side(StrEnum):
    """What a row is of."""

    CREDIT = "credit"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list goes on: after this row. The credits come first, then the lines."""

    side: Side = Side.CREDIT
    number: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """A row: `amount` went in `direction`; the columns of each side are None where it has none.

    `told` is how the request's messages stand (`delivered`, `due`, `given_up`, None without any);
    `booked` is what the ledger has of it in đồng.
    """

    side: Side
    number: int
    direction: str
    amount: Dong
    at: datetime
    memo: str
    reference: str | None
    status: str | None
    told: str | None
    finding: str | None
    line_day: date | None
    match: int | None
    rule: str | None
    booked: Dong
    reasons: tuple[Differs, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows there are, how many differ, and how many for each reason."""

    rows: int
    differ: int
    reasons: Mapping[Differs, int]

    @property
    def agree(self) -> int:
        """How many are the same on all three sides."""
        return self.rows - self.differ


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are asked for: those of a day, or the credits of a request on whatever day.

    Without a reason those that differ by any; `agreeing` asks for all.
    """

    account: int
    day: date | None = None
    request: int | None = None
    reason: Differs | None = None
    agreeing: bool = False
