"""The reconciliation half of the `cashless` command: one file for each group of commands."""

from __future__ import annotations

from typing import Final

from payments.core.commands import Commands

COMMANDS: Final = Commands(
    day="reconciliation.cli.day",
    ledger="reconciliation.cli.ledger",
    report="reconciliation.cli.report",
    statement="reconciliation.cli.statement",
    targets="reconciliation.cli.targets",
)
