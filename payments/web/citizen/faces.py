"""How each state of a payment looks to its payer, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from payments.core.words import later


@dataclass(frozen=True)
class Face:
    """How a state looks and what it says.

    A sentence's fields are agency, amount, received, due, arrived, beyond, excess, kept and
    refunded; one that names what is kept is left out where nothing is.
    """

    tone: str
    icon: str
    headline: str
    label: str
    figure: str
    sentences: tuple[str, ...] = ()
    final: bool = False


_TO_PAY: Final = later("Amount to pay")
_AMOUNT: Final = later("Amount")
_PAID: Final = later("Amount paid")
_KEPT: Final = later("{kept} ₫ is kept for you, and {agency} gives it back.")
_DO_NOT_REPEAT: Final = later(
    "If you have already transferred the money, do not pay again: money that arrives is kept for "
    "you and booked or returned."
)

FACES: Final[Mapping[str, Face]] = {
    "open": Face("wait", "qr-code", later("Waiting for your payment"), _TO_PAY, "due"),
    "confirming": Face(
        "wait",
        "hourglass",
        later("The bank is confirming"),
        _AMOUNT,
        "amount",
        (
            later("We were told of your transfer. The bank confirms it, as a rule within minutes."),
            later("You need not do anything and need not pay again."),
        ),
    ),
    "partially_paid": Face(
        "wait",
        "triangle-alert",
        later("Part of it has arrived"),
        later("Still to pay"),
        "due",
        (later("{received} ₫ of {amount} ₫ has arrived. Please transfer the rest."),),
    ),
    "partially_paid_closed": Face(
        "stop",
        "triangle-alert",
        later("Part of it has arrived, then time ran out"),
        later("Missing"),
        "due",
        (
            later("{received} ₫ of {amount} ₫ has arrived and is kept for you."),
            later("Please ask {agency} how to go on; do not transfer more before that."),
        ),
    ),
    "paid": Face(
        "done",
        "circle-check",
        later("Paid"),
        _PAID,
        "amount",
        (later("The agency has been told. You need not do anything more."),),
        final=True,
    ),
    "paid_late": Face(
        "done",
        "circle-check",
        later("Paid"),
        _PAID,
        "amount",
        (later("Your money came after the time limit and was accepted all the same."),),
        final=True,
    ),
    "overpaid": Face(
        "done",
        "circle-check",
        later("Paid, and too much has arrived"),
        _PAID,
        "arrived",
        (
            later("{arrived} ₫ has arrived, {excess} ₫ more than due."),
            _KEPT,
        ),
        final=True,
    ),
    "exempt": Face(
        "done",
        "circle-check",
        later("Nothing to pay"),
        _TO_PAY,
        "amount",
        (later("For this dossier no fee is due."),),
        final=True,
    ),
    "refunded": Face(
        "calm",
        "undo-2",
        later("Refunded"),
        later("Amount refunded"),
        "refunded",
        (later("The fee was given back to the account it came from or the one you named."),),
        final=True,
    ),
    "refunding": Face(
        "wait",
        "hourglass",
        later("Being refunded"),
        later("Amount being refunded"),
        "refunded",
        (
            later(
                "The fee is being given back to the account it came from or the one you named; "
                "below you see how far it has come."
            ),
        ),
    ),
    "partially_refunding": Face(
        "wait",
        "hourglass",
        later("Paid, and part of it being refunded"),
        later("Amount being refunded"),
        "refunded",
        (
            later(
                "{refunded} ₫ of {received} ₫ is being given back; "
                "below you see how far it has come."
            ),
        ),
    ),
    "partially_refunded": Face(
        "calm",
        "undo-2",
        later("Paid, and part of it refunded"),
        later("Amount refunded"),
        "refunded",
        (later("{refunded} ₫ of {received} ₫ was given back."),),
        final=True,
    ),
    "expired": Face(
        "stop",
        "clock",
        later("This code has expired"),
        _AMOUNT,
        "amount",
        (
            later("Please ask for a new code where you handed in your dossier."),
            _DO_NOT_REPEAT,
        ),
    ),
    "cancelled": Face(
        "stop",
        "ban",
        later("This payment was cancelled"),
        _AMOUNT,
        "amount",
        (later("Please do not transfer any money for it."), _DO_NOT_REPEAT),
        final=True,
    ),
    "cancelled_held": Face(
        "stop",
        "ban",
        later("This payment was cancelled, and money has arrived for it"),
        later("Amount kept for you"),
        "beyond",
        (
            later("{beyond} ₫ arrived although nothing was due any more."),
            _KEPT,
            later("Please do not transfer any more money for it."),
        ),
        final=True,
    ),
}

REFUNDS: Final[Mapping[str, tuple[str, str]]] = {
    "proposed": ("wait", "hourglass"),
    "approved": ("wait", "hourglass"),
    "filed": ("wait", "hourglass"),
    "paid_out": ("done", "circle-check"),
    "returned": ("stop", "undo-2"),
    "rejected": ("stop", "triangle-alert"),
    "declined": ("stop", "ban"),
    "withdrawn": ("calm", "undo-2"),
}
"""How a refund looks in each of its states: tone and icon. The words are `citizen.refund.…`."""

LEAVING: Final = ("approved", "filed")
"""States of refunds whose money counts as given back, and is not seen to have left."""

UNDER_WAY: Final = ("proposed", *LEAVING)
"""States of refunds that are followed by another, so that a page goes on asking."""
