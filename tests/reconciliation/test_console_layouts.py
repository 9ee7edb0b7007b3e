"""Layouts of sheets in the console: drafted on a sample, tried, and refused where unfit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO

import pytest
from flask import Flask

from payments.core.database import Database
from payments.staff import Role
from tests.builders import NOON
from tests.console import Person, SignIn, whole_app
from tests.layout_pages import (
    ACCOUNT,
    ANSWERS,
    CHARGE,
    CREDIT,
    LABELS,
    PAGE,
    SHEET,
    an_office,
    answered,
    drafted,
    rows,
    said,
    save,
    shown_choice,
)
from tests.statement_files import as_csv, as_xlsx

pytestmark = pytest.mark.committed


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application, an account, and people of every role."""
    an_office(database)
    with whole_app(database_url, NOON) as whole:
        yield whole


@pytest.fixture
def reconciler(sign_in: SignIn) -> Person:
    """Who brings statements and drafts layouts."""
    return sign_in(Role.RECONCILER)


@pytest.mark.parametrize("write", [as_csv, as_xlsx], ids=["csv", "xlsx"])
def test_labels_are_proposed_and_direction_is_left_to_a_person(reconciler: Person, write) -> None:
    """Day, memo, reference and balance by their labels; money in and out, days, thousands open."""
    draft = drafted(reconciler, write(rows(CREDIT, CHARGE)))

    page = reconciler.see(draft)

    chosen = [shown_choice(page, f"column-{place}") for place in range(len(LABELS))]
    assert chosen == ["day", "bank_reference", "memo", None, None, "balance"]
    assert [shown_choice(page, name) for name in ("fact-0", "fact-1")] == ["account", "opening"]
    assert [shown_choice(page, name) for name in ("days", "thousands", "end")] == [None] * 3
    assert shown_choice(page, "order") == "either"
    assert "What do these columns hold? “Tiền ra”, “Tiền vào”" in page
    assert "Save and propose" not in page


def test_every_answer_of_the_form_is_said_in_words(reconciler: Person) -> None:
    """No choice shows the key that its words are kept under."""
    page = reconciler.see(drafted(reconciler))

    assert re.findall(r">\s*(layout\.[a-z_.0-9]+)\s*<", page) == []


@pytest.mark.parametrize("day", ["24-11-2026", "24.11.2026"])
def test_a_bank_that_writes_days_with_other_marks_can_be_described(
    reconciler: Person, day: str
) -> None:
    """Day, month, year: with dashes or dots as with strokes."""
    page = answered(reconciler, drafted(reconciler, as_csv(rows([day, *CREDIT[1:]]))))

    assert "24/11/2026" in page
    assert "Save and propose" in page


def test_a_draft_shows_what_it_reads(reconciler: Person) -> None:
    """The lines with day, direction, amount, memo and balance, and that they add up."""
    page = answered(reconciler, drafted(reconciler))

    for piece in ("24/11/2026", "+50,000", "−3,300", "TTHC0123456789", ACCOUNT, "47,700"):
        assert piece in page, piece
    assert "Save and propose" in page


def test_a_row_that_cannot_be_read_is_told_with_its_number(reconciler: Person) -> None:
    """Every one of them, not only the first; such a layout is not saved."""
    bad = [["30/02/2026", *CREDIT[1:]], ["24/11/2026", "A3", "x", "", "5,5", "1"]]
    draft = drafted(reconciler, as_csv(rows(*bad)))

    page = answered(reconciler, draft)

    assert "cannot read: 2" in page
    assert "Line 4" in page
    assert "Line 5" in page
    assert save(reconciler, draft).status_code == 422


def test_columns_taken_for_each_other_do_not_add_up(reconciler: Person) -> None:
    """Money in taken for money out breaks the running balance: it is said, and not saved."""
    draft = drafted(reconciler)

    page = answered(reconciler, draft, **{"column-3": "credit", "column-4": "debit"})

    assert "DO NOT ADD UP" in page
    refused = save(reconciler, draft)
    assert (refused.status_code, "a column is taken wrongly" in said(refused)) == (422, True)


AMBIGUOUS = [
    ({"column-1": "memo"}, "Two columns are said to hold the same: “Số chứng từ”, “Nội dung”"),
    ({"column-3": ""}, "What do these columns hold? “Tiền ra”"),
    ({"column-3": "amount"}, "told in one way"),
    ({"column-2": "nothing"}, "Which column is the memo?"),
    ({"column-0": "nothing"}, "Which column is the booking day?"),
    ({"column-3": "sign", "column-4": "amount"}, "Which sign is money in"),
    ({"fact-1": "account"}, "Two labels above the header are said to tell the same"),
    ({"end_label": ""}, "Where does the table end?"),
    ({"days": ""}, "How are days written?"),
    ({"thousands": ""}, "By which mark"),
    ({"column-5": "nothing"}, "no column holds them"),
]


@pytest.mark.parametrize(("other", "words"), AMBIGUOUS)
def test_what_is_open_or_ambiguous_is_asked(reconciler: Person, other, words: str) -> None:
    """Nothing is read by such a layout, and it is not saved."""
    draft = drafted(reconciler)

    page = answered(reconciler, draft, **other)

    assert words in page
    assert "+50,000" not in page
    assert save(reconciler, draft).status_code == 422


def test_an_answer_nobody_offered_is_refused(reconciler: Person) -> None:
    """The answers given before stay."""
    draft = drafted(reconciler)
    answered(reconciler, draft)

    refused = reconciler.send(draft, on=draft, **(ANSWERS | {"days": "mm/dd/yyyy"}))

    assert refused.status_code == 422
    assert shown_choice(reconciler.see(draft), "days") == "day_first"


def test_the_header_may_be_named(reconciler: Person) -> None:
    """Where no label is known, a person says which row it is; a row without labels is none."""
    unknown = [["x"], ["T1", "T2", "T3", "T4"], ["24/11/2026", "50.000", "", "a"], ["Cộng"]]
    content = as_csv(unknown)
    refused = reconciler.send(PAGE, on=PAGE, file=(BytesIO(content), "s.csv"), name="x")
    assert (refused.status_code, "name the row" in said(refused)) == (422, True)
    for row in ("0", "101", "x", "-1", "1"):
        answer = reconciler.send(PAGE, on=PAGE, file=(BytesIO(content), "s.csv"), name="x", row=row)
        assert answer.status_code == 422, row

    draft = drafted(reconciler, content, "x", row="2")

    assert "“T1”, “T2”, “T3”, “T4”" in reconciler.see(draft)
    assert reconciler.send(f"{draft}/header", on=draft, row="3").status_code == 303
    assert "“24/11/2026”, “50.000”, “a”" in reconciler.see(draft)


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"PK\x03\x04", b"%PDF-1.7"])
def test_a_sample_that_is_no_sheet_is_refused(reconciler: Person, content: bytes) -> None:
    """With words, and nothing is drafted."""
    answer = reconciler.send(PAGE, on=PAGE, file=(BytesIO(content), "s.csv"), name="x")

    assert answer.status_code == 422
    assert "Drafts" not in reconciler.see(PAGE)


@pytest.mark.parametrize("name", ["", "A", "x y", "x" * 41, "1x", "x]\n[y"])
def test_a_name_is_small_letters(reconciler: Person, name: str) -> None:
    """As in the file of layouts."""
    answer = reconciler.send(PAGE, on=PAGE, file=(BytesIO(SHEET), "s.csv"), name=name)
    assert answer.status_code == 422


@pytest.mark.parametrize("name", ["techcombank", "camt053", "spreadsheet"])
def test_a_name_of_ours_is_taken(reconciler: Person, name: str) -> None:
    """A saved layout never takes the place of one that comes with the service."""
    answer = reconciler.send(PAGE, on=PAGE, file=(BytesIO(SHEET), "s.csv"), name=name)
    assert answer.status_code == 409
