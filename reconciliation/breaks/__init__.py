"""Breaks: what does not agree, derived from its cause, worked by people, gone when that goes.

`tables` says what a break is, `causes` where they come from, `deriving` how they follow their
causes. `rules` says what may be done about which kind and by when, `actions` what that does,
`reach` how far that goes, `deciding` who decides, `working` how a break is looked after; `queue`
is what waits, `about` and `timeline` tell of one.
"""

from reconciliation.breaks.about import About, UnknownBreak, by_public_id, by_public_ids, told_of
from reconciliation.breaks.actions import (
    Decision,
    NothingToMatchWith,
    RequestElsewhere,
    RequestNotWaiting,
    WaitOutOfRange,
)
from reconciliation.breaks.booking_lines import NotToBeBooked
from reconciliation.breaks.counterparts import counterparts, related, waiting_about
from reconciliation.breaks.deciding import (
    ActionNotAllowed,
    AwaitsSecondPerson,
    BreakGone,
    MixedBreaks,
    approve,
    decide,
    decline,
    decline_suggestion,
    withdraw,
)
from reconciliation.breaks.deriving import Tally, derive, live, tallies
from reconciliation.breaks.queue import Age, Bucket, Page, Search, ageing, page
from reconciliation.breaks.rules import FOR_MANY, allowed, second_person_from
from reconciliation.breaks.tables import (
    ACCEPTABLE,
    GRACE,
    WEIGHTS,
    Action,
    Break,
    BreakNote,
    Kind,
    Leg,
    NoteKind,
    Priority,
    State,
    Weight,
)
from reconciliation.breaks.timeline import Entry, of_credit, of_line, timeline
from reconciliation.breaks.working import (
    Attachment,
    NothingToReopen,
    NothingWritten,
    NotToBeAttached,
    UnknownNote,
    attached,
    hand_to,
    is_live,
    letter,
    notes_of,
    reopen,
    write,
)

__all__ = [
    "ACCEPTABLE",
    "FOR_MANY",
    "GRACE",
    "WEIGHTS",
    "About",
    "Action",
    "ActionNotAllowed",
    "Age",
    "Attachment",
    "AwaitsSecondPerson",
    "Break",
    "BreakGone",
    "BreakNote",
    "Bucket",
    "Decision",
    "Entry",
    "Kind",
    "Leg",
    "MixedBreaks",
    "NotToBeAttached",
    "NotToBeBooked",
    "NoteKind",
    "NothingToMatchWith",
    "NothingToReopen",
    "NothingWritten",
    "Page",
    "Priority",
    "RequestElsewhere",
    "RequestNotWaiting",
    "Search",
    "State",
    "Tally",
    "UnknownBreak",
    "UnknownNote",
    "WaitOutOfRange",
    "Weight",
    "ageing",
    "allowed",
    "approve",
    "attached",
    "by_public_id",
    "by_public_ids",
    "counterparts",
    "decide",
    "decline",
    "decline_suggestion",
    "derive",
    "hand_to",
    "is_live",
    "letter",
    "live",
    "notes_of",
    "of_credit",
    "of_line",
    "page",
    "related",
    "reopen",
    "second_person_from",
    "tallies",
    "timeline",
    "told_of",
    "waiting_about",
    "withdraw",
    "write",
]
