"""What a reader may make of a file: a refusal, or statements that do not contradict themselves.

Sums, counts and running balances are added up here once more, from the lines alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO
from itertools import pairwise

from payments.core.calendar import local_day
from payments.core.money import MOST
from reconciliation.formats import (
    End,
    Line,
    Part,
    Start,
    UnreadableFile,
    WrongLayout,
    descriptions,
    drafts,
    read,
)
from reconciliation.formats.figures import YEARS
from reconciliation.formats.layouts import Order
from reconciliation.formats.vietinbank_va import Result
from tests.fuzzing.second_reading import entries
from tests.fuzzing.seeds import PARTED
from tests.va_files import KEY

_TWO_AMOUNTS = re.compile(r'"\?" = \[("[^"]*"), ("[^"]*")\]')
LARGEST = Decimal(10) ** 18
Statement = tuple[Start, Sequence[Line], End]


def taken(reader: str, content: bytes) -> Sequence[Part] | None:
    """The parts of a file that is read and holds together, None for one that is refused.

    Anything else is raised: an `AssertionError` that tells the contradiction, or whatever the
    reader did not foresee.
    """
    try:
        parts = _tried(content) if reader == "layouts" else list(_read(reader, content))
    except UnreadableFile as refusal:
        refused = refusal
    except WrongLayout:
        assert reader == "layouts", "no layout was described"
        return None
    else:
        return _held_together(reader, content, parts)
    assert refused.fields["line"] >= 1, "a refusal without its line"
    for told in refused.fields.values():
        assert not isinstance(told, str) or told.isprintable(), "a reason that nobody can see"
    return None


def _held_together(reader: str, content: bytes, parts: Sequence[Part]) -> Sequence[Part]:
    ends = [part for part in parts if isinstance(part, End)]
    second = entries(reader, content)
    if second is not None:
        read = sum(end.count for end in ends), sum(end.credits - end.debits for end in ends)
        assert read == second, "another reading finds other entries"
    for start, lines, end in statements(parts):
        judge(start, lines, end)
    return parts


def statements(parts: Iterable[Part]) -> Iterator[Statement]:
    """Start, lines and end together; a part out of its place is a contradiction."""
    start: Start | None = None
    lines: list[Line] = []
    count = 0
    for part in parts:
        if isinstance(part, Start):
            assert start is None, "a start within a statement"
            start, lines = part, []
        else:
            assert start is not None, "a part outside a statement"
            if isinstance(part, Line):
                lines.append(part)
                assert part.number == len(lines), "numbers of lines"
            else:
                yield start, lines, part
                start, count = None, count + 1
    assert start is None, "a statement without an end"
    assert count, "neither a statement nor a refusal"


def judge(start: Start, lines: Sequence[Line], end: End) -> None:
    """Holds a statement against its own lines."""
    assert len(start.currency) == 3, "a currency"
    for told in (start.account, start.number):
        _judge_text(told)
    for day in (start.from_day, start.to_day, end.to_day):
        assert day is None or day.year in YEARS, "a day of the statement"
    for amount in (start.opening, end.closing):
        _judge_amount(amount, start.currency)
    for line in lines:
        _judge_line(line, start)
    _judge_sums(start, lines, end)
    if end.balanced is True and start.opening is not None:
        _judge_running(start, lines)


def _read(reader: str, content: bytes) -> Iterator[Part]:
    """The file by its first bytes alone; a bank's comparison with the key that it shares."""
    return read(BytesIO(content), key=KEY if reader == "vietinbank_va" else "")


def _tried(content: bytes) -> Sequence[Part]:
    """A sheet in a layout as described; without one, in the one that is proposed for it."""
    described, _, table = content.partition(PARTED)
    told = described.decode("utf-8", "replace")
    if not told.strip():
        told = filled_in(drafts.propose(BytesIO(table)))
    shown = drafts.preview(BytesIO(table), told)
    if shown.refusals:
        assert all(refusal.fields["line"] >= 1 for refusal in shown.refusals)
        raise shown.refusals[0]
    assert shown.end is not None, "neither an end nor a refusal"
    name = next(iter(descriptions.load(told)))
    parts = list(read(BytesIO(table), format=name, layouts=told))
    assert parts[0] == shown.start, "the start is another than was shown"
    assert parts[-1] == shown.end, "the end is another than was shown"
    return parts


def filled_in(draft: str) -> str:
    """A draft as a person might complete it."""
    for blank, told in (
        ('bank = "?"', 'bank = "970400"'),
        ('days = "?"', 'days = "dd/mm/yyyy"'),
        ('thousands = "?"', 'thousands = "comma"'),
        ('ends_at = ["?"]', 'ends_at = ["Tổng cộng"]\nopen_end = true'),
    ):
        draft = draft.replace(blank, told)
    return _TWO_AMOUNTS.sub(r"debit = [\1]\ncredit = [\2]", draft)


def _judge_line(line: Line, start: Start) -> None:
    assert line.currency == start.currency, "the currency of a line"
    assert type(line.amount) is Decimal
    assert 0 <= line.amount <= MOST, "an amount"
    _judge_amount(line.amount, line.currency)
    _judge_amount(line.balance, line.currency)
    for day in (line.day, line.value_day):
        assert day is None or (type(day) is date and day.year in YEARS), "the day of a line"
    if line.booked_at is not None:
        assert line.booked_at.utcoffset() is not None, "an instant without its zone"
        assert local_day(line.booked_at) == line.day, "an instant of another day"
    assert line.reverses is None or line.reversal, "a line that reverses and is no reversal"
    for told in (
        line.memo,
        line.bank_reference,
        line.payer_account,
        line.payer_name,
        line.stable_id,
        line.reverses,
        line.virtual_account,
    ):
        _judge_text(told)


def _judge_text(told: str | None) -> None:
    """A text that both engines and a page can hold: no NUL, no half of a letter, on one line."""
    if told is not None:
        told.encode()
        assert not set(told) & set("\0\r\n"), "a text with NUL or a line's end"


def _judge_amount(amount: Decimal | None, currency: str) -> None:
    if amount is not None:
        assert amount.is_finite(), "no number"
        assert abs(amount) < LARGEST, "an amount that no column holds"
        assert currency != "VND" or amount == int(amount), "a fraction of a dong"


def _judge_sums(start: Start, lines: Sequence[Line], end: End) -> None:
    """Compares what the end says with the lines: a batch of CAMT is one entry of many lines."""
    booked = [line for line in lines if line.result != Result.PROVIDER_ONLY]
    money_in = sum((line.amount for line in booked if line.credit), Decimal(0))
    money_out = sum((line.amount for line in booked if not line.credit), Decimal(0))
    assert end.credits - end.debits == money_in - money_out, "the net of the lines"
    if start.format.startswith("camt"):
        assert 0 < end.count <= len(booked) or not booked, "the count of entries"
    else:
        assert end.count == len(booked), "the count of lines"
        assert (end.credits, end.debits) == (money_in, money_out), "the sums of the lines"
    assert (end.balanced is False) == bool(end.discrepancies), "balanced against its discrepancies"
    known = start.opening is not None and end.closing is not None
    assert end.balanced is not True or known, "balanced without balances"
    if known:
        adds_up = start.opening + money_in - money_out == end.closing
        assert end.balanced is False or adds_up, "balanced, and does not add up"
        assert end.balanced is not None, "balances, and nothing said of them"
    for one in end.discrepancies:
        assert one.stated != one.read, "a discrepancy of equal figures"


def _judge_running(start: Start, lines: Sequence[Line]) -> None:
    """The balances beside the lines follow one another, upwards or downwards."""
    layout = descriptions.every_layout().get(start.format)
    if layout is None or layout.order is None:
        return
    told = [(line.balance, line.amount if line.credit else -line.amount) for line in lines]
    pairs = [(one, other) for one, other in pairwise(told) if None not in (one[0], other[0])]
    down = all(one[0] + other[1] == other[0] for one, other in pairs)
    up = all(one[0] - one[1] == other[0] for one, other in pairs)
    follows = {Order.OLDEST_FIRST: down, Order.NEWEST_FIRST: up, Order.EITHER: down or up}
    assert follows[layout.order], "running balances that do not follow"
