"""Signing the records of days that were closed: soon after, so that closing does not wait."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from payments import documents
from payments.core import clock
from payments.core.logs import log
from payments.core.service import Service
from reconciliation import day_close
from reconciliation.reports import Desk, sign_day_record


def sign_closed(cashless: Service, now: datetime) -> str:
    """Signs the record of every closed day that has none; one that fails holds up no other.

    Raises `CertificateNotInForce`: then nothing is signed.
    """
    database = cashless.database
    waiting = database.read(day_close.without_paper)
    if not waiting:
        return "0 of 0 records"
    config, vault = cashless.config, cashless.vault
    signer = database.write(lambda session: documents.signer_of(session, config, vault, now=now))
    desk, signed = Desk(signer, config.base_url), 0
    for account, day in waiting:
        signed += _signed(cashless, account, day, desk)
    return f"{signed} of {len(waiting)} records"


def _signed(cashless: Service, account: int, day: date, desk: Desk) -> bool:
    def unit(session: Session) -> bool:
        return sign_day_record(session, account, day, desk=desk, now=clock.now())

    try:
        return cashless.database.write(unit)
    except Exception as error:  # noqa: BLE001  the next minute tries again
        subject = f"collection_account:{account}"
        log.error("day_record.failed", subject=subject, day=day, exc_info=error)
        return False
