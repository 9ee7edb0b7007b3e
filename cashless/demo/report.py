"""The day as tables: requests, credits, matches, breaks, bridge, verdict, proof, timings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from cashless.demo.outcome import Outcome, quantile
from cashless.demo.telling import Teller, money
from payments.core.words import later, say

_FIGURES: Final = (
    "opening",
    "posted",
    "credits_unbooked",
    "debits_unbooked",
    "closing",
    "residual",
    "transit",
    "unseen",
    "early",
    "transit_residual",
)

_PAPERS: Final = ("issued", "cancelled", "replaced")


def report(teller: Teller, outcome: Outcome) -> None:
    """Prints the day, then each fault, then the conclusion."""
    _requests(teller, outcome)
    _cases(teller, outcome)
    _messages(teller, outcome)
    _receipts(teller, outcome)
    _days(teller, outcome)
    _refunds(teller, outcome)
    _remittances(teller, outcome)
    _timings(teller, outcome)
    _conclusion(teller, outcome)


def _requests(teller: Teller, outcome: Outcome) -> None:
    teller.heading(later("demo.requests"), count=len(outcome.shown))
    counted = Counter(one["status"] for one in outcome.shown.values())
    flags = [
        (flag, sum(bool(one[flag]) for one in outcome.shown.values()))
        for flag in ("reconciled", "late", "overpaid")
    ]
    rows = [(say(f"status.{status}"), count) for status, count in counted.most_common()]
    rows += [(say(f"demo.flag.{flag}"), count) for flag, count in flags]
    teller.table((say("demo.outcome"), say("demo.count")), rows)


def _cases(teller: Teller, outcome: Outcome) -> None:
    """What was done with payments, and what came of it."""
    teller.heading(later("demo.cases"))
    counted = Counter(
        (case.kind.value, outcome.shown[case.reference]["status"]) for case in outcome.cases
    )
    rows = [
        (say(f"demo.case.{kind}"), count, say(f"status.{status}"))
        for (kind, status), count in sorted(counted.items())
    ]
    teller.table((say("demo.case"), say("demo.count"), say("demo.outcome")), rows)
    reasons = [
        f"{say(f'cash.reason.{reason}')} {count}"
        for reason, count in outcome.cash.reasons.most_common()
    ]
    count, total = len(outcome.cash.taken), money(outcome.cash.total)
    teller.sentence(later("demo.cash"), count=count, total=total, reasons=", ".join(reasons))


def _messages(teller: Teller, outcome: Outcome) -> None:
    teller.heading(later("demo.messages"))
    for state, count in outcome.messages.items():
        if count:
            teller.sentence(f"demo.message.{state}", count=count)
    teller.sentence(later("demo.webhooks"), count=outcome.told)
    if outcome.delays:
        teller.sentence(
            later("demo.delays"),
            p50=f"{quantile(outcome.delays, 50):.2f}",
            p99=f"{quantile(outcome.delays, 99):.2f}",
            most=f"{outcome.delays[-1]:.2f}",
        )


def _receipts(teller: Teller, outcome: Outcome) -> None:
    kinds = sorted({kind for kind, _ in outcome.papers}, reverse=True)
    teller.heading(later("demo.receipts"), count=len(outcome.receipts))
    teller.table(
        ("", *(say(f"demo.receipts.{what}") for what in _PAPERS)),
        [
            (say(f"receipt.kind.{kind}"), *(outcome.papers[kind, what] for what in _PAPERS))
            for kind in kinds
        ],
    )


def _days(teller: Teller, outcome: Outcome) -> None:
    accounts = list(outcome.days)
    if outcome.expected is not None:
        teller.heading(later("demo.credits"), count=outcome.expected.credits.total())
    teller.heading(later("demo.matches"))
    _counted(teller, outcome.days, "matches", "rule")
    teller.heading(later("demo.breaks"))
    _counted(teller, outcome.days, "breaks", "kind")
    teller.heading(later("demo.bridge"))
    teller.table(("", *map(_short, accounts)), _bridge(outcome.days))


def _counted(teller: Teller, days: Mapping[str, Mapping[str, Any]], group: str, key: str) -> None:
    """How often each rule or kind of break was found in each account's day."""
    counts = {
        account: Counter({one[key]: one["count"] for one in day[group]})
        for account, day in days.items()
    }
    names = sorted({name for counted in counts.values() for name in counted})
    spoken = "rule" if key == "rule" else "break"
    teller.table(
        ("", *map(_short, days)),
        [
            (say(f"{spoken}.{name}"), *(counted[name] for counted in counts.values()))
            for name in names
        ],
    )


def _bridge(days: Mapping[str, Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [
        (say(f"bridge.{name}"), *(day["bridge"][name] for day in days.values()))
        for name in _FIGURES
    ]
    verdicts = (say(f"verdict.{day['verdict']}").upper() for day in days.values())
    return [*rows, (say("demo.verdict"), *verdicts)]


def _refunds(teller: Teller, outcome: Outcome) -> None:
    """What was given back the morning after, and where it stands."""
    refunds = outcome.refunds
    if refunds is None:
        return
    teller.heading(later("demo.refunds"), count=refunds.asked, total=money(refunds.total))
    rows = [
        (say(f"payout.state.{state}"), count, sum(one["amount"] for one in found))
        for state, count in sorted(refunds.states.items())
        for found in ([one for one in refunds.shown.values() if one["state"] == state],)
    ]
    teller.table((say("demo.refund.state"), say("demo.count"), say("demo.refund.amount")), rows)


def _remittances(teller: Teller, outcome: Outcome) -> None:
    """What went to the treasury of each agency and kind, and what the statements showed of it."""
    remittances = outcome.remittances
    total = money(remittances.total)
    teller.heading(later("demo.remittances"), count=len(remittances.listed), total=total)
    names = ("account", "agency", "kind", "requests", "amount", "state")
    rows = [
        (
            _short(way.account),
            way.agency,
            say(f"fee_kind.{way.kind}"),
            count,
            amount,
            say(f"remittance.state.{state}"),
        )
        for way, count, amount, state in remittances.rows()
    ]
    teller.table([say(f"demo.remittance.{name}") for name in names], rows)
    if outcome.refunds is not None:
        teller.heading(later("demo.payouts_seen"))
        _counted(teller, outcome.refunds.days, "matches", "rule")


def _timings(teller: Teller, outcome: Outcome) -> None:
    teller.heading(later("demo.timings"), seconds=f"{sum(s for _, s in teller.seconds):.1f}")
    teller.table(("", "s"), [(words, f"{seconds:.1f}") for words, seconds in teller.seconds])
    for name, count in sorted(outcome.kills.items()):
        teller.sentence(later("demo.kills"), name=name, count=count)


def _conclusion(teller: Teller, outcome: Outcome) -> None:
    holds = sum(not one["difference"] for one in outcome.proof["identities"])
    teller.heading(later("demo.proof"), holds=holds, count=len(outcome.proof["identities"]))
    for key, fields in outcome.faults:
        teller.fault(key, **fields)
    if outcome.faults:
        teller.fault(later("demo.differs"), count=len(outcome.faults))
    else:
        teller.sentence(later("demo.as_it_must"), count=len(outcome.shown))


def _short(account: str) -> str:
    return f"…{account[-4:]}"
