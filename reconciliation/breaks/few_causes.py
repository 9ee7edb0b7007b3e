"""Causes of breaks that are few, each told as a row: days, messages, receipts, late fees, claims.

What belongs to a day after the last one that was run is no cause yet, but for payers' claims:
whoever waits for an answer does not wait for the night.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, literal_column, select
from sqlalchemy.orm import Session

from payments import claims, payouts, policies, receipts
from payments.core.calendar import local_day
from payments.core.database import Rows
from payments.core.money import ZERO
from payments.inbox import Callback, State
from reconciliation import statements
from reconciliation.breaks.tables import Kind, Leg

_OF_MESSAGES: Final = {
    State.CONFLICT: Kind.DELIVERY_CONFLICT,
    State.FAILED: Kind.CALLBACK_FAILED,
}

_UNSETTLED: Final[ColumnElement[bool]] = literal_column(
    "callback.state NOT IN ('taken', 'repeated')"
)
"""In the words of the index of callbacks."""


def gather(
    session: Session, account: int, *, since: date, through: date, now: datetime
) -> list[dict[str, Any]]:
    """All of an account: days without a statement from `since`, what else there is ever."""
    return [
        *_missing(session, account, since=since, through=through, now=now),
        *_messages(session, account, through),
        *_receipts(session, account, through, now=now),
        *_late_fees(session, account, through, now=now),
        *of_claims(session, account),
    ]


def _missing(
    session: Session, account: int, *, since: date, through: date, now: datetime
) -> list[dict[str, Any]]:
    days = statements.days_without(session, account, since=since, through=through)
    return [_few(Leg.DAY, day.isoformat(), Kind.STATEMENT_MISSING, day, now) for day in days]


def _messages(session: Session, account: int, through: date) -> list[dict[str, Any]]:
    """Messages that were stored and not taken: told otherwise before, or failed by themselves."""
    rows = session.execute(messages(account))
    return [
        _few(Leg.CALLBACK, str(number), _OF_MESSAGES[State(state)], local_day(at), at)
        for number, at, state in rows
        if local_day(at) <= through
    ]


def _receipts(
    session: Session, account: int, through: date, *, now: datetime
) -> list[dict[str, Any]]:
    """Paid requests whose receipts should be there by now."""
    minutes = policies.value(session, "receipt_due_minutes", on=local_day(now))
    owed = receipts.missing(session, account, before=now - timedelta(minutes=minutes))
    return [
        _few(Leg.RECEIPT, str(one.request_id), Kind.RECEIPT_MISSING, paid_on, one.since)
        | {"amount": one.amount}
        for one in owed
        if (paid_on := local_day(one.paid_at)) <= through
    ]


def _late_fees(
    session: Session, account: int, through: date, *, now: datetime
) -> list[dict[str, Any]]:
    """Fees that are not on their way to the treasury though their time is over, by agency."""
    late = [
        one for one in payouts.unforwarded(session, account, now=now).values() if one.late > ZERO
    ]
    return [
        _few(Leg.FORWARDING, one.agency, Kind.NOT_REMITTED_IN_24H, one.day, one.deadline)
        | {"amount": one.late, "items": one.items}
        for one in late
        if one.day <= through
    ]


def messages(account: int) -> Rows:
    """An account's messages that were stored and not taken: (id, received at, state)."""
    return select(Callback.id, Callback.received_at, Callback.state).where(
        Callback.collection_account_id == account,
        Callback.state.in_([state.value for state in _OF_MESSAGES]),
        _UNSETTLED,
    )


def of_claims(session: Session, account: int) -> list[dict[str, Any]]:
    """Payers' claims that nobody answered, until their money is found."""
    return [
        _few(Leg.CLAIM, str(one.claim_id), Kind.CITIZEN_CLAIM, local_day(one.made_at), one.made_at)
        | {"amount": one.amount}
        for one in claims.waiting(session, account)
    ]


def _few(leg: Leg, key: str, kind: Kind, day: date, since: datetime) -> dict[str, Any]:
    return {
        "leg": leg.value,
        "key": key,
        "kind": kind.value,
        "day": day,
        "amount": 0,
        "items": 1,
        "since": since,
    }
