"""The service and a second, small book of the same rules, told the same, agree at every step.

A story is a few movements of money and what is told and done about them. It is lived by the real
service through its public verbs and by `tests.model`, and both are compared after each step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import ledger, payment_requests, payouts, references, settlement
from payments.core.money import Dong
from payments.credits import Credit
from payments.payment_requests import CancelReason, PaymentRequest, PaymentRequestLine
from payments.payouts import Part, Wanted
from reconciliation import matching, proof
from tests.bank import TODAY, BankLine, a_statement
from tests.builders import BY, NOON, Province, a_message, a_payment_request, a_province, settle
from tests.model import STATEMENT, Model, Money, Request, Told
from tests.reconciliation.walking import match_account

LATER: Final = timedelta(days=2)
"""After the time of every request."""

NIGHT: Final = NOON + timedelta(days=3)
ASKED: Final = ((30_000, 20_000), (50_000, 0), (30_000, 0))
"""Phí and lệ phí of each request."""

STRANGER: Final = len(ASKED)
"""Stands for a whole code that was never issued."""

AMOUNTS: Final = (20_000, 30_000, 50_000, 80_000)
SOURCES: Final = ("sandbox", "payos", "sepay", "sepay_key")


class Movement(NamedTuple):
    """Money that came; what is told of it may leave out its codes or its reference."""

    names: tuple[int, ...]
    amount: int
    reference: str
    late: bool
    account: int


class Step(NamedTuple):
    """Something that happens: a method of `Both`, and its arguments."""

    verb: str
    args: tuple[Any, ...]


class Story(NamedTuple):
    """Movements of money, and what happens one after another."""

    movements: Sequence[Movement]
    steps: Sequence[Step]


def stories(*, steps: int) -> st.SearchStrategy[Story]:
    """Stories of up to so many steps."""
    names = st.sampled_from([(0,), (0,), (1,), (2,), (0, 2), (0, 1), (), (STRANGER,)])
    movement = st.builds(
        Movement,
        names,
        st.sampled_from(AMOUNTS),
        st.sampled_from(["FT1", "FT2"]),
        st.booleans(),
        st.sampled_from([0, 0, 0, 1]),
    )
    which, flag, request = st.integers(0, 3), st.booleans(), st.integers(0, len(ASKED) - 1)
    told = st.tuples(which, st.sampled_from(SOURCES), flag, flag)
    shown = st.tuples(which, flag, flag)
    doings = {
        "tell": told,
        "tell_again": st.tuples(st.integers(0, 30)),
        "show": shown,
        "reverse": shown,
        "withdraw": st.tuples(which),
        "unmatch": st.tuples(which),
        "assign": st.tuples(which, request),
        "unassign": st.tuples(which),
        "refund": st.tuples(which, flag),
        "refund_fees": st.tuples(which, st.sampled_from(["phi", "le_phi"])),
        "cancel": st.tuples(request),
        "expire": st.just(()),
    }
    weighed = ["tell"] * 5 + ["show"] * 4 + ["reverse", "refund", "refund_fees", "assign", *doings]
    step = st.sampled_from(weighed).flatmap(
        lambda verb: st.builds(Step, st.just(verb), doings[verb])
    )
    return st.builds(
        Story,
        st.lists(movement, min_size=4, max_size=4),
        st.lists(step, min_size=steps // 2, max_size=steps),
    )


class Both:
    """The service and the model, side by side."""

    def __init__(self, session: Session, kind: type[Model] = Model) -> None:
        self.session = session
        self.provinces = [a_province(session), a_province(session, number="0011007654321")]
        self.requests = [
            a_payment_request(self.provinces[0], amount=phi + le_phi, le_phi=le_phi)
            for phi, le_phi in ASKED
        ]
        self.codes = [one.reference for one in self.requests] + [references.make()]
        self.kind = kind
        self.begin([])

    def begin(self, movements: Sequence[Movement]) -> None:
        """Nothing has happened yet."""
        asked = zip(self.codes, ASKED, strict=False)
        self.model = self.kind([Request(code, *parts) for code, parts in asked])
        self.movements = movements
        self.lines: list[list[BankLine]] = [[], []]
        self.messages: list[tuple[Province, dict[str, Any]]] = []
        self.numbers = count(1)

    def live(self, story: Story) -> None:
        """The story, step by step; raises AssertionError where the two books differ."""
        with self.session.begin_nested() as beginning:
            try:
                self.begin(story.movements)
                for number, (verb, args) in enumerate(story.steps):
                    getattr(self, verb)(*args)
                    assert (number, self.in_service()) == (number, self.in_model())
                assert [one for one in proof.prove(self.session) if not one.holds] == []
            finally:
                beginning.rollback()
                self.session.expire_all()

    def tell(self, which: int, source: str, with_codes: bool, with_reference: bool) -> None:
        """A source's message of a movement."""
        event, one = next(self.numbers), self.movements[which]
        said = self._said(one, source, with_codes, with_reference)
        if source.startswith("sepay"):
            said = replace(said, reference=None)
        if source == "payos":
            said = replace(said, reference=said.reference or f"FT{event}")
        message = {
            "memo": " ".join(said.codes),
            "amount": one.amount,
            "source": source,
            "event": str(event),
            "at": NOON + LATER * one.late,
            "reference": said.reference,
        }
        self.messages.append((self.provinces[one.account], message))
        self._send(*self.messages[-1])
        self.model.tell(said)

    def tell_again(self, which: int) -> None:
        """An earlier message comes once more."""
        if self.messages:
            self._send(*self.messages[which % len(self.messages)])

    def show(self, which: int, with_codes: bool, with_reference: bool) -> None:
        """The bank's statement has a line of a movement."""
        one = self.movements[which]
        said = self._said(one, STATEMENT, with_codes, with_reference)
        self.lines[one.account].append(
            BankLine(one.amount, " ".join(said.codes), said.reference, **_on(late=one.late))
        )
        self.model.lines.append(said)
        self._read(one.account)

    def reverse(self, which: int, with_codes: bool, with_reference: bool) -> None:
        """The bank's statement has a line that takes a movement back."""
        one = self.movements[which]
        said = self._said(one, STATEMENT, with_codes, with_reference)
        self.lines[one.account].append(
            BankLine(
                -one.amount,
                " ".join(said.codes),
                reversal=True,
                reverses=said.reference,
                **_on(late=True),
            )
        )
        self.model.reversals.append(said)
        self._read(one.account)

    def withdraw(self, which: int) -> None:
        """Staff say that a credit never came."""
        for credit, money in self._chosen(which, lambda one: one.stands and not one.seen):
            if self.model.bound(money):
                with pytest.raises(settlement.PaidOutSince):
                    settlement.withdraw(self.session, credit, actor=BY, now=NIGHT)
                continue
            settlement.withdraw(self.session, credit, actor=BY, now=NIGHT)
            self.model.take_back(money, "transit")

    def unmatch(self, which: int) -> None:
        """Staff revoke a match."""
        for credit, money in self._chosen(which, lambda one: one.stands and one.seen):
            revoked = {"reason": "test", "by": BY, "now": NIGHT}
            if self.model.bound(money):
                with pytest.raises(matching.GivenBack):
                    matching.unmatch(self.session, credit.match_id or 0, **revoked)
                continue
            matching.unmatch(self.session, credit.match_id or 0, **revoked)
            self.model.unmatch(money)

    def refund(self, which: int, half: bool) -> None:
        """Staff give back what is held, or what nobody can name: all of it, or a half."""
        for credit, money in self._chosen(
            which, lambda one: one.stands and one.parts["held"] + one.parts["unidentified"]
        ):
            part = "held" if money.parts["held"] else "unidentified"
            amount = money.parts[part] // (2 if half else 1)
            done = self._give_back(credit, Part(part), amount=Dong(amount))
            assert done == self.model.refund(money, part, amount)

    def refund_fees(self, which: int, kind: str) -> None:
        """Staff give back all that the only payer of a request paid of one kind."""

        def alone(one: Money) -> bool:
            return one.parts["fees"] > 0 and len(one.counts) == 1 == len(self._payers(one))

        for credit, money in self._chosen(which, alone):
            [code] = money.counts
            lines = self.session.execute(
                select(PaymentRequestLine.id, PaymentRequestLine.amount)
                .join(PaymentRequest, PaymentRequest.id == PaymentRequestLine.payment_request_id)
                .where(PaymentRequest.reference == code, PaymentRequestLine.kind == kind)
            )
            request = self.model.requests[code]
            asked = {line: Dong(amount - request.back[kind]) for line, amount in lines}
            done = self._give_back(credit, Part.FEES, lines=asked)
            assert done == self.model.refund_fees(money, kind)

    def assign(self, which: int, request: int) -> None:
        """Staff give money that counts for nothing to a request."""
        for credit, money in self._chosen(
            which,
            lambda one: (
                one.parts["held"] + one.parts["unidentified"] and not (one.counts or one.refunded)
            ),
        ):
            given = self.requests[request]
            settlement.assign(self.session, credit, given, actor=BY, now=NIGHT)
            self.model.assign(money, given.reference)

    def unassign(self, which: int) -> None:
        """Staff take an assignment back."""
        for credit, money in self._chosen(which, lambda one: one.before):
            if self.model.bound(money) or not money.stands:
                with pytest.raises((settlement.PaidOutSince, settlement.AlreadyTakenBack)):
                    settlement.unassign(self.session, credit, reason="test", actor=BY, now=NIGHT)
                continue
            settlement.unassign(self.session, credit, reason="test", actor=BY, now=NIGHT)
            self.model.unassign(money)

    def cancel(self, which: int) -> None:
        """A request is cancelled, if it is open."""
        request = self.requests[which]
        if self.model.requests[request.reference].status == "open":
            reason = CancelReason.OTHER
            payment_requests.cancel(self.session, request, reason=reason, now=NIGHT)
            self.model.cancel(request.reference)

    def expire(self) -> None:
        """The requests' time passes."""
        account = self.provinces[0].account.id
        payment_requests.expire_all(self.session, account, now=NIGHT)
        self.model.expire()

    def in_service(self) -> object:
        """Requests, credits and balances as the service keeps them."""
        self.session.expire_all()
        requests = [
            (one.status, one.received, one.confirmed, one.advised, one.late, one.refunded)
            for one in self.session.scalars(select(PaymentRequest).order_by(PaymentRequest.id))
        ]
        credits = [_service_credit(one) for one in self._credits()]
        balances = {
            (number, ":".join(path.split(":")[1:2] + path.split(":")[4:5])): int(amount)
            for number, one in enumerate(self.provinces)
            for path, amount in ledger.balances(self.session, one.account.id, on=date.max).items()
            if amount
        }
        return {"requests": requests, "credits": credits, "balances": balances}

    def in_model(self) -> object:
        """The same as the model has it."""
        asked = self.model.requests.values()
        requests = [
            (one.status, one.received, one.confirmed, one.advised, one.late, one.back.total())
            for one in asked
        ]
        credits = [_model_credit(one) for one in self.model.credits]
        balances = {key: amount for key, amount in self.model.ledger.items() if amount}
        fees = balances.pop((0, "fees"), 0)
        for kind in ("phi", "le_phi"):
            paid = sum(getattr(one, kind) - one.back[kind] for one in asked if one.status == "paid")
            balances |= {(0, f"fees:{kind}"): -paid} if paid else {}
            fees += paid
        assert fees == 0
        return {"requests": requests, "credits": credits, "balances": balances}

    def _said(self, one: Movement, source: str, with_codes: bool, with_reference: bool) -> Told:
        return Told(
            source="sepay" if source == "sepay_key" else source,
            account=one.account,
            amount=one.amount,
            codes=tuple(sorted(self.codes[name] for name in one.names)) if with_codes else (),
            reference=one.reference if with_reference else None,
            late=one.late,
            trusted=source != "sepay_key",
        )

    def _send(self, province: Province, message: dict[str, Any]) -> None:
        a_message(province, **message)
        settle(province, now=NIGHT)

    def _read(self, account: int) -> None:
        province = self.provinces[account]
        through = TODAY + LATER
        a_statement(province, *self.lines[account], through=through, now=NIGHT)
        match_account(self.session, province.account.id, through=through, now=NIGHT)
        self.model.match(account)

    def _give_back(self, credit: Credit, part: Part, **asked: Any) -> bool:
        """Whether the service gives it back: proposed by one, approved by two others."""
        to = payouts.beneficiary("970422", "123456", "NGUYEN VAN MAU")
        wanted = Wanted(part=part, to=to, reason="test", **asked)
        vault = self.provinces[0].vault
        try:
            payout = payouts.propose_refund(
                self.session, credit, wanted, by=BY, now=NIGHT, vault=vault
            )
        except (
            payouts.NothingAsked,
            payouts.NotOnStatement,
            payouts.OnlyWhole,
            payouts.RefundTooLarge,
        ):
            return False
        for other in ("staff:2", "staff:3"):
            payouts.approve(self.session, payout, by=other, now=NIGHT)
        self.session.expire_all()
        return True

    def _payers(self, money: Money) -> list[Money]:
        return [one for one in self.model.credits if set(one.counts) & set(money.counts)]

    def _credits(self) -> Sequence[Credit]:
        return self.session.scalars(select(Credit).order_by(Credit.id)).all()

    def _chosen(self, which: int, fit: Callable[[Money], object]) -> Iterator[tuple[Credit, Money]]:
        """One of the credits that fit, as both know it; none where none fits."""
        pairs = zip(self._credits(), self.model.credits, strict=True)
        fitting = [pair for pair in pairs if fit(pair[1])]
        if fitting:
            yield fitting[which % len(fitting)]


def _on(*, late: bool) -> dict[str, Any]:
    at = NOON + LATER * late
    return {"day": TODAY + LATER * late, "at": at}


def _service_credit(one: Credit) -> object:
    if one.merged_into_id is not None or one.reversed:
        return one.merged_into_id is not None, int(one.reversed)
    parts = one.to_fees, one.held, one.unidentified, one.refunded
    return one.finding, *map(int, parts), one.match_id is not None, one.trusted


def _model_credit(one: Money) -> object:
    if not one.stands:
        return one.merged, one.amount
    parts = one.parts["fees"], one.parts["held"], one.parts["unidentified"], one.refunded
    return one.finding, *parts, one.seen, one.trusted


def live_many(session: Session, *, examples: int, steps: int) -> None:
    """Lives so many stories; hypothesis tells the shortest that fails."""
    both = Both(session)

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(stories(steps=steps))
    def live(story: Story) -> None:
        both.live(story)

    live()


def test_service_and_model_agree(session: Session, engine: str) -> None:
    """A few stories, fewer where each takes longer."""
    live_many(session, examples=25 if engine == "sqlite" else 6, steps=10)


@pytest.mark.prove
def test_service_and_model_agree_for_long(session: Session, engine: str) -> None:
    """Many and longer stories."""
    live_many(session, examples=250 if engine == "sqlite" else 150, steps=30)
