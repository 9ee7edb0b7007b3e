"""Tries: what was typed to prove who somebody is, counted so that guessing slows down.

Failed tries count by username and, more patiently, by address; after some, each further one must
wait twice as long. Passwords and codes are counted apart by username: the right password does not
wipe the slate of wrong codes.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from payments.core.errors import Refused
from payments.staff.tables import Proof, SignInAttempt

_COUNTED: Final = timedelta(minutes=15)
_FREE_BY_USERNAME: Final = 5
_FREE_BY_ADDRESS: Final = 20
_FIRST_WAIT: Final = timedelta(seconds=30)


class TooManyTries(Refused):
    """Too many tries have failed; `retry_after` says in how many seconds the next one counts."""

    code = "too_many_tries"


def refusal(
    session: Session, username: str, proof: Proof, *, address: str, now: datetime
) -> TooManyTries | None:
    """Why a further try does not count yet, None if it does.

    Whoever asks holds the person's row, so that tries at once are counted one by one.
    """
    left = _wait(session, username, proof, address=address, now=now)
    return TooManyTries(retry_after=left) if left > 0 else None


def refusal_here(session: Session, *, address: str, now: datetime) -> TooManyTries | None:
    """Why a further try from an address does not count yet, whoever is meant; None if it does."""
    left = _wait_for(session, SignInAttempt.address == address, free=_FREE_BY_ADDRESS, now=now)
    return TooManyTries(retry_after=left) if left > 0 else None


def keep(
    session: Session, username: str, proof: Proof, *, address: str, right: bool, now: datetime
) -> None:
    """Writes down a try and whether it was right."""
    session.add(
        SignInAttempt(
            username=username,
            address=address,
            proof=proof.value,
            tried_at=now,
            succeeded=right,
        )
    )
    session.flush()


def _wait(session: Session, username: str, proof: Proof, *, address: str, now: datetime) -> int:
    """Seconds until a further try counts; 0 if it does now."""
    mine = (SignInAttempt.username == username) & (SignInAttempt.proof == proof)
    last_success = (
        select(func.max(SignInAttempt.id))
        .where(mine, SignInAttempt.succeeded.is_(True))
        .scalar_subquery()
    )
    by_username = mine & (SignInAttempt.id > func.coalesce(last_success, 0))
    by_address = SignInAttempt.address == address
    return max(
        _wait_for(session, by_username, free=_FREE_BY_USERNAME, now=now),
        _wait_for(session, by_address, free=_FREE_BY_ADDRESS, now=now),
    )


def _wait_for(session: Session, whose: ColumnElement[bool], *, free: int, now: datetime) -> int:
    failed, last = session.execute(
        select(func.count(), func.max(SignInAttempt.tried_at)).where(
            whose,
            SignInAttempt.succeeded.is_(False),
            SignInAttempt.tried_at > now - _COUNTED,
        )
    ).one()
    if failed < free:
        return 0
    wait = min(_FIRST_WAIT * 2 ** min(failed - free, 10), _COUNTED)
    left: timedelta = last + wait - now
    return max(0, math.ceil(left.total_seconds()))
