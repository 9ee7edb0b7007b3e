"""The receipts of the day: those the portal was told of beside those that payers must have."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from cashless.demo.receiver import Told

Receipts: TypeAlias = dict[str, dict[str, int]]
"""By reference, the amount of each kind's receipt that counts."""

_PREFIX = "receipt."


def due(shown: Mapping[str, Mapping[str, Any]]) -> Receipts:
    """What receipts must say: of each paid request what was paid of a kind and not given back."""
    found: Receipts = {}
    for reference, request in shown.items():
        if request["received"] < request["amount"] or request["status"] == "cancelled":
            continue
        kept: Counter[str] = Counter()
        for line in request["lines"]:
            kept[line["kind"]] += line["amount"] - line["refunded"]
        if positive := {kind: amount for kind, amount in kept.items() if amount}:
            found[reference] = positive
    return found


def told(messages: Iterable[Told]) -> Receipts:
    """What receipts that count say, by the messages about them."""
    issued, ended = {}, set()
    for message in messages:
        if message.type == f"{_PREFIX}issued":
            issued[message.data["id"]] = message.data
        elif message.type.startswith(_PREFIX):
            ended.add(message.data["id"])
    found: Receipts = defaultdict(dict)
    for number, receipt in issued.items():
        if number not in ended:
            found[receipt["payment_request"]][receipt["kind"]] = receipt["amount"]
    return dict(found)


def counted(messages: Iterable[Told]) -> Counter[tuple[str, str]]:
    """How many receipts of each kind were issued, cancelled and replaced."""
    return Counter(
        (message.data["kind"], message.type.removeprefix(_PREFIX))
        for message in messages
        if message.type.startswith(_PREFIX)
    )
