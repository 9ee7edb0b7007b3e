"""The process's log, kept in memory for the length of a test."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from payments.core import logs


class Book:
    """A log kept in memory."""

    def __init__(self) -> None:
        self.out = io.BytesIO()

    @property
    def text(self) -> str:
        """All that was written."""
        return self.out.getvalue().decode()

    @property
    def last(self) -> dict[str, Any]:
        """The last line."""
        line: dict[str, Any] = json.loads(self.text.splitlines()[-1])
        return line


@contextmanager
def a_book() -> Iterator[Book]:
    """Sends the log to memory until the end of the block."""
    root, kept = logging.getLogger(), Book()
    handlers, level = root.handlers[:], root.level
    logs.configure(stream=kept.out)
    try:
        yield kept
    finally:
        structlog.contextvars.clear_contextvars()
        logs.configure()
        root.handlers[:] = handlers
        root.setLevel(level)
