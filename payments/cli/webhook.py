"""`cashless webhook`: send messages to a portal again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import click
from sqlalchemy.orm import Session

from payments import outbox, portals
from payments.core import clock, service
from payments.core.errors import Invalid
from payments.core.service import Service
from payments.core.words import say

_BATCH: Final = 100
"""So many messages are made due in one unit of work."""


class NothingToRedeliver(Invalid):
    """No message was named, and none was given up."""

    code = "nothing_to_redeliver"


@click.group()
def webhook() -> None:
    """Send messages to a portal again."""


@webhook.command()
@click.argument("portal")
@click.argument("events", metavar="[EVENT]...", nargs=-1)
@click.option("--given-up", is_flag=True, help="Every message that was given up.")
def redeliver(portal: str, events: tuple[str, ...], given_up: bool) -> None:  # noqa: FBT001  click's flag
    """Send messages to PORTAL again, by their webhook-id or all that were given up."""
    with service.opened() as cashless:
        portal_id = cashless.database.read(lambda session: portals.by_name(session, portal).id)
        named = list(events)
        if given_up:
            named += cashless.database.read(lambda session: outbox.given_up(session, portal_id))
        if not named:
            raise NothingToRedeliver
        _redeliver(cashless, portal_id, named, now=clock.now())
    click.echo(say("webhook.redelivered", count=len(named)))


def _redeliver(cashless: Service, portal_id: int, events: Sequence[str], *, now: datetime) -> None:
    batches = [events[start : start + _BATCH] for start in range(0, len(events), _BATCH)]
    with click.progressbar(batches, hidden=len(batches) == 1) as shown:
        for batch in shown:

            def unit(session: Session, batch: Sequence[str] = batch) -> None:
                for event in batch:
                    outbox.redeliver(session, portal_id, event, now=now)

            cashless.database.write(unit)
