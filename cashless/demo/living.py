"""Living the day from the eve to the second morning after, when what went out is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from random import Random
from typing import Final

from cashless.demo import receiver
from cashless.demo.cases import plan
from cashless.demo.day import CHARGE, Day
from cashless.demo.expectation import Reckoning
from cashless.demo.http import Http
from cashless.demo.killing import Killer
from cashless.demo.outcome import Outcome, delays
from cashless.demo.refunds import COMES_BACK, Refunds
from cashless.demo.stage import DAY, EVE, MORNING, NEXT_MORNING, Stage
from cashless.demo.telling import Teller
from cashless.demo.treasury import Treasury
from cashless.processes import Member
from payments.core.words import later

_WITHIN: Final = 90.0
"""Seconds in which the service must have settled, expired and told what it was to."""

_BEFORE_A_MINUTE: Final = 12
"""So many seconds before work of the full minute is due, processes that do it are started."""

_RETRIES: Final = 1 / 300
_RETRIES_WHEN_KILLED: Final = 1 / 30
"""The bank's waits between attempts: shorter than a bank's, longer than any restart."""


class Life:
    """One day on one stage."""

    def __init__(
        self, stage: Stage, teller: Teller, *, payments: int, seed: int, kills: int
    ) -> None:
        self._stage = stage
        self._teller = teller
        self._seed = seed
        self._payments = payments
        self._killer = Killer(kills, chance=Random(seed + 1))  # noqa: S311  keeps no secret
        self._retries = _RETRIES_WHEN_KILLED if kills else _RETRIES
        self._outcome = Outcome(kills=self._killer.kills)

    def live(self) -> Outcome:
        """Lives the day; raises what makes it impossible, and keeps what is not as it must be."""
        http, chance = Http(), Random(self._seed)  # noqa: S311  keeps no secret
        with ExitStack() as stack:
            inbox = stack.enter_context(receiver.listening())
            with self._teller.step(later("demo.prepare")):
                practice = self._stage.prepare()
                stack.enter_context(
                    self._stage.banking(seed=self._seed, retry_factor=self._retries)
                )
            self._outcome.cases = plan(self._payments, chance=chance)
            day = Day(self._stage, http, practice, inbox, self._outcome.cases, chance)
            self._live_eve(day)
            reckoning = self._live_day(day)
            self._live_morning(day, reckoning)
            self._live_next_morning(day)
            kept = {"balances": day.balances(), "webhook_secret": inbox.secret}
            self._stage.keep({**practice, **kept})
        http.close()
        return self._outcome

    def _live_eve(self, day: Day) -> None:
        """Requests that nobody pays in time; only the web is needed to issue them."""
        web, _ = self._stage.members(at=EVE)
        with self._serving(day, [web], at=EVE):
            day.listen()
            day.open_accounts()
            with self._teller.step(later("demo.issue_eve"), count=len(day.of_the_eve())) as moved:
                day.issue(day.of_the_eve(), reached=moved)

    def _live_day(self, day: Day) -> Reckoning:
        now = self._stage.before_a_minute(DAY, seconds=_BEFORE_A_MINUTE)
        with self._serving(day, self._stage.members(at=now), at=now):
            with self._teller.step(later("demo.statements_eve")):
                eve = self._stage.day - timedelta(days=1)
                treasury = self._treasury(day, at=now)
                treasury.take_in(day.statements(eve))
                treasury.teach_words(next(iter(day.accounts)), eve, kind="charge", words=CHARGE)
            with self._teller.step(later("demo.issue"), count=len(day.of_the_day())) as moved:
                day.issue(day.of_the_day(), reached=self._paced(moved, 0.0, 0.3))
                day.cancel()
            with self._teller.step(later("demo.pay"), count=len(day.cases)) as moved:
                day.pay(reached=self._paced(moved, 0.3, 0.75))
                day.top_up(within=_WITHIN)
                day.move_without_payers()
                self._outcome.cash.take(day)
            reckoning = Reckoning(day.cases, day.accounts)
            reckoning.add_lines(day.lines)
            wanted = reckoning.evening().requests
            with self._teller.step(later("demo.settle")):
                self._outcome.messages = day.wait_for_messages()
                day.wait_for(wanted, within=_WITHIN)
                day.wait_for_receipts(within=_WITHIN)
            self._outcome.compare_requests("evening", day.requests(), wanted)
        return reckoning

    def _live_morning(self, day: Day, reckoning: Reckoning) -> None:
        now = self._stage.before_a_minute(MORNING, seconds=_BEFORE_A_MINUTE)
        with self._serving(day, self._stage.members(at=now), at=now):
            with self._teller.step(later("demo.statements")):
                treasury = self._treasury(day, at=now)
                treasury.take_in(day.statements(self._stage.day))
            self._killer.reach(0.9)
            with self._teller.step(later("demo.run_day")):
                self._outcome.days = treasury.wait_for_days(day.accounts, self._stage.day)
            self._killer.reach(1.0)
            expected = self._outcome.expected = reckoning.morning()
            with self._teller.step(later("demo.tell")):
                day.wait_for(expected.requests, within=_WITHIN)
                day.wait_for_receipts(within=_WITHIN)
                day.wait_for_webhooks(within=_WITHIN)
            self._outcome.compare_requests("morning", day.requests(), expected.requests)
            self._outcome.compare_days(_collected(day))
            with self._teller.step(later("demo.pay_back")):
                refunds = self._outcome.refunds = Refunds(next(iter(day.accounts)))
                refunds.ask(day)
                refunds.approve(treasury)
            with self._teller.step(later("demo.remit")):
                self._outcome.remittances.propose(day, treasury)
                self._outcome.remittances.approve(treasury)
                self._send_payouts(day, treasury, refunds)

    def _send_payouts(self, day: Day, treasury: Treasury, refunds: Refunds) -> None:
        """A file of all that waits at each account: the refunds, which are older, stand first."""
        remittances = self._outcome.remittances
        for account in day.accounts:
            given_back = refunds.asked if account == refunds.account else 0
            if not given_back and not remittances.count(account):
                continue
            faults = {"returned_same_day": str(COMES_BACK)} if given_back else {}
            file = treasury.make_payment_file(account)
            done = day.send_payment_file(file, at=treasury.now, **faults)
            if given_back:
                refunds.ordered = done[:given_back]
            remittances.ordered[account] = done[given_back:]

    def _live_next_morning(self, day: Day) -> None:
        """The statements of the day after show money leaving, and a refund that came back."""
        refunds, after = self._outcome.refunds, self._stage.day + timedelta(days=1)
        assert refunds is not None  # noqa: S101  for the type checker
        now = self._stage.before_a_minute(NEXT_MORNING, seconds=_BEFORE_A_MINUTE)
        with self._serving(day, self._stage.members(at=now), at=now):
            with self._teller.step(later("demo.statements_next")):
                treasury = self._treasury(day, at=now)
                treasury.take_in(day.statements(after))
            with self._teller.step(later("demo.run_next")):
                refunds.days = treasury.wait_for_days(day.accounts, after)
                refunds.look(day)
                self._outcome.remittances.look(day, treasury)
                day.wait_for_receipts(within=_WITHIN)
                day.wait_for_webhooks(within=_WITHIN)
            self._outcome.cash.look(day)
            with self._teller.step(later("demo.prove")):
                self._outcome.proof = treasury.prove()
            self._conclude(day)

    def _conclude(self, day: Day) -> None:
        outcome = self._outcome
        outcome.shown = day.requests()
        outcome.compare_payouts(_collected(day))
        outcome.faults += outcome.cash.differing()
        outcome.compare_proof()
        outcome.compare_messages(day)
        outcome.compare_receipts(day)
        outcome.told, outcome.delays = len(day.inbox.all()), delays(day)

    def _treasury(self, day: Day, *, at: timedelta) -> Treasury:
        treasury = Treasury(self._stage, at, day.http, day.practice)
        treasury.sign_in()
        return treasury

    @contextmanager
    def _serving(self, day: Day, members: Sequence[Member], *, at: timedelta) -> Iterator[None]:
        day.inbox.clock_ahead = (self._stage.ahead + at).total_seconds()
        with ExitStack() as stack:
            with self._teller.step(later("demo.serve"), now=self._stage.now(at=at)):
                company = stack.enter_context(self._stage.serving(members))
            stack.callback(day.http.close)  # a kept connection would hold up the end
            stack.enter_context(self._killer.hunting(company, list(members)))
            yield

    def _paced(
        self, moved: Callable[[float], None], start: float, end: float
    ) -> Callable[[float], None]:
        """Shows the step's progress, and lets the kills of this part of the day happen in it."""

        def reached(share: float) -> None:
            moved(share)
            self._killer.reach(start + share * (end - start))

        return reached


def _collected(day: Day) -> dict[str, int]:
    """What the bank says each collection account holds."""
    return {one: day.balances()[one] for one in day.accounts}
