"""A payer reports a payment that is missing, without a cookie, and follows the report."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from payments import claims
from payments.claims import Claim
from payments.core.database import Database
from payments.payment_requests import PaymentRequest
from payments.web.citizen.apps import APPS
from tests.builders import (
    BY,
    NOON,
    Province,
    a_payment_request,
    a_province,
    paid,
)
from tests.payer_pages import a_payers_browser

GOOD = {"bank_number": "ft26328 000001", "paid_on": "2026-11-24", "amount": "50.000 ₫"}
HTML = {"Accept": "text/html"}
_A_PART = "\r\n--x\r\nContent-Disposition: form-data"


@pytest.fixture
def client(database: Database) -> Iterator[FlaskClient]:
    with a_payers_browser(database) as browser:
        yield browser


@pytest.fixture
def province(database: Database, session) -> Province:
    made = a_province(session)
    session.commit()
    return made


@pytest.fixture
def request_(province: Province) -> PaymentRequest:
    made = a_payment_request(province)
    province.session.commit()
    return made


def sent(client: FlaskClient, request: PaymentRequest, **fields: object) -> TestResponse:
    """What the form answers; it is well filled in but for `fields`."""
    return client.post(f"/p/{request.token}/claim", data={**GOOD, **fields}, headers=HTML)


def sent_raw(client: FlaskClient, request: PaymentRequest, *, photo: bytes) -> TestResponse:
    """As `sent`, for a photo so large that the client's own form would need a file on the disk."""
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    return client.post(
        f"/p/{request.token}/claim",
        data=head + photo + b"\r\n--x--\r\n",
        content_type="multipart/form-data; boundary=x",
        headers=HTML,
    )


def test_a_report_is_sent_and_followed(
    client: FlaskClient, province: Province, request_: PaymentRequest
) -> None:
    """The number on the page, the answer when it is there, the end when the money is found."""
    session, page = province.session, f"/p/{request_.token}/claim"
    assert f'href="{page}"' in client.get(f"/p/{request_.token}").text
    form = client.get(page)
    assert 'value="50.000\xa0₫"' in form.text, "what is due is filled in"
    assert 'value="2026-11-24"' in form.text
    answer = sent(client, request_)
    assert (answer.status_code, answer.headers["Location"]) == (303, page)

    claim = session.scalars(select(Claim)).one()
    grouped = f"{claim.number[:4]} {claim.number[4:]}"
    seen = client.get(page)
    for shown in (grouped, "FT26328000001", "Chúng tôi đang tìm khoản tiền của bạn", "refresh"):
        assert shown in seen.text, shown
    assert grouped in client.get(f"/p/{request_.token}").text
    before = client.get(f"{page}/state")
    tag = {"If-None-Match": before.headers["ETag"]}
    assert client.get(f"{page}/state", headers=tag).status_code == 304

    claims.answer(session, claim, "Đã thấy <b>tiền</b>", by=BY, now=NOON)
    session.commit()
    told = client.get(f"{page}/state", headers=tag).json
    assert told is not None
    assert (told["state"], told["final"]) == ("answered", False)
    assert "Đã thấy &lt;b&gt;tiền&lt;/b&gt;" in told["html"]

    paid(province, request_)
    session.commit()
    last = client.get(f"{page}/state").json
    assert last is not None
    assert (last["state"], last["final"]) == ("found", True)
    assert "Your payment was found" in client.get(f"{page}?lang=en").text


def test_the_payments_page_hears_of_an_answer_too(
    client: FlaskClient, province: Province, request_: PaymentRequest
) -> None:
    """It waits for the money and for the answer; unchanged, neither is sent again."""
    session, state = province.session, f"/p/{request_.token}/state"
    sent(client, request_)
    tag = {"If-None-Match": client.get(state).headers["ETag"]}
    assert client.get(state, headers=tag).status_code == 304

    claims.answer(session, session.scalars(select(Claim)).one(), "Đã thấy", by=BY, now=NOON)
    session.commit()

    news = client.get(state, headers=tag)
    assert news.status_code == 200
    assert "Phản ánh của bạn đã được trả lời" in news.json["html"]
    tag = {"If-None-Match": news.headers["ETag"]}
    assert client.get(state, headers=tag).status_code == 304


def test_a_second_report_shows_the_first(
    client: FlaskClient, province: Province, request_: PaymentRequest
) -> None:
    sent(client, request_)
    again = sent(client, request_, bank_number="OTHER99")
    assert again.status_code == 303
    rows = province.session.scalars(select(Claim.bank_number)).all()
    assert rows == ["FT26328000001"]


def test_everything_wrong_is_said_at_once_and_nothing_typed_is_lost(
    client: FlaskClient, province: Province, request_: PaymentRequest
) -> None:
    """In the reader's language, each beside its field."""
    wrong = {"bank_number": "x", "paid_on": "25/11/2026", "amount": "1.5", "words": "đ" * 1001}
    answer = sent(client, request_, photo=(io.BytesIO(b"%PDF-1.7"), "a.png"), **wrong)
    assert answer.status_code == 422
    for name in (*wrong, "photo"):
        assert f'id="{name}-wrong"' in answer.text, name
        assert f'href="#{name}"' in answer.text, name
    assert 'value="25/11/2026"' in answer.text
    assert "từ 24/11/2026 đến 24/11/2026" in answer.text
    assert province.session.scalars(select(Claim)).all() == []


def test_a_photo_is_kept_and_given_to_nobody_here(
    client: FlaskClient, province: Province, request_: PaymentRequest
) -> None:
    """Drawn anew; no address under the payment serves it."""
    drawn = io.BytesIO()
    Image.new("RGB", (30, 20), "green").save(drawn, "PNG")
    sent(client, request_, photo=(io.BytesIO(drawn.getvalue()), "anh.png"))
    claim = province.session.scalars(select(Claim)).one()
    assert claims.photo(province.session, claim).media_type == "image/jpeg"
    assert "photo" not in client.get(f"/p/{request_.token}/claim").text.lower()
    for name in ("photo", "photo.jpg", f"photo/{claim.public_id}"):
        assert client.get(f"/p/{request_.token}/claim/{name}").status_code == 404


def test_a_photo_beside_something_wrong_is_asked_for_again(
    client: FlaskClient, request_: PaymentRequest
) -> None:
    """A browser sends it once only: who mends the rest is told that it is not there any more."""
    drawn = io.BytesIO()
    Image.new("RGB", (30, 20), "green").save(drawn, "PNG")
    photo = (io.BytesIO(drawn.getvalue()), "anh.png")
    answer = sent(client, request_, photo=photo, bank_number="x")
    assert answer.status_code == 422
    assert "Vui lòng chọn lại ảnh" in answer.text
    assert 'href="#photo"' in answer.text
    assert "chọn lại ảnh" not in sent(client, request_, bank_number="x").text


def test_a_photo_as_a_phone_takes_it_is_kept(
    client: FlaskClient, province: Province, request_: PaymentRequest
) -> None:
    """Of megabytes in which any byte may stand at any place, line ends too."""
    taken = io.BytesIO()
    Image.effect_noise((1600, 1200), 90).convert("RGB").save(taken, "JPEG", quality=100)
    assert len(taken.getvalue()) > 1 << 20
    fields = "".join(f'{_A_PART}; name="{name}"\r\n\r\n{told}' for name, told in GOOD.items())
    answer = sent_raw(client, request_, photo=taken.getvalue() + fields.encode())
    assert answer.status_code == 303
    claim = province.session.scalars(select(Claim)).one()
    assert claims.photo(province.session, claim).media_type == "image/jpeg"


def test_a_photo_that_is_too_large_is_told_in_the_form(
    client: FlaskClient, request_: PaymentRequest
) -> None:
    """As phones make them; one that is larger by far is cut off, with a way back."""
    answer = sent_raw(client, request_, photo=b"\xff\xd8\xff" + b"0" * (6 << 20))
    assert answer.status_code == 422
    assert 'id="photo-wrong"' in answer.text
    cut = sent_raw(client, request_, photo=b"0" * (16 << 20))
    assert cut.status_code == 413
    assert f'href="/p/{request_.token}"' in cut.text


def test_a_paid_request_has_nothing_to_report(
    client: FlaskClient, province: Province, request_: PaymentRequest
) -> None:
    """Form and sending lead to the payment, which says that it is paid."""
    paid(province, request_)
    province.session.commit()
    page = f"/p/{request_.token}"
    assert client.get(f"{page}/claim").headers["Location"] == page
    assert sent(client, request_).headers["Location"] == f"{page}/claim"
    assert province.session.scalars(select(Claim)).all() == []
    assert f"{page}/claim" not in client.get(page).text


def test_who_sends_without_end_is_stopped(client: FlaskClient, request_: PaymentRequest) -> None:
    """By request; told when to go on, with a way back. Reading is never stopped."""
    answers = [sent(client, request_, bank_number="x") for _ in range(20)]
    assert [one.status_code for one in answers][-1] == 429
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 10
    assert f'href="/p/{request_.token}"' in answers[-1].text
    assert client.get(f"/p/{request_.token}/claim").status_code == 200


def test_an_unknown_address_reports_nothing(client: FlaskClient, province: Province) -> None:
    unknown = "/p/" + "u" * 22 + "/claim"
    assert client.get(unknown, headers=HTML).status_code == 404
    assert client.post(unknown, data=GOOD, headers=HTML).status_code == 404
    assert province.session.scalars(select(Claim)).all() == []


def test_no_page_of_a_report_is_kept_found_or_told_elsewhere(
    client: FlaskClient, request_: PaymentRequest
) -> None:
    """Form, refusal and report alike; none sets a cookie."""
    page = f"/p/{request_.token}/claim"
    for answer in (
        client.get(page),
        sent(client, request_, bank_number="x"),
        sent(client, request_),
        client.get(page),
        client.get(f"{page}/state"),
    ):
        assert answer.headers["Cache-Control"] == "no-store"
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in answer.headers


def test_apps_are_opened_without_a_word_of_the_payment(
    client: FlaskClient, request_: PaymentRequest
) -> None:
    """The links are the same for every payment, and tell their host not even where they stood."""
    page = client.get(f"/p/{request_.token}").text
    for app in APPS:
        assert f'<a class="button" href="{app.address}" rel="noreferrer noopener">' in page
    assert all(app.address.startswith("https://dl.vietqr.io/pay?app=") for app in APPS)
    assert not any("&" in app.address for app in APPS)
