"""The payments half of the `cashless` command: one file for each group of commands."""

from __future__ import annotations

from typing import Final

from payments.core.commands import Commands

COMMANDS: Final = Commands(
    account="payments.cli.account",
    audit="payments.cli.audit",
    portal="payments.cli.portal",
    qr="payments.cli.qr",
    receipt="payments.cli.receipt",
    reference="payments.cli.reference",
    seed="payments.cli.seed",
    series="payments.cli.series",
    staff="payments.cli.staff",
    webhook="payments.cli.webhook",
)
