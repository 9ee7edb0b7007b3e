"""The cashless share: fees paid without cash ÷ all fees paid, by count and by amount.

Counted is reconciled money, that stands on a bank's statement, and cash that was recorded and not
voided. Paid money on no statement yet is told apart as `waiting` and is in no share. What a fee
is, how refunds count and when, is said in `raw_fees`; how QR is told from other transfers in
`raw_fees.means`.

Figures are read from the roll-ups (`cells`), so that a year is some ten thousand rows. With `as_of`
they are told as they were known at the end of that day, from the differences kept by day: the same
for ever.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.core.columns import Day
from payments.core.errors import Invalid, NotFound
from payments.core.money import ZERO, Dong
from payments.fees import Fee, UnknownFee
from reconciliation.targets import cells
from reconciliation.targets.cells import Key, Measured
from reconciliation.targets.rollup_tables import SIDES, Means
from reconciliation.targets.units import Units, lines_up, units

WHOLE: Final = 10_000
"""Shares are told in hundredths of a percent: 85 % is 8,500."""


class PeriodBackwards(Invalid):
    """The first day of a period is not after its last."""

    code = "period_backwards"


class NotCountedThen(NotFound):
    """Nothing had been counted by that day, so that nobody knows what was known then."""

    code = "not_counted_then"


class By(StrEnum):
    """What figures are cut by."""

    UNIT = "unit"
    PROCEDURE = "procedure"
    CHANNEL = "channel"
    MONTH = "month"
    WEEK = "week"  # from Monday, named by it
    DAY = "day"


_BEGINS: Final[Mapping[By, Callable[[date], date]]] = {
    By.DAY: lambda day: day,
    By.WEEK: lambda day: day - timedelta(days=day.weekday()),
    By.MONTH: lambda day: day.replace(day=1),
}
"""The first day of the time in which a day lies."""


@dataclass(frozen=True, slots=True)
class Sum:
    """So many fees of so much money, in đồng."""

    fees: int = 0
    amount: Dong = ZERO

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.fees + other.fees, Dong(self.amount + other.amount))


@dataclass(frozen=True, slots=True)
class Share:
    """The fees of one unit, procedure, channel or time.

    `key` is the code of the unit, fee or channel, or the first day of the month or week.
    """

    key: str
    cashless: Sum
    cash: Sum
    waiting: Sum

    @property
    def whole(self) -> Sum:
        """All fees that are counted: without cash and with it."""
        return self.cashless + self.cash

    @property
    def of_fees(self) -> int | None:
        """The share by count, of 10,000; None where no fee was paid."""
        return part_of(self.cashless.fees, self.whole.fees)

    @property
    def of_amount(self) -> int | None:
        """The share by amount, of 10,000; None where no fee was paid."""
        return part_of(self.cashless.amount, self.whole.amount)


@dataclass(frozen=True, slots=True)
class Way:
    """The fees that were paid by one means: of QR by source, of cash by its reason."""

    means: Means
    detail: str
    counted: Sum
    waiting: Sum


@dataclass(frozen=True, slots=True)
class Board:
    """Everything of a period that its overview shows, read at once.

    `units` are from above to below, each with all that is below it; `ended` are units that are no
    more and have no successor; `reasons` are ranked, the commonest first.
    """

    total: Share
    units: Sequence[Share]
    ended: Sequence[Share]
    months: Sequence[Share]
    weeks: Sequence[Share]
    procedures: Sequence[Share]
    channels: Sequence[Share]
    ways: Sequence[Way]

    @property
    def reasons(self) -> Sequence[Way]:
        """Why it was cash, the commonest reason first."""
        return ranked(self.ways)


def part_of(part: int, whole: int) -> int | None:
    """A part in hundredths of a percent, cut off and never rounded up; None of nothing."""
    return part * WHOLE // whole if whole else None


def figures(
    session: Session,
    *,
    first: date,
    last: date,
    by: By,
    agency: str | None = None,
    as_of: date | None = None,
) -> list[Share]:
    """The shares of a period, both days included, of a unit with all below it, cut by `by`.

    By unit they come from above to below, each with what is below it, those that ended at the
    end; by time from the first; else the most fees first. What has no fees is left out, but units
    of the tree. Raises `PeriodBackwards`, `UnknownAgency`, `NotCountedThen`.
    """
    here = _checked(session, first, last, agency=agency, as_of=as_of)
    if by in _BEGINS:
        return _by_time(cells.read_days(session, here, first, last, as_of=as_of), by=by)
    if by is By.UNIT:
        keys = [Key.AGENCY]
        rows = cells.read_means(session, here, first, last, as_of=as_of, keys=keys)
        return [*_by_unit(here, rows), *_ended(here, rows)]
    key = Key.FEE if by is By.PROCEDURE else Key.CHANNEL
    rows = cells.read_fees(session, here, first, last, as_of=as_of, keys=[key])
    names = _fee_codes(session) if by is By.PROCEDURE else {}
    return _most_first((names.get(row[0], row[0]), row) for row in rows)


def total(
    session: Session,
    *,
    first: date,
    last: date,
    agency: str | None = None,
    as_of: date | None = None,
) -> Share:
    """The share of a period of a unit with all below it; its key is the unit's code, or empty.

    Raises what `figures` does.
    """
    here = _checked(session, first, last, agency=agency, as_of=as_of)
    rows = cells.read_means(session, here, first, last, as_of=as_of)
    return _added(agency or "", rows)


def ways(
    session: Session,
    *,
    first: date,
    last: date,
    agency: str | None = None,
    as_of: date | None = None,
) -> list[Way]:
    """What was paid by which means, the most fees first. Raises what `figures` does."""
    here = _checked(session, first, last, agency=agency, as_of=as_of)
    return _ways(cells.read_means(session, here, first, last, as_of=as_of))


def ranked(ways: Iterable[Way]) -> list[Way]:
    """Why it was cash, the commonest reason first."""
    return [way for way in ways if way.means is Means.CASH]


def board(
    session: Session,
    *,
    first: date,
    last: date,
    agency: str | None = None,
    as_of: date | None = None,
) -> Board:
    """A period's overview, by three readings of its cells. Raises what `figures` does."""
    here = _checked(session, first, last, agency=agency, as_of=as_of)

    by_unit = cells.read_means(session, here, first, last, as_of=as_of, keys=[Key.AGENCY])
    by_day = cells.read_days(session, here, first, last, as_of=as_of)
    keys = [Key.FEE, Key.CHANNEL]
    by_fee = cells.read_fees(session, here, first, last, as_of=as_of, keys=keys)
    names = _fee_codes(session)
    return Board(
        total=_added(agency or "", by_day),
        units=_by_unit(here, by_unit),
        ended=_ended(here, by_unit),
        months=_by_time(by_day, by=By.MONTH),
        weeks=_by_time(by_day, by=By.WEEK),
        procedures=_most_first((names[row[0]], row) for row in by_fee),
        channels=_most_first((row[1], row) for row in by_fee),
        ways=_ways(by_unit),
    )


def narrowed(
    session: Session,
    *,
    first: date,
    last: date,
    agency: str | None = None,
    procedure: str | None = None,
    channel: str | None = None,
) -> Board:
    """As `board`, of one procedure or one channel or both; without weeks and ways.

    Sources, reasons and days are not counted by procedure. Raises what `board` does, and
    `UnknownFee`.
    """
    here = _checked(session, first, last, agency=agency, as_of=None)
    names = _fee_codes(session)
    only = _only(names, procedure=procedure, channel=channel)

    def read(*keys: Key) -> Sequence[Measured]:
        return cells.read_fees(session, here, first, last, as_of=None, keys=keys, only=only)

    by_unit, by_fee = read(Key.AGENCY), read(Key.FEE, Key.CHANNEL)
    return Board(
        total=_added(agency or "", by_fee),
        units=_by_unit(here, by_unit),
        ended=_ended(here, by_unit),
        months=_by_time(read(Key.MONTH), by=By.MONTH),
        weeks=(),
        procedures=_most_first((names[row[0]], row) for row in by_fee),
        channels=_most_first((row[1], row) for row in by_fee),
        ways=(),
    )


def monthly_means(
    session: Session, *, first: date, last: date, agency: str | None = None
) -> Mapping[str, Mapping[Means, int]]:
    """How many fees of each month, by its first day, were paid by which means.

    Raises what `figures` does.
    """
    here = _checked(session, first, last, agency=agency, as_of=None)
    rows = cells.read_means(session, here, first, last, as_of=None, keys=[Key.MONTH])
    found: dict[str, dict[Means, int]] = defaultdict(lambda: dict.fromkeys(Means, 0))
    for row in rows:
        found[row[0].isoformat()][Means(row[1])] += _added("", [row]).whole.fees
    return found


def _only(
    names: Mapping[int, str], *, procedure: str | None, channel: str | None
) -> Mapping[Key, int | str]:
    only: dict[Key, int | str] = {}
    if procedure is not None:
        found = [number for number, code in names.items() if code == procedure]
        if not found:
            raise UnknownFee(pointer="query:procedure", fee=procedure[:40])
        only[Key.FEE] = found[0]
    if channel is not None:
        only[Key.CHANNEL] = channel
    return only


def _checked(
    session: Session, first: date, last: date, *, agency: str | None, as_of: date | None
) -> Units:
    if first > last:
        raise PeriodBackwards(first=first, last=last)
    if as_of is not None:
        began = session.scalar(select(func.min(cells.DAILY.c.known_on, type_=Day())))
        if began is None or as_of < began:
            raise NotCountedThen(day=as_of)
    return units(session, on=last, top=agency)


def _by_time(rows: Iterable[Measured], *, by: By) -> list[Share]:
    """Days, weeks or months in order, from the rows of days."""
    begins = _BEGINS[by]
    shares = _gathered((begins(row[0]).isoformat(), row) for row in rows)
    return sorted(shares, key=lambda share: share.key)


def _by_unit(here: Units, rows: Iterable[Measured]) -> list[Share]:
    """Each unit with all below it, from rows of agencies."""
    lines = lines_up(here)
    below: dict[str, list[Measured]] = defaultdict(list)
    for row in rows:
        for code in lines.get(here.homes[row[0]], ()):
            below[code].append(row)
    return [_added(node.code, below[node.code]) for node in here.nodes]


def _ended(here: Units, rows: Iterable[Measured]) -> list[Share]:
    own = ((here.homes[row[0]], row) for row in rows if here.homes[row[0]] in here.ended)
    return sorted(_gathered(own), key=lambda share: share.key)


def _most_first(rows: Iterable[tuple[str, Measured]]) -> list[Share]:
    return sorted(_gathered(rows), key=lambda share: (-share.whole.fees, share.key))


def _gathered(rows: Iterable[tuple[str, Measured]]) -> list[Share]:
    found: dict[str, list[Measured]] = defaultdict(list)
    for key, row in rows:
        found[key].append(row)
    shares = [_added(key, some) for key, some in found.items()]
    return [share for share in shares if share.whole.fees or share.waiting.fees]


def _added(key: str, rows: Iterable[Measured]) -> Share:
    """Rows that end with the six measures, added up."""
    sums = [0] * len(SIDES)
    for row in rows:
        for place, value in enumerate(row[-len(SIDES) :]):
            sums[place] += int(value)
    cashless, cash, waiting = (
        Sum(sums[place], Dong(sums[place + 1])) for place in range(0, len(SIDES), 2)
    )
    return Share(key, cashless=cashless, cash=cash, waiting=waiting)


def _ways(rows: Iterable[Measured]) -> list[Way]:
    """Rows that end with means, detail and the six measures, by the first two."""
    found: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    for row in rows:
        means, detail = row[-len(SIDES) - 2 : -len(SIDES)]
        found[means, detail].append(row)
    every = []
    for (means, detail), some in found.items():
        sums = _added(detail, some)
        every.append(Way(Means(means), detail, sums.whole, sums.waiting))
    kept = [way for way in every if way.counted.fees or way.waiting.fees]
    return sorted(kept, key=lambda way: (-way.counted.fees, way.means, way.detail))


def _fee_codes(session: Session) -> Mapping[int, str]:
    return {row.id: row.code for row in session.execute(select(Fee.id, Fee.code))}
