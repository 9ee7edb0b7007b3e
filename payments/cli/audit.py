"""`cashless audit`: whether the chain of what was done still holds."""

from __future__ import annotations

import click

from payments.core import audit as trail
from payments.core import service
from payments.core.errors import Conflict
from payments.core.words import say


class AuditBroken(Conflict):
    """The audit chain does not hold: an entry was edited, removed or added."""

    code = "audit_broken"


class AuditCut(Conflict):
    """The audit chain no longer holds the head that was written down."""

    code = "audit_cut"


@click.group()
def audit() -> None:
    """Prove the audit trail."""


@audit.command()
@click.option("--head", help="A hash written down earlier, which the chain must still contain.")
def verify(head: str | None) -> None:
    """Read the whole audit chain; exit 2 when an entry was edited, removed or added."""
    with service.opened() as cashless:
        found = cashless.database.read(
            lambda session: trail.verify(session, head=head or trail.GENESIS)
        )
    if found.broken_at is not None:
        raise AuditBroken(entry=found.broken_at, good=found.entries)
    if not found.head_found:
        raise AuditCut(head=head, entries=found.entries)
    click.echo(say("audit.holds", entries=found.entries, head=found.head))
