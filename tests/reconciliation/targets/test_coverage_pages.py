"""Figures of coverage in the console: brought by one, looked at, taken in by another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from payments.core.database import Database
from payments.staff import Role
from reconciliation.targets.coverage import coverage
from tests.console import Person, SignIn, employ, whole_app
from tests.coverage_files import NOW, Q3, ROWS, a_small_province, csv_of, of_quarter, taken, xlsx_of

pytestmark = pytest.mark.committed

PAGE = "/console/targets/figures"
SAID = {"quarter": "2026Q3", "document": "Báo cáo số 12/BC", "dated": "2026-10-12"}


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application, a province of four communes, and people."""
    database.write(a_small_province)
    database.write(
        lambda session: employ(session, Role.RECONCILER, Role.APPROVER, Role.VIEWER) or None
    )
    with whole_app(database_url, NOW) as whole:
        yield whole


@pytest.fixture
def reconciler(sign_in: SignIn) -> Person:
    """Who brings figures."""
    return sign_in(Role.RECONCILER)


@pytest.fixture
def approver(sign_in: SignIn) -> Person:
    """Who takes them in."""
    return sign_in(Role.APPROVER)


def bring(person: Person, content: bytes, **said: str) -> TestResponse:
    """What the form answers to a file."""
    file = (BytesIO(content), "so-lieu.csv")
    return person.send(PAGE, on=PAGE, file=file, **{**SAID, **said})


def drafted(person: Person, content: bytes | None = None, **said: str) -> str:
    """The page of a file that was brought."""
    answer = bring(person, csv_of() if content is None else content, **said)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.location


def known(database: Database) -> tuple[int, int] | None:
    """The province's people and accounts as they are told now."""
    found = database.read(lambda session: coverage(session, as_of=NOW + timedelta(days=1)))
    whole = found.unit("H09")
    return (whole.latest.population, whole.latest.accounts) if whole and whole.latest else None


def test_one_brings_and_another_takes_in(
    reconciler: Person, approver: Person, database: Database
) -> None:
    """Looked at first; nothing counts before the second person says so."""
    draft = drafted(reconciler, xlsx_of([*ROWS, (None, "Tổng cộng", 39_001, 29_000)]))
    page = reconciler.see(draft)
    assert all(told in page for told in ("39,001", "29,000", "74.3%", "Q3 2026", "12 Oct 2026"))
    assert reconciler.send(f"{draft}/propose", on=draft).status_code == 303
    assert "another person approves it" in reconciler.see(draft)
    assert known(database) is None
    assert approver.send(f"{draft}/approve", on=draft).status_code == 303
    assert known(database) == (39_001, 29_000)
    listed = approver.see(PAGE)
    assert "Ms reconciler, Ms approver" in listed
    assert draft not in listed
    version = re.search(rf'{PAGE}/versions/[^"]+', listed)
    assert version is not None
    assert "Báo cáo số 12/BC" in approver.see(version[0])


@pytest.mark.parametrize(
    ("content", "said", "told"),
    [
        (csv_of([*ROWS, ROWS[0]]), {}, "Row 6: Phường Hiệp Thành stands on row 2 already."),
        (csv_of(), {"quarter": "2026Q4"}, "Q4 2026 is not over"),
        (csv_of(), {"quarter": "soon"}, "is not a quarter"),
        (csv_of(), {"dated": ""}, "cannot be dated"),
        (csv_of(), {"document": ""}, "Name the document"),
        (csv_of(), {"correction": "nhầm"}, "nothing to correct"),
        (b"%PDF-1.7 \xff", {}, "The file is not a table"),
    ],
)
def test_what_is_refused_is_told_with_its_row_and_keeps_the_form(
    reconciler: Person, database: Database, content: bytes, said: dict[str, str], told: str
) -> None:
    """On the page itself, so that only the file is chosen again; nothing is kept."""
    answer = bring(reconciler, content, **said)
    page = answer.get_data(as_text=True)
    assert answer.status_code in (409, 422)
    assert told in page
    assert said.get("document", "Báo cáo số 12/BC") in page
    assert "On their way" not in reconciler.see(PAGE)


def test_the_form_without_a_file_says_so(reconciler: Person) -> None:
    """Nothing else happens."""
    answer = reconciler.send(PAGE, on=PAGE, **SAID)
    assert answer.status_code == 422


def test_a_known_file_is_told_to_be_known(reconciler: Person, database: Database) -> None:
    """The same bytes again change nothing."""
    database.write(lambda session: taken(session) and None)
    answer = bring(reconciler, of_quarter(Q3), correction="lần nữa")
    assert answer.status_code == 409
    assert "what counts for Q3 2026 already" in answer.get_data(as_text=True)


def striking() -> Sequence[Sequence[Any]]:
    """Phú Lợi is twice as large as before."""
    return [(*ROWS[1][:2], 20_000, 7_000) if row is ROWS[1] else row for row in ROWS]


def test_what_is_striking_is_ticked_before_it_is_proposed(
    reconciler: Person, database: Database
) -> None:
    """A population that doubled, by name, with both figures."""
    database.write(lambda session: taken(session, Q3.after(-1)) and None)
    draft = drafted(reconciler, csv_of(striking()))
    page = reconciler.see(draft)
    assert "Phường Phú Lợi: the population aged 15+ is 20,000" in page
    assert reconciler.send(f"{draft}/propose", on=draft).status_code == 409
    done = reconciler.send(f"{draft}/propose", on=draft, confirmed="H09.25744")
    assert done.status_code == 303


def test_what_was_declined_says_why_and_may_be_proposed_again_or_discarded(
    reconciler: Person, approver: Person
) -> None:
    """It is not gone by being declined."""
    draft = drafted(reconciler)
    reconciler.send(f"{draft}/propose", on=draft)
    assert approver.send(f"{draft}/decline", on=draft, reason="thiếu dấu").status_code == 303
    assert "Declined by Ms approver: thiếu dấu" in reconciler.see(draft)
    reconciler.send(f"{draft}/propose", on=draft)
    assert reconciler.send(f"{draft}/discard", on=draft).status_code == 409
    assert reconciler.send(f"{draft}/withdraw", on=draft).status_code == 303
    assert reconciler.send(f"{draft}/discard", on=draft).status_code == 303
    assert reconciler.client.get(draft).status_code == 404


def test_what_changed_since_it_was_proposed_is_not_taken_in(
    reconciler: Person, approver: Person, database: Database
) -> None:
    """Somebody took in another version meanwhile: the page says so."""
    draft = drafted(reconciler)
    reconciler.send(f"{draft}/propose", on=draft)
    page = approver.see(draft)
    database.write(lambda session: taken(session) and None)
    assert approver.send_from(page, f"{draft}/approve").status_code == 409
    assert "Q3 2026 has figures already" in approver.see(draft)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_template_that_is_filled_in_is_read(reconciler: Person, kind: str) -> None:
    """A commune for each row; what is left empty is named as missing."""
    with reconciler.client.get(
        f"{PAGE}/template.{kind}", headers={"Accept-Language": "vi"}
    ) as answer:
        assert answer.status_code == 200
        content = answer.get_data()
    if kind == "csv":
        text = content.decode("utf-8-sig")
        assert "Thị trấn Dầu Tiếng" in text
        content = text.replace("Thủ Dầu Một,,", "Thủ Dầu Một,200,150").encode()
        page = reconciler.see(drafted(reconciler, content))
        assert "Without figures, so not computed: 2 communes" in page
        assert "Thị trấn Dầu Tiếng, Xã Minh Hoà" in page
    else:
        assert "no row of figures" in bring(reconciler, content).get_data(as_text=True)


def test_readers_see_and_change_nothing(sign_in: SignIn, reconciler: Person) -> None:
    """A viewer opens the pages; forms are not theirs."""
    draft = drafted(reconciler)
    viewer = sign_in(Role.VIEWER)
    assert "<form" not in viewer.see(PAGE).split("<main", 1)[1].split("</main>")[0]
    assert "39,001" in viewer.see(draft)
    assert viewer.send(f"{draft}/propose", on=PAGE).status_code == 403
