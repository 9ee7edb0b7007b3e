"""Matching: which statement line is which credit, by rules that rest on identity evidence.

`tables` says what a match is, `automatic` finds matches in sets, `transfers` those between our
accounts, `matches` makes and revokes them, `by_hand` makes those that staff decide. `suggesting`
finds what staff should look at, `suggestions` is what they do with it.
"""

from reconciliation.matching.automatic import MOST_AT_ONCE, Chunk, Walk, match_chunk
from reconciliation.matching.by_hand import (
    NothingToMatch,
    NotToBeMatched,
    SumsDiffer,
    UnknownCredit,
    UnknownLine,
    match_by_hand,
)
from reconciliation.matching.matches import (
    GivenBack,
    MatchRevoked,
    PayoutStands,
    ReversalStands,
    UnknownMatch,
    accounts_of,
    by_number,
    check_revocable,
    credits_of,
    entries_of,
    lines_of,
    other_side,
    unmatch,
)
from reconciliation.matching.outgoing import (
    NotASweep,
    NotThatPayout,
    pay_out_by_hand,
    sweep_by_hand,
)
from reconciliation.matching.sets import Cursor
from reconciliation.matching.suggesting import suggest_all
from reconciliation.matching.tables import (
    VERSION,
    Clue,
    LineMatch,
    MatchMember,
    Reason,
    Rule,
    Suggestion,
    SuggestionState,
)
from reconciliation.matching.transfers import awaited, partners

__all__ = [
    "MOST_AT_ONCE",
    "VERSION",
    "Chunk",
    "Clue",
    "Cursor",
    "GivenBack",
    "LineMatch",
    "MatchMember",
    "MatchRevoked",
    "NotASweep",
    "NotThatPayout",
    "NotToBeMatched",
    "NothingToMatch",
    "PayoutStands",
    "Reason",
    "ReversalStands",
    "Rule",
    "Suggestion",
    "SuggestionState",
    "SumsDiffer",
    "UnknownCredit",
    "UnknownLine",
    "UnknownMatch",
    "Walk",
    "accounts_of",
    "awaited",
    "by_number",
    "check_revocable",
    "credits_of",
    "entries_of",
    "lines_of",
    "match_by_hand",
    "match_chunk",
    "other_side",
    "partners",
    "pay_out_by_hand",
    "suggest_all",
    "sweep_by_hand",
    "unmatch",
]
