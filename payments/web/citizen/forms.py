"""What payers send by forms: everything wrong said at once, and not sent without end.

A form needs no cookie and no token of its own: its address is known to the payer alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from flask import request

from payments.core.errors import Invalid
from payments.core.words import say
from payments.web.pace import Pace

_GONE: Final = "-"


class Sending:
    """How often a form is sent: for one payment, and from one address."""

    def __init__(self) -> None:
        self._by_token = Pace(per_second=0.1, store=10)
        self._by_address = Pace(per_second=1, store=60)

    def spend(self, token: str) -> None:
        """Counts that the form was sent. Raises `TooMany`."""
        at = time.monotonic()
        self._by_token.spend(token, at=at)
        self._by_address.spend(request.remote_addr or _GONE, at=at)


def read_all(
    readers: Mapping[str, Callable[[str], Any]], typed: Mapping[str, str]
) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """What each field tells by its reader, and in words what is wrong with those that can't be."""
    told: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, reader in readers.items():
        try:
            told[name] = reader(typed.get(name, ""))
        except Invalid as error:
            wrong[name] = say(f"error.{error.code}", **cast(dict[str, Any], error.fields))
    return told, wrong
