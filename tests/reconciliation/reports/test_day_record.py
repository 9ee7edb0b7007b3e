"""The record of a day: a draft until it is closed, then the same bytes for ever."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import staff
from payments.core import words
from payments.staff import Role
from reconciliation import day_close, reports
from reconciliation.day_close import DayNotRun
from tests.bank import TODAY, BankLine, a_statement, camt, run
from tests.builders import NOON, Province, a_payment_request, a_province, paid

NIGHT = NOON + timedelta(hours=13)
needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="apt-get install poppler-utils"
)


@pytest.fixture
def province(session: Session) -> Province:
    """A day with a payment, a charge that nobody explained, and two people."""
    one = a_province(session)
    for username, name, role in (
        ("lap", "Nguyễn Thị Lập", Role.RECONCILER),
        ("soat", "Trần Văn Soát", Role.APPROVER),
    ):
        staff.add(
            session,
            username,
            name=name,
            password="a long enough password",
            roles=[role],
            by="command:test",
            now=NOON,
        )
    return one


def a_day(province: Province, *more: BankLine) -> list[BankLine]:
    """A payment told and seen, and the day run; its lines."""
    request = a_payment_request(province)
    paid(province, request)
    lines = [BankLine(50_000, request.reference), *more]
    a_statement(province, *lines)
    run(province)
    return lines


def close(province: Province) -> None:
    """Closes the day by the two people."""
    told = (province.session, province.account.id, TODAY)
    people = {one.username: one.id for one in province.session.scalars(select(staff.Person))}
    day_close.propose(*told, by=f"staff:{people['lap']}", now=NIGHT)
    day_close.close(*told, by=f"staff:{people['soat']}", now=NIGHT)


def record(province: Province) -> bytes:
    """The day's record."""
    return reports.day_record(province.session, province.account, TODAY)


def text_of(paper: bytes) -> str:
    """What another program reads in it, line by line."""
    told = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=paper, capture_output=True, check=True
    )
    return told.stdout.decode()


def test_a_day_that_was_not_run_has_no_record(province: Province) -> None:
    """There is nothing to sign."""
    with pytest.raises(DayNotRun):
        record(province)


@needs_poppler
def test_the_record_says_what_the_day_came_to(province: Province) -> None:
    """Bridge, matches, breaks, verdict, the file by its SHA-256, and places for two to sign."""
    lines = a_day(province, BankLine(-1_000, "PHI QLTK"))
    text = text_of(record(province))
    digest = hashlib.sha256(camt(province.account.number, lines)).hexdigest()
    for shown in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "BIÊN BẢN ĐỐI SOÁT",
        "Ngày 24/11/2026",
        "Tỉnh mẫu",
        province.account.number,
        "49.000",
        "CHÊNH LỆCH",
        digest[:40],
        "NGƯỜI LẬP",
        "NGƯỜI KIỂM SOÁT",
        "Trang 1/",
    ):
        assert shown in text, shown


@needs_poppler
def test_an_open_day_is_a_draft_and_a_closed_one_is_not(province: Province) -> None:
    """A closed day names who proposed, who closed it, and its hash in the audit trail."""
    a_day(province)
    assert "chưa khóa sổ" in text_of(record(province))
    close(province)
    text = text_of(record(province))
    row = day_close.of(province.session, province.account.id, TODAY)
    assert "chưa khóa sổ" not in text
    for shown in ("Nguyễn Thị Lập", "Trần Văn Soát", str(row.record_hash)[:40]):
        assert shown in text, shown


def test_a_closed_record_is_the_same_for_ever(province: Province) -> None:
    """Drawn again, in another language, after a later proof: byte for byte."""
    a_day(province)
    close(province)
    first = record(province)
    with words.speaking("en"):
        assert record(province) == first
    run(province, now=NIGHT + timedelta(hours=1))
    assert day_close.of(province.session, province.account.id, TODAY).holds
    assert record(province) == first


def test_every_figure_of_the_bridge_has_words(province: Province) -> None:
    """No key shows through."""
    a_day(province)
    bridge = day_close.of(province.session, province.account.id, TODAY).figures["bridge"]
    for name in bridge.keys() - {"closing_basis"}:
        assert words.say(f"bridge.{name}") != f"bridge.{name}"
