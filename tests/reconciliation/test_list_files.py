"""Breaks, payouts and receipts as files: what is filtered on the page and nothing else."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from payments.core.database import Database
from payments.staff import Role
from reconciliation import breaks
from reconciliation.breaks import Search
from tests.browser.whole_province import lived, worked
from tests.console import Person, SignIn, whole_app
from tests.refund_pages import MORNING

pytestmark = pytest.mark.committed


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """A province in the middle of its work."""
    here = lived(database)
    with whole_app(database_url, MORNING) as whole:
        worked(whole, here)
        yield whole


def rows_of(person: Person, path: str) -> list[dict[str, str]]:
    """The rows of a file by their headings."""
    answer = person.client.get(path, headers={"Accept-Language": "en"})
    assert answer.status_code == 200, path
    assert answer.mimetype == "text/csv"
    text = answer.get_data().decode("utf-8-sig")
    answer.close()
    return list(csv.DictReader(io.StringIO(text)))


def test_a_list_is_taken_along_as_it_is_filtered(
    app: Flask, database: Database, sign_in: SignIn
) -> None:
    """All pages of it, in the page's order; an account is told by its last digits."""
    person = sign_in(Role.VIEWER)

    def waiting(session: Session) -> list[str]:
        page = breaks.page(session, Search(), after=None, now=MORNING)
        return [one.public_id for one in page.rows]

    every = rows_of(person, "/console/breaks.csv")
    assert [one["Number of the break"] for one in every] == database.read(waiting)
    kind = rows_of(person, "/console/breaks.csv?kind=debit_unexplained")
    assert 0 < len(kind) < len(every)
    assert {one["Kind"] for one in kind} == {"Debit nothing explains"}
    payouts = rows_of(person, "/console/payouts.csv")
    proposed = rows_of(person, "/console/payouts.csv?state=proposed")
    assert 0 < len(proposed) < len(payouts)
    assert {one["To account"][0] for one in payouts} == {"…"}
    receipts = rows_of(person, "/console/receipts.csv")
    assert [one["Number"] for one in receipts]
    asked = receipts[0]["Code of the request"]
    same = rows_of(person, f"/console/receipts.csv?reference={asked}")
    assert {one["Code of the request"] for one in same} == {asked}
    for name in ("breaks", "payouts", "receipts"):
        assert f"/console/{name}.csv" in person.see(f"/console/{name}")
        assert person.client.get(f"/console/{name}.csv?colour=red").status_code == 422
