"""A second, small book of credits and requests: plain objects, one movement after another.

It is written from the design's tables (money.md; decisions 8 to 10), not from the code, and knows
no SQL and no sets: what the service does in sets must come out the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

STATEMENT = "statement"
COUNTED = frozenset({"exact", "late", "short", "overpaid", "split"})
WAITING = frozenset({"open", "expired"})


@dataclass
class Request:
    """A fee asked for, as the model knows it."""

    code: str
    phi: int
    le_phi: int
    account: int = 0
    status: str = "open"
    received: int = 0
    confirmed: int = 0
    advised: int = 0
    late: bool = False
    back: Counter[str] = field(default_factory=Counter)

    @property
    def amount(self) -> int:
        """What is asked for."""
        return self.phi + self.le_phi

    @property
    def due(self) -> int:
        """What is still to come."""
        return self.amount - self.received


@dataclass(frozen=True, eq=False)
class Told:
    """What one message or statement line says; late money came on a later day."""

    source: str
    account: int
    amount: int
    codes: tuple[str, ...]
    reference: str | None
    late: bool
    trusted: bool = True


@dataclass(eq=False)
class Money:
    """A credit, as the model knows it: where its money stands and what it counts for."""

    number: int
    account: int
    amount: int
    late: bool
    codes: tuple[str, ...] = ()
    before: list[tuple[str, ...]] = field(default_factory=list)
    reference: str | None = None
    trusted: bool = False
    sources: set[str] = field(default_factory=set)
    finding: str | None = None
    named: str | None = None
    parts: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)
    refunded: int = 0
    gone: bool = False
    merged: bool = False

    @property
    def seen(self) -> bool:
        """Whether it stands on a statement."""
        return STATEMENT in self.sources

    @property
    def stands(self) -> bool:
        """Whether its money is there."""
        return not (self.gone or self.merged)


def _same_reference(said: Told, credit: Money) -> bool:
    return said.reference is not None and (said.reference, said.late) == (
        credit.reference,
        credit.late,
    )


def _same_code(said: Told, credit: Money) -> bool:
    return bool(said.codes) and said.codes == credit.codes


RULES: tuple[Callable[[Told, Money], object], ...] = (
    _same_reference,
    lambda said, one: _same_code(said, one) and said.reference == one.reference is not None,
    lambda said, one: _same_code(said, one) and said.reference and not one.reference,
    lambda said, one: _same_code(said, one) and not said.reference,
)
"""When words and a credit are the same movement, the strongest evidence first."""


class Model:
    """What should be, by the rules of the trade."""

    def __init__(self, requests: Iterable[Request]) -> None:
        self.requests = {one.code: one for one in requests}
        self.credits: list[Money] = []
        self.ledger: Counter[tuple[int, str]] = Counter()
        self.lines: list[Told] = []
        self.reversals: list[Told] = []

    def tell(self, said: Told) -> None:
        """A message comes: its credit is settled, or noted as advised."""
        pairs = self._pair([said]) or [(said, self._new(said))]
        self._take_in(pairs)
        self._advise(pairs[0][1])

    def match(self, account: int) -> None:
        """The account's statement is matched: what was told, what was not, what was taken back."""
        lines = sorted((one for one in self.lines if one.account == account), key=_day)
        pairs = self._pair(lines)
        paired = [said for said, _ in pairs]
        self._take_in(pairs)
        news = [one for one in self.lines if one in lines and one not in paired]
        news = [one for one in news if not self._may_be_told(one)]
        self._take_in([(said, self._new(said)) for said in news])
        self.lines = [one for one in self.lines if one not in [*paired, *news]]
        for key in ("reference", "codes"):
            ours = [one for one in self.reversals if one.account == account]
            for said in sorted(ours, key=lambda one: not one.codes):
                self._reverse(said, key)

    def unmatch(self, credit: Money) -> None:
        """Staff revoke the match of a credit; its line is left to them."""
        credit.sources.remove(STATEMENT)
        self._post(credit, "transit", "bank", credit.amount)
        for code, amount in credit.counts.items():
            self.requests[code].confirmed -= amount

    def take_back(self, credit: Money, against: str) -> None:
        """The bank took the credit back, or it never came."""
        self._settle(self._lose(credit, against))

    def assign(self, credit: Money, code: str) -> None:
        """Staff give the credit's money to a request."""
        credit.before.append(credit.codes)
        credit.codes, credit.finding = (code,), None
        self._settle([credit])

    def unassign(self, credit: Money) -> None:
        """Staff take that back: the credit is what it was, and who else paid is settled anew."""
        freed = self._free(credit)
        self._uncount(credit)
        credit.codes = credit.before.pop()
        self._settle([credit, *freed])
        self._settle(self._tied(credit))

    def refund(self, credit: Money, part: str, amount: int) -> bool:
        """Money goes back to its payer; False where it may not."""
        company = self._company(credit)
        there = credit.parts[part]
        whole = credit.finding != "short" or amount == there
        if not all(one.seen for one in company) or not 0 < amount <= there or not whole:
            return False
        credit.parts[part] -= amount
        credit.refunded += amount
        self._post(credit, part, "payouts", amount)
        if credit.finding == "short":
            for code, counted in credit.counts.items():
                self.requests[code].received -= counted
                self.requests[code].confirmed -= counted
            credit.counts, credit.finding = {}, "given_back"
        return True

    def refund_fees(self, credit: Money, kind: str) -> bool:
        """What the only payer of a request paid of one kind goes back; False where it may not."""
        [code] = credit.counts
        request = self.requests[code]
        left = getattr(request, kind) - request.back[kind]
        if not self.refund(credit, "fees", left):
            return False
        request.back[kind] += left
        return True

    def bound(self, credit: Money) -> bool:
        """Whether of the money, or of what it pays with, something was given back."""
        return any(one.refunded for one in self._company(credit))

    def cancel(self, code: str) -> None:
        """An open request is cancelled."""
        if self.requests[code].status == "open":
            self.requests[code].status = "cancelled"

    def expire(self) -> None:
        """The time of every open request has passed."""
        for request in self.requests.values():
            if request.status == "open":
                request.status = "expired"

    def _new(self, said: Told) -> Money:
        credit = Money(len(self.credits), said.account, said.amount, said.late)
        self.credits.append(credit)
        return credit

    def _pair(self, words: Sequence[Told]) -> list[tuple[Told, Money]]:
        pairs: list[tuple[Told, Money]] = []
        for same in RULES:
            for said in words:
                if any(said is one for one, _ in pairs):
                    continue
                taken = [credit for _, credit in pairs]
                for credit in sorted(self.credits, key=_day):
                    free = credit not in taken and _may_speak_of(said, credit)
                    if free and same(said, credit):
                        pairs.append((said, credit))
                        break
        return pairs

    def _take_in(self, pairs: Sequence[tuple[Told, Money]]) -> None:
        """The credits learn what was said, are seen, tied where it is news, and settled."""
        news = [
            credit
            for said, credit in pairs
            if said.source != STATEMENT or not credit.finding or (said.codes and not credit.codes)
        ]
        for said, credit in pairs:
            credit.sources.add(said.source)
            credit.codes = credit.codes or said.codes
            if said.codes != credit.codes:
                credit.before = [codes or said.codes for codes in credit.before]
            credit.reference = credit.reference or said.reference
            credit.trusted = credit.trusted or said.trusted
            if said.source == STATEMENT:
                self._post(credit, "bank", "transit", credit.amount)
                for code, amount in credit.counts.items():
                    self.requests[code].confirmed += amount
        tied = [one for credit in news for one in self._tied(credit)]
        self._settle([*(credit for _, credit in pairs), *tied])

    def _tied(self, credit: Money) -> list[Money]:
        """Joins the credit with one that its code shows to be the same; who is to be settled."""
        for other in self.credits:
            if other is not credit and _are_one(credit, other):
                kept, joined = (credit, other) if credit.number < other.number else (other, credit)
                if joined.seen:
                    kept, joined = joined, kept
                if self.bound(joined):
                    continue
                again = self._lose(joined, "transit")
                joined.merged = True
                kept.sources |= joined.sources
                kept.trusted = kept.trusted or joined.trusted
                kept.reference = kept.reference or joined.reference
                return [kept, *again]
        return []

    def _may_be_told(self, said: Told) -> bool:
        """A line that may be an unconfirmed credit of its day is left to staff."""
        return any(
            (one.account, one.late) == (said.account, said.late)
            and one.stands
            and not one.seen
            and (_differs(said, one) or _only_amount(said, one))
            for one in self.credits
        )

    def _reverse(self, said: Told, key: str) -> None:
        """Takes back the first that answers; a reference that names several says nothing."""
        named = getattr(said, key)
        found = [
            credit
            for credit in sorted(self.credits, key=_day)
            if named
            and (credit.account, credit.amount) == (said.account, said.amount)
            and getattr(credit, key) == named
            and (credit.codes == said.codes or not said.codes)
            and credit.stands
            and credit.seen
            and not credit.refunded
        ]
        alike = [
            one
            for one in self.reversals
            if (one.account, one.amount, one.codes) == (said.account, said.amount, said.codes)
            and getattr(one, key) == named
        ]
        one_code = len({one.codes or one.number for one in found}) == 1
        if found and (len(found) <= len(alike) or one_code) and not self.bound(found[0]):
            self.reversals.remove(said)
            self.take_back(found[0], "bank")

    def _advise(self, credit: Money) -> None:
        """What a class C message alone tells is noted on its request; nothing is booked."""
        if credit.trusted or credit.named or not credit.stands:
            return
        waiting = [one for one in self._claims(credit) if one.status in WAITING]
        if len(waiting) == 1:
            credit.named = waiting[0].code
            waiting[0].advised += credit.amount

    def _forget_advice(self, credit: Money) -> None:
        if credit.named and not credit.parts.total() and not credit.gone:
            self.requests[credit.named].advised -= credit.amount
            credit.named = None

    def _lose(self, credit: Money, against: str) -> list[Money]:
        """The credit's money leaves; who else paid its requests is to be settled anew."""
        self._forget_advice(credit)
        freed = self._free(credit)
        for part in ("held", "unidentified"):
            self._post(credit, part, against, credit.parts.pop(part, 0))
        credit.gone = True
        return freed

    def _free(self, credit: Money) -> list[Money]:
        """Its requests fall back to open; whose money is to be settled anew."""
        codes, others = self._concerned(credit)
        duplicates = [
            one
            for one in self.credits
            if one.finding == "duplicate"
            and one.named in codes
            and one.parts["held"]
            and not one.refunded
        ]
        for one in (*others, *duplicates):
            self._uncount(one)
        for code in codes:
            request = self.requests[code]
            request.status = "open" if request.status == "paid" else request.status
            request.late = False
        return [*others, *duplicates]

    def _concerned(self, credit: Money) -> tuple[set[str], list[Money]]:
        """The requests it counts for, who counts for those, what else these do, and so on."""
        codes = set(credit.counts)
        while True:
            others = [one for one in self.credits if codes & set(one.counts)]
            reached = {code for one in others for code in one.counts}
            if reached <= codes:
                return codes, others
            codes |= reached

    def _company(self, credit: Money) -> list[Money]:
        return [credit, *[one for one in self._concerned(credit)[1] if one is not credit]]

    def _settle(self, credits: Iterable[Money]) -> None:
        for credit in sorted(set(credits), key=lambda one: one.number):
            fresh = credit.finding is None or (credit.finding == "unidentified" and credit.codes)
            if fresh and credit.trusted and credit.stands and not credit.refunded:
                self._forget_advice(credit)
                self._find(credit)

    def _find(self, credit: Money) -> None:
        """The table of settlement."""
        issued = [self.requests[code] for code in credit.codes if code in self.requests]
        here = self._claims(credit)
        credit.named = issued[0].code if len(credit.codes) == 1 and issued else None
        if not issued:
            self._receive(credit, "unidentified", {})
        elif len(credit.codes) > 1:
            fits = (
                len(here) == len(credit.codes)
                and all(one.status in WAITING for one in here)
                and sum(one.due for one in here) == credit.amount
            )
            shares = {one.code: one.due for one in here} if fits else {}
            self._receive(credit, "split" if fits else "split_mismatch", shares)
        elif not here:
            self._receive(credit, "wrong_account", {})
        elif here[0].status not in WAITING:
            cancelled = here[0].status == "cancelled"
            self._receive(credit, "after_cancel" if cancelled else "duplicate", {})
        else:
            self._receive(credit, _compared(credit, here[0]), {here[0].code: credit.amount})

    def _receive(self, credit: Money, finding: str, shares: dict[str, int]) -> None:
        credit.finding, credit.counts = finding, shares
        into = "unidentified" if finding == "unidentified" else "held"
        stood = next((part for part in ("held", "unidentified") if credit.parts[part]), None)
        if stood != into:
            amount = credit.parts.pop(stood) if stood else credit.amount
            self._post(credit, stood or "transit", into, amount)
            credit.parts[into] = amount
        for code, amount in shares.items():
            request = self.requests[code]
            rest = request.due
            request.received += amount
            request.confirmed += amount if credit.seen else 0
            if amount >= rest:
                self._pay(request, credit, rest)

    def _pay(self, request: Request, last: Money, rest: int) -> None:
        """The sum is reached: what was held turns into fees; late if any of it came late."""
        payers = [one for one in self.credits if request.code in one.counts]
        request.status, request.late = "paid", any(one.late for one in payers)
        for one in payers:
            amount = rest if one is last else one.counts[request.code]
            one.parts["held"] -= amount
            one.parts["fees"] += amount
            self._post(one, "held", "fees", amount)

    def _uncount(self, credit: Money) -> None:
        """What it paid is held again, and it is without a finding."""
        fees = credit.parts.pop("fees", 0)
        credit.parts["held"] += fees
        self._post(credit, "fees", "held", fees)
        for code, amount in credit.counts.items():
            self.requests[code].received -= amount
            self.requests[code].confirmed -= amount if credit.seen else 0
        credit.counts, credit.finding = {}, None

    def _claims(self, credit: Money) -> list[Request]:
        named = [self.requests[code] for code in credit.codes if code in self.requests]
        return [one for one in named if one.account == credit.account]

    def _post(self, credit: Money, debited: str, credited: str, amount: int) -> None:
        self.ledger[credit.account, debited] += amount
        self.ledger[credit.account, credited] -= amount


def _day(one: Told | Money) -> bool:
    return one.late


def _may_speak_of(said: Told, credit: Money) -> bool:
    """Not of one its source told already, nor of one that was withdrawn as never come."""
    return (
        (said.account, said.amount) == (credit.account, credit.amount)
        and said.source not in credit.sources
        and not credit.merged
        and (credit.seen or not credit.gone)
    )


def _differs(said: Told, credit: Money) -> bool:
    return said.reference == credit.reference is not None and said.amount != credit.amount


def _only_amount(said: Told, credit: Money) -> bool:
    """Nothing but the amount says that it is, and nothing says that it is not."""
    silent = not said.codes and None in {said.reference, credit.reference}
    return silent and said.amount == credit.amount


def _are_one(credit: Money, other: Money) -> bool:
    key = (credit.account, credit.amount, credit.codes)
    told_apart = (
        credit.reference and other.reference and credit.reference != other.reference
    ) or credit.sources & other.sources
    return (
        bool(credit.codes)
        and (other.account, other.amount, other.codes) == key
        and credit.stands
        and other.stands
        and not told_apart
    )


def _compared(credit: Money, request: Request) -> str:
    if credit.amount != request.due:
        return "short" if credit.amount < request.due else "overpaid"
    return "late" if credit.late else "exact"
