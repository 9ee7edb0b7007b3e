"""`cashless portal`: let a portal in, and replace its key."""

from __future__ import annotations

from typing import Final

import click
from sqlalchemy.orm import Session

from payments import portals
from payments.core import clock, service
from payments.core.words import say
from payments.portals import NewKey, Scope

_BY: Final = "command:portal"


@click.group()
def portal() -> None:
    """Let portals in, and replace their keys."""


@portal.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    default=(Scope.REQUESTS_WRITE.value, Scope.REQUESTS_READ.value),
    show_default=True,
    help="What its key may do; give it once for each.",
)
def add(name: str, scopes: tuple[str, ...]) -> None:
    """Add a portal and print its key, which is shown this once."""
    with service.opened() as cashless:
        now = clock.now()

        def unit(session: Session) -> NewKey:
            added = portals.add(session, name, by=_BY, now=now)
            return portals.new_key(session, added.id, scopes=scopes, by=_BY, now=now)

        key = cashless.database.write(unit)
    _tell(key)


@portal.command()
@click.argument("name")
def rotate(name: str) -> None:
    """Print a new key for a portal; the old one still opens for seven days."""
    with service.opened() as cashless:
        now = clock.now()

        def unit(session: Session) -> NewKey:
            named = portals.by_name(session, name)
            return portals.rotate_key(session, named.id, by=_BY, now=now)

        key = cashless.database.write(unit)
    _tell(key)


def _tell(key: NewKey) -> None:
    click.echo(say("portal.key_once"), err=True)
    click.echo(key.text)
