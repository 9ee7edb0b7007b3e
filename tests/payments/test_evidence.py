"""When messages speak of the same movement, whatever their order."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.credits import Credit, Evidence
from payments.inbox import Callback
from tests.builders import NOON, Province, a_message, a_payment_request, a_province, paid, settle


@pytest.fixture
def province(session: Session) -> Province:
    """A province with an account, a portal and every source."""
    return a_province(session)


def evidence_count(province: Province) -> int:
    """How many messages are kept as evidence."""
    return province.session.scalar(select(func.count()).select_from(Evidence)) or 0


def states(province: Province) -> list[str]:
    """What became of each callback, in order of arrival."""
    return list(province.session.scalars(select(Callback.state).order_by(Callback.id)))


def test_three_sources_of_one_movement_make_one_credit(province: Province) -> None:
    """The same movement told by three sources is one credit with three pieces of evidence."""
    request = a_payment_request(province)

    for source in ("sandbox", "sepay", "payos"):
        paid(province, request, source=source)

    assert province.findings() == ["exact"]
    assert evidence_count(province) == 3
    assert province.balance("assets:transit") == 50_000


def test_three_sources_in_one_set_make_one_credit(province: Province) -> None:
    """It is the same when all three are settled together."""
    request = a_payment_request(province)
    for source in ("sandbox", "sepay", "payos"):
        a_message(province, request.reference, amount=50_000, source=source)

    settle(province)

    assert province.findings() == ["exact"]
    assert evidence_count(province) == 3


def test_n_equal_transfers_told_by_m_sources_are_n_credits(province: Province) -> None:
    """Two equal transfers told by two sources stay two credits."""
    request = a_payment_request(province)
    for source in ("sepay", "sandbox", "sepay", "sandbox"):
        a_message(province, request.reference, amount=50_000, source=source)

    settle(province)

    assert province.findings() == ["exact", "duplicate"]
    assert evidence_count(province) == 4


def test_a_repeated_delivery_changes_nothing(province: Province) -> None:
    """The same event with the same body is one message, at once or later."""
    request = a_payment_request(province)

    paid(province, request, event="42")
    paid(province, request, event="42")

    assert province.findings() == ["exact"]
    assert states(province) == ["taken"]


def test_one_event_with_two_bodies_is_a_conflict(province: Province) -> None:
    """The second body is kept for staff; the first stands and nothing is overwritten."""
    request = a_payment_request(province)

    paid(province, request, event="42")
    paid(province, request, 60_000, event="42")

    assert province.findings() == ["exact"]
    assert states(province) == ["taken", "conflict"]
    assert province.balance("assets:transit") == 50_000


def test_the_same_reference_ties_messages_without_a_code(province: Province) -> None:
    """A message whose memo was lost goes by the bank's reference, the same bank day."""
    request = a_payment_request(province)

    paid(province, request, source="payos", reference="FT1")
    a_message(province, "", amount=50_000, source="sandbox", reference="FT1")
    settle(province)

    assert province.findings() == ["exact"]


def test_a_reference_of_another_day_is_another_movement(province: Province) -> None:
    """Bank references are used again on other days."""
    a_message(province, "", amount=50_000, source="payos", reference="5242")
    a_message(
        province, "", amount=50_000, source="sandbox", reference="5242", at=NOON + timedelta(days=1)
    )
    settle(province)

    assert province.findings() == ["unidentified", "unidentified"]


def test_two_statement_references_are_two_movements(province: Province) -> None:
    """The same code does not join what two different bank references tell apart."""
    request = a_payment_request(province)

    paid(province, request, source="payos", reference="FT1")
    paid(province, request, source="sandbox", reference="FT2")

    assert province.findings() == ["exact", "duplicate"]


def test_the_payer_ties_messages_of_one_day(province: Province) -> None:
    """Without code or reference, the same payer, day and amount are the same movement."""
    request = a_payment_request(province)

    paid(province, request, source="payos", payer="970436-123")
    a_message(province, "", amount=50_000, source="sandbox", payer="970436123")
    settle(province)

    assert province.findings() == ["exact"]


def test_equal_amounts_without_identity_are_never_joined(province: Province) -> None:
    """Amount and day alone join nothing."""
    a_message(province, "nop le phi", amount=50_000, source="payos")
    a_message(province, "nop le phi", amount=50_000, source="sandbox")
    settle(province)

    assert province.findings() == ["unidentified", "unidentified"]


def test_a_code_learned_later_settles_an_unidentified_credit(province: Province) -> None:
    """Money without a code is booked to its request when another source knows the code."""
    request = a_payment_request(province)
    a_message(province, "", amount=50_000, source="sandbox", reference="FT1")
    settle(province)
    assert province.findings() == ["unidentified"]

    paid(province, request, source="payos", reference="FT1")

    assert province.findings() == ["exact"]
    assert request.status == "paid"
    assert province.balance("liabilities:unidentified") == 0
    assert province.fees("phi") == 50_000


TIED = {
    "by code": {"source": "sepay"},
    "by reference": {"source": "sandbox", "reference": "FT1", "memo": ""},
    "by both": {"source": "payos", "reference": "FT1"},
}


@pytest.mark.parametrize("order", list(permutations(TIED)), ids=" then ".join)
def test_later_words_join_two_credits_into_one(province: Province, order: tuple[str, ...]) -> None:
    """One source knows the code, one the reference, one both: one credit, in every order."""
    request = a_payment_request(province)

    for name in order:
        told = {"memo": request.reference, "amount": 50_000} | TIED[name]
        a_message(province, **told)  # type: ignore[arg-type]  # the fields of a message
        settle(province)
    province.session.refresh(request)

    assert province.findings() == ["exact"]
    assert evidence_count(province) == 3
    assert (request.status, request.received) == ("paid", 50_000)
    assert province.balance("assets:transit") == 50_000
    assert province.fees("phi") == 50_000
    assert province.balance("liabilities:unidentified") == 0


def test_joined_credits_are_known_by_all_that_either_was_known_by(province: Province) -> None:
    """A code told by a key alone, then signed words without it, then both: booked, and seen."""
    request = a_payment_request(province)
    paid(province, request, source="sepay_key")
    a_message(province, "", amount=50_000, source="sandbox", reference="FT1")
    settle(province)

    paid(province, request, source="payos", reference="FT1")

    (credit,) = province.credits()
    assert (credit.finding, credit.bank_reference) == ("exact", "FT1")
    assert (request.status, request.advised) == ("paid", 0)
    assert province.balance("assets:transit") == 50_000


def test_what_a_join_changes_is_settled_in_the_order_of_arrival(province: Province) -> None:
    """The part that came first stays a part; what came after pays the rest."""
    request = a_payment_request(province)
    paid(province, request, 20_000)
    a_message(province, "", amount=50_000, source="payos", reference="FT1")
    settle(province)
    paid(province, request, 50_000, source="sepay")

    paid(province, request, 50_000, source="sandbox", reference="FT1")

    assert province.findings() == ["short", "overpaid"]
    assert (request.received, province.fees("phi")) == (70_000, 50_000)


def test_nothing_is_settled_twice(province: Province) -> None:
    """Settling again finds nothing left to do."""
    request = a_payment_request(province)
    paid(province, request)

    assert settle(province) == 0
    assert len(province.session.scalars(select(Credit)).all()) == 1
