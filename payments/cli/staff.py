"""`cashless staff`: let a person in, and give a new password."""

from __future__ import annotations

from typing import Final

import click
from sqlalchemy.orm import Session

from payments import staff as people
from payments.core import clock, service
from payments.core.words import say
from payments.staff import Role, passwords

_BY: Final = "command:staff"


@click.group()
def staff() -> None:
    """Let people in, and give new passwords."""


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
    password = passwords.suggest() if generate else _ask()
    with service.opened() as cashless:
        now = clock.now()

        def unit(session: Session) -> None:
            people.add(
                session, username, name=name, password=password, roles=roles, by=_BY, now=now
            )

        cashless.database.write(unit)
    click.echo(say("staff.added", username=username), err=True)
    if generate:
        click.echo(password)


@staff.command()
@click.argument("username")
@click.option("--generate", is_flag=True, help="Make a random password and print it.")
def reset(*, username: str, generate: bool) -> None:
    """Give a person a new password and sign them out everywhere."""
    password = passwords.suggest() if generate else _ask()
    with service.opened() as cashless:
        now = clock.now()

        def unit(session: Session) -> None:
            person = people.by_username(session, username)
            people.reset_password(session, person.id, password, by=_BY, now=now)

        cashless.database.write(unit)
    click.echo(say("staff.password_set", username=username), err=True)
    if generate:
        click.echo(password)


def _ask() -> str:
    answer: str = click.prompt(
        say("New password"), hide_input=True, confirmation_prompt=say("Once more"), err=True
    )
    return answer
