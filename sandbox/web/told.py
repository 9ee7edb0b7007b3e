"""The bank's things as JSON: accounts, movements, subscriptions, deliveries."""

from __future__ import annotations

from typing import Any, TypeAlias

from sandbox.accounts import Account, Bank, Movement
from sandbox.callbacks import Attempt, Delivery, Subscription
from sandbox.clock import rfc3339

Told: TypeAlias = dict[str, Any]


def account(bank: Bank, one: Account) -> Told:
    """An account with its balance, in đồng."""
    return {
        "bin": one.bin,
        "number": one.number,
        "name": one.name,
        "bank": one.bank_name,
        "opening_balance": one.opening_balance,
        "balance": bank.balance(one),
        "short_references": one.short_references,
    }


def movement(one: Movement) -> Told:
    """A movement: what was booked, and what messages tell where it differs."""
    draft, payer = one.draft, one.draft.other_side
    return {
        "id": one.id,
        "event_id": one.event_id,
        "kind": draft.kind.value,
        "direction": draft.direction.value,
        "account": one.account.number,
        "bin": one.account.bin,
        "amount": draft.amount,
        "told_amount": one.told_amount,
        "bank_reference": one.bank_reference,
        "booked_at": rfc3339(draft.booked_at),
        "memo": draft.intended_memo,
        "memo_as_booked": draft.memo,
        "payer_account": payer and payer.account,
        "payer_name": payer and payer.name,
        "via": draft.via,
        "faults": list(draft.faults),
        "reverses": draft.reverses,
        "on_statement": draft.on_statement,
        "balance": one.balance,
    }


def subscription(one: Subscription) -> Told:
    """A subscription without its secret."""
    return {
        "id": one.id,
        "accounts": sorted(one.accounts),
        "protocol": one.protocol,
        "url": one.url,
    }


def delivery(one: Delivery) -> Told:
    """A delivery and its attempts."""
    return {
        "id": one.id,
        "movement": one.movement.id,
        "event_id": one.movement.event_id,
        "subscription": one.subscription.id,
        "protocol": one.subscription.protocol,
        "state": one.state.value,
        "proof": one.proof.value,
        "attempts": [_attempt(attempt) for attempt in list(one.attempts)],
    }


def _attempt(one: Attempt) -> Told:
    return {
        "at": rfc3339(one.at),
        "status": one.status,
        "error": one.error,
        "milliseconds": one.milliseconds,
    }
