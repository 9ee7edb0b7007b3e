"""Drafting a layout in the console: a sheet nobody knows yet, and what people answer and send."""

from __future__ import annotations

import re
from io import BytesIO

from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from payments.core.database import Database
from payments.staff import Role
from tests.builders import a_province
from tests.console import Person, employ
from tests.statement_files import as_csv

ACCOUNT = "0011001234567"
LABELS = ["Ngày GD", "Số chứng từ", "Nội dung", "Tiền ra", "Tiền vào", "Số dư"]
MEANINGS = ["day", "bank_reference", "memo", "debit", "credit", "balance"]
PAGE = "/console/layouts"


def rows(*lines: list[str], account: str = ACCOUNT) -> list[list[str]]:
    """A sheet of a bank that nobody knows yet."""
    return [["Số tài khoản:", account], ["Số dư đầu kỳ:", "1.000"], LABELS, *lines, ["Cộng"]]


CREDIT = ["24/11/2026", "A1", "TTHC0123456789", "", "50.000", "51.000"]
CHARGE = ["24/11/2026", "A2", "Phí", "3.300", "", "47.700"]
SHEET = as_csv(rows(CREDIT, CHARGE))
ANSWERS = {
    **{f"column-{place}": meaning for place, meaning in enumerate(MEANINGS)},
    "fact-0": "account",
    "fact-1": "opening",
    "days": "day_first",
    "thousands": "dot",
    "debits": "plain",
    "order": "oldest_first",
    "end": "row",
    "end_label": "Cộng",
}


def drafted(person: Person, content: bytes = SHEET, name: str = "new_bank", row: str = "") -> str:
    """The page of a new draft on that sample."""
    answer = person.send(PAGE, on=PAGE, file=(BytesIO(content), "sample.csv"), name=name, row=row)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.location


def answered(person: Person, draft: str, **other: str) -> str:
    """What the draft's page says once the answers are given."""
    answers = {name: value for name, value in (ANSWERS | other).items() if value}
    assert person.send(draft, on=draft, **answers).status_code == 303
    return person.see(draft)


def save(person: Person, draft: str) -> TestResponse:
    """Proposes the draft to a second person."""
    return person.send(f"{draft}/save", on=draft, reason="the bank's leaflet")


def saved(person: Person, name: str = "new_bank", content: bytes = SHEET, **other: str) -> str:
    """The page of a layout that waits to be confirmed."""
    draft = drafted(person, content, name)
    answered(person, draft, **other)
    answer = save(person, draft)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.location


def confirmed(reconciler: Person, approver: Person, name: str = "new_bank") -> str:
    """The page of a layout that reads files."""
    page = saved(reconciler, name)
    assert approver.send(f"{page}/confirm", on=page).status_code == 303
    return page


def bring(person: Person, content: bytes = SHEET, **told: str) -> TestResponse:
    """Sends a statement file by the form."""
    return person.send("/console/statements", file=(BytesIO(content), "day.csv"), **told)


def said(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


def shown_choice(page: str, name: str) -> str | None:
    """What the list of that name has chosen; None if it is left open."""
    field = re.search(rf'<select id="{name}".*?</select>', page, re.DOTALL)
    assert field is not None, name
    chosen = re.search(r'value="([^"]*)" selected', field[0])
    return chosen and chosen[1]


def an_office(database: Database) -> None:
    """An account, and people of every role."""

    def unit(session: Session) -> None:
        a_province(session, number=ACCOUNT)
        employ(session, Role.RECONCILER, Role.APPROVER, Role.VIEWER, Role.ADMINISTRATOR)

    database.write(unit)
