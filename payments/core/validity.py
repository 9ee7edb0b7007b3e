"""Dated rows: `valid_from` inclusive, `valid_to` exclusive, either may be open.

What is in force is found by a day (or an instant); what ended keeps its row, and a change is a
new row, so what held at any time can still be told.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from payments.core.database import Row

Columns = ReadOnlyColumnCollection[str, ColumnElement[Any]]


class Change(StrEnum):
    """What putting a described thing into the database did."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


def valid_on(row: type[Row] | Columns, when: date | ColumnElement[Any]) -> ColumnElement[bool]:
    """The condition that a row of that class or table is in force on a day, or at an instant."""
    dated: Any = row
    return and_(
        or_(dated.valid_from.is_(None), dated.valid_from <= when),
        or_(dated.valid_to.is_(None), dated.valid_to > when),
    )
