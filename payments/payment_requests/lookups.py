"""What issuing has to know of the day: whom to pay, what it costs, how long it may take.

`Lookups` asks the database each time. `RememberingLookups` asks once in twenty seconds, for a
process that issues many a second: a tariff or an account that changes holds from a day on, so
an answer that old is still an answer of that day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from payments import agencies, fees, policies
from payments.core.calendar import local_day
from payments.core.remembered import Remembered

REMEMBERED: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who is paid: an agency by its code, and the account it collects into."""

    agency_id: int
    agency: str
    collection_account_id: int
    bin: str
    number: str
    account_name: str
    virtual_prefix: str | None = None


class Lookups:
    """Asks the database for everything, each time."""

    def addressee(self, session: Session, agency: str, *, now: datetime) -> Addressee:
        """Whom a payment to `agency` goes to today.

        Raises `agencies.UnknownAgency` and `agencies.NoCollectionAccount`.
        """
        today = local_day(now)
        found = agencies.by_code(session, agency, on=today, pointer="/agency")
        account = agencies.account_for(session, found.id, on=today)
        return Addressee(
            agency_id=found.id,
            agency=found.code,
            collection_account_id=account.id,
            bin=account.bin,
            number=account.number,
            account_name=account.name,
            virtual_prefix=agencies.virtual_prefix(session, account.id, at=now),
        )

    def price(
        self,
        session: Session,
        items: Sequence[fees.Item],
        *,
        channel: fees.Channel,
        now: datetime,
    ) -> list[fees.PricedLine]:
        """The items by today's tariff. Raises the errors of `fees.price`."""
        return fees.price(session, items, channel=channel, on=local_day(now))

    def expiry(self, session: Session, *, now: datetime) -> timedelta:
        """How long a request issued today can be paid before it expires."""
        return timedelta(hours=policies.value(session, "request_expiry_hours", on=local_day(now)))


class RememberingLookups(Lookups):
    """Asks the database for what it has not been told lately."""

    def __init__(self, *, for_: timedelta = REMEMBERED) -> None:
        self._addressees: Remembered[tuple[str, date], Addressee] = Remembered(for_=for_)
        self._lines: Remembered[tuple[fees.Item, fees.Channel, date], fees.PricedLine] = Remembered(
            for_=for_
        )
        self._expiries: Remembered[date, timedelta] = Remembered(for_=for_)

    def addressee(self, session: Session, agency: str, *, now: datetime) -> Addressee:
        """As `Lookups.addressee`."""
        question = agency, local_day(now)
        known = self._addressees.get(question, now=now)
        if known is None:
            known = super().addressee(session, agency, now=now)
            self._addressees.put(question, known, now=now)
        return known

    def price(
        self,
        session: Session,
        items: Sequence[fees.Item],
        *,
        channel: fees.Channel,
        now: datetime,
    ) -> list[fees.PricedLine]:
        """As `Lookups.price`; the lines are remembered one by one."""
        questions = [(item, channel, local_day(now)) for item in items]
        known = [self._lines.get(question, now=now) for question in questions]
        lines = [line for line in known if line is not None]
        if len(lines) < len(items):
            lines = super().price(session, items, channel=channel, now=now)
            for question, line in zip(questions, lines, strict=True):
                self._lines.put(question, line, now=now)
        return lines

    def expiry(self, session: Session, *, now: datetime) -> timedelta:
        """As `Lookups.expiry`."""
        today = local_day(now)
        known = self._expiries.get(today, now=now)
        if known is None:
            known = super().expiry(session, now=now)
            self._expiries.put(today, known, now=now)
        return known
