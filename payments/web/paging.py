"""Pages of a list by cursor, newest first, so that a row that arrives meanwhile moves nothing.

A cursor is base64url of `v1|<id of the last row shown>`; readers treat it as opaque.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Select, SQLColumnExpression

from payments.core.errors import Invalid

T = TypeVar("T")
Query = TypeVar("Query", bound=Select[Any])

USUAL: Final = 50
MOST: Final = 200

_SPELLING: Final = re.compile(r"v1\|([1-9][0-9]{0,18}|0)")
_LAST: Final = 2**63 - 1


class UnreadableCursor(Invalid):
    """A cursor that this service did not give out."""

    code = "unreadable_cursor"


class LimitOutOfRange(Invalid):
    """A page's length that is not a whole number from 1 to `MOST`."""

    code = "limit_out_of_range"


@dataclass(frozen=True)
class Page:
    """The part of a list that is asked for: `limit` rows, those older than the row `before`."""

    limit: int = USUAL
    before: int | None = None

    def of(self, query: Query, key: SQLColumnExpression[Any]) -> Query:
        """`query` narrowed to this page by `key`, with one row more to see whether it goes on."""
        if self.before is not None:
            query = query.where(key < self.before)
        return query.order_by(None).order_by(key.desc()).limit(self.limit + 1)

    def answer(
        self, rows: Sequence[T], *, key: Callable[[T], int], show: Callable[[T], object]
    ) -> dict[str, object]:
        """The JSON of a list: the rows of this page and the cursor of the next, or null."""
        shown = rows[: self.limit]
        goes_on = len(rows) > self.limit
        return {
            "items": [show(row) for row in shown],
            "next": cursor_after(key(shown[-1])) if goes_on else None,
        }


def asked(arguments: Mapping[str, str]) -> Page:
    """The page that `?limit=` and `?cursor=` ask for.

    Raises `LimitOutOfRange` or `UnreadableCursor`.
    """
    limit, cursor = arguments.get("limit"), arguments.get("cursor")
    return Page(
        limit=USUAL if limit is None else _limit(limit),
        before=None if cursor is None else _row_of(cursor),
    )


def cursor_after(row: int) -> str:
    """The cursor of the page that follows the row with this id."""
    return base64.urlsafe_b64encode(f"v1|{row}".encode()).decode().rstrip("=")


def _limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text, re.ASCII) or not 1 <= int(text) <= MOST:
        raise LimitOutOfRange(pointer="query:limit", most=MOST)
    return int(text)


def _row_of(cursor: str) -> int:
    try:
        told = base64.urlsafe_b64decode((cursor + "=" * (-len(cursor) % 4)).encode("ascii"))
        found = _SPELLING.fullmatch(told.decode("ascii"))
    except (binascii.Error, ValueError):
        found = None
    if found is None or int(found[1]) > _LAST or cursor_after(int(found[1])) != cursor:
        raise UnreadableCursor(pointer="query:cursor")
    return int(found[1])
