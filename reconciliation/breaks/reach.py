"""How far a decision reaches: the other breaks it settles, and all the money it moves.

A match is made from one break and named others; a suggestion joins a credit with a line that has a
break of its own. Whoever decides decides about all of them, so all count and all must be free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from payments.core.money import Dong
from reconciliation.breaks.about import OF_CREDITS
from reconciliation.breaks.actions import Decision, joined
from reconciliation.breaks.counterparts import waiting_about
from reconciliation.breaks.tables import Action, Break, Leg
from reconciliation.matching import suggestions

_LEAVES_MONEY: Final = (Action.WAIT, Action.ACCEPT)
"""Decisions that touch nothing beside the breaks they are about."""


@dataclass(frozen=True, slots=True)
class Reach:
    """`others` are decided too, `beside` are about the same money; `amount` is that of all."""

    others: Sequence[Break]
    beside: Sequence[Break]
    amount: Dong


def reach_of(session: Session, chosen: Sequence[Break], decision: Decision) -> Reach:
    """What a decision about the chosen breaks reaches, under their account's lock.

    Raises `UnknownBreak`, `NothingToMatchWith` or `UnknownSuggestion`.
    """
    amount = sum(one.amount for one in chosen)
    if decision.action in _LEAVES_MONEY:
        return Reach((), (), Dong(amount))
    others: Sequence[Break] = ()
    if decision.action is Action.MATCH:
        together = joined(session, chosen[0], decision)
        others = [one for one in together.breaks if one.id != chosen[0].id]
        amount = max(amount, together.amount)
    elif decision.action is Action.SUGGESTION:
        others = _other_end(session, chosen[0], decision)
    amount = max([amount, *[one.amount for one in others]])
    same = _about_the_same(session, [*chosen, *others])
    return Reach(others, same, Dong(amount))


def _other_end(session: Session, one: Break, decision: Decision) -> Sequence[Break]:
    """The breaks of the line and of the credit that a suggestion joins, without this one."""
    found = suggestions.by_public_id(session, decision.suggestion or "")
    if found.statement_line_id is None:
        return ()
    ends = waiting_about(
        session,
        one.collection_account_id,
        lines=[found.statement_line_id],
        credits=[found.credit_id],
    )
    return [end for end in ends if end.id != one.id and end.leg != Leg.SETTLEMENT]


def _about_the_same(session: Session, known: Sequence[Break]) -> Sequence[Break]:
    """Breaks that wait about the same lines and credits, without these."""
    found = waiting_about(
        session,
        known[0].collection_account_id,
        lines=[int(one.key) for one in known if one.leg == Leg.LINE],
        credits=[int(one.key) for one in known if one.leg in OF_CREDITS],
    )
    numbers = {one.id for one in known}
    return [one for one in found if one.id not in numbers]
