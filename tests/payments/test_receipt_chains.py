"""Chains of receipts: paper leads to paper, and what nobody signed is no link of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import literal, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments import payment_requests, receipts
from payments.core.columns import Amount
from payments.documents import Document
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from payments.receipts import Receipt
from tests.builders import NOON, Province, a_province
from tests.receipts import (
    a_paid_request,
    events,
    give_back,
    issue,
    number,
    open_a_pair,
    reverse,
    told,
)


@pytest.fixture
def province(session: Session) -> Province:
    """A province whose receipts are numbered in a series of each kind."""
    province = a_province(session)
    open_a_pair(session)
    return province


@pytest.fixture
def request_(province: Province) -> PaymentRequest:
    """Phí paid and receipted; a part given back, of which the receipt is numbered, not signed."""
    request = a_paid_request(province, amount=100_000, le_phi=0)
    issue(province)
    give_back(province, request, "phi", 10_000)
    number(province)
    return request


def paper_of(province: Province, receipt: Receipt) -> Document:
    """The paper that was signed of it."""
    return province.session.get_one(Document, receipt.document_id)


def snapshots(province: Province) -> list[dict[str, Any]]:
    """What portals see of every receipt there is."""
    return list(receipts.snapshots(province.session, select(Receipt.id)).values())


def test_paper_leads_to_paper_across_a_receipt_that_was_never_signed(
    province: Province, request_: PaymentRequest
) -> None:
    """Money goes back again before the second is signed: the third replaces the first."""
    give_back(province, request_, "phi", 5_000)
    first, second, third = issue(province)
    assert [told(one)[1:] for one in (first, second, third)] == [
        (1, 100_000, "replaced"),
        (2, 90_000, "cancelled"),
        (3, 85_000, "issued"),
    ]
    assert third.content["replaces"]["number"] == "00000001", "the one its holder has in hand"
    old, new = paper_of(province, first), paper_of(province, third)
    assert (old.state, old.replaced_by_id, new.state) == ("replaced", new.id, "valid")
    assert list(receipts.flaws(province.session)) == [], "the second keeps its number"


def test_portals_are_told_of_the_papers_alone(province: Province, request_: PaymentRequest) -> None:
    """What replaces a receipt is named once it can be fetched, never a number without papers."""
    assert snapshots(province)[0]["replaced_by"] is None, "it is being signed"
    give_back(province, request_, "phi", 5_000)
    issue(province)
    first, second, third = snapshots(province)
    assert (first["replaced_by"], third["replaces"]) == (third["id"], first["id"])
    assert (second["issued_at"], second["replaced_by"]) == (None, None)
    assert [(kind, one["number"]) for kind, one in events(province.session)] == [
        ("receipt.issued", "00000001"),
        ("receipt.replaced", "00000001"),
        ("receipt.issued", "00000003"),
    ]


def test_however_many_were_never_signed(province: Province, request_: PaymentRequest) -> None:
    """Each keeps its number; the last signed one is replaced by the next signed one."""
    for _ in range(3):
        give_back(province, request_, "phi", 5_000)
        number(province)
    found = issue(province)
    assert [told(one)[3] for one in found] == ["replaced", *["cancelled"] * 3, "issued"]
    assert paper_of(province, found[0]).replaced_by_id == found[-1].document_id
    give_back(province, request_, "phi", 5_000)
    *_, before, last = issue(province)
    assert paper_of(province, before).replaced_by_id == last.document_id


def forget(province: Province, request: PaymentRequest) -> None:
    """Gives back all that is left, and says no word of it to receipts."""
    line = select(PaymentRequestLine.id, literal(90_000, Amount())).where(
        PaymentRequestLine.payment_request_id == request.id
    )
    payment_requests.refund_all(province.session, line)
    this = select(PaymentRequest.id).where(PaymentRequest.id == request.id)
    payment_requests.owe_receipts_all(province.session, this)


@pytest.mark.parametrize(
    "end",
    [
        lambda province, request: give_back(province, request, "phi", 90_000),
        lambda province, _: reverse(province),
        forget,
    ],
    ids=["given back", "reversed", "forgotten"],
)
def test_what_nothing_replaces_is_cancelled_after_all(
    province: Province, request_: PaymentRequest, end: Callable[[Province, PaymentRequest], None]
) -> None:
    """Nothing is kept any more: neither the one signed nor the one numbered counts."""
    end(province, request_)
    first, second = issue(province)
    assert (first.state, second.state) == ("cancelled", "cancelled")
    assert paper_of(province, first).state == "cancelled"
    assert events(province.session)[-1][0] == "receipt.cancelled"
    assert not receipts.anything_waits(province.session)


@pytest.mark.usefixtures("request_")
def test_the_database_keeps_paper_to_paper(province: Province) -> None:
    """None is replaced that has no papers, whatever the code does."""
    unsigned = update(Receipt).where(Receipt.issued_at.is_(None))
    ended = {"reason": "x", "ended_at": NOON, "ended_by": "x"}
    with pytest.raises(DBAPIError), province.session.begin_nested():
        province.session.execute(unsigned.values(state="replaced", **ended))
