"""The tables of what is counted once a night, month by month: hours, waits, promises, payers."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Code, Count, Day, Key, one_of
from payments.core.database import Row


class Measure(StrEnum):
    """What is counted of a month; each by bands of its own."""

    HOUR_CASHLESS = "hour_cashless"  # fees paid without cash, by the hour of the transfer
    HOUR_CASH = "hour_cash"  # fees paid in cash, by the hour it was taken
    REQUEST_END = "request_end"  # requests issued, by what became of them
    PAID_AFTER = "paid_after"  # requests issued, from issue to payment
    PAID_BY = "paid_by"  # requests paid without cash, by the channel of their dossier
    KNOWN_AFTER = "known_after"  # transfers, from the bank's time until we knew them as paid
    RECEIPT = "receipt"  # electronic receipts made, by whether they still count
    RECEIPT_AFTER = "receipt_after"  # first receipts, from payment to receipt
    BREAK_AFTER = "break_after"  # breaks found, from their cause until it was gone
    FORWARDED_LATE = "forwarded_late"  # times that fees were with us longer than 24 hours


class Wait(StrEnum):
    """How long something took, at most; `open` while it lasts."""

    MINUTE = "minute"
    QUARTER = "quarter"  # of an hour
    HOUR = "hour"
    DAY = "day"
    THREE_DAYS = "three_days"
    WEEK = "week"
    LONGER = "longer"
    OPEN = "open"


class End(StrEnum):
    """What became of a request."""

    PAID = "paid"
    ABANDONED = "abandoned"  # it expired, and nobody paid it since
    IN_CASH = "in_cash"
    CANCELLED = "cancelled"
    OPEN = "open"


UNKNOWN: str = "unknown"
"""The hour of a transfer of which the bank tells only the day."""


class Span(StrEnum):
    """The periods for which payers are counted."""

    MONTH = "month"
    YEAR = "year"


class MonthlyCount(Row):
    """How many there were of something in a month of an agency, in one band of a measure."""

    __tablename__ = "monthly_count"
    __table_args__ = (
        UniqueConstraint("measure", "month", "agency_id", "band"),
        one_of("measure", Measure),
        CheckConstraint("number >= 1", name="number"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    month: Mapped[date] = mapped_column(Day())
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    measure: Mapped[str] = mapped_column(Code())
    band: Mapped[str] = mapped_column(Code())
    number: Mapped[int] = mapped_column(Count())


class PayerUse(Row):
    """How many requests of an agency a payer's account paid in a month.

    `payer_key` is the keyed digest by which credits know the account; it is never shown.
    """

    __tablename__ = "payer_use"
    __table_args__ = (
        UniqueConstraint("payer_key", "month", "agency_id"),
        Index(None, "month"),
        CheckConstraint("requests >= 1", name="requests"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    payer_key: Mapped[str] = mapped_column(Code())
    month: Mapped[date] = mapped_column(Day())
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    requests: Mapped[int] = mapped_column(Count())


class PayerCount(Row):
    """How many accounts paid at a unit, or below it, in a month or a year until now.

    `first_time` had never paid in the province before the period, `repeat` paid for two requests
    or more of the unit in it. They can't be added up: somebody pays at several units.
    """

    __tablename__ = "payer_count"
    __table_args__ = (
        UniqueConstraint("span", "begins", "agency"),
        one_of("span", Span),
        CheckConstraint("payers >= 1", name="payers"),
        CheckConstraint("first_time BETWEEN 0 AND payers", name="first_time"),
        CheckConstraint("repeat BETWEEN 0 AND payers", name="repeat"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    span: Mapped[str] = mapped_column(Code())
    begins: Mapped[date] = mapped_column(Day())
    agency: Mapped[str] = mapped_column(Code())
    payers: Mapped[int] = mapped_column(Count())
    first_time: Mapped[int] = mapped_column(Count())
    repeat: Mapped[int] = mapped_column(Count())


class MonthDue(Row):
    """A month of which a day was counted anew so many times since its nightly count."""

    __tablename__ = "month_due"
    __table_args__ = (
        UniqueConstraint("month"),
        CheckConstraint("changes >= 1", name="changes"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    month: Mapped[date] = mapped_column(Day())
    changes: Mapped[int] = mapped_column(Count())
