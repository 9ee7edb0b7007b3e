"""The command `cashless`: both halves' commands and its own, in Vietnamese or English.

Exit codes: 0 done; 1 stopped by the user or the reader of our output; 2 refused, with the reason;
3 not possible now, try again later.
"""

from __future__ import annotations

import copy
import gettext
import inspect
import os
import sys
from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from importlib.util import find_spec
from typing import Any, Final, TypeVar, cast

import click

from payments.cli import COMMANDS as PAYMENTS
from payments.core import words
from payments.core.commands import Commands
from payments.core.errors import CashlessError, Unavailable
from payments.core.words import LANGUAGES, say
from reconciliation.cli import COMMANDS as RECONCILIATION

PRACTICE: Final = {"sandbox": "sandbox.commands"} if find_spec("zxingcpp") else {}
"""The practice bank, where what it needs is installed (the extra `sandbox`)."""

OWN: Final = Commands(
    config="cashless.config",
    demo="cashless.demo.command",
    migrate="cashless.serve",
    run="cashless.run",
    scheduler="cashless.serve",
    seed="cashless.seed",
    web="cashless.serve",
    **PRACTICE,
)

Told = TypeVar("Told", bound=click.Command)

_REFUSED: Final = 2
_LATER: Final = 3


class _Spoken(click.Group):
    """A group that explains itself and its commands in the reader's language."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, its help translated."""
        command = super().get_command(ctx, cmd_name)
        return None if command is None else translated(command)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the help of the group itself, translated."""
        click.Group.format_help(_translated(self), ctx, formatter)


def translated(command: click.Command) -> click.Command:
    """A copy of the command and all below it, their help in the reader's language."""
    told = _translated(command)
    if isinstance(told, click.Group):
        told.commands = {name: translated(below) for name, below in told.commands.items()}
    return told


def _translated(command: Told) -> Told:
    told = copy.copy(command)
    told.help = say(inspect.cleandoc(command.help)) if command.help else None
    told.params = [_translated_option(parameter) for parameter in command.params]
    return told


def _translated_option(parameter: click.Parameter) -> click.Parameter:
    if not isinstance(parameter, click.Option) or not parameter.help:
        return parameter
    told = copy.copy(parameter)
    told.help = say(parameter.help)
    return told


def speak(chosen: str) -> None:
    """Sets the language of this command, click's own words included."""
    words.language.set(chosen)
    os.environ["LANGUAGE"] = chosen  # where click, through gettext, looks for its words
    gettext.bindtextdomain("click", str(words.TRANSLATIONS))
    gettext.textdomain("click")


def _usual_language(environ: Mapping[str, str]) -> str:
    """The language the machine is set to, where we speak it; else Vietnamese."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        spoken = environ.get(name, "")[:2]
        if spoken in LANGUAGES:
            return spoken
    return "vi"


_ALL: Final = cast(
    MutableMapping[str, click.Command],
    ChainMap(*(cast(MutableMapping[str, Any], half) for half in (OWN, PAYMENTS, RECONCILIATION))),
)


@click.group(cls=_Spoken, commands=_ALL)
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    callback=lambda _context, _option, chosen: speak(chosen) if chosen else None,
    is_eager=True,
    expose_value=False,
    help="The language of answers; the machine's own without it.",
)
def cashless() -> None:
    """Take fees by VietQR, book them, and prove each day."""


def main() -> None:
    """Runs the command. What is refused is said in a sentence, on standard error."""
    speak(_usual_language(os.environ))
    try:
        cashless(prog_name="cashless")
    except CashlessError as error:
        told = say(f"error.{error.code}", **cast(dict[str, Any], error.fields))
        click.echo(told, err=True)
        sys.exit(_LATER if isinstance(error, Unavailable) else _REFUSED)
    except OSError as error:
        click.echo(say("error.machine", reason=error.strerror, file=error.filename), err=True)
        sys.exit(_LATER)


if __name__ == "__main__":
    main()
