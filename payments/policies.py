"""Policies: the figures a treasurer decides, each valid from a day.

A limit, a grace period, an age. What no row decides has the default written here, so every
policy has a range and a value from the first day on. Every value is a whole number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.core import audit
from payments.core.calendar import local_day
from payments.core.columns import Code, Day, Json, Key
from payments.core.database import Row
from payments.core.errors import Conflict, Invalid
from payments.core.money import MOST


class UnknownPolicy(Invalid):
    """There is no policy of that name."""

    code = "unknown_policy"


class PolicyOutOfRange(Invalid):
    """The value is not a whole number within the policy's range."""

    code = "policy_out_of_range"


class PolicyInThePast(Invalid):
    """A policy is decided for today or a later day, never for what has been."""

    code = "policy_in_the_past"


class PolicyDecided(Conflict):
    """The policy has a value from that day on already."""

    code = "policy_decided"


class Policy(Row):
    """The value of one policy from a day on."""

    __tablename__ = "policy"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    name: Mapped[str] = mapped_column(Code())
    value: Mapped[Any] = mapped_column(Json())
    valid_from: Mapped[date] = mapped_column(Day())

    __table_args__ = (UniqueConstraint("name", "valid_from"), {"sqlite_strict": True})


@dataclass(frozen=True, slots=True)
class Rule:
    """What a policy's value may be, and what it is until somebody decides."""

    default: int
    least: int
    most: int
    unit: str


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        # How long a request can be paid before it expires.
        "request_expiry_hours": Rule(24, 1, 24 * 90, "hours"),
        # How long money told by a class C source alone may wait for its confirmation.
        "advised_grace_hours": Rule(24, 1, 24 * 14, "hours"),
        # How long a credit told by a callback may be missing on the statements.
        "callback_grace_hours": Rule(48, 1, 24 * 14, "hours"),
        # How long the other half of a transfer between our accounts may be missing.
        "transfer_grace_hours": Rule(72, 1, 24 * 14, "hours"),
        # How long a payout in a file for the bank may be missing on the statements.
        "payout_grace_hours": Rule(48, 1, 24 * 14, "hours"),
        # How long a payer's claim may wait for an answer before the day is not agreed.
        "claim_grace_hours": Rule(24, 1, 24 * 14, "hours"),
        # From this amount on, a decision about money needs a second person.
        "second_person_amount": Rule(2_000_000, 0, int(MOST), "dong"),
        # How many days a break may stay open before it is overdue.
        "break_overdue_days": Rule(3, 1, 90, "days"),
        # How long after a payment is known its receipts may be missing.
        "receipt_due_minutes": Rule(15, 1, 60 * 24 * 14, "minutes"),
        # Fees are forwarded within 24 hours (Circular 74/2022/TT-BTC, Art. 3).
        "forward_within_hours": Rule(24, 1, 24 * 14, "hours"),
    }
)
"""Every policy. Only the last default is a rule of law; the others are ours until decided."""


def value(session: Session, name: str, *, on: date) -> int:
    """What a policy says on a day: what was decided last, else its default.

    Raises `UnknownPolicy`.
    """
    default = _rule(name).default
    decided = session.scalar(
        select(Policy.value)
        .where(Policy.name == name, Policy.valid_from <= on)
        .order_by(Policy.valid_from.desc())
        .limit(1)
    )
    return default if decided is None else int(decided)


def decide(
    session: Session, name: str, value: int, *, valid_from: date, by: str, now: datetime
) -> None:
    """Sets a policy from a day on.

    Raises `UnknownPolicy`, `PolicyOutOfRange`, `PolicyInThePast` or `PolicyDecided`.
    """
    rule = _rule(name)
    if type(value) is not int or not rule.least <= value <= rule.most:
        raise PolicyOutOfRange(policy=name, least=rule.least, most=rule.most)
    if valid_from < local_day(now):
        raise PolicyInThePast(policy=name, valid_from=valid_from)
    decided = select(Policy.id).where(Policy.name == name, Policy.valid_from == valid_from)
    if session.scalar(decided) is not None:
        raise PolicyDecided(policy=name, valid_from=valid_from)
    session.add(Policy(name=name, value=value, valid_from=valid_from))
    session.flush()
    audit.append(
        session,
        actor=by,
        action="policy.decided",
        subject=f"policy:{name}",
        details={"value": value, "valid_from": valid_from.isoformat()},
        now=now,
    )


def _rule(name: str) -> Rule:
    rule = RULES.get(name)
    if rule is None:
        raise UnknownPolicy(policy=name)
    return rule
