"""What may be done about each kind of break, how soon it is to be worked, and who decides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, literal, or_
from sqlalchemy.orm import Session

from payments import agencies, policies
from payments.core.calendar import local_day
from payments.core.columns import Count, Day
from payments.core.money import Dong
from reconciliation.breaks.tables import (
    GRACE,
    WEIGHTS,
    Action,
    Break,
    Kind,
    Leg,
    Priority,
    Weight,
)

LONGEST_WAIT: Final = timedelta(days=90)

_MONEY: Final = (Action.ASSIGN, Action.REFUND, Action.WAIT)

BY_KIND: Final[Mapping[Kind, tuple[Action, ...]]] = MappingProxyType(
    {
        Kind.CALLBACK_WITHOUT_LINE: (
            Action.SUGGESTION,
            Action.MATCH,
            Action.WITHDRAW,
            Action.WAIT,
        ),
        Kind.ADVISED_UNCONFIRMED: (
            Action.SUGGESTION,
            Action.MATCH,
            Action.DISMISS,
            Action.WAIT,
        ),
        Kind.MISSED_CALLBACK: (Action.ACCEPT,),
        Kind.UNIDENTIFIED: (
            Action.SUGGESTION,
            Action.ASSIGN,
            Action.REFUND,
            Action.MATCH,
            Action.INTEREST,
            Action.PAYOUT,
            Action.RECOVERED,
            Action.WAIT,
        ),
        Kind.DAMAGED_CODE: (Action.SUGGESTION, *_MONEY),
        Kind.SHORT: (Action.REFUND, Action.WAIT),  # the rest may come, or it is given back
        Kind.OVERPAID: (Action.REFUND, Action.WAIT),
        Kind.DUPLICATE: _MONEY,
        Kind.AFTER_CANCEL: _MONEY,
        Kind.SPLIT_MISMATCH: _MONEY,
        Kind.WRONG_ACCOUNT: _MONEY,
        Kind.REVERSED: (Action.ACCEPT, Action.WAIT),
        Kind.RECLAIMED: (Action.SET_OFF, Action.RELEASE, Action.WAIT),
        Kind.AMOUNT_DIFFERS: (Action.MATCH, Action.WAIT),
        Kind.DEBIT_UNEXPLAINED: (
            Action.CHARGE,
            Action.PAYOUT,
            Action.SWEPT,
            Action.RECEIVABLE,
            Action.WAIT,
        ),
        Kind.TRANSFER_UNSEEN: (Action.WAIT,),  # the other account's statement tells
        Kind.PAYOUT_NOT_SEEN: (Action.WAIT,),  # the statement tells, or it is rejected
        Kind.PAYOUT_RETURNED: (Action.ACCEPT, Action.WAIT),  # a new refund ends it
        Kind.RECEIPT_MISSING: (Action.WAIT,),  # a series is opened, or the job runs again
        Kind.DELIVERY_CONFLICT: (Action.ACCEPT, Action.WAIT),
        Kind.CALLBACK_FAILED: (Action.ACCEPT, Action.WAIT),
        Kind.BALANCE_GAP: (Action.WAIT,),  # what is missing is brought, never decided
        Kind.STATEMENT_MISSING: (Action.WAIT,),
        Kind.STATEMENT_UNBALANCED: (Action.WAIT,),
        Kind.NOT_REMITTED_IN_24H: (Action.WAIT,),  # a payment file with the fees ends it
        Kind.CITIZEN_CLAIM: (Action.WAIT,),  # an answer ends it, or the money when it is found
    }
)
"""Which decisions a kind allows. Nothing is resolved by editing a figure."""

_OF_LEGS: Final[Mapping[Action, frozenset[Leg]]] = MappingProxyType(
    {
        Action.ASSIGN: frozenset({Leg.SETTLEMENT}),
        Action.REFUND: frozenset({Leg.SETTLEMENT}),
        Action.MATCH: frozenset({Leg.CONFIRMATION, Leg.LINE}),
    }
)

FOR_MANY: Final = frozenset(
    {
        Action.WITHDRAW,
        Action.DISMISS,
        Action.CHARGE,
        Action.INTEREST,
        Action.WAIT,
        Action.ACCEPT,
    }
)
"""What can be decided about many breaks of one kind at once."""


def allowed(one: Break) -> tuple[Action, ...]:
    """What may be decided about a break, by its kind and what it is about."""
    leg = Leg(one.leg)
    return tuple(
        action for action in BY_KIND[Kind(one.kind)] if leg in _OF_LEGS.get(action, frozenset(Leg))
    )


def second_person_from(session: Session, *, now: datetime) -> Dong:
    """From this amount on a decision needs a second person."""
    return Dong(policies.value(session, "second_person_amount", on=local_day(now)))


def priority_of(
    kind: ColumnElement[Any], amount: ColumnElement[Any], *, high_from: Dong
) -> ColumnElement[int]:
    """High where the day can't be proved or much money waits, low where nothing is to be done."""
    weighing = {
        weight: [one.value for one, its in WEIGHTS.items() if its is weight] for weight in Weight
    }
    return case(
        (kind.in_(weighing[Weight.INFO]), literal(int(Priority.LOW), Count())),
        (
            or_(kind.in_(weighing[Weight.INCOMPLETE]), amount >= high_from),
            literal(int(Priority.HIGH), Count()),
        ),
        else_=literal(int(Priority.NORMAL), Count()),
    )


def due_of(
    session: Session,
    collection_account_id: int,
    kind: ColumnElement[Any],
    priority: ColumnElement[Any],
    *,
    now: datetime,
) -> ColumnElement[date]:
    """The working day by which a break found now is to be resolved.

    One of high priority the next day, a normal one within `break_overdue_days`, one of low
    priority within twice as many; days of grace do not count.
    """
    today = local_day(now)
    usual = policies.value(session, "break_overdue_days", on=today)
    days = {Priority.HIGH: 1, Priority.NORMAL: usual, Priority.LOW: 2 * usual}
    calendar = agencies.calendar_of(session, collection_account_id)

    def by(grace: int, urgent: Priority) -> ColumnElement[date]:
        due = today + timedelta(days=grace + days[urgent])
        return literal(due if calendar.works(due) else calendar.next_working_day(due), Day())

    graces = {
        one: -(-policies.value(session, policy, on=today) // 24) for one, policy in GRACE.items()
    }
    whens = [
        (and_(kind == one.value, priority == int(urgent)), by(grace, urgent))
        for one, grace in graces.items()
        for urgent in Priority
    ]
    whens += [(priority == int(urgent), by(0, urgent)) for urgent in Priority]
    return case(*whens)
