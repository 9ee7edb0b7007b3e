"""Breaks: what does not agree, derived from its cause and gone when that goes.

`tables` says what a break is and how its kinds weigh, `causes` where they come from, `deriving`
how they follow their causes.
"""

from reconciliation.breaks.deriving import Tally, derive, live, tallies
from reconciliation.breaks.tables import GRACE, WEIGHTS, Break, Kind, Leg, Weight

__all__ = [
    "GRACE",
    "WEIGHTS",
    "Break",
    "Kind",
    "Leg",
    "Tally",
    "Weight",
    "derive",
    "live",
    "tallies",
]
