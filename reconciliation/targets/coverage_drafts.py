"""A file of figures on its way in the console: looked at, proposed by one, taken in by another.

Whoever brought it looks at it first. It goes to a second person as it was looked at: if its figures
would come to something else by then, it has to be proposed anew (`core.approvals`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments.core import approvals, audit, files
from payments.core.approvals import Approval
from payments.core.errors import Conflict, NotFound
from reconciliation.statements import Received
from reconciliation.targets import quarters
from reconciliation.targets.coverage_import import (
    Looked,
    Taken,
    Told,
    Warned,
    known,
    look,
    media_type,
    take_in,
)
from reconciliation.targets.coverage_refusals import FiguresUnconfirmed
from reconciliation.targets.coverage_sheet import Sheet
from reconciliation.targets.coverage_tables import CoverageDraft
from reconciliation.targets.quarters import Quarter

ACTION: Final = "coverage.import"
_LONGEST_FILENAME: Final = 200


class UnknownDraft(NotFound):
    """There is no such file of figures on its way; it was taken in or discarded."""

    code = "unknown_coverage_draft"


class NotProposed(Conflict):
    """The file waits for nobody: it was not proposed, or that was decided."""

    code = "figures_not_proposed"


class FiguresKnown(Conflict):
    """This very file is the quarter's newest version already."""

    code = "figures_known"


class FiguresProposed(Conflict):
    """The file waits for a second person; whoever proposed it takes that back first."""

    code = "figures_proposed"


def draft(
    session: Session, received: Received, sheet: Sheet, told: Told, *, by: str, now: datetime
) -> CoverageDraft:
    """Keeps a file that was read, to be looked at. Raises what `look` raises, or `FiguresKnown`."""
    if known(session, received, told.quarter) is not None:
        raise FiguresKnown(quarter=str(told.quarter))
    look(session, sheet, told, now=now)
    row = CoverageDraft(
        public_id=str(uuid7()),
        quarter=str(told.quarter),
        document=told.document.strip(),
        dated_on=told.dated_on,
        filename=received.filename[:_LONGEST_FILENAME],
        stored_file_id=files.store(session, received.content, media_type=media_type(received)),
        correction=None if told.correction is None else approvals.given(told.correction),
        drafted_at=now,
        drafted_by=by,
    )
    session.add(row)
    session.flush()
    _tell(session, row, "coverage.drafted", by=by, now=now)
    return row


def by_public_id(session: Session, public_id: str) -> CoverageDraft:
    """The draft of that public number. Raises `UnknownDraft`."""
    found = session.scalar(select(CoverageDraft).where(CoverageDraft.public_id == public_id))
    if found is None:
        raise UnknownDraft(draft=public_id[:40])
    return found


def drafts(session: Session, *, most: int) -> Sequence[CoverageDraft]:
    """Files on their way, the latest first."""
    rows = select(CoverageDraft).order_by(CoverageDraft.id.desc()).limit(most)
    return session.scalars(rows).all()


def received_of(session: Session, row: CoverageDraft) -> Received:
    """The file of a draft as it came."""
    return Received(files.fetch(session, row.stored_file_id).content, row.filename)


def told_of(row: CoverageDraft) -> Told:
    """What was said of it."""
    return Told(quarters.read(row.quarter), row.document, row.dated_on, row.correction)


def proposal(session: Session, row: CoverageDraft) -> Approval | None:
    """The proposal by which a draft waits for a second person, if it does."""
    waiting = approvals.live(session, ACTION, _subject(told_of(row).quarter))
    return waiting if waiting and waiting.shown["draft"] == row.public_id else None


def proposals(session: Session, row: CoverageDraft) -> Sequence[Approval]:
    """Every proposal that was made of a draft, in order."""
    made = approvals.of_subject(session, _subject(told_of(row).quarter))
    return [one for one in made if one.shown["draft"] == row.public_id]


def propose(
    session: Session,
    row: CoverageDraft,
    sheet: Sheet,
    *,
    confirmed: Sequence[str],
    by: str,
    now: datetime,
) -> Approval:
    """Proposes to take a draft in; `confirmed` are the codes of units said to be right.

    Raises what `look` raises, `FiguresUnconfirmed`, or `AlreadyProposed` while a file of that
    quarter waits.
    """
    told = told_of(row)
    looked = look(session, sheet, told, now=now)
    unconfirmed = [one for one in looked.warnings if one.agency not in confirmed]
    if unconfirmed:
        raise FiguresUnconfirmed(count=len(unconfirmed))
    return approvals.propose(
        session,
        ACTION,
        _subject(told.quarter),
        shown=_shown(row, sheet, looked),
        reason=told.correction or told.document,
        by=by,
        now=now,
    )


def approve(session: Session, row: CoverageDraft, sheet: Sheet, *, by: str, now: datetime) -> Taken:
    """Takes a proposed draft in, as it was proposed; the draft is gone then.

    Raises `NotProposed`, and what `approvals.approve` and `take_in` raise.
    """
    waiting = _waiting(session, row)
    told, received = told_of(row), received_of(session, row)
    looked = look(session, sheet, told, now=now)
    approvals.approve(session, waiting, shown=_shown(row, sheet, looked), by=by, now=now)
    taken = take_in(
        session,
        received,
        sheet,
        told,
        confirmed=looked.warnings,
        by=waiting.maker,
        approved_by=by,
        now=now,
    )
    session.delete(row)
    session.flush()
    return taken


def decline(session: Session, row: CoverageDraft, *, reason: str, by: str, now: datetime) -> None:
    """Sends a proposed draft back. Raises `NotProposed` and what `approvals.decline` raises."""
    approvals.decline(session, _waiting(session, row), reason=reason, by=by, now=now)


def withdraw(session: Session, row: CoverageDraft, *, by: str, now: datetime) -> None:
    """Takes one's proposal back. Raises `NotProposed` and what `approvals.withdraw` raises."""
    approvals.withdraw(session, _waiting(session, row), by=by, now=now)


def discard(session: Session, row: CoverageDraft, *, by: str, now: datetime) -> None:
    """Throws a draft away. Raises `FiguresProposed` while it waits for a second person."""
    if proposal(session, row) is not None:
        raise FiguresProposed
    _tell(session, row, "coverage.discarded", by=by, now=now)
    session.delete(row)
    session.flush()


def _waiting(session: Session, row: CoverageDraft) -> Approval:
    found = proposal(session, row)
    if found is None:
        raise NotProposed
    return found


def _subject(quarter: Quarter) -> str:
    return f"coverage:{quarter}"


def _shown(row: CoverageDraft, sheet: Sheet, looked: Looked) -> dict[str, Any]:
    """What the second person decides about."""
    return {
        "draft": row.public_id,
        "quarter": row.quarter,
        "version": looked.version,
        "document": row.document,
        "dated": row.dated_on.isoformat(),
        "correction": row.correction,
        "file": row.stored_file_id,
        "communes": len(sheet.figures),
        "population": sheet.population,
        "accounts": sheet.accounts,
        "missing": list(looked.missing),
        "striking": [_told(one) for one in looked.warnings],
    }


def _told(one: Warned) -> dict[str, Any]:
    return {"what": one.what.value, "agency": one.agency, "before": one.before, "now": one.now}


def _tell(session: Session, row: CoverageDraft, action: str, *, by: str, now: datetime) -> None:
    audit.append(
        session,
        actor=by,
        action=action,
        subject=f"coverage:{row.quarter}",
        details={"draft": row.public_id, "document": row.document, "file": row.stored_file_id},
        now=now,
    )
