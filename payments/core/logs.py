"""The log: events with fields, one JSON object a line, on standard error.

Only fields named in `FIELDS` are written, an account number only by its last four digits, and
an exception only by its type, code and place: neither message nor values, since they can hold
a payer's name (threat T19). What was left out is named, so that a forgotten field is found.

    log.info("callback.stored", source="sepay", outcome="stored", milliseconds=4)
    {"event": "callback.stored", "source": "sepay", …, "request_id": "…", "at": "…Z"}
"""

from __future__ import annotations

import enum
import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import UTC, date, datetime, time
from typing import Any, BinaryIO, Final
from uuid import UUID

import orjson
import structlog

from payments.core.errors import CashlessError
from payments.core.text import mask_account

FIELDS: Final = frozenset(
    """
    account actor address agency amount answer application attempt bank code collection_account
    connection count day delivery due engine entries error event_id fee file finding format
    handled host jobs job kind left lines list logger lag method milliseconds mode next
    outcome page path_rule port portal position process public_id reason received reference
    request_id role rows rule run_at seconds series sha256 size source sqlite_error sqlstate
    started_at status step subject table tried trust verdict version where worker
    """.split()
)
"""Every field a log line may have, besides `event`, `level` and `at`."""

_MASKED: Final = frozenset({"account", "collection_account"})
_EVENT: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_SPOKEN: Final = ("gunicorn", "apscheduler", "alembic")
"""Libraries whose whole messages are about machinery and are written as they are."""

log: Final = structlog.stdlib.get_logger()
"""Writes events: `log.info("day.closed", account=…, verdict=…)`."""


def configure(*, level: str = "INFO", stream: BinaryIO | None = None) -> None:
    """Sends the process's whole log, our own and the libraries', as JSON lines.

    `stream` is standard error where none is given.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    _write_events(threshold, stream)
    root = logging.getLogger()
    root.handlers[:] = [_Libraries(stream)]
    root.setLevel(max(threshold, logging.INFO))


def _write_events(threshold: int, stream: BinaryIO | None) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _fit_to_write,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: structlog.BytesLogger(stream or sys.stderr.buffer),
        cache_logger_on_first_use=False,
    )


def _fit_to_write(_logger: object, _method: str, fields: MutableMapping[str, Any]) -> bytes:
    """The last processor: the line as bytes, with nothing in it that is not allowed."""
    event, level, at = (fields.pop(name, "") for name in ("event", "level", "at"))
    failure = _failure(fields.pop("exc_info", None))
    named = isinstance(event, str) and len(event) <= 60 and _EVENT.fullmatch(event)
    line: dict[str, Any] = {"event": event if named else "unnamed", "level": level}
    for name, value in {**fields, **failure}.items():
        if name in FIELDS:
            line[name] = mask_account(str(value)) if name in _MASKED else _plain(value)
    left_out = sorted(name for name in fields if name not in FIELDS)
    if left_out:
        line["left_out"] = left_out
    line["at"] = at
    return orjson.dumps(line)


def _plain(value: object) -> object:
    """A value as it may be written: short, flat, and of a kind that explains itself."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else str(value)
    if isinstance(value, str):
        return str(value)[:200]
    if isinstance(value, date | datetime | time | UUID):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in list(value)[:20]]
    return type(value).__name__


def _failure(exc_info: object) -> Mapping[str, object]:
    """What may be told of an exception: its type, its code and the way it took."""
    error = sys.exc_info()[1] if exc_info is True else exc_info
    if isinstance(error, tuple):
        error = error[1]
    if not isinstance(error, BaseException):
        return {}
    told: dict[str, object] = {"error": f"{type(error).__module__}.{type(error).__qualname__}"}
    if isinstance(error, CashlessError):
        told["code"] = error.code
    cause = getattr(error, "orig", None) or error  # SQLAlchemy keeps the driver's error there
    for name, attribute in (("sqlstate", "sqlstate"), ("sqlite_error", "sqlite_errorname")):
        if getattr(cause, attribute, None):
            told[name] = str(getattr(cause, attribute))
    told["where"] = [_place(frame) for frame in traceback.extract_tb(error.__traceback__)[-12:]]
    return told


def _place(frame: traceback.FrameSummary) -> str:
    return f"{'/'.join(frame.filename.split('/')[-3:])}:{frame.lineno} {frame.name}"


class _Libraries(logging.Handler):
    """Writes what libraries log. A message's text is kept only from those in `_SPOKEN`."""

    def __init__(self, stream: BinaryIO | None) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record; a record that cannot be written is told of, not raised."""
        try:
            out = self._stream or sys.stderr.buffer
            out.write(self._line(record) + b"\n")
            out.flush()
        except Exception:  # noqa: BLE001  # a log must not fail the work
            self.handleError(record)

    def _line(self, record: logging.LogRecord) -> bytes:
        spoken = record.name.split(".")[0] in _SPOKEN
        line: dict[str, object] = {
            "event": "library",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": (record.getMessage() if spoken else str(record.msg))[:500],
            **_failure(record.exc_info),
            "at": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        return orjson.dumps(line)


# Without this, structlog's own way to show an exception would print every local variable.
_write_events(logging.INFO, None)
