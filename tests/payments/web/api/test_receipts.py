"""Receipts over the API: one, its papers, those of a request, and what webhooks tell of them."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import documents, receipts
from payments.core.service import Service
from payments.documents import Finding
from payments.outbox import Event
from payments.payment_requests import PaymentRequest
from tests.builders import NOON, paid, the_province
from tests.callers import Portal, refused
from tests.receipts import open_a_pair, receipted

LINES = [{"fee": "PHI", "amount": 100_000}, {"fee": "LEPHI", "amount": 50_000}]


@pytest.fixture
def reference(service: Service, portal: Portal) -> str:
    """A request of the portal that is paid and has its two receipts."""
    reference: str = portal.issue(lines=LINES)["reference"]
    service.database.write(lambda session: receipted(session, reference) and None)
    return reference


def test_a_request_lists_its_receipts(portal: Portal, reference: str) -> None:
    """The newest first, page by page; each as it is shown by itself."""
    first = portal.get(f"/payment-requests/{reference}/receipts?limit=1").json
    cursor = first["next"]
    second = portal.get(f"/payment-requests/{reference}/receipts?limit=1&cursor={cursor}").json
    assert second["next"] is None
    found = first["items"] + second["items"]
    assert [(one["kind"], one["number"], one["amount"]) for one in found] == [
        ("le_phi", "00000001", 50_000),
        ("phi", "00000001", 100_000),
    ]
    for one in found:
        assert portal.get(f"/receipts/{one['id']}").json == one
        assert one["payment_request"] == reference
        assert one["verify"] == f"https://pay.example.vn/verify/{one['verification_code']}"


def test_papers_are_those_that_were_signed(
    service: Service, portal: Portal, reference: str
) -> None:
    """PDF and XML come as they were issued, and anyone can check them."""
    (one, _) = portal.get(f"/payment-requests/{reference}/receipts").json["items"]
    for ending, media_type in (("pdf", "application/pdf"), ("xml", "application/xml")):
        answer = portal.get(f"/receipts/{one['id']}.{ending}")
        assert one[ending].endswith(f"/api/v1/receipts/{one['id']}.{ending}")
        assert (answer.status_code, answer.mimetype) == (200, media_type)
        content = answer.data
        checked = service.database.read(lambda s, c=content: documents.check(s, c))
        assert checked.finding == Finding.VALID


def test_an_unpaid_request_has_none(portal: Portal) -> None:
    """An empty list, not an error."""
    reference = portal.issue()["reference"]
    assert portal.get(f"/payment-requests/{reference}/receipts").json == {"items": [], "next": None}


def test_a_portal_sees_its_own_receipts_alone(
    portal: Portal, other: Portal, reference: str
) -> None:
    """Another's receipt, and one that is not there, are told alike."""
    one = portal.get(f"/payment-requests/{reference}/receipts").json["items"][0]
    for address in (f"/receipts/{one['id']}", f"/receipts/{one['id']}.pdf", "/receipts/x.xml"):
        assert refused(other.get(address))[:2] == (404, "unknown_receipt")
    assert other.get(f"/payment-requests/{reference}/receipts").status_code == 404


def test_what_is_numbered_only_is_not_shown(service: Service, portal: Portal) -> None:
    """A receipt is one when its papers are signed."""
    reference = portal.issue(lines=LINES)["reference"]

    def unit(session: Session) -> None:
        open_a_pair(session)
        province = the_province(session)
        request = session.scalars(select(PaymentRequest)).one()
        paid(province, request)
        assert receipts.number_all(session, province.account.id, now=NOON) == 1

    service.database.write(unit)
    assert portal.get(f"/payment-requests/{reference}/receipts").json["items"] == []


def test_history_and_webhooks_tell_of_receipts(
    service: Service, portal: Portal, reference: str
) -> None:
    """Each with the whole receipt; they are part of the request's history."""
    told = portal.get(f"/payment-requests/{reference}/events").json["items"]
    assert [one["type"] for one in told] == ["receipt.issued"] * 2 + ["payment_request.paid"]
    one = told[0]["data"]
    assert portal.get(f"/receipts/{one['id']}").json == one
    rows = service.database.read(
        lambda session: session.scalars(select(Event.sequence).order_by(Event.id)).all()
    )
    assert rows == [2, None, None], "they are not counted as news of the request itself"
