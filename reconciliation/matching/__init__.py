"""Matching: which statement line is which credit, by rules that rest on identity evidence.

`tables` says what a match is, `automatic` finds matches in sets, `matches` makes and revokes them.
"""

from reconciliation.matching.automatic import MOST_AT_ONCE, Chunk, Walk, match_chunk
from reconciliation.matching.matches import (
    MatchRevoked,
    ReversalStands,
    UnknownMatch,
    unmatch,
)
from reconciliation.matching.sets import Cursor
from reconciliation.matching.tables import VERSION, LineMatch, Reason, Rule

__all__ = [
    "MOST_AT_ONCE",
    "VERSION",
    "Chunk",
    "Cursor",
    "LineMatch",
    "MatchRevoked",
    "Reason",
    "ReversalStands",
    "Rule",
    "UnknownMatch",
    "Walk",
    "match_chunk",
    "unmatch",
]
