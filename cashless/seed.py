"""`cashless seed`: what payments fills a service with, and for practice figures of coverage too."""

from __future__ import annotations

from typing import Any, Final

import click
from sqlalchemy.orm import Session

from payments.cli.seed import seed as of_payments
from payments.core import clock, service
from reconciliation.targets import practice

_BY: Final = "command:seed"


def _fill(*, sample: bool, **told: Any) -> None:
    click.get_current_context().invoke(of_payments, sample=sample, **told)
    if not sample:
        return
    with service.opened() as cashless:
        now, mode = clock.now(), cashless.config.mode

        def unit(session: Session) -> None:
            practice.practise(session, mode=mode, by=_BY, now=now)

        cashless.database.write(unit)


seed = click.Command("seed", params=of_payments.params, help=of_payments.help, callback=_fill)
