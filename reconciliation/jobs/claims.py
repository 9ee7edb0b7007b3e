"""Payers' claims become breaks within a minute, and go within one when their money is found."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from payments import agencies
from payments.core.logs import log
from payments.core.service import Service
from reconciliation import breaks


def follow_claims(cashless: Service, now: datetime) -> str:
    """Brings the breaks of claims in line with them, account by account; one holds up no other."""
    accounts, followed = cashless.database.read(breaks.with_claims), 0
    for account in accounts:
        followed += _followed(cashless, account, now=now)
    return f"{followed} of {len(accounts)} accounts"


def _followed(cashless: Service, account: int, *, now: datetime) -> bool:
    def unit(session: Session) -> None:
        agencies.lock(session, account)
        breaks.follow_claims(session, account, now=now)

    try:
        cashless.database.write(unit)
    except Exception as error:  # noqa: BLE001  the next minute tries again
        log.error("claims.failed", subject=f"collection_account:{account}", exc_info=error)
        return False
    return True
