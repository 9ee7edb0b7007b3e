"""The statement service as an interface of the bank: a file for a day, to whoever has the key.

What the control API does beside it: hands out a key, and makes the next answers go wrong.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response, request

from sandbox.statements.service import STATEMENT_FAULTS, StatementFault
from sandbox.web.desk import Desk
from sandbox.web.fields import Fields
from sandbox.web.files import statement_file
from sandbox.web.told import Told

_LONGEST_KEY: Final = 128
_MOST_TIMES: Final = 1_000
_SLOW_SECONDS: Final = 3.0
_COME_BACK: Final = "60"
_MAINTENANCE: Final = "<!doctype html><title>Bảo trì</title><p>Hệ thống đang bảo trì.</p>"


def admit(desk: Desk, body: Fields) -> Told:
    """Hands out a key for an account's statements."""
    account = desk.bank.account(body.account_number("account"))
    key = body.text("key", longest=_LONGEST_KEY)
    body.end()
    desk.statements.admit(account.number, key)
    return {"account": account.number}


def spoil(desk: Desk, body: Fields) -> Told:
    """Makes the next answers of the service go wrong."""
    account = desk.bank.account(body.account_number("account"))
    fault = STATEMENT_FAULTS[body.choice("fault", STATEMENT_FAULTS)]
    times = body.whole("times", most=_MOST_TIMES, default=1)
    body.end()
    desk.statements.spoil(account.number, fault, times=times)
    return {"account": account.number, "fault": fault.value, "times": times}


def add(api: Blueprint, desk: Desk) -> None:
    """Adds the service to the bank's API."""

    @api.get("/accounts/<number>/statements/<day>")
    def fetch(number: str, day: str) -> Response:
        asked = Fields({**request.args.to_dict(), "day": day})
        given = request.headers.get("Authorization", "")
        wanted = Fields({"day": day}).day("day")
        fault = desk.statements.open(number, wanted, given=given, now=desk.clock.now())
        if fault is StatementFault.UNAVAILABLE:
            return Response(
                status=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": _COME_BACK}
            )
        if fault is StatementFault.NOT_READY:
            return Response(status=HTTPStatus.ACCEPTED, headers={"Retry-After": _COME_BACK})
        if fault is StatementFault.GARBLED:
            return Response(_MAINTENANCE, mimetype="text/html")
        if fault is StatementFault.SLOW:
            time.sleep(_SLOW_SECONDS)
        whole = statement_file(desk, number, asked)
        return _cut(whole) if fault is StatementFault.CUT else whole


def _cut(whole: Response) -> Response:
    """Half of it, under the length of all of it: the line breaks on the way."""
    content = whole.get_data()
    cut = Response(iter([content[: len(content) // 2]]), content_type=whole.content_type)
    cut.headers["Content-Length"] = str(len(content))
    return cut
