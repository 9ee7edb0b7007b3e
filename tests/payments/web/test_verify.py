"""Whoever holds a paper of ours learns whether it counts, and nothing that does not stand on it."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from payments import documents
from payments.core.database import Database
from payments.documents import Document, State
from payments.web import auth, kit, verify
from payments.web.pace import Pace
from payments.web.verify.faces import BY_CODE, BY_FILE
from tests.builders import NOON
from tests.services import BASE_URL, a_service
from tests.signed_papers import BY, a_kept_paper, a_pdf, a_signer

PLENTY = Pace(per_second=10_000, store=10_000)


def an_app(database: Database, *, pace: Pace = PLENTY) -> Flask:
    app = kit.new_app(base_url=BASE_URL)
    app.secret_key = b"k" * 32
    auth.install(app, a_service(database, base_url=BASE_URL))
    app.register_blueprint(verify.blueprint(database, pace=pace))
    return app


@pytest.fixture
def client(database: Database) -> FlaskClient:
    return an_app(database).test_client()


def sent(client: FlaskClient, content: bytes, *, name: str = "paper.pdf") -> TestResponse:
    form = {"file": (io.BytesIO(content), name)}
    return client.post("/verify", data=form, headers={"Accept": "text/html"})


def end(session: Session, old: Document, *, new: Document | None = None) -> None:
    later = NOON + timedelta(hours=1)
    if new is None:
        documents.cancel_all(session, [old.id], reason="Bà Ba trả lại", by=BY, now=later)
    else:
        documents.replace_all(session, {old.id: new.id}, reason="Bà Ba", by=BY, now=later)
    session.commit()


def test_a_code_shows_what_stands_on_the_paper(client: FlaskClient, session: Session) -> None:
    paper = a_kept_paper(session)
    session.commit()
    page = client.get(f"/verify/{paper.code}")
    assert page.status_code == 200
    told = ("Biên lai", "Sở Tư pháp", "150.000\xa0₫", "0000001", paper.code)
    for shown in ("đang có hiệu lực", *told):
        assert shown in page.text
    assert "không có giá trị pháp lý" in page.text
    assert "Ảnh chụp màn hình không phải là biên lai" in page.text
    english = client.get(f"/verify/{paper.code}?lang=en").text
    assert "it is valid" in english
    assert "150,000\xa0₫" in english


def test_the_page_is_not_kept_not_found_and_sets_no_cookie(
    client: FlaskClient, session: Session
) -> None:
    paper = a_kept_paper(session)
    session.commit()
    for answer in (client.get("/verify"), client.get(f"/verify/{paper.code}")):
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers


def test_a_code_may_be_typed_in_any_way(client: FlaskClient, session: Session) -> None:
    paper = a_kept_paper(session)
    session.commit()
    typed = paper.code.replace("-", " ").lower()
    answer = client.get("/verify", query_string={"code": typed})
    assert (answer.status_code, answer.location) == (303, f"/verify/{paper.code}")
    assert client.get(f"/verify/{typed}").status_code == 200


@pytest.mark.parametrize("code", ["0000-0000-0000-0000-0000", "x", "a" * 500, "%E1%BB%81"])
def test_a_code_nobody_has_is_told_as_such(client: FlaskClient, code: str) -> None:
    answer = client.get(f"/verify/{code}", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    refused = client.get("/verify", query_string={"code": "<b>x"})
    assert refused.status_code == 422
    assert "&lt;b&gt;x" in refused.text
    assert "Không có giấy tờ nào mang mã này" in refused.text


def test_a_cancelled_paper_and_a_replaced_one_are_told(
    client: FlaskClient, session: Session
) -> None:
    """When it ended, what took its place, and not why: a reason may name a person."""
    gone, old, new = (a_kept_paper(session, subject=f"receipt:{n}") for n in range(3))
    end(session, gone)
    end(session, old, new=new)
    page = client.get(f"/verify/{gone.code}").text
    assert "đã bị hủy" in page
    assert "13:00, 24/11/2026" in page
    assert "Bà Ba" not in page
    page = client.get(f"/verify/{old.code}").text
    assert "đã được thay thế" in page
    assert f'href="/verify/{new.code}"' in page
    assert "Bà Ba" not in page


def test_a_file_is_checked_byte_for_byte(client: FlaskClient, session: Session) -> None:
    paper = a_kept_paper(session)
    session.commit()
    pdf = documents.signed_pdf(session, paper).content
    xml = documents.signed_xml(session, paper)
    assert xml
    for content in (pdf, xml.content):
        page = sent(client, content)
        assert page.status_code == 200
        assert "bản gốc và đang có hiệu lực" in page.text
        assert paper.code in page.text
    end(session, paper)
    assert "đã bị hủy" in sent(client, pdf).text
    altered = bytearray(pdf)
    altered[len(a_pdf()) // 2] ^= 1
    for wrong in (bytes(altered), pdf + b"\n", xml.content.replace(b"150000", b"950000")):
        assert "Tệp này đã bị sửa đổi" in sent(client, wrong).text


def test_what_is_no_paper_of_ours_is_told(client: FlaskClient, session: Session) -> None:
    a_kept_paper(session)
    session.commit()
    theirs = documents.sign_pdf(a_pdf(), a_signer(), at=NOON)
    for content, words in (
        (a_pdf(), "không có chữ ký số"),
        (theirs, "do người khác ký"),
        (b"\x89PNG", "Không thể kiểm tra tệp này"),
        (b"", "Không thể kiểm tra tệp này"),
    ):
        answer = sent(client, content)
        assert answer.status_code == 200
        assert words in answer.text
    assert "Kho bạc" not in sent(client, theirs).text, "what a stranger calls himself"


def test_a_form_that_is_not_as_it_should_be_is_refused(client: FlaskClient) -> None:
    page = {"Accept": "text/html"}
    assert client.post("/verify", headers=page).status_code == 422
    assert client.post("/verify", data={"file": "text"}, headers=page).status_code == 422
    assert sent(client, b"x", name="").status_code == 422
    assert client.put("/verify").status_code == 405


@pytest.mark.parametrize(
    ("beyond", "status", "words"),
    [(-5, 200, "không có chữ ký số"), (0, 200, "Không thể kiểm tra"), (200_000, 413, "")],
)
def test_a_large_file_is_read_to_five_megabytes(
    client: FlaskClient, beyond: int, status: int, words: str
) -> None:
    content = b"%PDF-" + b"\n" * (documents.MOST_BYTES + beyond)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    answer = client.post(
        "/verify",
        data=head + content + b"\r\n--b--\r\n",
        content_type="multipart/form-data; boundary=b",
        headers={"Accept": "text/html"},
    )
    assert answer.status_code == status
    assert words in answer.text


def test_nobody_asks_too_often(database: Database) -> None:
    client = an_app(database, pace=Pace(per_second=1, store=3)).test_client()
    page = {"Accept": "text/html"}
    answers = [client.get("/verify/x", headers=page).status_code for _ in range(4)]
    assert answers == [404, 404, 404, 429]


def test_our_certificates_are_for_everybody(client: FlaskClient, session: Session) -> None:
    """Once something has been signed with them."""
    assert client.get("/verify/certificates.pem").json["code"] == "nothing_signed"
    a_kept_paper(session)
    session.commit()
    answer = client.get("/verify/certificates.pem")
    assert answer.text.startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE" not in answer.text


def test_every_finding_has_a_face() -> None:
    assert set(BY_FILE) == set(documents.Finding)
    assert {documents.finding_of(Document(state=state)) for state in State} < set(BY_CODE)
