"""The public page of papers in a real browser: every result, small and large, in both languages."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect
from sqlalchemy.orm import Session

from payments import documents
from payments.core.database import Database
from payments.web import auth, kit, verify
from tests.browser.pages import fits_everybody, let_go, opened, serving, visiting
from tests.builders import NOON
from tests.services import BASE_URL, a_service
from tests.signed_papers import BY, a_kept_paper, a_pdf

pytestmark = [pytest.mark.browser, pytest.mark.committed]


@pytest.fixture
def app(database: Database) -> Flask:
    made = kit.new_app(base_url=BASE_URL)
    made.secret_key = b"k" * 32
    auth.install(made, a_service(database))
    made.register_blueprint(verify.blueprint(database))
    return made


def kept(database: Database, name: str) -> tuple[str, bytes]:
    """The code and the signed PDF of a paper; `name` says what became of it."""

    def unit(session: Session) -> tuple[str, bytes]:
        paper = a_kept_paper(session, subject=f"receipt:{name}")
        later = NOON + timedelta(hours=1)
        if name == "cancelled":
            documents.cancel_all(session, [paper.id], reason="Sai", by=BY, now=later)
        if name == "replaced":
            new = a_kept_paper(session, subject="receipt:new")
            documents.replace_all(session, {paper.id: new.id}, reason="Sai", by=BY, now=later)
        return paper.code, documents.signed_pdf(session, paper).content

    return database.write(unit)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_result_is_fit_for_every_reader(
    browser: Browser, app: Flask, database: Database, language: str
) -> None:
    """The empty form, a refused code, and what became of a paper."""
    codes = {name: kept(database, name)[0] for name in ("valid", "cancelled", "replaced")}
    pages = {"form": "", "refused": "?code=x", "unknown": "/0000-0000-0000-0000-0000"}
    pages |= {name: f"/{code}" for name, code in codes.items()}
    with serving(app) as address, visiting(browser, language=language) as visit:
        for name, path in pages.items():
            page = visit.new_page()
            page.goto(f"{address}/verify{path}")
            expect(page.locator("h1")).to_be_visible()
            fits_everybody(page, f"verify-{name}-{language}")
            let_go(page)


def test_a_file_is_chosen_and_checked(
    browser: Browser, app: Flask, database: Database, tmp_path: Path
) -> None:
    """Without a script too: genuine, altered by one byte, and not signed at all."""
    _, content = kept(database, "valid")
    altered = content.replace(b"/Count 1", b"/Count 2")
    assert altered != content
    files = {"genuine": content, "altered": altered, "unsigned": a_pdf()}
    said = {"genuine": "bản gốc", "altered": "bị sửa đổi", "unsigned": "không có chữ ký số"}
    with serving(app) as address, visiting(browser) as visit:
        for name, held in files.items():
            file = tmp_path / f"{name}.pdf"
            file.write_bytes(held)
            with opened(visit, f"{address}/verify") as page:
                page.locator("input[type=file]").set_input_files(file)
                page.get_by_role("button", name="Kiểm tra tệp").click()
                expect(page.locator("h1")).to_contain_text(said[name])
                fits_everybody(page, f"verify-file-{name}")


def test_a_code_is_typed_as_people_type(browser: Browser, app: Flask, database: Database) -> None:
    code, _ = kept(database, "valid")
    with (
        serving(app) as address,
        visiting(browser, java_script_enabled=False) as visit,
    ):
        page = visit.new_page()
        page.goto(f"{address}/verify")
        page.locator("#code").fill(code.lower().replace("-", " "))
        page.get_by_role("button", name="Kiểm tra mã").click()
        expect(page).to_have_url(f"{address}/verify/{code}")
        expect(page.locator("h1")).to_contain_text("đang có hiệu lực")
