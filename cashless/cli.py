"""The command `cashless`: both halves' commands and its own, in Vietnamese or English.

Exit codes: 0 done; 1 stopped by the user or the reader of our output; 2 refused, with the reason;
3 not possible now, try again later.
"""

from __future__ import annotations

import gettext
import os
import sys
from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, cast

import click

from payments.cli import COMMANDS as PAYMENTS
from payments.core import words
from payments.core.commands import Commands
from payments.core.errors import CashlessError, Unavailable
from payments.core.words import LANGUAGES, say

OWN: Final = Commands(
    migrate="cashless.serve",
    run="cashless.serve",
    scheduler="cashless.serve",
    web="cashless.serve",
)

_REFUSED: Final = 2
_LATER: Final = 3


class _Spoken(click.Group):
    """A group whose commands explain themselves in the reader's language."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, its help translated."""
        command = super().get_command(ctx, cmd_name)
        return None if command is None else _translated(command)


def _translated(command: click.Command) -> click.Command:
    """The command and all below it, their help in the reader's language."""
    command.help = say(command.help) if command.help else None
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.help:
            parameter.help = say(parameter.help)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _translated(below)
    return command


def _speak(_context: click.Context, _parameter: click.Parameter, chosen: str) -> None:
    """Sets the language of this command, click's own words included."""
    words.language.set(chosen)
    os.environ["LANGUAGE"] = chosen  # where click, through gettext, looks for its words
    gettext.bindtextdomain("messages", str(words.TRANSLATIONS))


def _usual_language(environ: Mapping[str, str]) -> str:
    """The language the machine is set to, where we speak it; else Vietnamese."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        spoken = environ.get(name, "")[:2]
        if spoken in LANGUAGES:
            return spoken
    return "vi"


_ALL: Final = cast(
    MutableMapping[str, click.Command],
    ChainMap(*(cast(MutableMapping[str, Any], half) for half in (OWN, PAYMENTS))),
)


@click.group(cls=_Spoken, commands=_ALL)
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default=lambda: _usual_language(os.environ),
    callback=_speak,
    is_eager=True,
    expose_value=False,
    help="The language of answers; the machine's own without it.",
)
def cashless() -> None:
    """Take fees by VietQR, book them, and prove each day."""


def main() -> None:
    """Runs the command. What is refused is said in a sentence, on standard error."""
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
