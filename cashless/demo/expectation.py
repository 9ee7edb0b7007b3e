"""What must come of the day, worked out from what was paid and told, without asking the service.

The rules are those of the treasury: money whose code names an open request pays it; without a
readable code it is nobody's yet; money told in vain, and lines nobody told of, are found by the
statement. An account's messages name the statement's reference and the payer (`Telling.FULL`),
neither (`CODE`), or neither and unsigned, so that they alone settle nothing (`UNSIGNED`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from cashless.demo.cases import CANCELLED, EVE, Case, Kind

UNREADABLE: Final = frozenset({Kind.MEMO_CUT, Kind.MEMO_DAMAGED, Kind.MEMO_MISSING})
BROKEN: Final = frozenset({Kind.MEMO_CUT, Kind.MEMO_DAMAGED})
"""Cases whose memo names no request; in the broken ones some of a code is left."""

SILENT: Final = frozenset({Kind.CALLBACK_LOST, Kind.BAD_SIGNATURE})
"""Cases of which no message is ever believed."""


class Telling(Enum):
    """How an account's movements are told."""

    FULL = "full"
    CODE = "code"
    UNSIGNED = "unsigned"


@dataclass(frozen=True)
class Account:
    """A collection account of the day: how it is told of, and whether its messages carry a time."""

    number: str
    telling: Telling
    all_timed: bool


@dataclass(slots=True)
class Money:
    """One movement of a payer: what was booked, what was told, and whose requests it names."""

    account: str
    told: int | None
    booked: int | None
    names: tuple[str, ...]
    broken: bool = False
    order: tuple[int, int] = (0, 0)
    finding: str = ""
    held: int = 0
    matched: bool = False
    reversed: bool = False

    @property
    def credited(self) -> int:
        """The amount the service believes: what was told, else what the statement shows."""
        return self.told if self.told is not None else (self.booked or 0)


@dataclass(slots=True)
class Due:
    """One request as it must stand: public status, money received, and its flags."""

    amount: int
    account: str
    status: str
    received: int = 0
    confirmed: int = 0
    advised: int = 0
    late: bool = False
    parts: list[Money] = field(default_factory=list)


@dataclass
class Expected:
    """What must stand at one time: each request, and by account credits, matches and breaks."""

    requests: dict[str, dict[str, Any]]
    credits: Counter[str]
    matches: dict[str, Counter[str]]
    breaks: dict[str, Counter[str]]
    findings: Counter[str]


class Reckoning:
    """Settles and reconciles on paper."""

    def __init__(self, cases: Sequence[Case], accounts: Mapping[str, Account]) -> None:
        self._accounts = accounts
        self._due = {case.reference: _due(case) for case in cases}
        self._moneys = [money for case in cases for money in self._moneys_of(case)]
        self._extra: list[Mapping[str, Any]] = []

    def add_lines(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Movements that only the statement tells of: charges, interest, odd lines.

        One that is `known` bears words that staff confirmed as those of a charge.
        """
        self._extra += lines

    def evening(self) -> Expected:
        """How things stand when every message was taken and no statement is there yet."""
        for money in self._moneys:
            if money.told is None:
                continue
            if self._telling(money) is Telling.UNSIGNED:
                self._advise(money)
            else:
                self._settle(money)
        return self._expected()

    def morning(self) -> Expected:
        """How things stand when the day's statements were matched and its breaks drawn."""
        for due in self._due.values():
            due.advised = 0
        for money in self._moneys:
            money.matched = self._pairs(money)
            if money.matched and not money.finding:
                self._settle(money)
        for money in self._moneys:
            if self._is_news(money):
                money.matched = True
                self._settle(money)
        for money in self._moneys:
            if money.told is not None and not money.matched and not money.finding:
                self._advise(money)
        for money in self._moneys:
            if money.reversed:
                self._take_back(money)
        return self._expected(self._extra)

    def _moneys_of(self, case: Case) -> list[Money]:
        """What the case's payer moved. `case.paid` are movements as the bank tells them."""
        return [self._money(case, paid, order) for order, paid in enumerate(case.paid)]

    def _money(self, case: Case, paid: Mapping[str, Any], order: int) -> Money:
        account = self._accounts[paid["account"]]
        unheard = case.kind in SILENT or (case.kind is Kind.STALE_TIMESTAMP and account.all_timed)
        names = [case.reference] + ([case.with_.reference] if case.with_ else [])
        return Money(
            account=paid["account"],
            told=None if unheard else int(paid["told_amount"]),
            booked=int(paid["amount"]) if paid["on_statement"] else None,
            names=() if case.kind in UNREADABLE else tuple(names),
            broken=case.kind in BROKEN,
            order=(case.number, order),
            reversed=bool(paid.get("taken_back")),
        )

    def _telling(self, money: Money) -> Telling:
        return self._accounts[money.account].telling

    def _pairs(self, money: Money) -> bool:
        """Whether the line and the message are known to be one movement."""
        if money.told is None or money.booked is None or money.told != money.booked:
            return False
        return bool(money.names) or self._telling(money) is Telling.FULL

    def _is_news(self, money: Money) -> bool:
        return money.told is None and money.booked is not None

    def _advise(self, money: Money) -> None:
        """Unsigned word of one request's money; of several requests it says nothing sure."""
        named = self._named(money)
        if len(named) == 1 and named[0].account == money.account:
            named[0].advised += money.credited

    def _named(self, money: Money) -> list[Due]:
        return [self._due[name] for name in money.names]

    def _settle(self, money: Money) -> None:
        named = self._named(money)
        if not named:
            money.finding = "unidentified"
        elif len(named) > 1:
            self._settle_several(money, named)
        elif named[0].account != money.account:
            money.finding, money.held = "wrong_account", money.credited
        elif named[0].status in ("cancelled", "paid"):
            closed = named[0].status == "cancelled"
            money.finding = "after_cancel" if closed else "duplicate"
            money.held = money.credited
        else:
            self._pay(money, named[0])

    def _settle_several(self, money: Money, named: Sequence[Due]) -> None:
        if sum(one.amount for one in named) != money.credited:
            money.finding, money.held = "split_mismatch", money.credited
            return
        money.finding = "split"
        for one in named:
            one.received, one.status = one.amount, "paid"
            one.parts.append(money)

    def _pay(self, money: Money, due: Due) -> None:
        left = due.amount - due.received
        late = due.status == "expired"
        due.received += money.credited
        due.parts.append(money)
        if money.credited < left:
            money.finding, money.held = "short", money.credited
            return
        over = money.credited - left
        money.finding = "overpaid" if over else "late" if late else "exact"
        due.status, due.late = "paid", late
        for part in due.parts:
            part.held = 0
        money.held = over

    def _take_back(self, money: Money) -> None:
        """The bank takes a credit back that stood alone for its request."""
        for due in self._named(money):
            due.received -= money.credited
            due.status, due.parts = "open", []
        money.held = 0

    def _expected(self, extra: Sequence[Mapping[str, Any]] = ()) -> Expected:
        credits = Counter(
            money.account for money in self._moneys if money.told is not None or money.matched
        )
        credits.update(one["account"] for one in extra if one["direction"] == "credit")
        return Expected(
            requests={name: self._shown(due) for name, due in self._due.items()},
            credits=credits,
            matches=self._matches(extra),
            breaks=self._breaks(extra),
            findings=Counter(money.finding for money in self._moneys if money.finding),
        )

    def _shown(self, due: Due) -> dict[str, Any]:
        confirmed = sum(part.matched for part in due.parts) == len(due.parts)
        return {
            "status": _status(due),
            "received": due.received,
            "late": due.late and due.status == "paid",
            "overpaid": due.received > due.amount,
            "reconciled": due.status == "paid" and confirmed,
        }

    def _matches(self, extra: Iterable[Mapping[str, Any]]) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for money in self._moneys:
            if not money.matched:
                continue
            told = "reference" if self._telling(money) is Telling.FULL else "code"
            found[money.account]["missed_callback" if money.told is None else told] += 1
            if money.reversed:
                found[money.account]["reversal"] += 1
        for one in extra:
            if one["direction"] == "credit":
                found[one["account"]]["missed_callback"] += 1
            elif one["known"]:
                found[one["account"]]["charge"] += 1
        return found

    def _breaks(self, extra: Iterable[Mapping[str, Any]]) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for money in self._moneys:
            found[money.account].update(self._breaks_of(money))
        for one in extra:
            if not one["known"]:
                unknown = one["direction"] == "credit"
                found[one["account"]]["unidentified" if unknown else "debit_unexplained"] += 1
        missed = {money.account for money in self._moneys if money.told is None and money.matched}
        missed |= {one["account"] for one in extra if one["direction"] == "credit"}
        for account in missed:
            found[account]["missed_callback"] += 1
        return found

    def _breaks_of(self, money: Money) -> Iterator[str]:
        if money.told is not None and not money.matched:
            unsigned = self._telling(money) is Telling.UNSIGNED
            yield "advised_unconfirmed" if unsigned else "callback_without_line"
            if money.booked is not None:
                yield "amount_differs" if money.told != money.booked else "unidentified"
        if money.reversed:
            yield "reversed"
        elif money.finding == "unidentified":
            yield "damaged_code" if money.broken else "unidentified"
        elif money.held:
            yield money.finding


def _due(case: Case) -> Due:
    amount = int(case.issued["amount"])
    status = "paid" if amount == 0 else "open"
    if case.kind in CANCELLED:
        status = "cancelled"
    elif case.kind in EVE:
        status = "expired"
    return Due(amount=amount, account=case.issued["account"], status=status)


def _status(due: Due) -> str:
    """The word the outside reads, the first that holds."""
    if due.status in ("cancelled", "paid"):
        return due.status
    if due.advised:
        return "confirming"
    return "partially_paid" if due.received else due.status
