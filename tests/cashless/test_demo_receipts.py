"""The demonstration judges receipts by what the portal was told, not by what it would like."""

from __future__ import annotations

from itertools import count
from typing import Any

from cashless.demo import receipts
from cashless.demo.receiver import Told

_numbers = count(1)


def a_message(what: str, **data: Any) -> Told:
    """A webhook about a receipt."""
    told = {"id": "1", "payment_request": "A", "kind": "phi", "amount": 100, **data}
    return Told(str(next(_numbers)), f"receipt.{what}", told, 0.0)


def a_request(**changes: Any) -> dict[str, Any]:
    """A paid request of both kinds, as the portal sees it."""
    lines = [
        {"kind": "phi", "amount": 100, "refunded": 0},
        {"kind": "phi", "amount": 30, "refunded": 10},
        {"kind": "le_phi", "amount": 50, "refunded": 50},
    ]
    return {"status": "paid", "amount": 180, "received": 180, "lines": lines, **changes}


def test_what_is_kept_of_each_kind_is_due() -> None:
    """Nothing for what was given back, nothing for what is not paid."""
    shown = {
        "A": a_request(),
        "B": a_request(status="open", received=0),
        "C": a_request(status="cancelled"),
    }
    assert receipts.due(shown) == {"A": {"phi": 120}}


def test_only_receipts_that_count_are_counted() -> None:
    """One that was cancelled or replaced says nothing any more, in whatever order it is told."""
    told = [
        a_message("cancelled", id="2"),
        a_message("issued", id="1"),
        a_message("issued", id="2", kind="le_phi", amount=50),
        a_message("replaced", id="1"),
        a_message("issued", id="3", amount=60),
        Told("x", "payment_request.paid", {"reference": "A"}, 0.0),
    ]
    assert receipts.told(told) == {"A": {"phi": 60}}
    assert receipts.counted(told) == {
        ("phi", "issued"): 2,
        ("le_phi", "issued"): 1,
        ("phi", "cancelled"): 1,
        ("phi", "replaced"): 1,
    }
