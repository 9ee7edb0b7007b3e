"""The register of signed papers: kept once, ended once, never made valid again, never deleted."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments import documents
from payments.core import audit
from payments.core.approvals import NoReasonGiven
from payments.core.audit import AuditEntry
from payments.core.database import Database
from payments.core.vault import Unopenable, Vault
from payments.documents import (
    Document,
    DocumentEnded,
    Finding,
    Kind,
    NoSuchCode,
    Paper,
    PaperCounts,
    SigningCertificate,
    State,
)
from tests.builders import NOON, a_vault
from tests.services import a_config
from tests.signed_papers import BY, a_kept_paper, a_pdf, a_signer, pem_of

LATER = NOON + timedelta(hours=1)
WHY = "Số tiền sai"


def cancel(session: Session, *papers: Document, by: str = BY) -> None:
    ids = [paper.id for paper in papers]
    documents.cancel_all(session, ids, reason=WHY, by=by, now=LATER)
    session.expire_all()


def test_a_kept_paper_is_found_by_its_code_and_by_its_files(session: Session) -> None:
    paper = a_kept_paper(session)
    assert documents.by_code(session, paper.code).id == paper.id
    for kept in (documents.signed_pdf(session, paper), documents.signed_xml(session, paper)):
        assert kept
        checked = documents.check(session, kept.content)
        assert (checked.finding, checked.verified.finding) == (Finding.VALID, Finding.VALID)
        assert checked.verified.practice
        assert checked.document
        assert checked.document.id == paper.id
    assert paper.facts["amount"] == 150_000
    assert paper.signed_at == NOON


def test_a_code_is_a_hundred_random_bits_and_safe_to_type(session: Session) -> None:
    """Small letters, spaces, and letters easily mistaken for others do not matter."""
    codes = documents.new_codes(500)
    assert len(set(codes)) == 500
    shape = "-".join(["[0-9A-HJKMNP-TV-Z]{4}"] * 5)
    assert all(re.fullmatch(shape, code) for code in codes)
    assert len(set("".join(codes))) == 33
    paper = a_kept_paper(session)
    typed = f"  {paper.code.lower().replace('-', ' – ')} ".replace("1", "l").replace("0", "O")
    assert documents.by_code(session, typed).id == paper.id


@pytest.mark.parametrize(
    "typed", ["", "-", "7K3M", "7K3M-9QXA-B2CD-EFGH-JKM!", "x" * 5000, "0" * 20]
)
def test_a_code_nobody_has_is_told(session: Session, typed: str) -> None:
    with pytest.raises(NoSuchCode):
        documents.by_code(session, typed)


def test_a_cancelled_paper_says_why_and_does_not_count(session: Session) -> None:
    paper = a_kept_paper(session)
    content = documents.signed_pdf(session, paper).content
    cancel(session, paper, by="staff:4")
    assert (paper.state, paper.reason, paper.ended_by) == (State.CANCELLED, WHY, "staff:4")
    assert paper.ended_at == LATER
    checked = documents.check(session, content)
    assert (checked.finding, checked.verified.finding) == (Finding.CANCELLED, Finding.VALID)
    assert documents.counting(session, paper.subject) is None
    with pytest.raises(DocumentEnded):
        cancel(session, paper)


def test_ending_asks_for_a_reason(session: Session) -> None:
    paper = a_kept_paper(session)
    with pytest.raises(NoReasonGiven):
        documents.cancel_all(session, [paper.id], reason=" ", by=BY, now=LATER)
    with pytest.raises(NoReasonGiven):
        documents.replace_all(session, {paper.id: paper.id}, reason="", by=BY, now=LATER)


def test_a_replaced_paper_leads_to_its_successor(session: Session) -> None:
    old, new = a_kept_paper(session), a_kept_paper(session, subject="receipt:2")
    documents.replace_all(session, {old.id: new.id}, reason=WHY, by=BY, now=LATER)
    session.expire_all()
    assert (old.state, new.state) == (State.REPLACED, State.VALID)
    assert (old.reason, old.ended_at, old.ended_by) == (WHY, LATER, BY)
    found = documents.successor(session, old)
    assert found
    assert found.id == new.id
    assert documents.successor(session, new) is None
    with pytest.raises(DocumentEnded):
        documents.replace_all(session, {old.id: new.id}, reason=WHY, by=BY, now=LATER)


def test_a_cancelled_paper_can_still_be_replaced_and_keeps_its_reason(session: Session) -> None:
    """A day that is closed again: the old record was cancelled when it was reopened."""
    old = a_kept_paper(session)
    cancel(session, old)
    new = a_kept_paper(session)
    documents.replace_all(
        session, {old.id: new.id}, reason="Ký lại", by=BY, now=LATER + LATER.resolution
    )
    session.expire_all()
    assert (old.state, old.reason, old.ended_at) == (State.REPLACED, WHY, LATER)
    assert documents.counting(session, old.subject) is new
    assert documents.latest(session, old.subject) is new


def test_many_are_kept_and_ended_in_one_go(session: Session) -> None:
    signer = documents.signer_of(session, a_config(), a_vault(), now=NOON)
    papers = [
        Paper(code, Kind.RECEIPT, f"receipt:{code}", {"amount": 1}, pdf=f"%PDF {code}".encode())
        for code in documents.new_codes(1100)
    ]
    ids = documents.keep_all(session, papers, signer=signer, by=BY, now=NOON)
    assert list(ids) == [paper.code for paper in papers]
    documents.cancel_all(session, list(ids.values())[:600], reason=WHY, by=BY, now=LATER)
    states = session.execute(select(Document.state, func.count()).group_by(Document.state)).all()
    assert sorted(tuple(row) for row in states) == [("cancelled", 600), ("valid", 500)]
    assert documents.keep_all(session, [], signer=signer, by=BY, now=NOON) == {}
    assert audit.verify(session).holds


def test_what_was_done_stands_in_the_audit_trail(session: Session) -> None:
    paper = a_kept_paper(session)
    cancel(session, paper)
    entries = audit.of_subjects(session, [f"document:{paper.public_id}"], most=9)
    assert [entry.action for entry in entries] == ["document.kept", "document.cancelled"]
    assert entries[1].details["reason"] == WHY
    assert session.scalars(select(AuditEntry.actor)).all() == [BY, BY]


def refused(session: Session, statement: object) -> None:
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(statement)  # type: ignore[call-overload]


def test_the_database_alone_keeps_a_paper_as_it_is(session: Session) -> None:
    """Nothing deletes it, changes what it is, or lets a cancelled one count again."""
    paper = a_kept_paper(session)
    one = update(Document).where(Document.id == paper.id)
    refused(session, delete(Document).where(Document.id == paper.id))
    refused(session, one.values(facts={"amount": 1}))
    refused(session, one.values(code=documents.new_codes(1)[0]))
    refused(session, one.values(pdf_sha256="0" * 64))
    refused(session, one.values(state=State.CANCELLED.value))  # without a reason
    refused(session, one.values(state=State.REPLACED.value, reason="x", ended_at=NOON, ended_by=BY))
    cancel(session, paper)
    counts = {"reason": None, "ended_at": None, "ended_by": None}
    refused(session, one.values(state=State.VALID.value, **counts))
    refused(session, one.values(reason="another"))
    refused(session, delete(SigningCertificate))
    refused(session, update(SigningCertificate).values(certificate="x"))


def test_one_paper_of_a_subject_counts(session: Session) -> None:
    paper = a_kept_paper(session)
    with pytest.raises(PaperCounts):
        a_kept_paper(session)
    cancel(session, paper)
    assert a_kept_paper(session).state == State.VALID


@pytest.mark.committed
def test_one_paper_of_a_subject_counts_even_when_many_are_made_at_once(database: Database) -> None:
    """Who comes second is refused by the database, whatever was seen before."""
    start, done = threading.Barrier(4), []

    def keep() -> None:
        start.wait()
        try:
            done.append(database.write(lambda session: a_kept_paper(session).code))
        except (PaperCounts, DBAPIError) as error:
            done.append(type(error).__name__)

    threads = [threading.Thread(target=keep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 4
    assert sum("-" in one for one in done) == 1


def test_a_paper_the_register_does_not_know_is_unknown(session: Session) -> None:
    """It carries our signature, and was never issued: a stolen key, or a lost database."""
    a_kept_paper(session)
    signer = documents.signer_of(session, a_config(), a_vault(), now=NOON)
    content = documents.sign_pdf(a_pdf(), signer, at=NOON)
    checked = documents.check(session, content)
    assert (checked.finding, checked.verified.finding) == (Finding.UNKNOWN, Finding.VALID)
    assert documents.check(session, content + b"\n").finding == Finding.ALTERED
    assert documents.check(session, a_pdf()).finding == Finding.UNSIGNED


def test_the_practice_certificate_says_what_it_is_worth_and_is_made_once(session: Session) -> None:
    first = documents.signer_of(session, a_config(), a_vault(), now=NOON)
    again = documents.signer_of(session, a_config(), a_vault(), now=LATER)
    assert first.certificate == again.certificate
    assert first.practice
    assert "không có giá trị pháp lý" in first.certificate.subject.rfc4514_string()
    assert documents.trusted(session) == [first.certificate]
    with pytest.raises(Unopenable):
        documents.signer_of(session, a_config(), Vault([b"x" * 32]), now=NOON)


def test_a_key_of_the_settings_signs_and_earlier_certificates_stay_trusted(
    session: Session,
) -> None:
    practised = a_kept_paper(session)
    signer = a_signer()
    config = a_config(signing=pem_of(signer))
    found = documents.signer_of(session, config, a_vault(), now=NOON)
    assert (found.certificate, found.practice) == (signer.certificate, False)
    documents.signer_of(session, config, a_vault(), now=LATER)
    assert len(documents.trusted(session)) == 2
    pdf = documents.signed_pdf(session, practised).content
    assert documents.check(session, pdf).finding == Finding.VALID
    assert documents.certificates_pem(session).count("BEGIN CERTIFICATE") == 2


@pytest.mark.committed
def test_processes_that_begin_at_once_sign_with_the_same_certificate(database: Database) -> None:
    found: list[bytes] = []
    start = threading.Barrier(6)

    def begin() -> None:
        start.wait()
        signer = database.write(
            lambda session: documents.signer_of(session, a_config(), a_vault(), now=NOON)
        )
        found.append(signer.certificate.signature)

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1
