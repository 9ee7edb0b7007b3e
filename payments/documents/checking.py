"""What the register knows of a paper: by its code, or by a file somebody has in hand."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from payments.core import files, signers
from payments.core.config import Mode
from payments.core.files import Kept
from payments.documents.codes import NoSuchCode, read_code
from payments.documents.signing import trusted
from payments.documents.tables import Document, SigningCertificate, State
from payments.documents.verdicts import Finding, Verified, verify

_FINDINGS = {
    State.VALID: Finding.VALID,
    State.CANCELLED: Finding.CANCELLED,
    State.REPLACED: Finding.REPLACED,
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a file came to: by its bytes, and by the register where it is known there."""

    finding: Finding
    verified: Verified
    document: Document | None = None


def by_code(session: Session, typed: str) -> Document:
    """The paper with this code, however it was typed. Raises `NoSuchCode`."""
    found = session.scalar(select(Document).where(Document.code == read_code(typed)))
    if found is None:
        raise NoSuchCode
    return found


def check(session: Session, content: bytes) -> Checked:
    """Whether a file is a paper of ours and still counts. Never raises for what is in it."""
    verified = verify(content, trusted(session))
    document = session.scalar(
        select(Document).where(
            or_(Document.pdf_sha256 == verified.sha256, Document.xml_sha256 == verified.sha256)
        )
    )
    if document is not None:
        return Checked(_FINDINGS[State(document.state)], verified, document)
    unknown = verified.finding == Finding.VALID
    return Checked(Finding.UNKNOWN if unknown else verified.finding, verified)


def counting(session: Session, subject: str) -> Document | None:
    """The paper of this subject that counts, if there is one."""
    return session.scalar(
        select(Document).where(Document.subject == subject, Document.state == State.VALID.value)
    )


def latest(session: Session, subject: str) -> Document | None:
    """The newest paper of this subject, whether it counts or not."""
    rows = select(Document).where(Document.subject == subject)
    return session.scalar(rows.order_by(Document.id.desc()).limit(1))


def successor(session: Session, document: Document) -> Document | None:
    """The paper that counts in the place of one that was replaced."""
    number = document.replaced_by_id
    return None if number is None else session.get_one(Document, number)


@dataclass(frozen=True, slots=True)
class Certified:
    """Who signed a paper, by the certificate's name; for practice, or with legal value."""

    name: str
    practice: bool


def certificate_of(session: Session, document: Document) -> Certified:
    """Who signed this paper."""
    row = session.get_one(SigningCertificate, document.signing_certificate_id)
    (certificate, *_) = signers.certificates(row.certificate)
    return Certified(signers.name_of(certificate), practice=row.mode == Mode.SANDBOX)


def finding_of(document: Document) -> Finding:
    """What the register says of a paper."""
    return _FINDINGS[State(document.state)]


def signed_pdf(session: Session, document: Document) -> Kept:
    """The signed PDF, as it was kept. Raises `FileDamaged`."""
    return files.fetch(session, document.pdf_file_id)


def signed_xml(session: Session, document: Document) -> Kept | None:
    """The signed XML, as it was kept; None for a paper that has none. Raises `FileDamaged`."""
    number = document.xml_file_id
    return None if number is None else files.fetch(session, number)
