"""The line through the last quarters' coverage, and when it meets a target: exact fractions.

A quarter's figure is told as of its last day, so the target is met on the last day of a quarter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil
from typing import Final

from reconciliation.targets import quarters
from reconciliation.targets.quarters import Quarter

QUARTERS: Final = 8
"""A trend is drawn through the figures of so many quarters."""

FEWEST: Final = 3
"""Two points make a line through anything; a trend needs one more."""

FARTHEST: Final = 100 * 4
"""What a line meets in more than a hundred years is never met at this pace."""


@dataclass(frozen=True, slots=True)
class Point:
    """One quarter's people: of `units` communes `known` have figures, and are counted here."""

    quarter: Quarter
    population: int
    accounts: int
    known: int = 1
    units: int = 1

    @property
    def coverage(self) -> Fraction:
        """The share of people aged 15 and older with a payment account, where it is known."""
        return Fraction(self.accounts, self.population)

    @property
    def complete(self) -> bool:
        """Whether every commune has figures."""
        return self.known == self.units

    def gap(self, share: Fraction) -> int:
        """How many people still lack an account until `share` of them have one; never below 0."""
        return max(0, ceil(share * self.population) - self.accounts)


@dataclass(frozen=True, slots=True)
class Line:
    """The least-squares line: `level` is the share it gives at `at`, `slope` what a quarter adds.

    `points` are those it is drawn through, oldest first.
    """

    at: Quarter
    level: Fraction
    slope: Fraction
    points: tuple[Point, ...]

    def on(self, quarter: Quarter) -> Fraction:
        """The share that the line gives for a quarter; it may leave 0 to 1."""
        return self.level + self.slope * (quarter.place - self.at.place)


class Outlook(StrEnum):
    """What the figures say of the target."""

    MET = "met"
    EXPECTED = "expected"
    NEVER = "never"  # at this pace
    UNKNOWN = "unknown"


class Why(StrEnum):
    """Why nothing can be computed."""

    NO_FIGURE = "no_figure"  # of the newest quarter
    INCOMPLETE = "incomplete"  # some communes have no figure of the newest quarter
    TOO_FEW_QUARTERS = "too_few_quarters"


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the target is met: `quarter` is since when, or by which it is expected; else None.

    `why` says what an unknown outlook lacks.
    """

    outlook: Outlook
    quarter: Quarter | None = None
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """What each of `quarters` quarters has to add, so that the target is met at the end of `by`.

    `share` is of all people (0.01 is one percentage point), `people` is rounded up.
    """

    by: Quarter
    quarters: int
    share: Fraction
    people: int


def line(points: Sequence[Point]) -> Line | None:
    """The line through the complete ones of the points; None where they are fewer than three.

    `points` are those of the last eight quarters, the newest last.
    """
    drawn = [one for one in points if one.complete]
    if len(drawn) < FEWEST:
        return None
    at, count = drawn[-1].quarter, len(drawn)
    across = [one.quarter.place - at.place for one in drawn]
    up = [one.coverage for one in drawn]
    middle, height = Fraction(sum(across), count), Fraction(sum(up, Fraction()), count)
    spread = sum(((x - middle) ** 2 for x in across), Fraction())
    rise = sum(((x - middle) * y for x, y in zip(across, up, strict=True)), Fraction())
    slope = Fraction(rise, spread)
    return Line(at, height - slope * middle, slope, tuple(drawn))


def forecast(
    points: Sequence[Point], trend: Line | None, share: Fraction, *, newest: Quarter
) -> Forecast:
    """When `share` is met, by the figures up to `newest` and the line through them.

    It is met once the newest figure says so, whatever the line says; while the figure is below it,
    the next quarter is the earliest.
    """
    last = points[-1] if points else None
    if last is None or last.quarter != newest:
        return Forecast(Outlook.UNKNOWN, why=Why.NO_FIGURE)
    if not last.complete:
        return Forecast(Outlook.UNKNOWN, why=Why.INCOMPLETE)
    if last.coverage >= share:
        return Forecast(Outlook.MET, _since(points, share))
    if trend is None:
        return Forecast(Outlook.UNKNOWN, why=Why.TOO_FEW_QUARTERS)
    if trend.slope <= 0:
        return Forecast(Outlook.NEVER)
    ahead = trend.at.place + ceil(Fraction(share - trend.level, trend.slope)) - newest.place
    if ahead > FARTHEST:
        return Forecast(Outlook.NEVER)
    return Forecast(Outlook.EXPECTED, newest.after(max(1, ahead)))


def pace(last: Point, share: Fraction, *, by: Quarter) -> Pace | None:
    """What is needed per quarter from the newest figure on; None if it is met or `by` is past."""
    left = by.place - last.quarter.place
    gap = last.gap(share)
    if gap == 0 or left <= 0:
        return None
    return Pace(by, left, Fraction(share - last.coverage, left), ceil(Fraction(gap, left)))


def needed(last: Point | None, share: Fraction, *, year: int) -> Pace | None:
    """The pace that meets a target by the end of its year, or, once that is over, of the next one.

    None where it is met, or the newest figure is not complete.
    """
    if last is None or not last.complete:
        return None
    by = Quarter(year, 4)
    if by.place <= last.quarter.place:
        by = Quarter(last.quarter.year + 1, 4)
    return pace(last, share, by=by)


def window(newest: Quarter) -> tuple[Quarter, ...]:
    """The eight quarters that a trend is drawn through, oldest first."""
    return tuple(quarters.at(newest.place - back) for back in reversed(range(QUARTERS)))


def _since(points: Sequence[Point], share: Fraction) -> Quarter:
    """The quarter from which on every complete figure is at or above `share`."""
    since = points[-1].quarter
    for one in reversed(points):
        if one.complete:
            if one.coverage < share:
                break
            since = one.quarter
    return since
