"""Giving back the morning after: asked by the portal, approved, sent by the bank, seen, returned.

Only money that the day's statement shows is asked back, at the account whose messages name their
payers: what was paid too much, twice or after a cancellation, and one payment's fees. Of what the
bank carries out one refund comes back the same day, since its payee's account is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cashless.demo.cases import Case, Kind
from cashless.demo.day import Day
from cashless.demo.treasury import Treasury
from payments.core.words import later

COMES_BACK: Final = 1
"""The place, in the payment file, of the refund that the bank returns."""

_REASON: Final = "Nộp thừa"
_BIN: Final = "970436"
_HELD: Final = (Kind.OVER, Kind.PAID_TWICE, Kind.AFTER_CANCEL)


@dataclass
class Refunds:
    """What is given back, and what came of it: refunds by number, as the portal sees them."""

    account: str
    asked: int = 0
    ordered: Sequence[Mapping[str, Any]] = ()
    shown: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    days: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """What the payment file orders to be given back, in đồng."""
        return sum(int(one["amount"]) for one in self.ordered)

    @property
    def states(self) -> Counter[str]:
        """How many refunds stand in each state."""
        return Counter(one["state"] for one in self.shown.values())

    def ask(self, day: Day) -> None:
        """The portal asks for every refund, by its API."""
        for case, what in wanted(day.cases, self.account):
            for refund in day.ask_back(case, what):
                self.shown[refund["id"]] = refund
        self.asked = len(self.shown)

    def approve(self, treasury: Treasury) -> None:
        """A person approves each that the portal proposed."""
        for number in self.shown:
            treasury.approve(number)

    def look(self, day: Day) -> None:
        """How the refunds stand now."""
        self.shown = {number: day.refund(number) for number in self.shown}

    @property
    def references(self) -> frozenset[str]:
        """The requests of which something is given back."""
        return frozenset(str(one["reference"]) for one in self.shown.values())

    def differing(self) -> Iterator[tuple[str, dict[str, object]]]:
        """What is not as it must be: what the bank did, states, what came back."""
        count = self.asked
        executed = Counter(one["state"] for one in self.ordered)
        rules = {one["rule"]: one["count"] for one in self._day["matches"]}
        breaks = {one["kind"]: one["count"] for one in self._day["breaks"]}
        for what, is_, must in (
            ("asked back", count, max(count, COMES_BACK + 1)),
            ("executed", dict(executed), {"executed": count - 1, "returned": 1}),
            ("state", dict(self.states), {"paid_out": count - 1, "returned": 1}),
            ("rule", rules.get("returned"), 1),
            ("payout_returned", breaks.get("payout_returned"), 1),
        ):
            if is_ != must:
                yield (
                    later("demo.fault.figure"),
                    {"account": self.account, "figure": what, "is_": is_, "must": must},
                )

    @property
    def _day(self) -> Mapping[str, Any]:
        return self.days.get(self.account, {"matches": (), "breaks": ()})


def wanted(cases: Iterable[Case], account: str) -> Iterator[tuple[Case, Mapping[str, Any]]]:
    """The requests of an account whose payers are given something back, and what of each."""
    some = [case for case in cases if case.paid and case.issued["account"] == account]
    for case in some:
        if case.kind in _HELD:
            yield case, _asked(case, excess=_too_much(case))
    plain = next(case for case in some if case.kind is Kind.PLAIN)
    yield plain, _asked(plain, lines=[{"position": 1, "amount": None}])


def _too_much(case: Case) -> int:
    """What was paid beyond what was due; all of it where nothing was."""
    due = 0 if case.kind is Kind.AFTER_CANCEL else int(case.issued["amount"])
    return sum(int(paid["amount"]) for paid in case.paid) - due


def _asked(case: Case, **what: Any) -> dict[str, Any]:
    payer = case.paid[-1]
    to = {"bin": _BIN, "account": payer["payer_account"], "name": payer["payer_name"]}
    return {"reason": _REASON, "to": to, **what}
