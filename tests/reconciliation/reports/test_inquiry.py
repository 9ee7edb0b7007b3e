"""The letter by which the bank is asked about money that does not agree."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from reconciliation import breaks
from reconciliation.breaks import Break, Kind, NoteKind
from reconciliation.reports.inquiry import inquiry
from tests.bank import BankLine, a_statement, run
from tests.builders import NOON, Province, a_payment_request, a_province, paid

pytestmark = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="apt-get install poppler-utils"
)


@pytest.fixture
def province(session: Session) -> Province:
    """A province with an account."""
    return a_province(session)


def letter_about(province: Province, kind: Kind) -> str:
    """What the letter says that is written down at the break of that kind."""
    session = province.session
    one = session.scalars(select(Break).where(Break.kind == kind)).one()
    told = {"kind": NoteKind.LETTER, "number": "TS-7/2026", "by": "staff:1", "now": NOON}
    paper = inquiry(session, one, breaks.write(session, one, "De nghi kiem tra", **told))
    told = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=paper, capture_output=True, check=True
    )
    return told.stdout.decode()


@pytest.mark.parametrize("kind", [Kind.AMOUNT_DIFFERS, Kind.CALLBACK_WITHOUT_LINE])
def test_where_message_and_statement_differ_both_amounts_are_told(
    province: Province, kind: Kind
) -> None:
    """The bank reads what its message said and what its statement says, from either side."""
    paid(province, a_payment_request(province), reference="FT1")
    a_statement(province, BankLine(51_000, "khong ma", reference="FT1"))
    run(province)

    letter = letter_about(province, kind)

    assert "Số tiền theo thông báo giao dịch: 50.000 đồng" in letter
    assert "Số tiền theo sao kê: 51.000 đồng" in letter
    assert "FT1" in letter


def test_money_of_one_amount_is_told_once(province: Province) -> None:
    """Where nothing is told in another amount, the letter has one."""
    a_statement(province, BankLine(51_000, "khong ma", reference="FT1"))
    run(province)

    letter = letter_about(province, Kind.UNIDENTIFIED)

    assert "Số tiền: 51.000 đồng" in letter
    assert "theo sao kê" not in letter
