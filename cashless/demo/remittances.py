"""Forwarding the morning after: what the statement shows is proposed, approved, sent, seen leaving.

What must go is worked out from the requests as the portal sees them, beside the list of fees that
the console gives with each remittance: every fee once, each agency's phí and lệ phí for itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cashless.demo.day import Day
from cashless.demo.treasury import Treasury
from payments.core.words import later


class Way(NamedTuple):
    """What goes together: an agency's fees of one kind, out of the account they came into."""

    account: str
    agency: str
    kind: str


@dataclass
class Remittances:
    """What is forwarded, and what came of it.

    `due` is by request what must go; `listed` by remittance what its list says, `states` where it
    stands; `ordered` by account what the bank did of them.
    """

    ways: dict[str, Way] = field(default_factory=dict)
    due: Mapping[str, int] = field(default_factory=dict)
    listed: dict[str, Counter[str]] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    ordered: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def propose(self, day: Day, treasury: Treasury) -> None:
        """One person proposes all that is due, account by account."""
        requests = day.requests()
        for case in day.cases:
            request = requests[case.reference]
            (kind,) = {line["kind"] for line in request["lines"]}
            self.ways[case.reference] = Way(case.issued["account"], request["agency"], kind)
        self.due = due(requests)
        for account in day.accounts:
            treasury.propose_remittances(account)
        self.look(day, treasury)
        self.listed = {number: treasury.forwarded(number) for number in self.states}

    def approve(self, treasury: Treasury) -> None:
        """A second person approves each."""
        for number in self.states:
            treasury.approve(number)

    def look(self, day: Day, treasury: Treasury) -> None:
        """Where the remittances stand now."""
        for account in day.accounts:
            self.states |= treasury.remittances(account)

    def count(self, account: str) -> int:
        """How many remittances an account has."""
        return sum(account in {way.account for way in self._ways(one)} for one in self.listed)

    def rows(self) -> Iterator[tuple[Way, int, int, str]]:
        """What goes each way: how many requests' fees, their sum in đồng, and where it stands."""
        found = [
            (way, len(self.listed[number]), self.listed[number].total(), self.states[number])
            for number in self.listed
            for way in self._ways(number)
        ]
        yield from sorted(found)

    @property
    def total(self) -> int:
        """What goes, in đồng."""
        return sum(fees.total() for fees in self.listed.values())

    def differing(
        self, shown: Mapping[str, Mapping[str, Any]]
    ) -> Iterator[tuple[str, dict[str, object]]]:
        """What is not as it must be: sums, remittances, what the bank did, states, requests."""
        must_go, goes = self._sums(self.due), self._sums(sum(self.listed.values(), Counter()))
        for way in sorted({*must_go, *goes}):
            if goes[way] != must_go[way]:
                yield _fault(way.account, f"{way.agency} {way.kind}", goes[way], must_go[way])
        for account in sorted({way.account for way in must_go}):
            yield from self._of_account(account, must_go)
        for reference, request in sorted(shown.items()):
            if request["remitted"] != (reference in self.due):
                figure = f"{reference} remitted"
                account = self.ways[reference].account
                yield _fault(account, figure, request["remitted"], reference in self.due)

    def _of_account(
        self, account: str, must_go: Mapping[Way, int]
    ) -> Iterator[tuple[str, dict[str, object]]]:
        sums = sorted(amount for way, amount in must_go.items() if way.account == account)
        ordered = self.ordered.get(account, ())
        states = Counter(state for way, _, _, state in self.rows() if way.account == account)
        for what, is_, must in (
            ("remittances", self.count(account), len(sums)),
            ("ordered", sorted(int(one["amount"]) for one in ordered), sums),
            ("executed", dict(Counter(one["state"] for one in ordered)), {"executed": len(sums)}),
            ("state", dict(states), {"paid_out": len(sums)}),
        ):
            if is_ != must:
                yield _fault(account, what, is_, must)

    def _ways(self, number: str) -> set[Way]:
        return {self.ways[reference] for reference in self.listed[number]}

    def _sums(self, fees: Mapping[str, int]) -> Counter[Way]:
        found: Counter[Way] = Counter()
        for reference, amount in fees.items():
            found[self.ways[reference]] += amount
        return found


def due(shown: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """What must go of each request: the fees of a paid one whose money was seen, less refunds."""
    kept = {
        reference: sum(line["amount"] - line["refunded"] for line in request["lines"])
        for reference, request in shown.items()
        if request["status"] == "paid" and request["reconciled"]
    }
    return {reference: amount for reference, amount in kept.items() if amount}


def _fault(account: str, figure: str, is_: object, must: object) -> tuple[str, dict[str, object]]:
    fields: dict[str, object] = {"account": account, "figure": figure, "is_": is_, "must": must}
    return later("demo.fault.figure"), fields
