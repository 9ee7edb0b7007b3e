"""The demonstration asks back what was paid in vain, and judges what came of it."""

from __future__ import annotations

from typing import Any

import pytest

from cashless.demo.cases import Case, Item, Kind
from cashless.demo.refunds import Refunds, wanted

ACCOUNT, OTHER = "001", "002"


def a_case(kind: Kind, *paid: int, account: str = ACCOUNT, amount: int = 50_000) -> Case:
    """A request for 50,000 and what its payers paid."""
    case = Case(1, kind, 0, "H09", Item("CTHD"), 1)
    case.issued = {"reference": f"TTHC-{kind}", "amount": amount, "account": account}
    case.paid = [
        {"amount": one, "payer_account": f"9{place}", "payer_name": "NGUYEN VAN AN"}
        for place, one in enumerate(paid)
    ]
    return case


def refunds(**changes: Any) -> Refunds:
    """Three refunds of which the first came back, all of it as it must be unless changed."""
    states = changes.get("states", ("returned", "paid_out", "paid_out"))
    day = {
        "matches": changes.get(
            "matches", [{"rule": "payout", "count": 3}, {"rule": "returned", "count": 1}]
        ),
        "breaks": changes.get("breaks", [{"kind": "payout_returned", "count": 1}]),
    }
    executed = changes.get("executed", ("returned", "executed", "executed"))
    return Refunds(
        ACCOUNT,
        asked=3,
        ordered=[{"state": one, "amount": 1_000} for one in executed],
        shown={str(place): {"state": one} for place, one in enumerate(states)},
        days={ACCOUNT: day},
    )


def test_what_was_paid_in_vain_is_asked_back() -> None:
    """Too much, a second time, after a cancellation; and one payment's fees, to its payer."""
    cases = [
        a_case(Kind.OVER, 53_000),
        a_case(Kind.PAID_TWICE, 50_000, 50_000),
        a_case(Kind.AFTER_CANCEL, 50_000),
        a_case(Kind.OVER, 60_000, account=OTHER),
        a_case(Kind.SHORT, 20_000),
        a_case(Kind.PLAIN, 50_000),
        a_case(Kind.PLAIN, 50_000),
    ]
    asked = [(case.kind, what.get("excess"), what.get("lines")) for case, what in found(cases)]
    assert asked == [
        (Kind.OVER, 3_000, None),
        (Kind.PAID_TWICE, 50_000, None),
        (Kind.AFTER_CANCEL, 50_000, None),
        (Kind.PLAIN, None, [{"position": 1, "amount": None}]),
    ]
    assert [what["to"]["account"] for _, what in found(cases)] == ["90", "91", "90", "90"]


def found(cases: list[Case]) -> list[tuple[Case, Any]]:
    return list(wanted(cases, ACCOUNT))


def test_refunds_that_are_as_they_must_be_are_no_fault() -> None:
    """All left, one came back, the statement's lines were known and the break is there."""
    assert list(refunds().differing()) == []


@pytest.mark.parametrize(
    ("changes", "figure"),
    [
        ({"states": ("filed", "paid_out", "paid_out")}, "state"),
        ({"executed": ("executed", "executed", "executed")}, "executed"),
        ({"matches": [{"rule": "payout", "count": 3}]}, "rule"),
        ({"breaks": []}, "payout_returned"),
    ],
)
def test_a_refund_that_is_not_as_it_must_be_is_a_fault(
    changes: dict[str, Any], figure: str
) -> None:
    """Each difference is named by its figure."""
    assert [fields["figure"] for _, fields in refunds(**changes).differing()] == [figure]


def test_a_day_that_was_never_run_is_a_fault() -> None:
    """Without the statement's day nothing was seen."""
    some = refunds()
    some.days = {}
    assert {fields["figure"] for _, fields in some.differing()} == {"rule", "payout_returned"}
