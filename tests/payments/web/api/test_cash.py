"""Cash at a counter through the API: priced by us, closing the request, never edited."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments.cash import CashCollection, CashCollectionLine
from payments.core.audit import AuditEntry
from payments.core.calendar import local_day
from payments.core.database import table_of
from payments.core.service import Service
from payments.ledger import JournalEntry
from tests.callers import Payers, Portal, refused

DOSSIER = "000.00.12.H09-261124-0009"
FEES = {
    "agency": "H09",
    "dossier": DOSSIER,
    "channel": "counter",
    "lines": [{"fee": "CERT", "quantity": 2}, {"fee": "CERT", "reduction": "student"}],
}

_keys = itertools.count(1)


def take(portal: Portal, *, key: str | None = None, **told: Any) -> Any:
    """The answer to cash that was taken; `told` changes the usual reason."""
    headers = {"Idempotency-Key": key or f"cash-{next(_keys):014}"}
    return portal.post("/cash-collections", json={"reason": "refuses", **told}, headers=headers)


def void(portal: Portal, number: str, reason: str = "ghi nhầm") -> Any:
    return portal.post(f"/cash-collections/{number}/void", json={"reason": reason})


def test_cash_for_a_request_closes_it_so_that_its_code_cannot_be_paid_too(
    portal: Portal, service: Service
) -> None:
    """Priced as the request was, told to the portal with its cancellation, posted nowhere."""
    asked = portal.issue(lines=[{"fee": "CERT", "quantity": 2}])
    answer = take(portal, request=asked["reference"], amount=400_000, reason="no_smartphone")
    assert answer.status_code == 201, answer.text
    told = answer.json
    assert answer.headers["Location"] == f"/api/v1/cash-collections/{told['id']}"
    assert portal.get(f"/cash-collections/{told['id']}").json == told
    assert (told["reference"], told["dossier"], told["amount"], told["state"]) == (
        asked["reference"],
        asked["dossier"],
        400_000,
        "taken",
    )
    assert told["lines"] == [
        {
            "fee": "CERT",
            "kind": "le_phi",
            "quantity": 2,
            "unit_amount": 200_000,
            "amount": 400_000,
            "reduction": None,
        }
    ]
    after = portal.get(f"/payment-requests/{asked['reference']}").json
    assert (after["status"], after["pay_to"]["qr"]) == ("cancelled", None)
    events = portal.get(f"/payment-requests/{asked['reference']}/events").json["items"]
    assert [one["type"] for one in events] == [
        "cash_collection.recorded",
        "payment_request.cancelled",
    ]
    assert events[0]["data"]["id"] == told["id"]

    def posted(session: Session) -> list[int]:
        return list(session.scalars(select(JournalEntry.id)))

    assert service.database.read(posted) == []


def test_cash_for_a_dossier_without_a_request_is_priced_by_the_tariff_of_the_day(
    portal: Portal,
) -> None:
    """What the caller claims must be what the fees cost; the answer says what they do."""
    wrong = take(portal, amount=499_999, **FEES)
    assert refused(wrong) == (
        422,
        "amount_not_as_priced",
        [("/amount", "amount_not_as_priced")],
    )
    assert "500.000" in wrong.json["detail"] or "500,000" in wrong.json["detail"]
    told = take(portal, amount=500_000, reason="other", explanation="Mất điện", **FEES).json
    assert [line["amount"] for line in told["lines"]] == [400_000, 100_000]
    assert (told["reference"], told["explanation"]) == (None, "Mất điện")
    assert told["taken_on"] == local_day(datetime.now(UTC)).isoformat()


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"amount": 1}, "asked_in_two_ways"),
        ({"amount": 500_000, **FEES, "agency": None}, "asked_in_two_ways"),
        ({"amount": 500_000, **FEES, "agency": "H77"}, "unknown_agency"),
        ({"amount": 500_000, **FEES, "reason": "other"}, "explanation_missing"),
        ({"amount": 500_000, **FEES, "reason": "habit"}, "invalid"),
        ({"amount": 500_000, **FEES, "lines": []}, "invalid"),
        ({"amount": 0, **FEES}, "invalid"),
        ({"amount": 1, **FEES, "lines": [{"fee": "NONE"}]}, "unknown_fee"),
        (
            {"amount": 1, **FEES, "lines": [{"fee": "CERT", "reduction": "poor"}]},
            "nothing_to_collect",
        ),
    ],
)
def test_what_is_not_in_order_is_refused_and_nothing_recorded(
    portal: Portal, told: dict[str, Any], code: str
) -> None:
    """With a code, and where it is wrong."""
    answer = take(portal, **told)
    assert refused(answer)[:2] == (422, code)
    assert portal.get("/cash-collections").json["items"] == []


def test_a_request_and_a_dossier_at_once_are_refused(portal: Portal) -> None:
    reference = portal.issue()["reference"]
    answer = take(portal, request=reference, amount=200_000, dossier=DOSSIER)
    assert refused(answer)[:2] == (422, "asked_in_two_ways")
    assert portal.get(f"/payment-requests/{reference}").json["status"] == "open"


def test_a_request_that_money_has_come_for_takes_no_cash(portal: Portal, payers: Payers) -> None:
    """Paid, partly paid, or cancelled: refused, and nothing is changed."""
    paid, begun, cancelled = (portal.issue()["reference"] for _ in range(3))
    payers.pay(paid, 200_000, payer="9704229200112233")
    payers.pay(begun, 50_000, payer="9704229200112233")
    portal.post(f"/payment-requests/{cancelled}/cancel", json={"reason": "other"})
    for reference, status in ((paid, "paid"), (begun, "partially_paid"), (cancelled, "cancelled")):
        answer = take(portal, request=reference, amount=200_000)
        assert refused(answer)[:2] == (409, "request_not_for_cash"), status
        assert portal.get(f"/payment-requests/{reference}").json["status"] == status
    assert portal.get("/cash-collections").json["items"] == []


def test_a_fee_that_an_open_request_asks_for_is_paid_by_that_request(portal: Portal) -> None:
    """Else its code could be paid too; another fee, or once it is closed, is taken."""
    reference = portal.issue(dossier=DOSSIER)["reference"]
    answer = take(portal, amount=500_000, **FEES)
    assert refused(answer)[:2] == (409, "fee_has_request")
    assert reference in answer.json["detail"]
    other = {**FEES, "lines": [{"fee": "PHI", "amount": 5_000}]}
    assert take(portal, amount=5_000, **other).status_code == 201
    portal.post(f"/payment-requests/{reference}/cancel", json={"reason": "other"})
    assert take(portal, amount=500_000, **FEES).status_code == 201


def test_money_that_comes_after_the_cash_is_kept_for_its_payer(
    portal: Portal, payers: Payers
) -> None:
    """Whoever pays the code all the same is not counted twice: the request stays cancelled."""
    reference = portal.issue()["reference"]
    take(portal, request=reference, amount=200_000)
    payers.pay(reference, 200_000, payer="9704229200112233")
    after = portal.get(f"/payment-requests/{reference}").json
    assert (after["status"], after["received"]) == ("cancelled", 0)


def test_asking_twice_records_once(portal: Portal) -> None:
    """The same key gets the same answer; another body under it is refused."""
    reference = portal.issue()["reference"]
    first = take(portal, key="0123456789abcdef", request=reference, amount=200_000)
    again = take(portal, key="0123456789abcdef", request=reference, amount=200_000)
    other = take(portal, key="0123456789abcdef", amount=500_000, **FEES)
    assert (first.data, first.status_code) == (again.data, again.status_code)
    assert refused(other)[:2] == (422, "idempotency_key_reused")
    assert len(portal.get("/cash-collections").json["items"]) == 1


def test_a_collection_is_voided_once_with_a_reason(portal: Portal, service: Service) -> None:
    """It stays, says why it does not count, and the portal and the audit trail are told."""
    reference = portal.issue()["reference"]
    number = take(portal, request=reference, amount=200_000).json["id"]
    assert refused(void(portal, number, ""))[0] == 422
    assert refused(void(portal, number, "   "))[:2] == (422, "void_reason_missing")
    told = void(portal, number).json
    assert (told["state"], told["void_reason"]) == ("voided", "ghi nhầm")
    assert refused(void(portal, number))[:2] == (409, "cash_already_voided")
    assert portal.get(f"/payment-requests/{reference}").json["status"] == "cancelled"
    events = portal.get(f"/payment-requests/{reference}/events").json["items"]
    assert events[0]["type"] == "cash_collection.voided"

    def audited(session: Session) -> list[str]:
        about = AuditEntry.action.startswith("cash_collection")
        return list(session.scalars(select(AuditEntry.action).where(about).order_by(AuditEntry.id)))

    assert service.database.read(audited) == ["cash_collection.recorded", "cash_collection.voided"]


def test_another_portal_neither_sees_nor_voids_it(portal: Portal, other: Portal) -> None:
    reference = portal.issue()["reference"]
    theirs = take(other, request=reference, amount=200_000)
    assert refused(theirs)[:2] == (404, "unknown_request")
    number = take(portal, amount=500_000, **FEES).json["id"]
    assert refused(other.get(f"/cash-collections/{number}"))[0] == 404
    assert refused(void(other, number))[0] == 404
    assert other.get("/cash-collections").json["items"] == []


def test_the_list_is_cut_by_agency_and_days_and_goes_on_by_cursor(portal: Portal) -> None:
    """The newest first; days are those of Viet Nam, both included."""
    begin = datetime(2099, 3, 1, 16, 30, tzinfo=UTC)  # half past eleven at night there
    with time_machine.travel(begin, tick=False) as clock:
        made = []
        for _ in range(3):
            made.append(take(portal, amount=500_000, **FEES).json["id"])
            clock.shift(timedelta(minutes=20))
        first = portal.get("/cash-collections?limit=2").json
        rest = portal.get(f"/cash-collections?limit=2&cursor={first['next']}").json
        assert [one["id"] for one in first["items"] + rest["items"]] == made[::-1]
        for asked, found in (
            ("from=2099-03-02", made[:1:-1]),
            ("to=2099-03-01", made[1::-1]),
            ("agency=H09", made[::-1]),
            ("agency=H10", []),
        ):
            items = portal.get(f"/cash-collections?{asked}").json["items"]
            assert [one["id"] for one in items] == found, asked


def test_the_database_lets_nobody_edit_what_was_recorded(portal: Portal, service: Service) -> None:
    """What it says, its lines, and a void that was made: no statement changes or deletes them."""
    number = take(portal, amount=500_000, **FEES).json["id"]
    void(portal, number)
    row, line = table_of(CashCollection), table_of(CashCollectionLine)
    for forbidden in (
        update(row).values(amount=1),
        update(row).values(taken_on=date(2026, 1, 1)),
        update(row).values(reason="no_account"),
        update(row).values(state="taken", voided_at=None, voided_by=None, void_reason=None),
        update(row).values(void_reason="another"),
        delete(row),
        update(line).values(amount=1),
        delete(line),
    ):

        def unit(session: Session, statement: Any = forbidden) -> None:
            with session.begin_nested():
                session.execute(statement)

        with pytest.raises(DBAPIError):
            service.database.write(unit)
    assert portal.get(f"/cash-collections/{number}").json["void_reason"] == "ghi nhầm"
