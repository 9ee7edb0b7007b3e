"""`cashless audit`: whether the chain of what was done still holds, and its export."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
from sqlalchemy.orm import Session

from payments.core import audit as trail
from payments.core import clock, service
from payments.core.audit import AuditCut, Verdict
from payments.core.words import say
from payments.jobs import auditing

_FOLDER: Final = click.Path(exists=True, file_okay=False, writable=True, path_type=Path)
_VERIFIER: Final = Path(trail.__file__).with_name("verify_audit.py")


@click.group()
def audit() -> None:
    """Prove the audit trail and export it."""


@audit.command()
@click.option("--head", help="A hash written down earlier, which the chain must still contain.")
def verify(head: str | None) -> None:
    """Read the whole audit chain; exit 2 when an entry was edited, removed or added."""

    def unit(session: Session) -> Verdict:
        found = trail.verify(session, head=head or trail.GENESIS)
        trail.refuse(session, found)
        return found

    with service.opened() as cashless:
        found = cashless.database.read(unit)
    if not found.head_found:
        raise AuditCut(head=head, entries=found.entries)
    click.echo(say("audit.holds", entries=found.entries, head=found.head))


@audit.command()
@click.option("--to", "folder", type=_FOLDER, required=True, help="The folder to write into.")
def export(folder: Path) -> None:
    """Write the entries that a folder lacks as JSON lines, and the signed head of the chain."""
    with service.opened() as cashless:
        found = auditing.export(cashless, folder, now=clock.now())
    click.echo(say("audit.exported", entries=found.entries, head=found.head, folder=folder))


@audit.command()
def verifier() -> None:
    """Print the program by which an auditor checks an export with Python alone."""
    click.echo(_VERIFIER.read_text(encoding="utf-8"), nl=False)
