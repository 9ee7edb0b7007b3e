"""Policies: the figures a treasurer decides, each valid from a day.

A limit, a grace period, an age. What no row decides has the default written here, so every
policy has a type, a range and a value from the first day on.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments.core.columns import Code, Day, Json, Key
from payments.core.database import Row


class Policy(Row):
    """The value of one policy from a day on."""

    __tablename__ = "policy"

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    name: Mapped[str] = mapped_column(Code())
    value: Mapped[Any] = mapped_column(Json())
    valid_from: Mapped[date] = mapped_column(Day())

    __table_args__ = (UniqueConstraint("name", "valid_from"), {"sqlite_strict": True})
