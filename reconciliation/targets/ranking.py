"""Who stands where among the units of one kind, who moved, and where to go next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Rank:
    """A unit's place among `units`, 1 first; `before` is its place of the quarter before."""

    place: int
    units: int
    before: int | None = None

    @property
    def movement(self) -> int | None:
        """How many places it went up (down where negative); None without a place before."""
        return None if self.before is None else self.before - self.place


class Measured(Protocol):
    """What a unit is ranked by: its code, and how many people it still has to reach."""

    @property
    def code(self) -> str:
        """The unit's code."""

    @property
    def gap(self) -> int | None:
        """The people it still has to reach; None without a figure."""


@dataclass(frozen=True, slots=True)
class Step:
    """A commune to go to: the people to reach there and the cash fees that could move.

    `by_people` and `by_cash` are its places among all steps; None without a figure.
    """

    code: str
    people: int | None
    cash: int
    by_people: int | None
    by_cash: int


def places(values: Mapping[str, Fraction | int]) -> Mapping[str, int]:
    """The place of each by its value, the highest first; equal values share the better place."""
    found: dict[str, int] = {}
    before: Fraction | int | None = None
    place = 0
    for count, (code, value) in enumerate(
        sorted(values.items(), key=lambda one: (-one[1], one[0])), start=1
    ):
        if value != before:
            place, before = count, value
        found[code] = place
    return found


def ranks(
    now: Mapping[str, Fraction | int], before: Mapping[str, Fraction | int]
) -> Mapping[str, Rank]:
    """The rank of each of `now`, with its place among those of the quarter `before`."""
    placed, earlier = places(now), places(before)
    return {
        code: Rank(place, units=len(placed), before=earlier.get(code))
        for code, place in placed.items()
    }


def next_steps(units: Sequence[Measured], cash: Mapping[str, int]) -> list[Step]:
    """Communes in the order in which to go there: by the sum of their two places.

    `cash` is by code what could move away from cash (a count or an amount; 0 where not named).
    Equal sums go by people, then by code; those without a figure of people come last, by cash.
    """
    by_people = places({one.code: one.gap for one in units if one.gap is not None})
    by_cash = places({one.code: cash.get(one.code, 0) for one in units})
    steps = [
        Step(
            code=one.code,
            people=one.gap,
            cash=cash.get(one.code, 0),
            by_people=by_people.get(one.code),
            by_cash=by_cash[one.code],
        )
        for one in units
    ]
    return sorted(steps, key=_order)


def _order(step: Step) -> tuple[bool, int, int, str]:
    if step.by_people is None:
        return (True, step.by_cash, 0, step.code)
    return (False, step.by_people + step.by_cash, step.by_people, step.code)
