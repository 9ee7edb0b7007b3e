"""`cashless account`: which numbers lead to a collection account."""

from __future__ import annotations

from typing import Final

import click
from sqlalchemy.orm import Session

from payments import agencies
from payments.core import clock, service
from payments.core.words import say

_BY: Final = "command:account"

_number = click.option("--account", "number", required=True, help="The account's number.")
_bank = click.option("--bank", help="The bank's BIN, where two have that account number.")


@click.group()
def account() -> None:
    """Say which numbers lead to a collection account."""


@account.command()
@_number
@_bank
@click.argument("prefix")
def virtual(number: str, bank: str | None, prefix: str) -> None:
    """From now on each request is paid to a number of its own: PREFIX and the digits of its code.

    The bank must lead every number under PREFIX to the account.
    """
    with service.opened() as cashless:
        now = clock.now()

        def unit(session: Session) -> None:
            chosen = agencies.by_number(session, number, bin=bank)
            agencies.use_virtual_accounts(session, chosen.id, prefix, by=_BY, now=now)

        cashless.database.write(unit)
    click.echo(say("account.virtual", account=number, prefix=prefix))


@account.command("own-number")
@_number
@_bank
def own_number(number: str, bank: str | None) -> None:
    """From now on requests are paid to the account's own number; virtual ones stay known."""
    with service.opened() as cashless:
        now = clock.now()

        def unit(session: Session) -> None:
            chosen = agencies.by_number(session, number, bin=bank)
            agencies.end_virtual_accounts(session, chosen.id, by=_BY, now=now)

        cashless.database.write(unit)
    click.echo(say("account.own_number", account=number))
