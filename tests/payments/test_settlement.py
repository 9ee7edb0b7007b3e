"""What a credit does: every row of the settlement table."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from payments import payment_requests
from payments.outbox import Event
from tests.builders import NOON, Province, a_message, a_payment_request, a_province, paid, settle


@pytest.fixture
def province(session: Session) -> Province:
    """A province with an account, a portal and every source."""
    return a_province(session)


def events_of(province: Province) -> list[str]:
    """The types of every event, in order."""
    types = province.session.query(Event.type).order_by(Event.id)
    return [kind.removeprefix("payment_request.") for (kind,) in types]


def test_exact_pays_the_fees_line_by_line(province: Province) -> None:
    """A transfer of exactly what is due pays the request; phí and lệ phí are booked apart."""
    request = a_payment_request(province, amount=50_000, le_phi=20_000)

    paid(province, request)

    assert province.findings() == ["exact"]
    assert (request.status, request.received, request.late) == ("paid", 50_000, False)
    assert (province.fees("phi"), province.fees("le_phi")) == (30_000, 20_000)
    assert province.balance("assets:transit") == 50_000
    assert events_of(province) == ["paid"]


def test_short_is_held_until_the_rest_comes(province: Province) -> None:
    """Part payments are held; when their sum reaches what is due they become fees together."""
    request = a_payment_request(province, amount=50_000, le_phi=20_000)

    paid(province, request, 35_000)
    assert (request.status, request.received) == ("open", 35_000)
    assert province.balance("liabilities:held") == -35_000
    assert province.fees("phi") == 0

    paid(province, request, 15_000)
    assert province.findings() == ["short", "exact"]
    assert (request.status, request.received) == ("paid", 50_000)
    assert (province.fees("phi"), province.fees("le_phi")) == (30_000, 20_000)
    assert province.balance("liabilities:held") == 0
    assert events_of(province) == ["partially_paid", "paid"]


def test_overpaid_holds_the_rest(province: Province) -> None:
    """More than is due pays the fees; what is over is held, to be given back."""
    request = a_payment_request(province)

    paid(province, request, 60_000)

    assert province.findings() == ["overpaid"]
    assert (request.status, request.received) == ("paid", 60_000)
    assert (province.fees("phi"), province.balance("liabilities:held")) == (50_000, -10_000)
    assert events_of(province) == ["paid", "overpaid"]


def test_duplicate_is_held(province: Province) -> None:
    """A second transfer for a paid request is held and changes nothing on it."""
    request = a_payment_request(province)

    paid(province, request)
    paid(province, request)

    assert province.findings() == ["exact", "duplicate"]
    assert request.received == 50_000
    assert province.balance("liabilities:held") == -50_000


def test_two_payments_in_one_set_are_one_exact_and_one_duplicate(province: Province) -> None:
    """Two transfers told together are settled in order of arrival, as if told apart."""
    request = a_payment_request(province)
    a_message(province, request.reference, amount=50_000)
    a_message(province, request.reference, amount=50_000)

    settle(province)

    assert province.findings() == ["exact", "duplicate"]


def test_after_cancel_is_held(province: Province) -> None:
    """Money for a cancelled request is held, to be given back."""
    request = a_payment_request(province)
    payment_requests.cancel(
        province.session, request, reason=payment_requests.CancelReason.WITHDRAWN, now=NOON
    )

    paid(province, request)

    assert province.findings() == ["after_cancel"]
    assert (request.status, request.received) == ("cancelled", 0)
    assert province.balance("liabilities:held") == -50_000


def test_late_money_still_pays(province: Province) -> None:
    """Expiry never refuses money that did arrive: the request is paid, late."""
    request = a_payment_request(province)
    after = request.expires_at + timedelta(hours=1)
    assert payment_requests.expire_all(province.session, province.account.id, now=after) == 1

    paid(province, request, at=after)

    assert province.findings() == ["late"]
    assert (request.status, request.late) == ("paid", True)
    assert province.fees("phi") == 50_000
    assert events_of(province) == ["expired", "paid"]


def test_split_pays_several_requests_whose_sum_it_is(province: Province) -> None:
    """One transfer with several codes pays each, when all are open and the sum is right."""
    one, other = a_payment_request(province), a_payment_request(province, amount=30_000)
    memo = f"{one.reference} va {other.reference}"

    a_message(province, memo, amount=80_000)
    settle(province)
    province.session.refresh(one)
    province.session.refresh(other)

    assert province.findings() == ["split"]
    assert (one.status, other.status) == ("paid", "paid")
    assert province.fees("phi") == 80_000


def test_split_that_does_not_add_up_is_held(province: Province) -> None:
    """Several codes and another sum pay nobody; staff decide."""
    one, other = a_payment_request(province), a_payment_request(province, amount=30_000)

    a_message(province, f"{one.reference} {other.reference}", amount=70_000)
    settle(province)
    province.session.refresh(one)

    assert province.findings() == ["split_mismatch"]
    assert one.status == "open"
    assert province.balance("liabilities:held") == -70_000


def test_money_on_the_wrong_account_is_held_where_it_came(session: Session) -> None:
    """A code of a request of another of our accounts: held on the account the money came to."""
    here = a_province(session)
    there = a_province(session, number="0011007654321")
    request = a_payment_request(here)

    a_message(there, request.reference, amount=50_000)
    settle(there)
    session.refresh(request)

    assert there.findings() == ["wrong_account"]
    assert request.status == "open"
    assert there.balance("liabilities:held") == -50_000


@pytest.mark.parametrize("memo", ["", "NGUYEN VAN MAU chuyen tien", "TTHC12345", "TTHC1234567890"])
def test_money_without_a_known_code_is_unidentified(province: Province, memo: str) -> None:
    """No, damaged, cut or never issued code: the money is booked as unidentified."""
    a_message(province, memo, amount=50_000)
    settle(province)

    assert province.findings() == ["unidentified"]
    assert province.balance("liabilities:unidentified") == -50_000


def test_parts_told_together_are_late_by_the_last_that_came(province: Province) -> None:
    """A part of after the request's time makes it late, though the rest of before is told last."""
    request = a_payment_request(province)
    late = NOON + timedelta(days=2)
    a_message(province, request.reference, amount=20_000, at=late)
    a_message(province, request.reference, amount=30_000, at=NOON)

    settle(province, now=late)
    province.session.refresh(request)

    assert province.findings() == ["short", "exact"]
    assert (request.status, request.late, request.paid_at) == ("paid", True, late)


def test_advised_money_is_confirming_until_someone_signs_for_it(province: Province) -> None:
    """A class C message alone books nothing; a signed source then settles the same credit."""
    request = a_payment_request(province)

    paid(province, request, source="sepay_key", event="7")
    assert request.status == "open"
    assert payment_requests.public_status(request) == "confirming"
    assert province.findings() == [None]
    assert province.balance("assets:transit") == 0

    paid(province, request, source="payos")
    assert province.findings() == ["exact"]
    assert request.advised == 0
    assert province.balance("assets:transit") == 50_000
    assert events_of(province) == ["confirming", "paid"]
