"""The figures of `/metrics` that the database knows."""

from __future__ import annotations

from sqlalchemy.orm import Session

from payments.web import readings
from tests.builders import a_message, a_payment_request, a_province, settle


def test_what_waits_and_what_stands_in_transit_is_told(session: Session) -> None:
    """A callback waits until it is settled; then its money stands in transit."""
    province = a_province(session)
    request = a_payment_request(province)
    a_message(province, request.reference, amount=50_000)

    before = {one.name: one.value for one in readings.waiting(session)}
    settle(province)
    after = {one.name: one.value for one in readings.waiting(session)}
    standing = {one.labels["of"]: one.value for one in readings.balances(session)}

    assert (before["callbacks_waiting"], after["callbacks_waiting"]) == (1, 0)
    assert standing == {"transit": 50_000, "held": 0, "unidentified": 0}
