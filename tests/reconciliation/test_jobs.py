"""The day's run as scheduler, command and console make it: unit by unit, then the portals told."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core.database import Database
from payments.outbox import Event
from reconciliation import jobs
from tests.bank import TODAY, BankLine, a_statement
from tests.builders import NOON, Province, a_payment_request, a_province, paid


def a_paid_and_seen_request(session: Session) -> Province:
    """One payment, told and on the statement; the day not run yet."""
    province = a_province(session)
    request = a_payment_request(province)
    paid(province, request)
    a_statement(province, BankLine(50_000, request.reference))
    return province


@pytest.mark.committed
def test_a_run_tells_the_portal_once_that_a_payment_is_reconciled(database: Database) -> None:
    """After the day's run the portal hears `reconciled`; running again tells nothing new."""
    province = database.write(a_paid_and_seen_request)

    with time_machine.travel(NOON + timedelta(hours=20), tick=True):
        for _ in range(2):
            row = jobs.run_day(database, province.account.id, TODAY)

    told = database.read(
        lambda session: [
            (one.type, one.content["data"]["reconciled"])
            for one in session.scalars(select(Event).order_by(Event.id))
        ]
    )
    assert row.verdict == "reconciled"
    assert told == [("payment_request.paid", False), ("payment_request.reconciled", True)]
