"""What anyone may have of the province's figures: data sets of rounded figures, none of a person.

Every figure is told as it was known at the end of a day, the day before at the latest, and rounded
by `rounding`: so the same day gives the same file for ever (`cashless targets report --as-of` tells
the figures it was rounded from, and with `--published` writes the file itself again).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy.orm import Session

from payments import agencies, fees
from payments.agencies import Node
from payments.core.calendar import VIETNAM
from payments.core.money import ZERO, Dong
from payments.core.sheets import Heading
from payments.core.sheets import Kind as SheetKind
from payments.core.words import say
from payments.fees import published
from reconciliation.targets import rounding, share
from reconciliation.targets.coverage import UnitCoverage, coverage
from reconciliation.targets.share import By, NotCountedThen, Share, Sum
from reconciliation.targets.trend import Point

LICENCE: Final = "CC BY 4.0"
LICENCE_AT: Final = "https://creativecommons.org/licenses/by/4.0/deed.vi"


class Kind(StrEnum):
    """What a column holds; any cell may be empty, where a figure is not known or not told."""

    TEXT = "text"
    DAY = "day"
    COUNT = "count"  # rounded to ten
    AMOUNT = "amount"  # đồng, rounded to 100,000 or a larger step
    PERCENT = "percent"  # one decimal
    FLAG = "flag"  # yes or no
    LAW = "law"  # a number of the tariff, exact: it is the law's and nobody's


_IN_CSV: Final = {
    Kind.COUNT: SheetKind.COUNT,
    Kind.AMOUNT: SheetKind.AMOUNT,
    Kind.LAW: SheetKind.AMOUNT,
    Kind.DAY: SheetKind.DAY,
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column by a name that stays; what it means is in the words `open_data.column.<name>`."""

    name: str
    kind: Kind = Kind.TEXT


Cells = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set by the name that is in its address."""

    name: str
    columns: Sequence[Column]
    rows: Callable[[Session, date], Iterable[Cells]]

    @property
    def headings(self) -> Sequence[Heading]:
        """Its columns as a file of rows has them."""
        return [Heading(one.name, _IN_CSV.get(one.kind, SheetKind.TEXT)) for one in self.columns]

    @property
    def key(self) -> str:
        """Its name in the keys of words: what it is called is in `open_data.<key>`."""
        return self.name.replace("-", "_")


_UNIT: Final = tuple(map(Column, ("unit", "name_vi", "name_en", "kind", "parent")))
_FEES: Final = (
    Column("all_fees", Kind.COUNT),
    Column("cashless_fees", Kind.COUNT),
    Column("cash_fees", Kind.COUNT),
    Column("share_by_count", Kind.PERCENT),
    Column("all_amount", Kind.AMOUNT),
    Column("cashless_amount", Kind.AMOUNT),
    Column("cash_amount", Kind.AMOUNT),
    Column("share_by_amount", Kind.PERCENT),
    Column("waiting_fees", Kind.COUNT),
    Column("waiting_amount", Kind.AMOUNT),
)


def end_of(day: date) -> datetime:
    """The last instant of a day in Viet Nam."""
    return datetime.combine(day, time.max, VIETNAM)


def covered(session: Session, day: date) -> Iterator[Cells]:
    """People aged 15 and older and those with a payment account: each unit, the last quarters."""
    known = coverage(session, as_of=end_of(day))
    sources = {one.quarter: one for one in known.sources}
    for unit in known.units:
        for point in unit.points:
            source = sources[point.quarter]
            yield (
                str(point.quarter),
                *_unit(unit),
                *_people(point, unit),
                source.document,
                source.dated_on,
            )


def shared(session: Session, day: date) -> Iterator[Cells]:
    """The fees of each unit and month of this year and the last, by how they were paid."""
    for first, last in _months(day):
        nodes = {one.code: one for one in agencies.tree(session, on=last)}
        for one in _figures(session, first, last, by=By.UNIT, day=day):
            if one.key in nodes:
                yield (f"{first:%Y-%m}", *_unit(nodes[one.key]), *_fees(one))


def by_procedure(session: Session, day: date) -> Iterator[Cells]:
    """The fees of each procedure this year; no amounts: a fixed price would tell the count."""
    names = {one.fee.code: one.fee for one in fees.tariff(session, on=day)}
    for one in _figures(session, date(day.year, 1, 1), day, by=By.PROCEDURE, day=day):
        fee = names.get(one.key)
        told = (one.key, fee.name if fee else None, fee.name_en if fee else None)
        yield (f"{day:%Y}", *told, *_fees(one)[:4])


def by_channel(session: Session, day: date) -> Iterator[Cells]:
    """The fees of each channel and month."""
    for first, last in _months(day):
        for one in _figures(session, first, last, by=By.CHANNEL, day=day):
            yield (f"{first:%Y-%m}", one.key, *_fees(one))


def reasons(session: Session, day: date) -> Iterator[Cells]:
    """Why fees were paid in cash this year."""
    try:
        ways = share.ways(session, first=date(day.year, 1, 1), last=day, as_of=day)
    except NotCountedThen:
        return
    for way in share.ranked(ways):
        told = (say(f"cash.reason.{way.detail}", in_language=each) for each in ("vi", "en"))
        yield (f"{day:%Y}", way.detail, *told, *_sum(way.counted))


def prices(session: Session, day: date) -> Iterator[Cells]:
    """The tariff of the day: each fee, channel and tier."""
    return published.price_rows(fees.tariff(session, on=day))


def reductions(session: Session, day: date) -> Iterator[Cells]:
    """Who pays less, or nothing, for which fee."""
    return published.reduction_rows(fees.tariff(session, on=day))


def _of_law(headings: Sequence[Heading]) -> Sequence[Column]:
    kinds = {SheetKind.COUNT: Kind.LAW, SheetKind.AMOUNT: Kind.LAW, SheetKind.DAY: Kind.DAY}
    return [Column(one.words, kinds.get(one.kind, Kind.TEXT)) for one in headings]


_ALL: Final = (
    Dataset(
        "coverage",
        (
            Column("quarter"),
            *_UNIT,
            Column("population", Kind.COUNT),
            Column("accounts", Kind.COUNT),
            Column("coverage", Kind.PERCENT),
            Column("target", Kind.PERCENT),
            Column("gap", Kind.COUNT),
            Column("complete", Kind.FLAG),
            Column("source"),
            Column("source_day", Kind.DAY),
        ),
        covered,
    ),
    Dataset("cashless-share", (Column("month"), *_UNIT, *_FEES), shared),
    Dataset(
        "cashless-by-procedure",
        (*map(Column, ("year", "code", "name_vi", "name_en")), *_FEES[:4]),
        by_procedure,
    ),
    Dataset("cashless-by-channel", (Column("month"), Column("channel"), *_FEES), by_channel),
    Dataset(
        "cash-reasons",
        (
            *map(Column, ("year", "reason", "name_vi", "name_en")),
            Column("cash_fees", Kind.COUNT),
            Column("cash_amount", Kind.AMOUNT),
        ),
        reasons,
    ),
    Dataset("tariff", _of_law(published.PRICES), prices),
    Dataset("tariff-reductions", _of_law(published.REDUCTIONS), reductions),
)

DATASETS: Final[Mapping[str, Dataset]] = MappingProxyType({one.name: one for one in _ALL})
"""Every data set by its name."""


def _figures(session: Session, first: date, last: date, *, by: By, day: date) -> list[Share]:
    """The shares as they were known then; none where nothing had been counted yet."""
    try:
        return share.figures(session, first=first, last=last, by=by, as_of=day)
    except NotCountedThen:
        return []


def _unit(unit: Node | UnitCoverage) -> Cells:
    return (unit.code, unit.name_vi, unit.name_en, unit.kind.value, unit.parent)


def _people(point: Point, unit: UnitCoverage) -> Cells:
    population, accounts = rounding.count(point.population), rounding.count(point.accounts)
    goal, gap = unit.goal, None
    if goal is not None and point.complete:
        gap = rounding.count(point.gap(goal.share))
    return (
        population,
        accounts,
        rounding.percent(accounts, population, among=population),
        None if goal is None else rounding.hundredths(goal.value),
        gap,
        "yes" if point.complete else "no",
    )


def _fees(one: Share) -> Cells:
    whole, cashless, cash = _sum(one.whole), _sum(one.cashless), _sum(one.cash)
    return (
        whole[0],
        cashless[0],
        cash[0],
        rounding.percent(cashless[0], whole[0], among=whole[0]),
        whole[1],
        cashless[1],
        cash[1],
        rounding.percent(cashless[1], whole[1], among=whole[0]),
        *_sum(one.waiting),
    )


def _sum(exact: Sum) -> tuple[int | None, Dong | None]:
    amount = ZERO if exact.fees == 0 else rounding.amount(exact.amount, fees=exact.fees)
    return rounding.count(exact.fees), amount


def _months(day: date) -> Iterator[tuple[date, date]]:
    """The months of a day's year and of the one before, until that day."""
    first = date(day.year - 1, 1, 1)
    while first <= day:
        following = (first + timedelta(days=32)).replace(day=1)
        yield first, min(day, following - timedelta(days=1))
        first = following
