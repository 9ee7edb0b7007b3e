"""A layout as answers to a form: what they come to, and that one header is never two layouts'."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.formats import Line, drafts, read
from reconciliation.formats.choices import Choices, described, faults, quoted
from reconciliation.formats.descriptions import every_layout, load
from reconciliation.formats.layouts import Layout, label
from reconciliation.formats.trials import clashing, tried
from tests.bank_sheets import sheet, vn
from tests.statement_files import Movement, as_csv

PLAIN_BANKS = ["mb", "msb", "acb", "vib", "vietinbank_efast"]
MOVEMENTS = [Movement(50_000, "TTHC0123456789"), Movement(-3_300, "Phí", reference="A2")]
GOOD = Choices(
    labels=("Ngày", "Nội dung", "Số tiền"),
    columns=("day", "memo", "amount"),
    days="day_first",
    thousands="dot",
    end="file",
)


def as_ours(guessed: Choices, layout: Layout) -> Choices:
    """The answers that say what a layout of ours says, where the form has a question for it."""
    ends = sorted(layout.ends_at) + [f"{one}*" for one in layout.ends_with]
    return replace(
        guessed,
        columns=tuple(layout.columns[label(one)].value for one in guessed.labels),
        days={"vietnamese_day": "day_first", "iso_day": "year_first"}[layout.read_day.__name__],
        times=(layout.clock and layout.clock.value) or "",
        thousands=layout.thousands.value,
        debits=layout.debits.value,
        order=(layout.order and layout.order.value) or "",
        end="row" if ends else "file",
        end_label=ends[0] if ends else "",
    )


@pytest.mark.parametrize("bank", PLAIN_BANKS)
def test_the_form_can_say_what_our_layouts_say(bank):
    """The same answers as a layout of ours read the same lines from that bank's sheet."""
    table = sheet(bank, MOVEMENTS)
    content = as_csv([[vn(c) if isinstance(c, date) else str(c) for c in row] for row in table])
    ours = [one for one in read(BytesIO(content), format=bank) if isinstance(one, Line)]
    choices = as_ours(drafts.guess(BytesIO(content)), every_layout()[bank])
    assert faults(choices) == []

    trial = tried(BytesIO(content), choices, name="another", others=every_layout())

    assert trial.preview is not None
    assert [(one.day, one.amount, one.credit, one.memo) for one in trial.preview.lines] == [
        (one.day, one.amount, one.credit, one.memo) for one in ours
    ]
    assert trial.clashes == [bank]


def test_layouts_of_ours_never_clash():
    """Each header is that of one bank alone; a layout has only itself to be taken for."""
    known = every_layout()
    for one in known.values():
        assert [other.name for other in known.values() if one.clashes_with(other)] == [one.name]


@pytest.mark.parametrize(
    ("labels", "columns", "clashes"),
    [
        (("Ngày", "Nội dung", "Số tiền"), ("day", "memo", "amount"), True),
        (("ngay", "NOI DUNG", "So tien:"), ("day", "memo", "amount"), True),
        (("Ngày", "Nội dung", "Số tiền", "STT"), ("day", "memo", "amount", "nothing"), True),
        (("Ngày", "Nội dung", "Số tiền", "Số dư"), ("day", "memo", "amount", "balance"), False),
        (("Ngày", "Nội dung", "Số tiền VND"), ("day", "memo", "amount"), False),
        (("Ngày", "Số tiền", "Nội dung"), ("memo", "day", "amount"), True),
    ],
)
def test_a_header_that_could_be_two_layouts_is_a_clash(labels, columns, clashes):
    """Spelling and what means nothing do not tell two apart; one more wanted column does."""
    known = load(described(GOOD, "known"))
    other = described(replace(GOOD, labels=labels, columns=columns), "other")
    assert clashing(other, known) == (["known"] if clashes else [])
    assert clashing(described(GOOD, "known"), known) == []


def test_answers_are_kept_as_json():
    """And read again as they were."""
    assert Choices.heard(GOOD.told()) == GOOD


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_no_label_says_more_than_itself(text):
    """Quotes, brackets and strokes in a sheet's labels stay text in the layout."""
    told = tomllib.loads(f"one = {quoted(text)}")
    assert list(told) == ["one"]
    assert label(told["one"]) == label(text)


@given(st.text(min_size=1, max_size=40))
def test_a_strange_label_never_breaks_the_page(text):
    """The layout is tried, or it is said what is wrong."""
    choices = replace(GOOD, labels=("Ngày", "Nội dung", text), end="row", end_label=text)
    trial = tried(BytesIO(b"Ng\xc3\xa0y,x\n"), choices, name="x", others={})
    assert trial.preview is not None or trial.wrong is not None or trial.faults
