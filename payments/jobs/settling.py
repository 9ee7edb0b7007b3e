"""Settling: what waits in the inbox, account by account, in sets.

When a set fails, its callbacks are tried one by one: the good ones are settled, and a bad one is
set aside, marked, for the next try and a person.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import inbox
from payments.core.errors import CashlessError, Unavailable
from payments.core.logs import log
from payments.core.service import Service
from payments.inbox import Callback, State

_MOST_TRIES: Final = 10
_MOST_RETRIED: Final = 100


def settle(cashless: Service, now: datetime) -> bool:
    """Takes one set of each account for which callbacks wait; whether any was taken."""
    waiting = cashless.database.read(inbox.accounts_waiting)
    return sum(_settle(cashless, account, now=now) for account in waiting) > 0


def retry(cashless: Service, now: datetime) -> str:
    """Tries again, each by itself, the callbacks that were set aside; after ten tries no more."""
    left = cashless.database.read(_set_aside_before)
    for number, account in left:
        _try_alone(cashless, account, number, now=now)
    return f"{len(left)} callbacks"


def _set_aside_before(session: Session) -> list[tuple[int, int]]:
    failed = (
        select(Callback.id, Callback.collection_account_id)
        .where(Callback.state == State.FAILED, Callback.tries < _MOST_TRIES)
        .order_by(Callback.id)
        .limit(_MOST_RETRIED)
    )
    rows = session.execute(failed)
    return [(number, account) for number, account in rows if account is not None]


def _settle(cashless: Service, account: int, *, now: datetime) -> int:
    try:
        return _take(cashless, account, only=None, now=now)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, it is one callback's, not the set's
        log.error("settle.set_failed", collection_account=account, exc_info=error)
        return _one_by_one(cashless, account, now=now)


def _one_by_one(cashless: Service, account: int, *, now: datetime) -> int:
    ids = cashless.database.read(lambda session: inbox.waiting_ids(session, account))
    for number in ids:
        _try_alone(cashless, account, number, now=now)
    return len(ids)


def _try_alone(cashless: Service, account: int, number: int, *, now: datetime) -> None:
    try:
        _take(cashless, account, only=[number], now=now)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001  it is set aside with its reason
        log.error("settle.callback_failed", collection_account=account, exc_info=error)
        _set_aside(cashless, number, reason=_reason(error), now=now)


def _take(cashless: Service, account: int, *, only: list[int] | None, now: datetime) -> int:
    return cashless.database.write(
        lambda session: inbox.settle_account(
            session,
            account,
            vault=cashless.vault,
            prefix=cashless.config.reference_prefix,
            now=now,
            only=only,
        )
    )


def _set_aside(cashless: Service, number: int, *, reason: str, now: datetime) -> None:
    cashless.database.write(
        lambda session: inbox.mark_failed(session, number, reason=reason, now=now)
    )


def _reason(error: Exception) -> str:
    return error.code if isinstance(error, CashlessError) else type(error).__name__
