"""What strangers write is shown as they wrote it and does nothing: in pages, and in files.

A stranger chooses a transfer's memo, a file's name, a claim's words. The test follows every link
of the console in a real browser and looks at two pages of each kind.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urljoin
from xml.sax.saxutils import escape

import pytest
from flask import Flask
from playwright.sync_api import APIResponse, Browser, Page
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from migrations.tables import everything
from payments import claims
from payments.claims import Told
from payments.core.columns import Words
from payments.core.database import Database
from payments.core.money import Dong
from payments.staff import Role
from reconciliation import breaks
from reconciliation.breaks import Attachment, Break
from tests.bank import TODAY, BankLine, camt, imported, run
from tests.browser.pages import enter, opened, serving, visiting
from tests.browser.walking import Walk
from tests.browser.whole_province import Known, lived, worked
from tests.builders import NOON, a_message, a_payment_request, a_province, paid, settle
from tests.console import employ, whole_app
from tests.refund_pages import MORNING

pytestmark = pytest.mark.committed

SCRIPTS = (
    "<script>window.hacked=1</script>",
    "</title></textarea><script>window.hacked=1</script>",
    '"><img src=x onerror=window.hacked=1>',
    "' autofocus onfocus='window.hacked=1' x='",
    "<svg/onload=window.hacked=1>",
    '<a href="javascript:window.hacked=1">nop phi</a>',
    "{{ 7*191 }}${7*191}<%= 7*191 %>",
)
FORMULAS = (
    '=HYPERLINK("https://x.example","y")',
    "+1+1",
    "-2+3",
    "@SUM(1;1)",
    "=cmd|' /C calc'!A0",
)
HOSTILE = (*SCRIPTS, *FORMULAS)
PAYLOAD = '=HYPERLINK("x")"><img src=x onerror=window.hacked=1><b>'
CHOSEN_BY_OTHERS = {"webhook_endpoint.url", "staff_session.address", "layout_draft.name"}
"""Texts that are kept as codes, and are somebody's choice."""

READ_BY_PROGRAMS = {
    "idempotency_key.body",
    "payment_request.page",
    "signing_certificate.certificate",
    "statement_layout.described",
}
"""What no page shows: it is read again as it was written."""

FILENAME = '"><img src=x onerror=window.hacked=1>.xml'
LATER = NOON + timedelta(hours=19)
START = "script"
"""What is looked for first."""

FOREIGN = """() => [
    window.hacked ?? null,
    document.querySelectorAll('img[src="x"], svg[onload], [onerror], [onfocus]').length,
    document.querySelectorAll('a[href^="javascript:"]').length,
    [...document.scripts].filter(one => one.textContent.includes('hacked')).length,
]"""
"""What runs, or would, if a text were taken for a page's own."""


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The morning after a day of hostile memos, file names and notes."""

    def unit(session: Session) -> None:
        province = a_province(session)
        paid(province, a_payment_request(province, dossier='H09<b>"x'), reference="FT<b>1")
        for number, memo in enumerate(HOSTILE):
            a_message(province, memo, amount=10_000 + number, reference=f"FT{number}<i>")
        settle(province)
        lines = [
            BankLine(10_000 + number, memo, reference=f"FT{number}<i>")
            for number, memo in enumerate(HOSTILE)
        ]
        wrong = [BankLine(-5_000 - number, memo) for number, memo in enumerate(HOSTILE)]
        content = camt(province.account.number, [*lines, *wrong], number=escape("S<i>1"))
        imported(province, content, filename=FILENAME)
        run(province)
        employ(session, Role.RECONCILER)
        claimed = a_payment_request(province, amount=90_000)
        claims.make(session, claimed, Told("FT1", TODAY, Dong(90_000), HOSTILE[0]), now=LATER)
        found = session.scalars(select(Break).where(Break.kind == "unidentified")).all()
        for one, words in zip(found, HOSTILE, strict=False):
            attached = Attachment(FILENAME.replace(".xml", ".pdf"), b"%PDF-1.4 text")
            breaks.write(session, one, words, attachment=attached, by="staff:1", now=LATER)
        run(province)

    database.write(unit)
    with whole_app(database_url, NOON + timedelta(hours=20)) as whole:
        yield whole


def disarmed(answer: APIResponse, path: str) -> None:
    """No cell of a file is a formula, and no file is a page of ours."""
    kind, body = answer.headers["content-type"], answer.body()
    assert answer.ok, path
    assert not kind.startswith("text/html"), path
    if kind.startswith("text/csv"):
        rows = csv.reader(io.StringIO(body.decode("utf-8-sig")))
        cells = [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
        assert [cell for cell in cells if not cell.lstrip("+-").isdecimal()] == [], path
    if "spreadsheetml" in kind:
        with zipfile.ZipFile(io.BytesIO(body)) as workbook:
            sheets = [name for name in workbook.namelist() if name.startswith("xl/worksheets/")]
            assert sheets, path
            assert [name for name in sheets if b"<f" in workbook.read(name)] == [], path


def test_what_strangers_wrote_does_nothing(browser: Browser, app: Flask) -> None:
    """Not in any page that a link of the console leads to, and not in any file."""
    with (
        serving(app) as address,
        visiting(browser, width=1280) as visit,
        opened(visit, f"{address}/sign-in") as page,
    ):
        enter(page, address, Role.RECONCILER, "/console/")
        page.locator("#finder").fill(START)
        page.locator("#finder").press("Enter")
        page.wait_for_url("**/console/search?words=*")
        walk, seen = Walk(app, address, page.url.removeprefix(address)), 0
        while walk.waiting:
            path = walk.waiting.pop(0)
            answer = page.goto(urljoin(address, path))
            assert answer is not None, path
            assert answer.status < 500, path
            assert page.evaluate(FOREIGN) == [None, 0, 0, 0], path
            assert "1337" not in page.inner_text("main"), path
            seen += SCRIPTS[0] in page.inner_text("main")
            walk.take_links(page)
        assert seen, "the texts were on no page"
        for path in walk.files:
            disarmed(page.request.get(urljoin(address, path)), path)


@pytest.fixture
def everywhere(database: Database, database_url: str) -> Iterator[Flask]:
    """A province in the middle of its work in which every text that people write is hostile."""
    here = lived(database)
    with whole_app(database_url, MORNING) as whole:
        known = worked(whole, here)
        whole.extensions["known"], whole.extensions["spoilt"] = known, spoilt(database)
        yield whole


def spoilt(database: Database) -> int:
    """Writes the payload into every column of words, whatever guards it; says how many."""

    def unit(session: Session) -> int:
        without_guards(session)
        told = 0
        for table in everything().sorted_tables:
            for column in table.columns:
                place = f"{table.name}.{column.name}"
                wordy = isinstance(column.type, Words) and place not in READ_BY_PROGRAMS
                if wordy or place in CHOSEN_BY_OTHERS:
                    changed = update(table).values({column: PAYLOAD + column})
                    session.execute(changed.where(column != ""))
                    told += 1
        return told

    return database.write(unit)


def without_guards(session: Session) -> None:
    """Somebody at the database itself, for the length of a test: rows that never change do."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL session_replication_role = replica"))
        return
    for name in session.scalars(
        text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    ).all():
        session.execute(text(f"DROP TRIGGER {name}"))


def test_no_text_of_anybody_does_anything_anywhere(browser: Browser, everywhere: Flask) -> None:
    """Names, reasons, notes, answers, addresses: on every page of every kind of reader."""
    known: Known = everywhere.extensions["known"]
    assert everywhere.extensions["spoilt"] > 50
    kinds: set[str] = set()
    with serving(everywhere) as address:
        for role, starts in (
            (Role.RECONCILER, ("/console/", "/console/me", *known.begun)),
            (Role.ADMINISTRATOR, ("/console/people", "/console/keys", "/console/audit")),
            (Role.CLERK, (known.shift, f"{known.shift}/display", f"{known.shift}/totals")),
            (None, (f"/p/{known.token}", f"/p/{known.unpaid}/claim", f"/verify/{known.paper}")),
            (None, (f"/p/{known.unpaid}", "/tariff", "/open-data/")),
        ):
            with visiting(browser, width=1280) as visit, opened(visit, f"{address}/verify") as page:
                if role is not None:
                    enter(page, address, role, starts[0])
                kinds |= inert(page, address, Walk(everywhere, address, *starts))
    assert len(kinds) > 50


def inert(page: Page, address: str, walk: Walk) -> set[str]:
    """Opens every kind of page that is led to, and every file; says in which the payload stood."""
    seen: set[str] = set()
    while walk.waiting:
        path = walk.waiting.pop(0)
        if walk.kind(path) == "console.coverage_draft":
            continue  # a file that names communes as they are no longer called is not read
        answer = page.goto(urljoin(address, path))
        assert answer is not None, path
        assert answer.status < 500, path
        assert page.evaluate(FOREIGN) == [None, 0, 0, 0], path
        if "onerror=window.hacked" in page.inner_text("body"):
            seen.add(walk.kind(path))
        walk.take_links(page)
    for path in walk.files:
        disarmed(page.request.get(urljoin(address, path)), path)
    return seen


def test_the_test_finds_a_page_that_trusts_texts(browser: Browser) -> None:
    """A page made of texts as they came runs them: the corpus bites where nothing protects."""
    for hostile in SCRIPTS[:3]:
        with visiting(browser) as visit:
            page = visit.new_page()
            page.set_content(f'<title>x</title><main>{hostile}<input value="{hostile}"></main>')
            page.wait_for_function("window.hacked === 1")
            assert page.evaluate(FOREIGN) != [None, 0, 0, 0]
