"""Who stands where, who moved, and where to go next."""

from __future__ import annotations

from dataclasses import dataclass

from reconciliation.targets.ranking import next_steps, places, ranks


@dataclass(frozen=True)
class Commune:
    code: str
    gap: int | None


def test_equal_figures_share_the_better_place() -> None:
    """After two firsts comes a third."""
    assert places({"a": 5, "b": 9, "c": 9, "d": 1}) == {"b": 1, "c": 1, "a": 3, "d": 4}


def test_movement_is_the_places_gained_since_the_quarter_before() -> None:
    """Up is positive; who had no place before has no movement."""
    found = ranks({"a": 9, "b": 8, "c": 7}, {"a": 1, "b": 5})
    assert [(one.place, one.movement, one.units) for one in found.values()] == [
        (1, 1, 3),
        (2, -1, 3),
        (3, None, 3),
    ]


def test_one_goes_first_where_many_people_and_much_cash_are() -> None:
    """By the sum of both places; equal sums by people; without a figure of people last."""
    communes = [Commune("a", 10), Commune("b", 300), Commune("c", 200), Commune("d", None)]
    steps = next_steps(communes, {"a": 900, "b": 100, "d": 500})
    assert [one.code for one in steps] == ["b", "a", "c", "d"]
    assert [(one.by_people, one.by_cash) for one in steps] == [(1, 3), (3, 1), (2, 4), (None, 2)]
    assert steps[2].cash == 0
