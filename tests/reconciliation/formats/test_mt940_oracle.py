"""MT940 beside the library mt-940: the same where it is right, and where it is wrong."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from io import BytesIO

import mt940 as library
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.formats import End, Line, Start, UnreadableFile, read
from tests.mt940_files import mt940
from tests.statement_files import DAY, Movement

TEXT = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,()+"
PLAIN = st.builds(
    Movement,
    change=st.integers(-(10**12), 10**12).filter(bool),
    memo=st.text(TEXT, max_size=65),
    reference=st.text("0123456789ABCFT", min_size=1, max_size=16),
    day=st.integers(0, 800).map(lambda days: DAY + timedelta(days=days)),
)


def ours(content: bytes) -> tuple[Start, list[Line], End]:
    start, *lines, end = read(BytesIO(content))
    return start, lines, end


def theirs(content: bytes) -> library.models.Transactions:
    found = library.models.Transactions()
    found.parse(content.decode())
    return found


@given(movements=st.lists(PLAIN, max_size=6), opening=st.integers(-(10**12), 10**12))
def test_a_plain_statement_is_read_as_the_library_reads_it(movements, opening):
    """Amounts, days, references, memos and balances; no reversals, and memos of one line."""
    content = mt940(movements, opening=opening)
    start, lines, end = ours(content)
    other = theirs(content)
    assert (start.account, start.opening, end.closing) == (
        other.data["account_identification"],
        other.data["final_opening_balance"].amount.amount,
        other.data["final_closing_balance"].amount.amount,
    )
    told = [(one.amount if one.credit else -one.amount, one.day, one.value_day) for one in lines]
    assert told == [
        (one.data["amount"].amount, one.data["entry_date"], one.data["date"]) for one in other
    ]
    assert [(one.bank_reference, one.memo) for one in lines] == [
        (one.data["bank_reference"], one.data.get("transaction_details", "")) for one in other
    ]
    assert end.balanced is True


@pytest.mark.parametrize("days", ["2612310101", "2701011231", "2611241124", "2802290301"])
def test_the_year_of_an_entry_date_is_the_library_s(days):
    """Over New Year too, which earlier versions of the library had wrong."""
    content = mt940([f":61:{days}C5,NTRFNONREF//1"])
    [line], [other] = ours(content)[1], theirs(content)
    assert line.day == other.data["entry_date"]


def test_the_library_gives_a_reversed_credit_the_wrong_sign():
    """It adds what the bank has taken back; ours goes down, so that the balance comes out."""
    content = mt940([Movement(50_000), Movement(-50_000, reversal=True)])
    assert sum(one.data["amount"].amount for one in theirs(content)) == 100_000
    assert ours(content)[2].balanced is True


def test_the_library_reads_a_thousands_mark_as_the_end_of_the_amount():
    """1.000,50 becomes one đồng and a strange reference; ours refuses the file."""
    content = mt940([":61:261124C1.000,50NTRFNONREF//1"])
    assert [one.data["amount"].amount for one in theirs(content)] == [Decimal(1)]
    with pytest.raises(UnreadableFile):
        ours(content)


def test_the_library_reads_anything_as_an_empty_statement():
    """No error, no line; ours says what it is not."""
    assert list(theirs(b"nop le phi")) == []
    with pytest.raises(UnreadableFile):
        ours(b"nop le phi")
