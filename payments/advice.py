"""Advice: a source's word that money moved, in the same form whoever said it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from payments.core.errors import Invalid
from payments.core.money import Dong


class Trust(StrEnum):
    """How far a source's word goes: A signed with a timestamp, B signed, C a shared key only.

    A class C message alone never makes a request paid.
    """

    A = "A"
    B = "B"
    C = "C"


class Direction(StrEnum):
    """Whether the money came in or went out."""

    CREDIT = "credit"
    DEBIT = "debit"


class UnreadableAdvice(Invalid):
    """A message that does not say what its source's specification says it must."""

    code = "unreadable_advice"


@dataclass(frozen=True, slots=True)
class Advice:
    """One movement as a source tells it. `booked_at` is an instant; `amount` is in đồng, > 0.

    `bank_reference` is None where the source's references are not those of the statement;
    `reverses` names the bank reference of a movement that this one takes back.
    """

    source: str
    source_event_id: str
    trust: Trust
    account_number: str
    direction: Direction
    amount: Dong
    currency: str
    booked_at: datetime
    memo: str
    bank_reference: str | None = None
    virtual_account: str | None = None
    payer_account: str | None = None
    payer_name: str | None = None
    reverses: str | None = None
