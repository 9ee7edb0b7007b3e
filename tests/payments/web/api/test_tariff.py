"""The tariff, quotes and the tree of units, on a day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from payments import agencies
from payments.core.service import Service
from tests.builders import SINCE
from tests.callers import Portal, refused


def test_the_tariff_marks_what_is_not_verified(portal: Portal) -> None:
    """Each fee with the prices and reductions of the day, and where they come from."""
    tariff = {fee["code"]: fee for fee in portal.get("/fees").json["items"]}
    assert list(tariff) == ["CERT", "LEPHI", "PHI"]
    certificate = tariff["CERT"]
    assert (certificate["verified"], tariff["PHI"]["verified"]) == (False, True)
    assert certificate["prices"] == [
        {
            "channel": "any",
            "from_quantity": 1,
            "unit_amount": 200_000,
            "at_most": None,
            "valid_from": "2020-01-01",
            "valid_to": None,
            "verified": False,
            "basis": "mẫu",
        }
    ]
    assert {one["code"]: (one["kind"], one["value"]) for one in certificate["reductions"]} == {
        "poor": ("exempt", None),
        "student": ("amount", 100_000),
    }


def test_on_a_day_before_it_began_a_fee_has_no_price(portal: Portal) -> None:
    """It is known, but nobody could be charged."""
    assert all(not fee["prices"] for fee in portal.get("/fees?on=2019-12-31").json["items"])
    asked = {"channel": "online", "lines": [{"fee": "CERT"}], "on": "2019-12-31"}
    assert refused(portal.post("/quotes", json=asked)) == (
        422,
        "fee_not_valid_on",
        [("/lines/0/fee", "fee_not_valid_on")],
    )


def test_a_quote_is_what_a_request_would_cost(portal: Portal) -> None:
    """Priced the same way, and nothing is issued."""
    lines = [
        {"fee": "CERT", "quantity": 2, "reduction": "student"},
        {"fee": "PHI", "amount": 5_000},
    ]
    quoted = portal.post("/quotes", json={"channel": "counter", "lines": lines}).json
    assert (quoted["amount"], quoted["verified"]) == (205_000, False)
    assert [(one["fee"], one["amount"], one["verified"]) for one in quoted["lines"]] == [
        ("CERT", 200_000, False),
        ("PHI", 5_000, True),
    ]
    assert portal.get("/payment-requests").json["items"] == []
    assert portal.issue(channel="counter", lines=lines)["amount"] == quoted["amount"]


@pytest.mark.parametrize(
    ("told", "pointer", "code"),
    [
        ({"lines": []}, "/lines", "wrong_length"),
        ({"channel": None}, "/channel", "null_field"),
        ({"on": "24/11/2026"}, "/on", "wrong_format"),
        ({"on": 20261124}, "/on", "wrong_format"),
        ({"agency": "H09"}, "/agency", "unknown_field"),
        ({"lines": [{"fee": "NONE"}]}, "/lines/0/fee", "unknown_fee"),
    ],
)
def test_a_quote_for_what_cannot_be_priced_is_refused(
    portal: Portal, told: dict[str, Any], pointer: str, code: str
) -> None:
    """With the place of what is wrong."""
    asked = {"channel": "online", "lines": [{"fee": "CERT"}], **told}
    status, _, errors = refused(portal.post("/quotes", json=asked))
    assert (status, errors) == (422, [(pointer, code)])


def test_the_tree_is_that_of_the_day(portal: Portal, service: Service) -> None:
    """Each unit behind its parent; one that began later is not there before."""

    def grow(session: Session) -> None:
        for code, kind, parent, since in (
            ("H09.2", agencies.Kind.DISTRICT, "H09", SINCE),
            ("H09.2.1", agencies.Kind.COMMUNE, "H09.2", date(2026, 1, 1)),
        ):
            described = agencies.Described(
                code, f"Đơn vị {code}", None, kind, parent, verified=True
            )
            agencies.put(session, described, since=since, on=max(since, SINCE))

    service.database.write(grow)
    tree = portal.get("/agencies?on=2026-06-01").json["items"]
    assert [(one["code"], one["parent"], one["depth"]) for one in tree] == [
        ("H09", None, 0),
        ("H09.2", "H09", 1),
        ("H09.2.1", "H09.2", 2),
    ]
    earlier = portal.get("/agencies?on=2025-06-01").json["items"]
    assert [one["code"] for one in earlier] == ["H09", "H09.2"]
    assert portal.get("/agencies?on=2019-01-01").json == {"items": [], "next": None}


@pytest.mark.parametrize("path", ["/fees", "/agencies"])
def test_only_a_day_is_a_day(portal: Portal, path: str) -> None:
    """An unreadable one is refused, never read as today."""
    for day in ("", "today", "2026-13-01", "2026-1-1", "0000-00-00"):
        assert refused(portal.get(f"{path}?on={day}"))[0] == 422, day
