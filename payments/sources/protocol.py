"""What every source of callbacks is: how its messages are verified, read and answered."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn, Protocol

from payments.advice import Advice, Trust, UnreadableAdvice
from payments.core.calendar import VIETNAM
from payments.core.errors import Refused
from payments.core.money import MOST, Dong

_DEPTH: Final = 16
_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2099
_LOCAL_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}", re.ASCII)


class BadSignature(Refused):
    """A message that was not signed with one of the connection's live secrets."""

    code = "bad_signature"


class StaleTimestamp(Refused):
    """A signed message whose time is not within the tolerance: it may be a replay."""

    code = "stale_timestamp"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the source's specification wants to hear: status, body, media type."""

    status: int
    body: bytes
    media_type: str = "application/json"


class Source(Protocol):
    """One bank's or gateway's protocol."""

    @property
    def code(self) -> str:
        """Its name in addresses and tables."""

    @property
    def schemes(self) -> Mapping[str, Trust]:
        """The ways a connection may be secured, each with the trust it gives."""

    def verify(
        self,
        raw: bytes,
        headers: Mapping[str, str],
        *,
        scheme: str,
        secrets: Sequence[str],
        now: datetime,
    ) -> None:
        """Returns for an authentic message; raises `BadSignature` or `StaleTimestamp`.

        Header names are in lower case.
        """

    def read(self, raw: bytes, *, scheme: str) -> Advice | None:
        """What the message says; None for one that is a test. Raises `UnreadableAdvice`."""

    def accepted(self) -> Answer:
        """The answer to a message that is kept, also to one that was kept before."""


def unreadable(field: str, reason: str) -> NoReturn:
    """Raises `UnreadableAdvice` naming the field and the reason."""
    raise UnreadableAdvice(field=field, reason=reason)


def read_json(raw: bytes) -> dict[str, Any]:
    """A JSON object, strictly: UTF-8, no duplicate keys, no NaN, depth at most 16."""
    try:
        found = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=lambda text: unreadable("body", text),
        )
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or a number without end
        raise UnreadableAdvice(field="body", reason="json") from error
    if not isinstance(found, dict):
        unreadable("body", "object")
    if raw.count(b"{") + raw.count(b"[") > _DEPTH:
        _limit_depth(found, left=_DEPTH)
    return found


def text(found: Mapping[str, Any], name: str, *, most: int = 500) -> str:
    """A text field that must be there, without control characters."""
    value = found.get(name)
    if not isinstance(value, str) or len(value) > most or not value:
        unreadable(name, "text")
    return _clean(value, name)


def text_or_none(found: Mapping[str, Any], name: str, *, most: int = 500) -> str | None:
    """A text field that may be missing, null or empty."""
    value = found.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > most:
        unreadable(name, "text")
    return _clean(value, name)


def amount(found: Mapping[str, Any], name: str) -> Dong:
    """A whole number of đồng; zero can be told, and is then refused by the inbox."""
    value = found.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
        unreadable(name, "amount")
    return Dong(value)


def local_time(found: Mapping[str, Any], name: str) -> datetime:
    """A bank's wall-clock time in Viet Nam, `YYYY-MM-DD HH:MM:SS`, as an instant."""
    value = text(found, name, most=19)
    if not _LOCAL_TIME.fullmatch(value):
        unreadable(name, "time")
    return _possible(_from_iso(value, name).replace(tzinfo=VIETNAM), name)


def instant(found: Mapping[str, Any], name: str) -> datetime:
    """A time that knows its offset, as RFC 3339 writes it."""
    told = _from_iso(text(found, name, most=40), name)
    if told.tzinfo is None:
        unreadable(name, "time")
    return _possible(told, name)


def _from_iso(value: str, name: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise UnreadableAdvice(field=name, reason="time") from error


def _possible(told: datetime, name: str) -> datetime:
    """The time, when it lies in a century that calendars and databases can reckon with."""
    if not _FIRST_YEAR <= told.year <= _LAST_YEAR:
        unreadable(name, "time")
    return told


def _clean(value: str, name: str) -> str:
    if not value.isprintable():
        value = "".join(c if c.isprintable() else " " for c in value)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnreadableAdvice(field=name, reason="text") from error
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        unreadable("body", "duplicate_key")
    return found


def _limit_depth(value: Any, *, left: int) -> None:
    if left == 0:
        unreadable("body", "depth")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            _limit_depth(inner, left=left - 1)
