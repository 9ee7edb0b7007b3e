"""Deciding about a receipt by hand: one decision waits at a time, and not for one that ended."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from payments import receipts
from payments.core import approvals
from payments.core.approvals import AlreadyProposed, Approval, ProposalDecided
from payments.payment_requests import PaymentRequest
from payments.receipts import Act, Receipt, ReceiptEnded
from tests.builders import BY, NOON, Province, a_province
from tests.receipts import a_paid_request, give_back, issue, open_a_pair, reverse


@pytest.fixture
def province(session: Session) -> Province:
    """A province whose receipts are numbered in a series of each kind."""
    province = a_province(session)
    open_a_pair(session)
    return province


@pytest.fixture
def request_(province: Province) -> PaymentRequest:
    """A request that its payer paid: 100,000 phí and 50,000 lệ phí."""
    return a_paid_request(province)


@pytest.fixture
def issued(province: Province, request_: PaymentRequest) -> tuple[Receipt, Receipt]:
    """Its receipts, of phí and of lệ phí."""
    assert request_.paid_at
    phi, le_phi = issue(province)
    return phi, le_phi


def propose(province: Province, receipt: Receipt, act: Act = Act.CANCEL) -> Approval:
    """Proposes to end a receipt."""
    return receipts.propose(province.session, receipt, act, reason="sai tên", by=BY, now=NOON)


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("other", Act)
def test_one_decision_waits_about_a_receipt(
    province: Province, issued: tuple[Receipt, Receipt], act: Act, other: Act
) -> None:
    """Neither the same again nor the other act beside it; the other receipt is free."""
    phi, le_phi = issued
    first = propose(province, phi, act)
    with pytest.raises(AlreadyProposed):
        propose(province, phi, other)
    propose(province, le_phi, other)
    approvals.decline(province.session, first, reason="đúng rồi", by="staff:2", now=NOON)
    assert propose(province, phi, other).state == "proposed"


def test_money_that_ends_a_receipt_takes_its_proposal_back(
    province: Province, request_: PaymentRequest, issued: tuple[Receipt, Receipt]
) -> None:
    """In the same unit, for the same reason; what waits about the other receipt waits on."""
    phi, le_phi = (propose(province, one) for one in issued)
    give_back(province, request_, "phi", 40_000)
    assert (phi.state, phi.answer, phi.checker) == ("withdrawn", "refund", None)
    assert le_phi.state == "proposed"
    assert receipts.proposed(province.session, issued[0]) is None
    with pytest.raises(ProposalDecided):
        approvals.decline(province.session, phi, reason="đúng rồi", by="staff:2", now=NOON)
    reverse(province)
    assert (le_phi.state, le_phi.answer) == ("withdrawn", "bank_reversal")


def test_what_was_approved_is_not_taken_back(
    province: Province, issued: tuple[Receipt, Receipt]
) -> None:
    """The proposal that ends a receipt stays approved."""
    proposal = propose(province, issued[0], Act.REPLACE)
    receipts.approve(province.session, proposal, by="staff:2", now=NOON)
    assert proposal.state == "approved"
    assert [one.state for one in issue(province)] == ["replaced", "issued", "issued"]


def test_nothing_is_proposed_about_a_receipt_that_ended_meanwhile(
    province: Province, request_: PaymentRequest, issued: tuple[Receipt, Receipt]
) -> None:
    """What the page showed is older than what counts."""
    seen = issued[0]
    assert seen.state == "issued"
    give_back(province, request_, "phi", 40_000)
    with pytest.raises(ReceiptEnded):
        propose(province, seen)
