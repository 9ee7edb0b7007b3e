"""Shifts at a counter: which clerk serves which agency, what they showed, what came of it.

A clerk has one shift at a time. Whatever is shown to a citizen is written down and never edited;
the newest of it is what the counter's two windows show.
"""

from payments.shifts.finding import by_code, typed
from payments.shifts.keeping import (
    NothingTyped,
    ShiftEnded,
    ShiftOpen,
    UnknownShift,
    begin,
    clear,
    end,
    last_of,
    of,
    open_of,
    show,
)
from payments.shifts.tables import Shift, Showing
from payments.shifts.telling import CameIn, Shown, came_in, count_shown, latest

__all__ = [
    "CameIn",
    "NothingTyped",
    "Shift",
    "ShiftEnded",
    "ShiftOpen",
    "Showing",
    "Shown",
    "UnknownShift",
    "begin",
    "by_code",
    "came_in",
    "clear",
    "count_shown",
    "end",
    "last_of",
    "latest",
    "of",
    "open_of",
    "show",
    "typed",
]
