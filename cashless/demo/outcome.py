"""What came of the day beside what must come of it, and each difference as a sentence."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from cashless.demo import receipts
from cashless.demo.cases import Case, Kind
from cashless.demo.cash import Cash
from cashless.demo.day import Day, differing
from cashless.demo.expectation import Expected, Telling
from cashless.demo.refunds import Refunds
from cashless.demo.remittances import Remittances
from payments.core.words import later

Fault: TypeAlias = tuple[str, dict[str, object]]
"""A sentence by its key, and what it names."""

_NOTHING: Final[Mapping[str, Any]] = {}

_BY_REFUND: Final = frozenset({"sequence", "status", "refunded", "lines"})
"""What a refund changes of a request; the messages about the refund tell it."""

_UNTOLD: Final = frozenset({"remitted"})
"""What changes of a request without a message: its fees went to the treasury."""


@dataclass
class Outcome:
    """What is shown, what was expected, and the faults; filled as the day goes."""

    cases: Sequence[Case] = ()
    shown: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    expected: Expected | None = None
    days: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    proof: Mapping[str, Any] = field(default_factory=dict)
    refunds: Refunds | None = None
    remittances: Remittances = field(default_factory=Remittances)
    cash: Cash = field(default_factory=Cash)
    messages: Mapping[str, int] = field(default_factory=dict)
    receipts: receipts.Receipts = field(default_factory=dict)
    papers: Counter[tuple[str, str]] = field(default_factory=Counter)
    told: int = 0
    refused: int = 0
    delays: Sequence[float] = ()
    kills: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)

    def compare_requests(
        self,
        when: str,
        shown: Mapping[str, Mapping[str, Any]],
        wanted: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Keeps as faults what is not as it must be of the requests."""
        cases = {case.reference: case for case in self.cases}
        for reference, wrong in differing(shown, wanted).items():
            case = cases[reference]
            for name, (is_, must) in wrong.items():
                self.faults.append(
                    (
                        later("demo.fault.request"),
                        {
                            "when": when,
                            "case": case.number,
                            "kind": case.kind.value,
                            "reference": reference,
                            "field": name,
                            "is_": is_,
                            "must": must,
                        },
                    )
                )

    def compare_days(self, balances: Mapping[str, int]) -> None:
        """Keeps as faults what is not as it must be of each account's day."""
        for account in balances:
            day = self.days.get(account)
            if day is None:
                self.faults.append((later("demo.fault.no_day"), {"account": account}))
                continue
            self.faults += self._of_day(account, day, balances[account])

    def compare_payouts(self, balances: Mapping[str, int]) -> None:
        """Keeps as faults what is not as it must be of payouts, and of the day they left."""
        assert self.refunds is not None  # noqa: S101  for the type checker
        self.faults += self.refunds.differing()
        self.faults += self.remittances.differing(self.shown)
        for account in balances:
            day = self.refunds.days.get(account)
            if day is None:
                self.faults.append((later("demo.fault.no_day"), {"account": account}))
            else:
                self.faults += _of_bridge(account, day, balances[account])
                self.faults += self._of_payouts(account, day)

    def compare_proof(self) -> None:
        """Keeps as a fault each identity that does not hold."""
        for one in self.proof["identities"]:
            if one["difference"]:
                self.faults.append((later("demo.fault.identity"), one))

    def compare_messages(self, day: Day) -> None:
        """Keeps as faults what the portal was told otherwise than the service shows."""
        last: dict[str, Mapping[str, Any]] = {}
        numbers: dict[str, list[int]] = {}
        for told in day.inbox.all():
            if not told.type.startswith("payment_request."):
                continue
            reference, sequence = told.data["reference"], int(told.data["sequence"])
            numbers.setdefault(reference, []).append(sequence)
            if sequence >= int(last.get(reference, {"sequence": 0})["sequence"]):
                last[reference] = told.data
        given_back = frozenset[str]() if self.refunds is None else self.refunds.references
        for reference, shown in self.shown.items():
            heard = last.get(reference, _NOTHING)
            elsewhere = _BY_REFUND if reference in given_back else frozenset[str]()
            other = {name for name in shown if shown[name] != heard.get(name)}
            other -= elsewhere | _UNTOLD
            if shown["sequence"] > 1 and other:
                fields: dict[str, object] = {
                    "reference": reference,
                    "told": ", ".join(sorted(other)),
                }
                self.faults.append((later("demo.fault.not_told"), fields))
        self.faults += self._refunds_untold(day)
        if day.inbox.refused:
            self.faults.append((later("demo.fault.forged"), {"count": day.inbox.refused}))

    def _refunds_untold(self, day: Day) -> Iterator[Fault]:
        """The refunds of which no message said what the service shows."""
        told = [one.data for one in day.inbox.all() if one.type.startswith("refund.")]
        refunds = {} if self.refunds is None else self.refunds.shown
        for shown in refunds.values():
            if shown not in told:
                fields = {"reference": shown["reference"], "told": shown["state"]}
                yield later("demo.fault.not_told"), fields

    def compare_receipts(self, day: Day) -> None:
        """Keeps as faults the requests whose receipts do not say what was paid."""
        messages = day.inbox.all()
        due, self.receipts = receipts.due(self.shown), receipts.told(messages)
        self.papers = receipts.counted(messages)
        for reference in sorted({*due, *self.receipts}):
            is_, must = self.receipts.get(reference), due.get(reference)
            if is_ != must:
                fields: dict[str, object] = {"reference": reference, "is_": is_, "must": must}
                self.faults.append((later("demo.fault.receipts"), fields))

    def end_state(self) -> dict[str, Any]:
        """Everything that must be the same however often the service was killed meanwhile."""
        return {
            "requests": {
                str(case.number): {
                    "kind": case.kind.value,
                    "amount": self.shown[case.reference]["amount"],
                    **{
                        name: self.shown[case.reference][name]
                        for name in ("status", "received", "late", "overpaid", "reconciled")
                    },
                    "receipts": self.receipts.get(case.reference, {}),
                }
                for case in self.cases
            },
            "days": {
                account: {
                    name: day[name] for name in ("verdict", "bridge", "lines", "matches", "breaks")
                }
                for account, day in self.days.items()
            },
            "refunds": {} if self.refunds is None else dict(self.refunds.states),
            "remittances": [[*way, *told] for way, *told in self.remittances.rows()],
            "proof": [
                {name: one[name] for name in ("account", "identity", "expected", "actual")}
                for one in self.proof["identities"]
            ],
        }

    def _of_payouts(self, account: str, day: Mapping[str, Any]) -> Iterator[Fault]:
        """Whether the statement's lines were known as payouts, and no fees are late."""
        must = self.remittances.count(account)
        if self.refunds is not None and account == self.refunds.account:
            must += self.refunds.asked
        seen = {one["rule"]: one["count"] for one in day["matches"]}
        late = {one["kind"]: one["count"] for one in day["breaks"]}
        for figure, counted, must_be in (
            ("payout", seen, must),
            ("not_remitted_in_24h", late, 0),
        ):
            is_ = counted.get(figure, 0)
            if is_ != must_be:
                fields = {"account": account, "figure": figure, "is_": is_, "must": must_be}
                yield later("demo.fault.figure"), fields

    def _of_day(self, account: str, day: Mapping[str, Any], balance: int) -> Iterator[Fault]:
        assert self.expected is not None  # noqa: S101  for the type checker
        yield from _of_bridge(account, day, balance)
        for what, key, must_be in (
            ("matches", "rule", self.expected.matches.get(account, Counter())),
            ("breaks", "kind", self.expected.breaks.get(account, Counter())),
        ):
            counted = Counter({one[key]: one["count"] for one in day[what]})
            for name in sorted({*counted, *must_be}):
                if counted[name] != must_be[name]:
                    fields = {
                        "account": account,
                        "figure": name,
                        "is_": counted[name],
                        "must": must_be[name],
                    }
                    yield later("demo.fault.figure"), fields


def _of_bridge(account: str, day: Mapping[str, Any], balance: int) -> Iterator[Fault]:
    """What a day's bridge says otherwise than the bank."""
    bridge = day["bridge"]
    for name, must in (("closing", balance), ("residual", 0), ("transit_residual", 0)):
        if bridge[name] != must:
            fields = {"account": account, "figure": name, "is_": bridge[name], "must": must}
            yield later("demo.fault.figure"), fields


def delays(day: Day) -> list[float]:
    """Seconds from each plain payment to the portal's being told that it is paid, in order.

    Where the bank's word alone settles nothing the portal is told the morning after: left out.
    """
    accounts = day.accounts
    plain = {
        case.reference
        for case in day.cases
        if case.kind is Kind.PLAIN
        and accounts[case.issued["account"]].telling is not Telling.UNSIGNED
    }
    paid = {
        told.data["reference"]: told.came
        for told in day.inbox.all()
        if told.type == "payment_request.paid"
    }
    return sorted(
        paid[reference] - at
        for reference, at in day.said.items()
        if reference in plain and reference in paid
    )


def quantile(some: Sequence[float], percent: int) -> float:
    """That percentile, or the only value there is."""
    if len(some) < 2:
        return some[0] if some else 0.0
    return statistics.quantiles(some, n=100, method="inclusive")[percent - 1]
