"""The demonstration judges: what it expects, what it refuses to take for granted."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from standardwebhooks import Webhook

from cashless.demo.cases import FAULTS, Case, Item, Kind, plan
from cashless.demo.day import differing
from cashless.demo.expectation import Account, Reckoning, Telling
from cashless.demo.outcome import Outcome
from cashless.demo.receiver import Inbox
from cashless.demo.stage import build, last_two_working_days

SECRET = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
FULL, CODE, UNSIGNED = "001", "002", "003"
ACCOUNTS = {
    FULL: Account(FULL, Telling.FULL, all_timed=False),
    CODE: Account(CODE, Telling.CODE, all_timed=True),
    UNSIGNED: Account(UNSIGNED, Telling.UNSIGNED, all_timed=False),
}


def a_case(kind: Kind, *paid: int, account: str = FULL, amount: int = 50_000, **told: Any) -> Case:
    """A request for 50,000 and what its payer paid, all of it told and booked."""
    case = Case(1, kind, 0, "H09", Item("CTHD"), 1)
    case.issued = {"reference": "TTHC1234567894", "amount": amount, "account": account}
    case.paid = [
        {"account": account, "amount": one, "told_amount": one, "on_statement": True, **told}
        for one in paid
    ]
    return case


def judged(case: Case) -> tuple[str, str, dict[str, int], dict[str, int]]:
    """The request's status in the evening and the morning after, matches and breaks."""
    reckoning = Reckoning([case], ACCOUNTS)
    evening = reckoning.evening().requests[case.reference]["status"]
    expected = reckoning.morning()
    account = case.paid[0]["account"] if case.paid else FULL
    return (
        evening,
        expected.requests[case.reference]["status"],
        dict(expected.matches.get(account, {})),
        dict(expected.breaks.get(account, {})),
    )


@pytest.mark.parametrize(
    ("case", "must"),
    [
        (a_case(Kind.PLAIN, 50_000), ("paid", "paid", {"reference": 1}, {})),
        (a_case(Kind.PLAIN, 50_000, account=CODE), ("paid", "paid", {"code": 1}, {})),
        (a_case(Kind.PLAIN, 50_000, account=UNSIGNED), ("confirming", "paid", {"code": 1}, {})),
        (
            a_case(Kind.CALLBACK_LOST, 50_000),
            ("open", "paid", {"missed_callback": 1}, {"missed_callback": 1}),
        ),
        (
            a_case(Kind.STALE_TIMESTAMP, 50_000, account=CODE),
            ("open", "paid", {"missed_callback": 1}, {"missed_callback": 1}),
        ),
        (a_case(Kind.STALE_TIMESTAMP, 50_000), ("paid", "paid", {"reference": 1}, {})),
        (
            a_case(Kind.SHORT, 20_000),
            ("partially_paid", "partially_paid", {"reference": 1}, {"short": 1}),
        ),
        (a_case(Kind.TOPPED_UP, 20_000, 30_000), ("paid", "paid", {"reference": 2}, {})),
        (a_case(Kind.OVER, 60_000), ("paid", "paid", {"reference": 1}, {"overpaid": 1})),
        (
            a_case(Kind.PAID_TWICE, 50_000, 50_000),
            ("paid", "paid", {"reference": 2}, {"duplicate": 1}),
        ),
        (
            a_case(Kind.MEMO_CUT, 50_000, account=CODE),
            (
                "open",
                "open",
                {},
                {"callback_without_line": 1, "unidentified": 1, "damaged_code": 1},
            ),
        ),
        (
            a_case(Kind.MISSING_STATEMENT_LINE, 50_000, on_statement=False),
            ("paid", "paid", {}, {"callback_without_line": 1}),
        ),
        (
            a_case(Kind.CALLBACK_AMOUNT_DIFFERS, 50_000, told_amount=45_000),
            (
                "partially_paid",
                "partially_paid",
                {},
                {"callback_without_line": 1, "amount_differs": 1, "short": 1},
            ),
        ),
        (
            a_case(Kind.REVERSAL, 50_000, taken_back=True),
            ("paid", "open", {"reference": 1, "reversal": 1}, {"reversed": 1}),
        ),
        (a_case(Kind.AFTER_EXPIRY, 50_000), ("paid", "paid", {"reference": 1}, {})),
        (
            a_case(Kind.AFTER_CANCEL, 50_000),
            ("cancelled", "cancelled", {"reference": 1}, {"after_cancel": 1}),
        ),
    ],
    ids=lambda one: one.kind.value if isinstance(one, Case) else "",
)
def test_what_is_expected_of_a_case(case: Case, must: tuple[Any, ...]) -> None:
    """Each row of the settlement table, as a clerk would work it out by hand."""
    assert judged(case) == must


def test_every_fault_happens_several_times() -> None:
    """Whatever is drawn by lot, three of each at least, at every account where it can be."""
    for seed in range(5):
        counted = [case.kind for case in plan(300, chance=Random(seed))]
        assert all(counted.count(kind) >= 3 for kind in Kind)
        assert counted.count(Kind.PLAIN) > 200
    assert {fault.value for fault in FAULTS} < {kind.value for kind in Kind}


def test_the_same_seed_makes_the_same_day() -> None:
    one, other = (
        [(case.kind, case.home, case.order) for case in plan(200, chance=Random(7))] for _ in "ab"
    )
    assert one == other


def test_what_is_not_as_it_must_be_is_named() -> None:
    """A status that differs, a figure left over and an identity that fails are all told."""
    case = a_case(Kind.PLAIN, 50_000)
    reckoning = Reckoning([case], ACCOUNTS)
    wanted = reckoning.evening().requests
    outcome = Outcome(cases=[case], expected=reckoning.morning())
    outcome.compare_requests("evening", {case.reference: {"status": "open"}}, wanted)
    bridge = {"closing": 50_000, "residual": 7, "transit_residual": 0}
    outcome.days = {FULL: {"bridge": bridge, "matches": [], "breaks": []}}
    outcome.compare_days({FULL: 50_000, CODE: 0})
    outcome.proof = {"identities": [{"difference": 1}, {"difference": 0}]}
    outcome.compare_proof()
    told = [(key, fields.get("field", fields.get("figure"))) for key, fields in outcome.faults]
    assert ("demo.fault.request", "status") in told
    assert ("demo.fault.figure", "residual") in told
    assert ("demo.fault.figure", "reference") in told
    assert ("demo.fault.no_day", None) in told
    assert [key for key, _ in told].count("demo.fault.identity") == 1


def test_a_request_that_is_not_there_differs() -> None:
    assert differing({}, {"TTHC1234567894": {"status": "paid"}}) == {
        "TTHC1234567894": {"status": (None, "paid")}
    }


def test_the_portal_believes_what_the_library_signs_and_nothing_else() -> None:
    """Signed by the independent library: taken once; changed, foreign or old: refused."""
    at = datetime.now(UTC)
    body = json.dumps({"type": "payment_request.paid", "data": {"reference": "X"}})
    signature = Webhook(SECRET).sign("msg_1", at, body)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }
    inbox = Inbox(secret=SECRET)
    assert [inbox.take(headers, body.encode()) for _ in "ab"] == [204, 204]
    assert (len(inbox.all()), inbox.again) == (1, 1)
    assert inbox.take(headers, body.encode() + b" ") == 401
    assert inbox.take(headers | {"webhook-id": "msg_2"}, body.encode()) == 401
    late = Inbox(secret=SECRET, clock_ahead=301.0)
    assert late.take(headers, body.encode()) == 401
    assert (inbox.refused, late.refused) == (2, 1)


@pytest.mark.parametrize(
    ("today", "day"),
    [
        (date(2026, 11, 28), date(2026, 11, 26)),
        (date(2026, 11, 27), date(2026, 11, 25)),
        (date(2026, 11, 25), date(2026, 11, 19)),
        (date(2026, 11, 23), date(2026, 11, 19)),
        (date(2026, 11, 22), date(2026, 11, 19)),
        (date(2026, 5, 4), date(2026, 4, 28)),
    ],
)
def test_the_day_lived_and_the_next_are_past_working_days(today: date, day: date) -> None:
    assert last_two_working_days(today) == day


def test_nothing_that_is_lived_lies_ahead(tmp_path: Path) -> None:
    """At any hour the second morning after the day is over already."""
    for hour in range(24):
        now = datetime(2026, 11, 24, hour, 30, tzinfo=UTC)
        place = build(tmp_path, language="en", now=now)
        assert now + place.ahead + timedelta(hours=46, minutes=30) < now
