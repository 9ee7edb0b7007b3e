"""What portals ask in vain, in the audit trail (`portal.refused`): who, which call, and why.

A call that its key is not for, and any change refused, such as a refund, cash, a cancellation or a
webhook's address. A request or quote refused for what is wrong with it is its portal's own affair
and comes as often as its forms are filled in badly: the log has those.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from flask import Response, g, request

from payments.core import audit
from payments.core.database import Database
from payments.core.remembered import Remembered
from payments.portals import Caller
from payments.web import problems

AGAIN: Final = timedelta(minutes=1)
"""The same refusal of the same portal is one entry in this time, by each process."""

_LONGEST: Final = 100
_ASKING: Final = frozenset({"payment_requests.issue_payment_request", "tariff.quote"})


class Refusals:
    """Writes down what was refused to portals that are known."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._told: Remembered[tuple[int, str, str], int] = Remembered(for_=AGAIN)

    def write_down(self, answer: Response, *, now: datetime) -> None:
        """Writes down that this request was answered so, if it was refused and was not yet told."""
        code, portal = problems.refused_for(), _portal()
        if code is None or portal is None or not _is_refusal(answer.status_code):
            return
        endpoint = request.endpoint or "-"
        same = (portal, endpoint, code)
        if self._told.get(same, now=now) is not None:
            return
        self._database.write(
            lambda session: audit.append(
                session,
                actor=f"portal:{portal}",
                action="portal.refused",
                subject=f"call:{endpoint}",
                details={"code": code, "arguments": _arguments()},
                now=now,
            )
        )
        self._told.put(same, answer.status_code, now=now)


def _portal() -> int | None:
    known: Caller | None = g.get("caller")
    return None if known is None else known.portal_id


def _arguments() -> dict[str, str]:
    return {name: str(told)[:_LONGEST] for name, told in (request.view_args or {}).items()}


def _is_refusal(status: int) -> bool:
    if status == 403:
        return True
    changes = request.method not in ("GET", "HEAD") and request.endpoint not in _ASKING
    return changes and 400 <= status < 500 and status != 429
