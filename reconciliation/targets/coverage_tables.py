"""The tables of account coverage: what a document says of a quarter's communes, and the targets.

Nothing in them is ever overwritten (triggers): what was wrong is followed by a further version of
the quarter, and a target by one that is valid from a later day.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Code, Count, Day, Instant, Json, Key, Words, one_of
from payments.core.database import Row

APPEND_ONLY: Final = ("coverage_version", "coverage_figure", "target")

MOST_PEOPLE: Final = 10_000_000
"""No commune has more; the province has some 2.8 million."""

WHOLE: Final = 10_000
"""A target is written in hundredths of a percent: 80 % is 8,000."""


class Measure(StrEnum):
    """What a target is set for."""

    COVERAGE = "coverage"
    CASHLESS_SHARE = "cashless_share"


class CoverageVersion(Row):
    """One version of a quarter's figures: the document they are from, who took them in, and why.

    The newest version of a quarter is what counts. `correction` says why there is a further one.
    `approved_by` is the second person where two decided, None where a command took the file in.
    `warnings` are what was told about the figures before they were taken in all the same.
    """

    __tablename__ = "coverage_version"
    __table_args__ = (
        UniqueConstraint("public_id"),
        UniqueConstraint("quarter", "version"),
        Index(None, "stored_file_id"),
        CheckConstraint("length(quarter) = 6 AND substr(quarter, 5, 1) = 'Q'", name="quarter"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("(version = 1) = (correction IS NULL)", name="correction"),
        CheckConstraint("approved_by <> imported_by", name="four_eyes"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    quarter: Mapped[str] = mapped_column(Code())
    version: Mapped[int] = mapped_column(Count())
    document: Mapped[str] = mapped_column(Words())
    dated_on: Mapped[date] = mapped_column(Day())
    filename: Mapped[str] = mapped_column(Words())
    stored_file_id: Mapped[int] = mapped_column(Key(), ForeignKey("stored_file.id"))
    correction: Mapped[str | None] = mapped_column(Words())
    warnings: Mapped[Any] = mapped_column(Json())
    imported_at: Mapped[datetime] = mapped_column(Instant())
    imported_by: Mapped[str] = mapped_column(Code())
    approved_by: Mapped[str | None] = mapped_column(Code())


class CoverageFigure(Row):
    """What a version says of one commune on the quarter's last day.

    `population` are the people aged 15 and older, `accounts` those of them who hold a payment
    account.
    """

    __tablename__ = "coverage_figure"
    __table_args__ = (
        UniqueConstraint("coverage_version_id", "agency_id"),
        CheckConstraint(f"population BETWEEN 1 AND {MOST_PEOPLE}", name="population"),
        CheckConstraint("accounts BETWEEN 0 AND population", name="accounts"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    coverage_version_id: Mapped[int] = mapped_column(Key(), ForeignKey("coverage_version.id"))
    agency_id: Mapped[int] = mapped_column(Key(), ForeignKey("agency.id"))
    population: Mapped[int] = mapped_column(Count())
    accounts: Mapped[int] = mapped_column(Count())


class CoverageDraft(Row):
    """A file of figures that somebody brought and looks at; gone once it is taken in or discarded.

    `correction` is why it is to replace the quarter's version, None for a first one.
    """

    __tablename__ = "coverage_draft"
    __table_args__ = (
        UniqueConstraint("public_id"),
        CheckConstraint("length(quarter) = 6 AND substr(quarter, 5, 1) = 'Q'", name="quarter"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code())
    quarter: Mapped[str] = mapped_column(Code())
    document: Mapped[str] = mapped_column(Words())
    dated_on: Mapped[date] = mapped_column(Day())
    filename: Mapped[str] = mapped_column(Words())
    stored_file_id: Mapped[int] = mapped_column(Key(), ForeignKey("stored_file.id"))
    correction: Mapped[str | None] = mapped_column(Words())
    drafted_at: Mapped[datetime] = mapped_column(Instant())
    drafted_by: Mapped[str] = mapped_column(Code())


class Target(Row):
    """What a unit is to reach in a year, as decided from a day on; `value` of 10,000."""

    __tablename__ = "target"
    __table_args__ = (
        UniqueConstraint("agency_id", "measure", "year", "valid_from"),
        one_of("measure", Measure),
        CheckConstraint("year BETWEEN 2000 AND 2099", name="year"),
        CheckConstraint(f"value BETWEEN 1 AND {WHOLE}", name="value"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    agency_id: Mapped[int] = mapped_column(Key(), ForeignKey("agency.id"))
    measure: Mapped[str] = mapped_column(Code())
    year: Mapped[int] = mapped_column(Count())
    value: Mapped[int] = mapped_column(Count())
    basis: Mapped[str] = mapped_column(Words())
    valid_from: Mapped[date] = mapped_column(Day())
    decided_at: Mapped[datetime] = mapped_column(Instant())
    decided_by: Mapped[str] = mapped_column(Code())
