"""Every reader over files damaged by lot; the long way is `make fuzz-readers`.

And the readers of amounts, days and words over whatever text there is.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.formats import End, Line, UnreadableFile, figures
from reconciliation.formats.figures import Clock, Thousands
from reconciliation.formats.layouts import label
from reconciliation.formats.mt940 import details, entries
from tests.fuzzing.oracle import taken
from tests.fuzzing.readers import READERS, run
from tests.fuzzing.seeds import samples

CASES = 1_000
READER_OF = {path: reader for reader in READERS for path in samples(reader)}
LINES = st.lists(st.text(max_size=70), min_size=1, max_size=4)
LIKE_FIGURES = st.text(max_size=30) | st.text("0123456789.,:/- +TZAPMCD", max_size=30)
CURRENCIES = st.sampled_from(["VND", "USD", "KWD"])


@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_file_is_refused_or_holds_together(reader):
    """Nothing unforeseen, nothing that contradicts itself, nothing that takes a second."""
    tally = run(reader, range(CASES), seed=7)
    assert tally.faults == []
    assert tally.read
    assert tally.refused


@pytest.mark.parametrize("sample", sorted(READER_OF.keys()), ids=lambda path: path.name)
def test_a_cut_file_is_refused_or_says_that_it_does_not_add_up(sample):
    """Cut at every tenth byte; all lines are there, or the reader has said so.

    MT940 has no end of its file: one cut just between two statements holds the first ones whole.
    """
    reader, content = READER_OF[sample], sample.read_bytes()
    whole = taken(reader, content) or []
    lines = [part for part in whole if isinstance(part, Line)]
    for length in range(0, len(content) - 1, 10):
        parts = taken(reader, content[:length])
        if parts is None:
            continue
        same_lines = [part for part in parts if isinstance(part, Line)] == lines
        said = any(isinstance(part, End) and part.balanced is False for part in parts)
        assert same_lines or said or parts == whole[: len(parts)], length


@given(text=LIKE_FIGURES, currency=CURRENCIES, thousands=st.sampled_from(Thousands))
def test_an_amount_is_exact_or_refused(text, currency, thousands):
    """Whatever stands there: a decimal of at most eighteen digits, of đồng a whole one."""
    for amount in (
        _read(figures.plain_amount, text, currency=currency),
        _read(figures.grouped_amount, text, currency=currency, thousands=thousands),
        _read(entries.comma_amount, text, currency=currency),
    ):
        assert amount is None or (type(amount) is Decimal and 0 <= amount < Decimal(10) ** 18)
        assert amount is None or currency != "VND" or amount == int(amount)


@given(text=LIKE_FIGURES)
def test_a_day_is_in_the_calendar_or_refused(text):
    """Every style of day, and every style of time behind one."""
    for read in (figures.iso_day, figures.vietnamese_day, entries.swift_day):
        day = _read(read, text)
        assert day is None or (type(day) is date and day.year in figures.YEARS)
    instant = _read(figures.iso_instant, text)
    assert instant is None or (type(instant) is datetime and instant.utcoffset() is not None)
    _read(figures.serial_moment, text)
    for clock in Clock:
        _read(figures.moment, f"24/11/2026 {text}", read_day=figures.vietnamese_day, clock=clock)


@given(lines=LINES)
def test_words_stay_on_one_line(lines):
    """A memo can be whatever the public writes; folding it twice changes nothing."""
    for text in (*lines, details.read_details(lines, receives=True).memo):
        once = figures.words(text)
        assert once == figures.words(once)
        assert not set(once) & set("\0\r\n\t")
    assert label(lines[0]) == label(label(lines[0]))


@given(lines=LINES, mark=st.sampled_from(["C", "D", "RC", "RD", "EC", "ED"]), amount=LIKE_FIGURES)
def test_a_movement_of_mt940_is_whole_or_refused(lines, mark, amount):
    """Field 61 with whatever stands behind its mark."""
    told = [f":61:2611241124{mark}{amount}NTRF{lines[0]}"[4:], *lines[1:]]
    entry = _read(entries.read_entry, told, currency="VND")
    assert entry is None or (entry.amount >= 0 and entry.mark == mark)


def _read(reader, text, **told):
    """What a reader makes of a text; None if it refuses it with its line."""
    try:
        return reader(text, **told, line=7)
    except UnreadableFile as refusal:
        refused = refusal
    assert refused.fields["line"] == 7
    return None
