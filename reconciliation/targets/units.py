"""The dated tree for figures: each unit with all below it, and what became of ended ones."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import Agency, Node

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Units:
    """The tree of one day, or a part of it: `nodes` from above to below.

    `homes` tells of each agency row, of whatever day, the code its figures stand under: its own,
    or its successor's where it has ended. Of one that has neither, its own code is in `ended`.
    """

    nodes: Sequence[Node]
    homes: Mapping[int, str]
    ended: frozenset[str]
    whole: bool

    @property
    def ids(self) -> Sequence[int]:
        """The rows of agencies whose figures stand in this part of the tree."""
        here = {node.code for node in self.nodes} | self.ended
        return sorted(number for number, code in self.homes.items() if code in here)


def units(session: Session, *, on: date, top: str | None = None) -> Units:
    """The tree of a day from the unit `top` down; all of it without.

    Units that ended and have no successor belong to the whole alone. Raises `UnknownAgency`.
    """
    nodes = agencies.tree(session, on=on)
    homes, ended = _homes(session, {node.code for node in nodes})
    if top is None:
        return Units(nodes, homes, ended, whole=True)
    agencies.by_code(session, top, on=on)
    begins = next(place for place, node in enumerate(nodes) if node.code == top)
    depth = nodes[begins].depth
    part = [nodes[begins]]
    for node in nodes[begins + 1 :]:
        if node.depth <= depth:
            break
        part.append(node)
    everything = len(part) == len(nodes) and not ended
    return Units(part, homes, frozenset(), whole=everything)


def lines_up(units: Units) -> Mapping[str, Sequence[str]]:
    """Of each unit, itself and those above it within this part of the tree."""
    parents = {node.code: node.parent for node in units.nodes}
    lines: dict[str, Sequence[str]] = {code: (code,) for code in units.ended}
    for node in units.nodes:  # who is above comes first
        above = lines.get(node.parent, ()) if node.parent in parents else ()
        lines[node.code] = (node.code, *above)
    return lines


def _homes(session: Session, codes: set[str]) -> tuple[Mapping[int, str], frozenset[str]]:
    known = {
        row.id: row
        for row in session.execute(select(Agency.id, Agency.code, Agency.successor_id)).all()
    }
    homes: dict[int, str] = {}
    for number, row in known.items():
        agency, seen = row, {number}
        while agency.code not in codes and agency.successor_id not in (None, *seen):
            seen.add(agency.successor_id)
            agency = known[agency.successor_id]
        homes[number] = agency.code
    return homes, frozenset(homes.values()) - codes
