"""The signed record of a closed day: signed once, cancelled when the day is reopened, replaced."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
import time_machine
import zxingcpp
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import documents
from payments.core.database import Database
from payments.documents import Document, Finding, Kind, Paper, State
from reconciliation import day_close, reports
from reconciliation.day_close import AccountDay
from reconciliation.jobs import sign_closed
from reconciliation.reports import Desk
from tests.bank import TODAY, BankLine, a_statement, run
from tests.builders import NOON, Province, a_payment_request, a_province, paid
from tests.papers import picture_of, text_of
from tests.services import BASE_URL, a_service
from tests.signed_papers import a_signer, pem_of

NIGHT = NOON + timedelta(hours=13)
LATER = NIGHT + timedelta(hours=2)
MAKER, CHECKER = "staff:1", "staff:2"


@pytest.fixture
def province(session: Session) -> Province:
    """A closed day with a payment."""
    one = a_province(session)
    request = a_payment_request(one)
    paid(one, request)
    a_statement(one, BankLine(50_000, request.reference))
    run(one)
    close(one)
    session.commit()
    return one


def close(province: Province, *, now: datetime = NIGHT) -> None:
    told = (province.session, province.account.id, TODAY)
    day_close.propose(*told, by=MAKER, now=now)
    day_close.close(*told, by=CHECKER, now=now)


def reopen(province: Province, *, now: datetime = LATER) -> None:
    told = (province.session, province.account.id, TODAY)
    row = day_close.propose_reopening(*told, reason="Sao kê thiếu dòng", by=MAKER, now=now)
    proposal = day_close.reopening_of(row)
    day_close.reopen(*told, proposal=proposal, by=CHECKER, now=now)


def sign(database: Database, *, now: datetime = NIGHT, **settings: object) -> str:
    """The job, as the scheduler runs it."""
    with time_machine.travel(now, tick=False):
        return sign_closed(a_service(database, **settings), now)


def papers(province: Province) -> list[Document]:
    province.session.expire_all()
    return list(province.session.scalars(select(Document).order_by(Document.id)))


def record(province: Province) -> bytes:
    province.session.expire_all()
    return reports.day_record(province.session, province.account, TODAY)


def test_a_closed_day_is_signed_once_and_given_out_as_signed(
    database: Database, province: Province
) -> None:
    assert "Bản này chưa được ký số" in text_of(record(province))
    assert sign(database) == "1 of 1 records"
    assert sign(database) == "0 of 0 records"
    (paper,) = papers(province)
    content = record(province)
    assert content == record(province)
    checked = documents.check(province.session, content)
    assert (checked.finding, checked.verified.signed_at) == (Finding.VALID, NIGHT)
    assert checked.document is paper
    assert paper.facts == {
        "agency": "Tỉnh mẫu",
        "account": province.account.number,
        "day": "2026-11-24",
        "verdict": "reconciled",
    }


def test_the_record_carries_the_code_by_which_it_is_checked(
    database: Database, province: Province
) -> None:
    """As words and as a QR code that leads to the public page."""
    sign(database)
    (paper,) = papers(province)
    content, address = record(province), f"{BASE_URL}/verify/{paper.code}"
    text = text_of(content)
    assert paper.code in text
    assert address in text
    assert "chưa được ký số" not in text
    pages = text.count("\f")
    read = [zxingcpp.read_barcodes(picture_of(content, page=1 + n, dpi=150)) for n in range(pages)]
    assert [one.text for found in read for one in found] == [address]


def test_an_open_day_is_not_signed(database: Database, province: Province) -> None:
    reopen(province)
    province.session.commit()
    assert sign(database, now=LATER) == "0 of 0 records"
    assert papers(province) == []
    assert "Ngày này chưa khóa sổ" in text_of(record(province))


def test_reopening_cancels_the_record_and_closing_again_replaces_it(
    database: Database, province: Province
) -> None:
    sign(database)
    first = record(province)
    reopen(province)
    province.session.commit()
    (old,) = papers(province)
    assert (old.state, old.reason, old.ended_by) == (State.CANCELLED, "Sao kê thiếu dòng", CHECKER)
    assert documents.check(province.session, first).finding == Finding.CANCELLED
    run(province, now=LATER)
    close(province, now=LATER)
    province.session.commit()
    assert sign(database, now=LATER) == "1 of 1 records"
    old, new = papers(province)
    assert (old.state, new.state) == (State.REPLACED, State.VALID)
    assert old.replaced_by_id == new.id
    assert documents.check(province.session, first).finding == Finding.REPLACED
    assert documents.check(province.session, record(province)).document is new


def test_a_day_reopened_before_it_was_signed_leaves_no_paper(
    database: Database, province: Province
) -> None:
    reopen(province)
    close(province, now=LATER)
    province.session.commit()
    assert sign(database, now=LATER) == "1 of 1 records"
    assert [paper.state for paper in papers(province)] == [State.VALID]


def test_the_key_of_the_settings_signs(database: Database, province: Province) -> None:
    signer = a_signer()
    sign(database, signing=pem_of(signer))
    found = documents.verify(record(province), [signer.certificate])
    assert (found.finding, found.practice) == (Finding.VALID, False)


def test_a_record_that_cannot_be_signed_now_is_signed_later(
    database: Database, province: Province
) -> None:
    """A certificate out of force: nothing is signed, the day stays closed, and is not forgotten."""
    signer = a_signer(end=NIGHT - timedelta(days=1))
    with pytest.raises(documents.CertificateNotInForce):
        sign(database, signing=pem_of(signer))
    assert papers(province) == []
    assert sign(database) == "1 of 1 records"


def test_who_signs_by_an_earlier_look_is_refused_by_the_register(
    database: Database, province: Province
) -> None:
    """The naive way: it was waiting a moment ago. Signing looks again under the account's lock."""
    session, config = province.session, a_service(database).config
    signer = documents.signer_of(session, config, province.vault, now=NIGHT)
    desk = Desk(signer, BASE_URL)
    ((account, day),) = day_close.without_paper(session)
    assert reports.sign_day_record(session, account, day, desk=desk, now=NIGHT)
    assert not reports.sign_day_record(session, account, day, desk=desk, now=NIGHT)
    (paper,) = papers(province)
    again = Paper("0000-0000-0000-0000-0000", Kind.DAY_RECORD, paper.subject, {}, pdf=b"%PDF-")
    with pytest.raises(documents.PaperCounts):
        documents.keep_all(session, [again], signer=signer, by=CHECKER, now=NIGHT)


@pytest.mark.committed
def test_schedulers_that_sign_at_once_sign_one(database: Database) -> None:
    """Each finds the day waiting; the account's lock lets one after the other look again."""

    def prepare(session: Session) -> None:
        one = a_province(session)
        request = a_payment_request(one)
        paid(one, request)
        a_statement(one, BankLine(50_000, request.reference))
        run(one)
        close(one)

    database.write(prepare)
    start, said = threading.Barrier(3), []

    def go() -> None:
        start.wait()
        said.append(sign_closed(a_service(database), NIGHT))

    threads = [threading.Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 3
    kept = database.read(lambda session: session.scalars(select(Document.state)).all())
    assert kept == [State.VALID]
    rows = database.read(lambda session: session.scalars(select(AccountDay.document_id)).all())
    assert rows != [None]
