"""Working a break: who looks after it, what is written about it, and taking a decision back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments import agencies
from payments.core import approvals, audit, files
from payments.core.approvals import Approval
from payments.core.errors import Conflict, Invalid, NotFound
from reconciliation.breaks.tables import Break, BreakNote, NoteKind, State

LONGEST_NOTE: Final = 4000
LONGEST_NUMBER: Final = 60
LONGEST_NAME: Final = 120
MOST_BYTES: Final = 5 << 20

KINDS_OF_FILES: Final = (
    (b"%PDF-", "application/pdf", (".pdf",)),
    (b"\x89PNG\r\n\x1a\n", "image/png", (".png",)),
    (b"\xff\xd8\xff", "image/jpeg", (".jpg", ".jpeg")),
    (
        b"PK\x03\x04",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        (".xlsx",),
    ),
    (
        b"PK\x03\x04",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        (".docx",),
    ),
)
"""What may be attached: how it begins, what it is, how its name ends."""


class NothingWritten(Invalid):
    """A note has words or an attachment, and a letter its number."""

    code = "nothing_written"


class NotToBeAttached(Invalid):
    """Attached are PDF, PNG, JPEG, XLSX and DOCX files of 5 MB at most."""

    code = "not_to_be_attached"


class NothingToReopen(Conflict):
    """Reopened are breaks that were accepted as they are, or wait; one whose cause is gone isn't.

    It comes back by itself when the cause does.
    """

    code = "nothing_to_reopen"


class BreakChanged(Conflict):
    """Somebody decided about the break, or it changed, since it was shown."""

    code = "break_changed"


class AwaitsSecondPerson(Conflict):
    """A decision about the break is proposed and waits for a second person."""

    code = "awaits_second_person"


class UnknownNote(NotFound):
    """The break has no note of that number."""

    code = "unknown_note"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file on its way to a note."""

    filename: str
    content: bytes


def is_live(one: Break) -> bool:
    """Whether somebody still has to decide."""
    return one.cleared_at is None and one.state != State.RESOLVED


def version_of(one: Break) -> str:
    """The mark of how a break stands: what it is, and what was decided about it.

    A page shows it and sends it back, so that nobody decides about a break that is no longer so.
    """
    days = (one.waiting_until, one.resolved_at)
    return audit.digest(
        {
            "kind": one.kind,
            "amount": int(one.amount),
            "proposed": one.approval_id,
            "resolution": one.resolution,
            "when": [None if day is None else day.isoformat() for day in days],
        }
    )[:16]


def check_seen(found: Iterable[Break], seen: Mapping[str, str]) -> None:
    """Breaks stand as they were seen, by public number. Raises `BreakChanged`."""
    if any(seen.get(one.public_id) != version_of(one) for one in found):
        raise BreakChanged


def hand_to(session: Session, one: Break, *, owner: str | None, by: str, now: datetime) -> None:
    """Gives a break to somebody to look after, or with None back to everybody."""
    _hold(session, one)
    one.owner = owner
    if one.state in (State.OPEN, State.ASSIGNED):
        one.state = (State.OPEN if owner is None else State.ASSIGNED).value
    session.flush()
    tell(session, one, "handed", by=by, now=now, owner=owner)


def write(
    session: Session,
    one: Break,
    words: str,
    *,
    kind: NoteKind = NoteKind.NOTE,
    number: str = "",
    attachment: Attachment | None = None,
    by: str,
    now: datetime,
) -> BreakNote:
    """Writes a note about a break. Raises `NothingWritten` or `NotToBeAttached`."""
    told, numbered = words.strip()[:LONGEST_NOTE], number.strip()[:LONGEST_NUMBER]
    if not (told or attachment) or (kind is NoteKind.LETTER and not numbered):
        raise NothingWritten(pointer="/words")
    row = BreakNote(
        public_id=str(uuid7()),
        break_id=one.id,
        kind=kind.value,
        words=told,
        number=numbered or None,
        written_at=now,
        written_by=by,
    )
    if attachment is not None:
        row.filename = _name(attachment.filename)
        row.stored_file_id = files.store(
            session, attachment.content, media_type=_media_type(attachment)
        )
    session.add(row)
    session.flush()
    tell(session, one, "noted", by=by, now=now, kind=kind.value, note=row.public_id)
    return row


def notes_of(session: Session, one: Break) -> Sequence[BreakNote]:
    """The notes about a break, in order."""
    rows = select(BreakNote).where(BreakNote.break_id == one.id)
    return session.scalars(rows.order_by(BreakNote.id)).all()


def attached(session: Session, one: Break, note_id: str) -> tuple[str, files.Kept]:
    """(name, content) of what is attached to a note. Raises `UnknownNote`."""
    row = session.scalar(
        select(BreakNote).where(BreakNote.public_id == note_id, BreakNote.break_id == one.id)
    )
    if row is None or row.stored_file_id is None or row.filename is None:
        raise UnknownNote(note=note_id[:40])
    return row.filename, files.fetch(session, row.stored_file_id)


def letter(session: Session, one: Break, note_id: str) -> BreakNote:
    """The letter of inquiry of that number about a break. Raises `UnknownNote`."""
    row = session.scalar(
        select(BreakNote).where(
            BreakNote.public_id == note_id,
            BreakNote.break_id == one.id,
            BreakNote.kind == NoteKind.LETTER,
        )
    )
    if row is None:
        raise UnknownNote(note=note_id[:40])
    return row


def reopen(
    session: Session,
    one: Break,
    *,
    reason: str,
    by: str,
    now: datetime,
    seen: Mapping[str, str] | None = None,
) -> None:
    """Takes back that a break was accepted as it is, or that one waits.

    `seen` is how the break was shown, where it was. Raises `NoReasonGiven`, `ReasonTooLong`,
    `NothingToReopen` or `BreakChanged`.
    """
    why = approvals.given(reason)
    _hold(session, one)
    if one.cleared_at is not None or (is_live(one) and one.waiting_until is None):
        raise NothingToReopen
    if seen is not None:
        check_seen([one], seen)
    if one.state == State.RESOLVED:
        one.state = (State.OPEN if one.owner is None else State.ASSIGNED).value
    one.waiting_until = one.resolution = one.resolved_by = one.resolved_at = None
    session.flush()
    tell(session, one, "reopened", by=by, now=now, reason=why)


def back_to_work(session: Session, chosen: Iterable[Break]) -> None:
    """Takes breaks out of a proposal that was decided."""
    for one in chosen:
        one.state = (State.OPEN if one.owner is None else State.ASSIGNED).value
        one.approval_id = None
    session.flush()


def lapse(session: Session, approval: Approval, *, reason: str, by: str, now: datetime) -> None:
    """Ends a proposal of whose breaks one is gone; the others are as before."""
    approvals.lapse(session, approval, reason=reason, by=by, now=now)
    chosen = session.scalars(
        select(Break).where(Break.approval_id == approval.id).order_by(Break.id)
    ).all()
    back_to_work(session, chosen)
    for one in chosen:
        tell(session, one, "lapsed", by=by, now=now, proposal=approval.public_id, reason=reason)


def tell(
    session: Session, one: Break, what: str, *, by: str, now: datetime, **details: object
) -> None:
    """Notes in the audit trail what was done about a break."""
    audit.append(
        session,
        actor=by,
        action=f"break.{what}",
        subject=f"break:{one.public_id}",
        details=details,
        now=now,
    )


def _hold(session: Session, one: Break) -> None:
    agencies.lock(session, one.collection_account_id)
    session.refresh(one)


def _name(filename: str) -> str:
    """A file's name without its folders, and without what no name should hold."""
    last = filename.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip()[
        -LONGEST_NAME:
    ]


def _media_type(attachment: Attachment) -> str:
    """What a file is by how it begins and how its name ends. Raises `NotToBeAttached`."""
    ending = attachment.filename.lower()
    if 0 < len(attachment.content) <= MOST_BYTES:
        for begins, media_type, endings in KINDS_OF_FILES:
            if attachment.content.startswith(begins) and ending.endswith(endings):
                return media_type
    raise NotToBeAttached(pointer="/file", most=MOST_BYTES >> 20)
