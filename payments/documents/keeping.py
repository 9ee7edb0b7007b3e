"""Keeping signed papers, and ending them: set by set, each step in the audit trail."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import case, literal, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments.core import approvals, audit, files
from payments.core.columns import Code, Instant, Words
from payments.core.database import rows_of, table_of
from payments.core.errors import Conflict
from payments.core.rows import insert_rows
from payments.core.signers import Signer
from payments.documents.signing import certificate_id
from payments.documents.tables import Document, Kind, State
from payments.documents.verdicts import PDF, XML

_AT_ONCE: Final = 500


class DocumentEnded(Conflict):
    """A paper that was cancelled or replaced already does not count and can't be ended again."""

    code = "document_ended"


class PaperCounts(Conflict):
    """There is a paper of this already, and it counts; it is cancelled before another is made."""

    code = "paper_counts"


@dataclass(frozen=True, slots=True)
class Paper:
    """A signed paper to be kept.

    `subject` names what it is the paper of, `receipt:<public id>`; only one paper of a subject
    counts at a time. `facts` are shown to whoever has the code: keys of `verify.fact.<key>` in
    the catalogue, values text, whole numbers (đồng under `amount`) or null; never who paid.
    """

    code: str
    kind: Kind
    subject: str
    facts: Mapping[str, Any]
    pdf: bytes = field(repr=False)
    xml: bytes | None = field(default=None, repr=False)


def keep_all(
    session: Session, papers: Sequence[Paper], *, signer: Signer, by: str, now: datetime
) -> dict[str, int]:
    """Keeps signed papers, valid from now on; the id of each by its code.

    Either all are kept or none. Raises `PaperCounts` where a subject has one that counts already.
    """
    if not papers:
        return {}
    _refuse_second(session, [one.subject for one in papers])
    pdfs = files.store_all(session, [one.pdf for one in papers], media_type=PDF)
    with_xml = [one.xml for one in papers if one.xml is not None]
    xmls = iter(files.store_all(session, with_xml, media_type=XML))
    certificate = certificate_id(session, signer)
    rows = [
        {
            "public_id": str(uuid7()),
            "code": one.code,
            "kind": Kind(one.kind).value,
            "subject": one.subject,
            "facts": dict(one.facts),
            "pdf_file_id": pdf,
            "pdf_sha256": _sha256(one.pdf),
            "xml_file_id": None if one.xml is None else next(xmls),
            "xml_sha256": None if one.xml is None else _sha256(one.xml),
            "signing_certificate_id": certificate,
            "signed_at": now,
            "state": State.VALID.value,
        }
        for one, pdf in zip(papers, pdfs, strict=True)
    ]
    insert_rows(session, table_of(Document), rows)
    _tell_kept(session, rows, by=by, now=now)
    return _ids(session, [one.code for one in papers])


def cancel_all(
    session: Session, document_ids: Sequence[int], *, reason: str, by: str, now: datetime
) -> None:
    """Papers that no longer count, and nothing in their place.

    Raises `NoReasonGiven`, `ReasonTooLong`, and `DocumentEnded` where one does not count already;
    then none is cancelled, if the unit of work ends with it.
    """
    why = approvals.given(reason)
    ended = {"reason": why, "ended_at": now, "ended_by": by}
    for part in _parts(document_ids):
        counting = (Document.id.in_(part), Document.state == State.VALID)
        done = session.execute(
            update(Document).where(*counting).values(state=State.CANCELLED.value, **ended)
        )
        if rows_of(done) != len(set(part)):
            raise DocumentEnded
        _tell_ended(session, part, State.CANCELLED, by=by, now=now, reason=why)


def replace_all(
    session: Session,
    successors: Mapping[int, int],
    *,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    """Papers in whose place others count: each successor's id by its predecessor's.

    A predecessor that counts ends now, for `reason`; one that was cancelled keeps its reason and
    moment. Raises `NoReasonGiven`, `ReasonTooLong`, `DocumentEnded` as `cancel_all` does.
    """
    why = approvals.given(reason)
    for part in _parts(list(successors)):
        still = Document.state == State.VALID
        done = session.execute(
            update(Document)
            .where(Document.id.in_(part), Document.state != State.REPLACED)
            .values(
                state=State.REPLACED.value,
                replaced_by_id=case({one: successors[one] for one in part}, value=Document.id),
                reason=case((still, literal(why, Words())), else_=Document.reason),
                ended_at=case((still, literal(now, Instant())), else_=Document.ended_at),
                ended_by=case((still, literal(by, Code())), else_=Document.ended_by),
            )
        )
        if rows_of(done) != len(part):
            raise DocumentEnded
        _tell_ended(session, part, State.REPLACED, by=by, now=now, reason=why)


def _refuse_second(session: Session, subjects: Sequence[str]) -> None:
    for part in _parts(subjects):
        counts = select(Document.subject).where(
            Document.subject.in_(part), Document.state == State.VALID.value
        )
        for subject in session.scalars(counts.limit(1)):
            raise PaperCounts(subject=subject)


def _ids(session: Session, codes: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in _parts(codes):
        rows = session.execute(select(Document.code, Document.id).where(Document.code.in_(part)))
        found.update((row.code, row.id) for row in rows)
    return {code: found[code] for code in codes}


def _tell_kept(
    session: Session, rows: Sequence[Mapping[str, Any]], *, by: str, now: datetime
) -> None:
    """One entry for the set: how many, and a digest over every code and file."""
    told = {row["code"]: [row["pdf_sha256"], row["xml_sha256"]] for row in rows}
    alone = len(rows) == 1
    audit.append(
        session,
        actor=by,
        action="document.kept",
        subject=f"document:{rows[0]['public_id']}" if alone else "documents",
        details={
            "count": len(rows),
            "first": rows[0]["public_id"],
            "last": rows[-1]["public_id"],
            "digest": audit.digest(told),
        },
        now=now,
    )


def _tell_ended(
    session: Session,
    document_ids: Sequence[int],
    state: State,
    *,
    by: str,
    now: datetime,
    reason: str,
) -> None:
    rows = select(Document.public_id, Document.code).where(Document.id.in_(document_ids))
    for row in session.execute(rows.order_by(Document.id)).all():
        audit.append(
            session,
            actor=by,
            action=f"document.{state}",
            subject=f"document:{row.public_id}",
            details={"code": row.code, "reason": reason},
            now=now,
        )


def _parts(many: Sequence[Any]) -> list[Sequence[Any]]:
    return [many[start : start + _AT_ONCE] for start in range(0, len(many), _AT_ONCE)]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
