"""What the pages and the API share of reports: the part of a long one that is shown at once."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final

from sqlalchemy.orm import Session

from payments.web.paging import UnreadableCursor
from reconciliation import reports
from reconciliation.reports import Asked, Cells, Cursor, Report, Takes, Total

_SPELLING: Final = re.compile(r"v1\|([0-9]{1,18})\|([0-9]{4}-[0-9]{2}-[0-9]{2})\|([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Rows with codes as they are; `total` is None of a list that goes on, `more` were left out."""

    rows: Sequence[Cells]
    total: Sequence[Any] | None
    next: str | None
    more: int = 0


def excerpt(session: Session, report: Report, asked: Asked, *, most: int) -> Excerpt:
    """The first rows of a report, or of what comes after the cursor in one that has pages."""
    if Takes.PAGES in report.takes:
        with closing(reports.entries(session, asked)) as going:
            found = list(islice(going, most + 1))
        goes_on = len(found) > most
        after = written(found[most - 1][0]) if goes_on else None
        return Excerpt([row for _, row in found[:most]], None, after)
    total = Total(report)
    rows = total.adding(report.rows(session, asked))
    shown = list(islice(rows, most))
    more = sum(1 for _ in rows)
    return Excerpt(shown, total.cells if report.totals else None, None, more)


def written(cursor: Cursor) -> str:
    """A cursor as an address carries it; readers treat it as opaque."""
    told = f"v1|{cursor.account}|{cursor.day}|{cursor.credit}"
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def read(text: str | None) -> Cursor | None:
    """The cursor that an address carries. Raises `UnreadableCursor`."""
    if not text:
        return None
    try:
        told = base64.urlsafe_b64decode((text + "=" * (-len(text) % 4)).encode("ascii"))
        found = _SPELLING.fullmatch(told.decode("ascii"))
        cursor = (
            Cursor(int(found[1]), date.fromisoformat(found[2]), int(found[3])) if found else None
        )
    except (binascii.Error, ValueError):
        cursor = None
    if cursor is None or written(cursor) != text:
        raise UnreadableCursor(pointer="query:cursor")
    return cursor
