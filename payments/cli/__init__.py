"""The payments half of the `cashless` command: one file for each group of commands."""

from __future__ import annotations

from typing import Final

import click

from payments.cli.qr import qr
from payments.cli.reference import reference

COMMANDS: Final[tuple[click.Command, ...]] = (
    qr,
    reference,
)
