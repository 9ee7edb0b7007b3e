"""The tables of agencies: the dated units, their bank accounts, and the days that are otherwise."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Code, Day, Flag, Key, Words, one_of, partial_index
from payments.core.database import Row


class Kind(StrEnum):
    """What an agency is in the province."""

    PROVINCE = "province"
    DEPARTMENT = "department"
    DISTRICT = "district"
    COMMUNE = "commune"


class Agency(Row):
    """A unit of the province, as it is called and stands from one day to another."""

    __tablename__ = "agency"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    code: Mapped[str] = mapped_column(Code())
    name_vi: Mapped[str] = mapped_column(Words())
    name_en: Mapped[str | None] = mapped_column(Words())
    kind: Mapped[str] = mapped_column(Code())
    parent_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("agency.id"))
    valid_from: Mapped[date] = mapped_column(Day())
    valid_to: Mapped[date | None] = mapped_column(Day())
    successor_id: Mapped[int | None] = mapped_column(Key(), ForeignKey("agency.id"))
    verified: Mapped[bool] = mapped_column(Flag())

    __table_args__ = (
        UniqueConstraint("code", "valid_from"),
        partial_index(
            "uq_agency_code_open",
            "code",
            unique=True,
            where="valid_to IS NULL",
        ),
        Index(None, "parent_id"),
        one_of("kind", Kind),
        CheckConstraint("valid_to > valid_from", name="valid_to"),
        CheckConstraint("parent_id <> id", name="parent"),
        {"sqlite_strict": True},
    )


class CollectionAccount(Row):
    """A bank account into which an agency's fees are paid."""

    __tablename__ = "collection_account"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    public_id: Mapped[str] = mapped_column(Code(), unique=True)
    agency_id: Mapped[int] = mapped_column(Key(), ForeignKey("agency.id"))
    bin: Mapped[str] = mapped_column(Code())
    number: Mapped[str] = mapped_column(Code())
    name: Mapped[str] = mapped_column(Words())
    cut_off: Mapped[str] = mapped_column(Code())
    run_at: Mapped[str] = mapped_column(Code())
    valid_from: Mapped[date] = mapped_column(Day())
    valid_to: Mapped[date | None] = mapped_column(Day())

    __table_args__ = (
        UniqueConstraint("bin", "number"),
        Index(None, "agency_id"),
        CheckConstraint("cut_off BETWEEN '00:00' AND '23:59'", name="cut_off"),
        CheckConstraint("run_at BETWEEN '00:00' AND '23:59'", name="run_at"),
        CheckConstraint("valid_to > valid_from", name="valid_to"),
        {"sqlite_strict": True},
    )


class ClosedDay(Row):
    """A day on which an account (or every one) works otherwise than the calendar says."""

    __tablename__ = "closed_day"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    collection_account_id: Mapped[int | None] = mapped_column(
        Key(), ForeignKey("collection_account.id")
    )
    on_day: Mapped[date] = mapped_column(Day())
    closed: Mapped[bool] = mapped_column(Flag())
    cut_off: Mapped[str | None] = mapped_column(Code())
    reason: Mapped[str] = mapped_column(Words())

    __table_args__ = (
        UniqueConstraint("collection_account_id", "on_day"),
        partial_index(
            "uq_closed_day_on_day_all",
            "on_day",
            unique=True,
            where="collection_account_id IS NULL",
        ),
        CheckConstraint("cut_off BETWEEN '00:00' AND '23:59'", name="cut_off"),
        {"sqlite_strict": True},
    )
