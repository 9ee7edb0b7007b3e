"""The ways a payment of a file may go wrong here, on request.

Each is asked for by the places of payments in their file: `returned_same_day=2,5`, or `all`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from sandbox.faults import ContradictoryFaults
from sandbox.refusals import Wrong


class NotAPlace(Wrong):
    """A fault is asked for by the places of payments in their file, counted from one."""

    code = "not_a_place"


class PaymentFault(StrEnum):
    """What is to go wrong with one payment of a file."""

    REFUSED = "refused"  # by the beneficiary's bank at once: it never leaves
    RETURNED_SAME_DAY = "returned_same_day"
    RETURNED_NEXT_DAY = "returned_next_day"
    EXECUTED_LATE = "executed_late"  # the day after
    EXECUTED_TWICE = "executed_twice"
    CODE_CUT = "code_cut"


ALL: Final = "all"

_PLACES: Final = re.compile(r"[0-9]{1,5}( *, *[0-9]{1,5})*")
_ALTERNATIVES: Final = (
    (PaymentFault.RETURNED_SAME_DAY, PaymentFault.RETURNED_NEXT_DAY),
    *((PaymentFault.REFUSED, other) for other in PaymentFault if other is not PaymentFault.REFUSED),
)
"""Of each of these at most one can happen to one payment."""


def read(asked: Mapping[PaymentFault, str], *, count: int) -> Sequence[frozenset[PaymentFault]]:
    """What is to go wrong with each of the `count` payments of a file.

    Raises `NotAPlace` or `ContradictoryFaults`.
    """
    by_place: defaultdict[int, set[PaymentFault]] = defaultdict(set)
    for fault, places in asked.items():
        for place in _places(places, fault, count=count):
            by_place[place].add(fault)
    for wanted in by_place.values():
        for alternatives in _ALTERNATIVES:
            both = sorted(wanted.intersection(alternatives))
            if len(both) > 1:
                raise ContradictoryFaults(pointer=f"/{both[0]}", names=", ".join(both))
    return [frozenset(by_place[place]) for place in range(1, count + 1)]


def _places(text: str, fault: PaymentFault, *, count: int) -> Sequence[int]:
    if text == ALL:
        return range(1, count + 1)
    if not _PLACES.fullmatch(text):
        raise NotAPlace(pointer=f"/{fault}", most=count)
    places = [int(place) for place in text.split(",")]
    if not all(1 <= place <= count for place in places):
        raise NotAPlace(pointer=f"/{fault}", most=count)
    return places
