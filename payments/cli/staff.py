"""`cashless staff`: let a person in, give a new password, take a lost phone away.

Whoever sits at the server's keyboard is no administrator of the console; all that is done is in the
audit trail as `command:staff`. A password that is given here is changed at the first sign-in.
"""

from __future__ import annotations

from typing import Final

import click
from sqlalchemy.orm import Session

from payments import staff as people
from payments.core import clock, service
from payments.core.words import say
from payments.staff import Role, factors, passwords

_BY: Final = "command:staff"


@click.group()
def staff() -> None:
    """Let people in, give new passwords, and take lost phones away."""


@staff.command()
@click.argument("username")
@click.option("--name", required=True, help="How the person is called on the pages.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="What the person may do; give it once for each.",
)
@click.option("--generate", is_flag=True, help="Make a random password and print it.")
def add(*, username: str, name: str, roles: tuple[str, ...], generate: bool) -> None:
    """Add a person who can sign in; the password is asked for, or made."""
    password = passwords.suggest(username=username) if generate else _ask()
    with service.opened() as cashless:
        now = clock.now()

        def unit(session: Session) -> None:
            person = people.add(
                session, username, name=name, password=password, roles=roles, by=_BY, now=now
            )
            people.make_temporary(session, person.id)

        cashless.database.write(unit)
    click.echo(say("staff.added", username=username), err=True)
    if generate:
        click.echo(password)


@staff.command()
@click.argument("username")
@click.option("--generate", is_flag=True, help="Make a random password and print it.")
def reset(*, username: str, generate: bool) -> None:
    """Give a person a new password and sign them out everywhere."""
    password = passwords.suggest(username=username) if generate else _ask()
    with service.opened() as cashless:
        now = clock.now()

        def unit(session: Session) -> None:
            person = people.by_username(session, username)
            people.reset_password(session, person.id, password, by=_BY, now=now)
            people.make_temporary(session, person.id)

        cashless.database.write(unit)
    click.echo(say("staff.password_set", username=username), err=True)
    if generate:
        click.echo(password)


@staff.command("reset-factor")
@click.argument("username")
def reset_factor(*, username: str) -> None:
    """Take a person's lost phone away and sign them out everywhere; they enrol another."""
    with service.opened() as cashless:
        now = clock.now()

        def unit(session: Session) -> None:
            person = people.by_username(session, username)
            factors.reset(session, person.id, by=_BY, now=now)

        cashless.database.write(unit)
    click.echo(say("staff.factor_gone", username=username), err=True)


def _ask() -> str:
    answer: str = click.prompt(
        say("New password"), hide_input=True, confirmation_prompt=say("Once more"), err=True
    )
    return answer
