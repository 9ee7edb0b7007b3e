"""Cash that counters take on the day as it can't be avoided: recorded by the API, never posted.

So few of all payments that a cashless share is seen to be less than all; each for a dossier of its
own, at what the tariff says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cashless.demo.day import Day
from payments.core.words import later

_WHERE: Final = (("H09.25741", "CTHD"), ("H09.d03", "LLTP"), ("H09.724", "HKD"), ("H09.718", "GTH"))
"""Where cash is taken, and for which fee; in turn."""

_WHY: Final = (
    *("no_smartphone",) * 4,
    *("no_account",) * 3,
    *("app_failed",) * 2,
    *("refuses",) * 2,
    "other",
)
"""Why, for each that is taken."""

_OTHER: Final = "Mất điện cả buổi sáng"


@dataclass
class Cash:
    """What was taken, and what the service shows of it; by number."""

    taken: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    shown: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """What was taken, in đồng."""
        return sum(int(one["amount"]) for one in self.taken.values())

    @property
    def reasons(self) -> Counter[str]:
        """How often for each reason."""
        return Counter(str(one["reason"]) for one in self.taken.values())

    def take(self, day: Day) -> None:
        """Counters take cash and record it, one after the other."""
        for number, reason in enumerate(_WHY, start=1):
            agency, fee = _WHERE[number % len(_WHERE)]
            lines = [{"fee": fee}]
            told = {
                "agency": agency,
                "dossier": f"DEMO-T{number:04d}",
                "channel": "counter",
                "lines": lines,
                "amount": day.quoted(lines),
                "reason": reason,
                "explanation": _OTHER if reason == "other" else "",
            }
            made = day.record_cash(number, told)
            self.taken[made["id"]] = made

    def look(self, day: Day) -> None:
        """What the service shows now."""
        self.shown = {one["id"]: one for one in day.cash()}

    def differing(self) -> Iterator[tuple[str, dict[str, object]]]:
        """Whether the service shows what was recorded, and nothing else."""
        if self.shown != self.taken:
            yield later("demo.fault.cash"), {"is_": len(self.shown), "must": len(self.taken)}
