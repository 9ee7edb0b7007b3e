"""`cashless targets`: how far the province is with fees paid without cash."""

from __future__ import annotations

import click

from reconciliation.cli import coverage, shares


@click.group()
def targets() -> None:
    """Tell how far the province is: fees paid without cash, people with an account."""


for command in (
    shares.report,
    shares.roll_up,
    shares.prove,
    coverage.import_,
    coverage.set_,
):
    targets.add_command(command)
