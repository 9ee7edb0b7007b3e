"""Reading the audit chain to its end each night, and bringing it out of the database's reach.

Into the folder of the settings go the entries that are not there yet, as JSON lines, and the head
of the chain, signed. What the folder holds already is compared first: a chain that no longer holds
its newest head was rewritten or cut off, and nothing more is brought.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import IO, Final

from sqlalchemy.orm import Session

from payments import documents
from payments.core import audit
from payments.core.audit import AuditBroken, AuditCut, Finding, Head, Verdict
from payments.core.logs import log
from payments.core.service import Service

_HEADS: Final = "head-*.json"


def read_audit(cashless: Service, now: datetime) -> str:
    """Reads the whole chain, writes down what it found, and brings it where the settings say.

    Raises `AuditBroken` or `AuditCut`, once that is written down.
    """
    folder = cashless.config.audit_folder
    found, trouble = _read(cashless, folder)
    if trouble is None and folder is not None:
        _bring(cashless, folder, found, now=now)
    finding = _FINDINGS[type(trouble)]
    brought = trouble is None and folder is not None
    cashless.database.write(
        lambda session: audit.keep(session, found, finding, brought=brought, now=now)
    )
    log.info("audit.read", finding=finding.value, entries=found.entries, sha256=found.head)
    if trouble is not None:
        raise trouble
    return f"{found.entries} entries, head {found.head}"


def export(cashless: Service, folder: Path, *, now: datetime) -> Verdict:
    """Brings the entries and the signed head into a folder.

    Raises `AuditBroken` or `AuditCut`, and `UnreadableHead` where the folder holds an altered one.
    """
    found, trouble = _read(cashless, folder)
    if trouble is not None:
        raise trouble
    _bring(cashless, folder, found, now=now)
    return found


_FINDINGS: Final = {
    type(None): Finding.HOLDS,
    AuditBroken: Finding.BROKEN,
    AuditCut: Finding.CUT,
}


def _read(cashless: Service, folder: Path | None) -> tuple[Verdict, AuditBroken | AuditCut | None]:
    """What the whole chain is, and what is wrong with it."""
    known = None if folder is None else _newest(folder)

    def unit(session: Session) -> tuple[Verdict, AuditBroken | AuditCut | None]:
        found = audit.verify(session)
        try:
            audit.refuse(session, found, known)
        except (AuditBroken, AuditCut) as trouble:
            return found, trouble
        return found, None

    return cashless.database.read(unit)


def _newest(folder: Path) -> Head | None:
    """The head that the folder holds of the longest chain. Raises `UnreadableHead`."""
    heads = sorted(folder.glob(_HEADS))
    return audit.unsigned(heads[-1].read_bytes()) if heads else None


def _bring(cashless: Service, folder: Path, found: Verdict, *, now: datetime) -> None:
    """Writes what the folder lacks; each file is whole before it has its name."""
    before = _newest(folder)
    begun = 0 if before is None else before.entries
    if found.entries == begun:
        return
    signer = cashless.database.write(
        lambda session: documents.signer_of(session, cashless.config, cashless.vault, now=now)
    )
    earlier = None if before is None else before.hash

    def lines(to: IO[bytes]) -> None:
        def unit(session: Session) -> None:
            to.seek(0)
            to.truncate()
            to.writelines(audit.after(session, earlier, until=found.head))

        cashless.database.read(unit)

    head = Head(found.entries, found.head, now)
    _write(folder / f"audit-{begun + 1:010}-{found.entries:010}.jsonl", lines)
    _write(folder / f"head-{found.entries:010}.json", _written(audit.signed(head, signer)))


def _written(content: bytes) -> Callable[[IO[bytes]], None]:
    def write(to: IO[bytes]) -> None:
        to.write(content)

    return write


def _write(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
