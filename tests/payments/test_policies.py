"""Figures a treasurer decides: a default, a range, and a day from which each holds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import policies
from payments.core.audit import AuditEntry
from payments.core.errors import CashlessError

NOW = datetime(2026, 11, 24, 5, tzinfo=UTC)
TODAY = date(2026, 11, 24)
DAY = timedelta(days=1)
EXPIRY = "request_expiry_hours"


def decide(session: Session, value: Any, *, name: str = EXPIRY, on: date = TODAY) -> None:
    policies.decide(session, name, value, valid_from=on, by="staff:3", now=NOW)


@pytest.mark.parametrize("name", sorted(policies.RULES))
def test_every_policy_has_a_default_within_its_range(session: Session, name: str) -> None:
    """From the first day on, before anybody has decided anything."""
    rule = policies.RULES[name]
    assert rule.least <= rule.default <= rule.most
    assert policies.value(session, name, on=TODAY) == rule.default


def test_what_was_decided_last_holds_from_its_day(session: Session) -> None:
    """Earlier days keep what held then."""
    decide(session, 48)
    decide(session, 12, on=TODAY + 10 * DAY)
    days = [-1, 0, 9, 10, 500]
    values = [policies.value(session, EXPIRY, on=TODAY + day * DAY) for day in days]
    assert values == [24, 48, 48, 12, 12]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"name": "no_such_policy"}, "unknown_policy"),
        ({"value": 0}, "policy_out_of_range"),
        ({"value": 24 * 90 + 1}, "policy_out_of_range"),
        ({"value": 12.5}, "policy_out_of_range"),
        ({"value": True}, "policy_out_of_range"),
        ({"value": "24"}, "policy_out_of_range"),
        ({"on": TODAY - DAY}, "policy_in_the_past"),
        ({"on": TODAY + 3 * DAY}, "policy_decided"),
    ],
)
def test_a_decision_is_a_whole_number_in_range_for_today_or_later(
    session: Session, told: dict[str, Any], code: str
) -> None:
    """What breaks a rule changes nothing."""
    decide(session, 36, on=TODAY + 3 * DAY)
    with pytest.raises(CashlessError) as refused:
        decide(session, **{"value": 48} | told)
    assert refused.value.code == code
    assert policies.value(session, EXPIRY, on=TODAY + 2 * DAY) == 24


def test_a_policy_nobody_knows_has_no_value(session: Session) -> None:
    """A slip in a name is an error, not a silent default."""
    with pytest.raises(policies.UnknownPolicy):
        policies.value(session, "request_expiry_hour", on=TODAY)


def test_every_decision_is_in_the_audit_trail(session: Session) -> None:
    """Who decided what, from when."""
    decide(session, 48)
    (entry,) = session.scalars(select(AuditEntry)).all()
    assert (entry.actor, entry.action, entry.subject) == (
        "staff:3",
        "policy.decided",
        f"policy:{EXPIRY}",
    )
    assert entry.details == {"value": 48, "valid_from": "2026-11-24"}
