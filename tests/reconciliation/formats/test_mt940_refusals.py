"""What an MT940 reader will not read: nothing is guessed, and the line is told."""

from __future__ import annotations

from io import BytesIO

import pytest

from reconciliation.formats import End, UnreadableFile, read
from tests.mt940_files import mt940
from tests.statement_files import Movement

FIFTY = Movement(50_000, memo="TTHC0123456797 nop le phi")
TEN = Movement(10_000, memo="TTHC9876543210")


def refusal(content: bytes) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as refused:
        list(read(BytesIO(content)))
    return refused.value


ENTRY = ":61:2611241124C50000,NTRFNONREF//5242-74128"
BAD = """
    C50000,   C50000      unreadable_amount
    C50000,   C50.000,    unreadable_amount
    C50000,   C1.000,50   unreadable_amount
    C50000,   C50,000     unreadable_amount
    C50000,   C50000.00   unreadable_amount
    C50000,   C50000,,    unreadable_amount
    C50000,   C,          unreadable_amount
    C50000,   C50000,5    fraction_of_dong
    C50000,   C1000000000001,  implausible_amount
    C50000,   50000,      unreadable_date
    C50000,   c50000,     unknown_indicator
    C50000,   X50000,     unknown_indicator
    C50000,   R50000,     unknown_indicator
    C50000,   CR-50000,   unknown_indicator
    NTRF      N/RF        malformed_field
    NTRF      nTRF        malformed_field
    2611241124  2611311124  unreadable_date
    2611241124  2602291301  unreadable_date
    2611241124  20261124  unreadable_date
    2611241124  24/11/26  unreadable_date
"""


@pytest.mark.parametrize("row", BAD.strip().splitlines(), ids=str.strip)
def test_an_entry_that_cannot_be_read_is_refused_with_its_line(row):
    """Written, instead, why: the second entry stands on line 7 of the file."""
    written, instead, code = row.split()
    bad = ENTRY.replace(written, instead, 1)
    assert bad != ENTRY
    refused = refusal(mt940([FIFTY, bad]))
    assert (refused.code, refused.fields["line"]) == (code, 7)


HEADS = {
    "no account": (":25:0281000999999\n", "", "missing_figure", 3),
    "an account without a number": ("0281000999999", "VND", "missing_figure", 2),
    "two accounts": (":28C:7/1", ":25:1", "repeated_figure", 3),
    "a page number": (":28C:7/1", ":28C:7-1", "malformed_field", 3),
    "no opening": (":60F:C261124VND0,\n", "", "missing_figure", 4),
    "two openings": (":61:", ":60F:C261124VND0,\n:61:", "repeated_figure", 5),
    "an opening without a sign": (":60F:C261124", ":60F:261124", "malformed_field", 4),
    "a balance in letters": ("VND0,", "VNDO,", "malformed_field", 4),
    "a balance with dots": ("VND0,", "VND1.000,", "unreadable_amount", 4),
    "a balance on no day": (":60F:C261124", ":60F:C260230", "unreadable_date", 4),
    "a currency": ("VND0,", "vnd0,", "malformed_field", 4),
    "another currency": ("VND50000,", "USD50000,", "mixed_currencies", 7),
    "no closing": (":62F:C261124VND50000,\n", "", "cut_file", 7),
    "two closings": ("\n-\n", "\n:62F:C261124VND50000,\n-\n", "repeated_figure", 8),
    "an entry after the closing": ("\n-\n", f"\n{ENTRY}\n-\n", "misplaced_figure", 8),
    "an account after the opening": ("\n:62F", "\n:25:1\n:62F", "misplaced_figure", 7),
    "an unknown field": (":28C:", ":99Z:x\n:28C:", "unknown_tag", 3),
    "text before a field": (":20:STMT1\n", ":20:STMT1\n-\nnop le phi\n", "cut_file", 2),
    "text after the end": ("\n-\n", "\n-\nnop le phi\n", "malformed_field", 9),
    "an entry after the end": ("\n-\n", f"\n-\n{ENTRY}\n", "missing_figure", 9),
    "two ends": ("\n-\n", "\n-\n-\n", "malformed_field", 9),
    "a report within the day": (":60F:", ":34F:VND0,\n:60F:", "not_a_statement", 4),
    "a NUL": ("nop le", "nop\0le", "unreadable_text", 6),
}  # fmt: skip


@pytest.mark.parametrize(("written", "instead", "code", "line"), HEADS.values(), ids=HEADS)
def test_a_message_that_cannot_be_read_is_refused_with_its_line(written, instead, code, line):
    """Heads, balances and ends are read as strictly as lines."""
    content = mt940([FIFTY]).decode()
    assert written in content
    refused = refusal(content.replace(written, instead, 1).encode())
    assert (refused.code, refused.fields["line"]) == (code, line)


@pytest.mark.parametrize("kind", ["942", "941", "900", "910"])
@pytest.mark.parametrize("way", ["envelope", "address"])
def test_another_message_is_refused_by_its_name(kind, way):
    """A report within the day or a notice is no statement of it."""
    content = mt940([FIFTY], enveloped=True).replace(b"{2:O940", b"{2:O" + kind.encode())
    if way == "address":
        content = b"BFTVVNVX\n" + kind.encode() + b"\n" + mt940([FIFTY])
    refused = refusal(content)
    assert (refused.code, refused.fields["message"]) == ("not_a_statement", f"MT{kind}")


@pytest.mark.parametrize(
    "content",
    [b"{1:F01BFTVVNVXAXXX0000000000}", b"{4:\n", b":20:\n", b":20:STMT1", b":940:\n:20:", b"{1:}"],
)
def test_a_file_without_a_statement_is_refused(content):
    """It is not read as an empty one."""
    assert refusal(content).code in {"cut_file", "unknown_format", "malformed_field"}


@pytest.mark.parametrize("enveloped", [True, False])
def test_a_cut_file_is_refused_wherever_it_is_cut(enveloped):
    """Before the closing balance lines are missing; within it, its amount may be shorter."""
    content = mt940([FIFTY, TEN], enveloped=enveloped)
    closed = content.index(b":62F:") + len(":62F:C261124VND60000,")
    for length in range(content.index(b":20:") + 5, closed):
        assert refusal(content[:length]).code != "unreadable_file", length
    for length in range(closed, len(content)):
        if enveloped and b"\n-" not in content[:length]:
            assert refusal(content[:length]).code == "cut_file"
        else:
            last = list(read(BytesIO(content[:length])))[-1]
            assert isinstance(last, End)
            assert last.balanced is True


def test_no_refusal_repeats_a_memo():
    """What is told of a fault is not what the payer wrote."""
    bad = mt940([":61:2611241124C5.0,NTRFNGUYEN VAN AN", ":86:NGUYEN VAN AN"])
    assert "NGUYEN" not in str(refusal(bad).fields)
