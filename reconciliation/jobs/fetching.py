"""Fetching statements from banks' APIs: asked over HTTP, imported by the door of every file.

No transaction is open while a bank is asked: an attempt is begun, the bank asked, what came of it
recorded, each a step of its own. What comes is an upload like any other: kept as received, imported
once, refused with its reason. Whatever goes wrong is noted with the day and tried again later.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from payments.core import clock, metrics
from payments.core.errors import CashlessError
from payments.core.http import Answer, Client, Limits, NotReached
from payments.core.logs import log
from payments.core.service import Service
from reconciliation import statements
from reconciliation.jobs.files import import_statement
from reconciliation.statements import (
    MOST_BYTES,
    BankDeclined,
    Call,
    FetchOutcome,
    Imported,
    Received,
    StatementNotReady,
    StatementOfOtherDays,
    StatementTooLarge,
    Wanted,
)

BY: Final = "job:fetch_statements"

LIMITS: Final = Limits(connect=10.0, read=60.0, whole=300.0)
"""A bank may take its time over a statement, which may be large."""

_NOT_YET: Final = frozenset({202, 204, 404, 425})
_DIGITS: Final = 7
_FETCHES: Final = metrics.counter(
    "statement_fetches", "Attempts to fetch a statement from a bank.", labels=["outcome"]
)
_SECONDS: Final = metrics.histogram("statement_fetch_seconds", "Time of an attempt, in seconds.")


class Fetcher:
    """Fetches what is due; `client` asks the banks, one is made from the settings if not given."""

    def __init__(self, client: Client | None = None) -> None:
        self._client = client

    def fetch_due(self, cashless: Service, now: datetime) -> str:
        """Fetches every day that is due, account by account, the oldest day first.

        A bank that gave no answer is not asked again in this round.
        """
        due = cashless.database.read(lambda session: statements.due(session, now=now))
        fetched, silent = 0, set[str]()
        for one in due:
            if one.host in silent:
                continue
            try:
                fetched += self._fetch_if_due(cashless, one)
            except CashlessError as error:
                if isinstance(error, NotReached):
                    silent.add(one.host)
            except Exception as error:  # noqa: BLE001  one account does not hold up the others
                log.error("statement.fetch_broke", day=one.day, exc_info=error)
        return f"{fetched} of {len(due)} statements"

    def fetch(self, cashless: Service, one: Wanted, *, by: str = BY) -> Imported:
        """Fetches a day now, whether or not it is due.

        Raises `NoPull`, `NotReached`, `BankDeclined`, `StatementNotReady`, `StatementOfOtherDays`,
        or what `import_statement` raises; each is noted, too.
        """
        call = cashless.database.write(
            lambda session: statements.begin_call(
                session, one, vault=cashless.vault, now=clock.now()
            )
        )
        return self._carry_out(cashless, call, by=by)

    def _fetch_if_due(self, cashless: Service, one: Wanted) -> bool:
        call = cashless.database.write(
            lambda session: statements.take_call(
                session, one, vault=cashless.vault, now=clock.now()
            )
        )
        return call is not None and bool(self._carry_out(cashless, call, by=BY))

    def _carry_out(self, cashless: Service, call: Call, *, by: str) -> Imported:
        """Asks, imports and records; what went wrong is recorded, and raised."""
        come_back = timedelta()
        subject = f"collection_account:{call.account.id}"
        try:
            answer = self._ask(cashless, call)
            come_back = _come_back(answer)
            done = _import(cashless, call, answer, by=by)
        except CashlessError as error:
            failed = error
            cashless.database.write(
                lambda session: statements.record_failed(
                    session, call, failed, come_back=come_back, now=clock.now()
                )
            )
            not_ready = isinstance(error, StatementNotReady)
            outcome = FetchOutcome.NOT_READY if not_ready else FetchOutcome.FAILED
            _FETCHES.labels(outcome).inc()
            log.warning(
                "statement.not_fetched",
                subject=subject,
                day=call.day,
                reason=error.fields.get("reason", error.code),
                status=error.fields.get("status"),
                attempt=call.attempt,
            )
            raise
        cashless.database.write(lambda session: statements.record_fetched(session, call))
        _FETCHES.labels(FetchOutcome.FETCHED).inc()
        log.info("statement.fetched", subject=subject, day=call.day, attempt=call.attempt)
        return done

    def _ask(self, cashless: Service, call: Call) -> Answer:
        if self._client is None:
            self._client = Client(allowed=cashless.config.bank_hosts, limits=LIMITS)
        began = time.perf_counter()
        answer = self._client.get(call.url, headers=call.headers, most=MOST_BYTES)
        _SECONDS.observe(time.perf_counter() - began)
        return answer


def _import(cashless: Service, call: Call, answer: Answer, *, by: str) -> Imported:
    """The statement in the answer, imported. Raises what `Fetcher.fetch` raises."""
    if answer.status in _NOT_YET:
        raise StatementNotReady(status=answer.status)
    if answer.status != HTTPStatus.OK:
        raise BankDeclined(status=answer.status)
    if answer.cut:
        raise StatementTooLarge(size=len(answer.body) + 1, most=MOST_BYTES)
    done = import_statement(
        cashless,
        Received(answer.body, call.filename),
        account=call.account,
        by=by,
        in_format=call.format,
    )
    if not any(one.from_day <= call.day <= one.to_day for one in done.statements):
        raise StatementOfOtherDays
    return done


def _come_back(answer: Answer) -> timedelta:
    """How long the bank asks not to be called; a date in `Retry-After` is not read."""
    told = answer.headers.get("retry-after", "")
    return timedelta(seconds=int(told)) if told.isdecimal() and len(told) < _DIGITS else timedelta()
