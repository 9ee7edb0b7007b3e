"""What a bank writes is what is read: any statement, in every format."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.formats import End, Line, Start, read
from reconciliation.formats.figures import words
from tests import mt940_files, statement_files
from tests.statement_files import ACCOUNT, DAY, Movement

XML_TEXT = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])
ANY_TEXT = st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0")
REFERENCES = st.text("0123456789ABCFT -.", min_size=1, max_size=35).map(words).filter(bool)


def movements(characters):
    memos = st.text(characters, max_size=300)
    change = st.integers(-(10**12), 10**12).filter(bool)
    names = st.text(characters, max_size=70)
    accounts = st.text("0123456789", max_size=19)
    days = st.dates(date(2000, 1, 1), date(2099, 12, 31))
    return st.lists(
        st.builds(
            Movement,
            change=change,
            memo=memos,
            reference=REFERENCES,
            payer=names,
            payer_account=accounts,
            reversal=st.booleans(),
            day=days,
        ),
        max_size=8,
    )


def taken(content: bytes) -> tuple[Start, list[Line], End]:
    start, *lines, end = read(BytesIO(content))
    return start, lines, end


def told(line: Line) -> tuple:
    return line.amount if line.credit else -line.amount, line.day, line.bank_reference, line.memo


@given(
    told_movements=movements(XML_TEXT),
    opening=st.integers(-(10**14), 10**14),
    version=st.sampled_from([*range(2, 15), None]),
    prefix=st.sampled_from(["", "ns2"]),
)
def test_a_camt_statement_is_read_as_it_was_written(told_movements, opening, version, prefix):
    """Whatever the version, the lines are those of the bank and the figures add up."""
    prefix = prefix if version else ""
    start, lines, end = taken(
        statement_files.camt(told_movements, opening=opening, version=version, prefix=prefix)
    )
    assert (start.account, start.currency, start.opening) == (ACCOUNT, "VND", opening)
    assert (start.from_day, start.to_day, start.number, start.sequence) == (DAY, DAY, "S1", 7)
    assert [line.number for line in lines] == [*range(1, len(lines) + 1)]
    assert [told(line) for line in lines] == [
        (Decimal(m.change), m.day, m.reference, words(in_pieces(m.memo))) for m in told_movements
    ]
    assert [(line.payer_name or "", line.payer_account or "") for line in lines] == [
        (words(m.payer), m.payer_account) for m in told_movements
    ]
    assert [line.reversal for line in lines] == [m.reversal for m in told_movements]
    assert end.balanced is True
    assert end.closing == opening + sum(m.change for m in told_movements)


def in_pieces(memo: str) -> str:
    return " ".join(memo[at : at + 140] for at in range(0, len(memo), 140))


@pytest.mark.parametrize("write", [statement_files.as_csv, statement_files.as_xlsx])
@given(told_movements=movements(ANY_TEXT), opening=st.integers(-(10**14), 10**14))
def test_a_vietcombank_statement_is_read_as_it_was_written(write, told_movements, opening):
    """As CSV and as XLSX the same rows are the same lines."""
    table = statement_files.rows(told_movements, opening=opening)
    start, lines, end = taken(write(table))
    assert start.format == "vietcombank_personal"
    assert (start.account, start.currency, start.opening) == (ACCOUNT, "VND", opening)
    assert (start.from_day, start.to_day) == (DAY, DAY)
    assert [told(line) for line in lines] == [
        (Decimal(m.change), m.day, m.reference, words(m.memo)) for m in told_movements
    ]
    assert end.balanced is True
    assert end.declared_sum == sum(m.change for m in told_movements)


@given(
    told_movements=movements(st.characters(codec="utf-8", categories=["L", "N", "S"])),
    opening=st.integers(-(10**14), 10**14),
    newline=st.sampled_from(["\n", "\r", "\r\n"]),
    enveloped=st.booleans(),
)
def test_an_mt940_statement_is_read_as_it_was_written(told_movements, opening, newline, enveloped):
    """Memos cut into lines of 65 characters are whole again, whatever ends a line."""
    start, lines, end = taken(
        mt940_files.mt940(told_movements, opening=opening, newline=newline, enveloped=enveloped)
    )
    assert (start.account, start.currency, start.opening, start.sequence) == (
        ACCOUNT,
        "VND",
        opening,
        7,
    )
    assert [line.number for line in lines] == [*range(1, len(lines) + 1)]
    assert [told(line) for line in lines] == [
        (Decimal(m.change), m.day, m.reference, words(m.memo)) for m in told_movements
    ]
    assert [line.reversal for line in lines] == [m.reversal for m in told_movements]
    assert end.balanced is True
    assert end.closing == opening + sum(m.change for m in told_movements)
