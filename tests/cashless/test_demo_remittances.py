"""The demonstration forwards what was seen of each agency and kind, and judges what came of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from cashless.demo.outcome import Outcome
from cashless.demo.refunds import Refunds
from cashless.demo.remittances import Remittances, Way, due

ACCOUNT = "001"
ONE, TWO, THREE, OPEN = "TTHC-1", "TTHC-2", "TTHC-3", "TTHC-4"
PHI, LE_PHI = Way(ACCOUNT, "H09.718", "phi"), Way(ACCOUNT, "H09.718", "le_phi")


def a_request(status: str, *lines: tuple[int, int], **told: Any) -> dict[str, Any]:
    """A request as the portal sees it; each line by its amount and what was given back of it."""
    shown = [{"amount": amount, "refunded": refunded} for amount, refunded in lines]
    return {"status": status, "reconciled": True, "remitted": False, "lines": shown, **told}


def shown(**changes: Any) -> dict[str, dict[str, Any]]:
    """Three requests whose fees went, and one that nobody paid; some of them changed."""
    some = {one: a_request("paid", (10_000, 0), remitted=True) for one in (ONE, TWO, THREE)}
    return some | {OPEN: a_request("open", (10_000, 0))} | changes.get("shown", {})


def remittances(**changes: Any) -> Remittances:
    """Two, of phí and of lệ phí, all of it as it must be unless changed."""
    fees = {"a": Counter({ONE: 10_000, TWO: 10_000}), "b": Counter({THREE: 10_000})}
    executed = changes.get("executed", ((20_000, "executed"), (10_000, "executed")))
    return Remittances(
        ways={ONE: PHI, TWO: PHI, THREE: LE_PHI, OPEN: PHI},
        due={ONE: 10_000, TWO: 10_000, THREE: 10_000},
        listed=changes.get("listed", fees),
        states=changes.get("states", {"a": "paid_out", "b": "paid_out"}),
        ordered={ACCOUNT: [{"amount": amount, "state": state} for amount, state in executed]},
    )


def faults(**changes: Any) -> list[object]:
    """The figures that are not as they must be."""
    some = remittances(**changes)
    return [fields["figure"] for _, fields in some.differing(shown(**changes))]


def test_what_must_go_is_what_was_paid_seen_and_kept() -> None:
    """Nothing of what is open, of what no statement shows, and of what was given back whole."""
    told = {
        ONE: a_request("paid", (30_000, 0), (20_000, 5_000)),
        TWO: a_request("paid", (30_000, 0), reconciled=False),
        THREE: a_request("paid", (30_000, 30_000)),
        OPEN: a_request("partially_paid", (30_000, 0)),
    }
    assert due(told) == {ONE: 45_000}


def test_remittances_that_are_as_they_must_be_are_no_fault() -> None:
    """Each way has one, of all its fees; all left, and are told in order."""
    assert faults() == []
    told = list(remittances().rows())
    assert told == [(LE_PHI, 1, 10_000, "paid_out"), (PHI, 2, 20_000, "paid_out")]
    assert (remittances().count(ACCOUNT), remittances().total) == (2, 30_000)


@pytest.mark.parametrize(
    ("changes", "figures"),
    [
        (
            {"listed": {"a": Counter({ONE: 10_000}), "b": Counter({THREE: 10_000})}},
            ["H09.718 phi"],
        ),
        (
            {"listed": {"a": Counter({ONE: 20_000, TWO: 10_000}), "b": Counter({THREE: 10_000})}},
            ["H09.718 phi"],
        ),
        ({"listed": {"a": Counter({ONE: 10_000, TWO: 10_000, THREE: 10_000})}}, ["remittances"]),
        ({"executed": ((20_000, "executed"), (10_000, "refused"))}, ["executed"]),
        ({"executed": ((20_000, "executed"), (15_000, "executed"))}, ["ordered"]),
        ({"states": {"a": "paid_out", "b": "filed"}}, ["state"]),
        ({"shown": {TWO: a_request("paid", (10_000, 0))}}, [f"{TWO} remitted"]),
        ({"shown": {OPEN: a_request("open", (10_000, 0), remitted=True)}}, [f"{OPEN} remitted"]),
    ],
)
def test_a_remittance_that_is_not_as_it_must_be_is_a_fault(
    changes: dict[str, Any], figures: list[str]
) -> None:
    """Fees left out or twice, two ways in one, what the bank did, states and requests: each."""
    assert faults(**changes) == figures


@pytest.mark.parametrize(
    ("seen", "late", "figures"),
    [(5, 0, []), (4, 0, ["payout"]), (5, 1, ["not_remitted_in_24h"])],
)
def test_a_statement_must_show_every_payout_and_no_fee_may_be_late(
    seen: int, late: int, figures: list[str]
) -> None:
    """Two remittances and three refunds of the account, and no break of the 24 hours."""
    day = {
        "bridge": {"closing": 7_000, "residual": 0, "transit_residual": 0},
        "matches": [{"rule": "payout", "count": seen}, {"rule": "returned", "count": 1}],
        "breaks": [
            {"kind": "payout_returned", "count": 1},
            {"kind": "not_remitted_in_24h", "count": late},
        ],
    }
    refunds = Refunds(
        ACCOUNT,
        asked=3,
        ordered=[{"state": one, "amount": 1} for one in ("returned", "executed", "executed")],
        shown={one: {"state": one[:-1]} for one in ("paid_out1", "paid_out2", "returned1")},
        days={ACCOUNT: day},
    )
    outcome = Outcome(refunds=refunds, remittances=remittances(), shown=shown())
    outcome.compare_payouts({ACCOUNT: 7_000})
    assert [fields["figure"] for _, fields in outcome.faults] == figures
