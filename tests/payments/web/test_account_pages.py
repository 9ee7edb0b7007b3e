"""A payer names the account that what is kept of their payment is to go back to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from payments import payouts
from payments.core.database import Database
from payments.payment_requests import PaymentRequest
from payments.payouts import MOST_NAMED, RefundAccount
from tests.bank import BankLine, a_statement, run
from tests.builders import NOON, Province, a_payment_request, a_province, paid
from tests.payer_pages import a_payers_browser
from tests.refunds import PAYER, approved

GOOD = {"bank": "970436", "account": "0071 000 123456", "name": "Nguyễn  Văn Mẫu"}
HTML = {"Accept": "text/html"}


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
    """A request that was paid twice."""
    made = a_payment_request(province, amount=50_000)
    for _ in range(2):
        paid(province, made)
    province.session.commit()
    return made


def sent(client: FlaskClient, request: PaymentRequest, **fields: str) -> TestResponse:
    """What the form answers; it is well filled in but for `fields`."""
    return client.post(f"/p/{request.token}/account", data={**GOOD, **fields}, headers=HTML)


def test_an_account_is_named_shown_by_its_last_digits_and_changed(
    client: FlaskClient, request_: PaymentRequest
) -> None:
    """The page leads to the form, and tells afterwards what was named, also to an open window."""
    page, form = f"/p/{request_.token}", f"/p/{request_.token}/account"
    before = client.get(f"{page}/state").headers["ETag"]
    assert f'href="{form}"' in client.get(page).text
    assert "50.000\xa0₫ đang được giữ lại" in client.get(form).text
    answer = sent(client, request_)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{page}#back-to")
    after = client.get(page).text
    assert "Vào tài khoản …3456, Vietcombank" in after
    assert "0071000123456" not in after
    assert client.get(f"{page}/state", headers={"If-None-Match": before}).status_code == 200
    again = client.get(form)
    assert "Tài khoản đã khai" in again.text
    assert "0071000123456" not in again.text, "whoever has the address is not told the number"
    sent(client, request_, bank="970422", account="12345678")
    assert "…5678, MB Bank" in client.get(page).text
    assert "To account …5678, MB Bank" in client.get(f"{page}?lang=en").text


def test_everything_wrong_is_said_at_once_and_nothing_typed_is_lost(
    client: FlaskClient, province: Province, request_: PaymentRequest
) -> None:
    """In the reader's language, each beside its field; nothing is noted."""
    wrong = {"bank": "", "account": "00-71.000", "name": "陳"}
    for name in ("A\N{RIGHT-TO-LEFT OVERRIDE}NAV", "A" * 141):
        assert sent(client, request_, name=name).status_code == 422, name
    answer = sent(client, request_, **wrong)
    assert answer.status_code == 422
    for words in ("Hãy chọn ngân hàng.", "Số tài khoản gồm", "Hãy nhập tên chủ tài khoản"):
        assert answer.text.count(words) == 2, words
    assert 'value="00-71.000"' in answer.text
    english = client.post(
        f"/p/{request_.token}/account?lang=en", data={**GOOD, "bank": "000000"}, headers=HTML
    )
    assert "No bank has the BIN 000000." in english.text
    assert sent(client, request_, account="").status_code == 422
    assert sent(client, request_, name=" ").status_code == 422
    assert province.session.scalars(select(RefundAccount)).all() == []


def test_where_nothing_is_kept_there_is_no_form(client: FlaskClient, province: Province) -> None:
    """Whoever comes to it is led to how the payment stands, and nothing is noted."""
    waiting, done = (a_payment_request(province, amount=50_000) for _ in range(2))
    paid(province, done)
    province.session.commit()
    for request in (waiting, done):
        page = f"/p/{request.token}"
        assert f"{page}/account" not in client.get(page).text
        for answer in (client.get(f"{page}/account", headers=HTML), sent(client, request)):
            assert (answer.status_code, answer.headers["Location"]) == (303, f"{page}#back-to")
        assert sent(client, request, bank="").status_code == 303
    assert province.session.scalars(select(RefundAccount)).all() == []


def test_after_a_few_accounts_the_agency_is_to_be_asked(
    client: FlaskClient, province: Province, request_: PaymentRequest
) -> None:
    """The page says so, and a form that was still open changes nothing."""
    for number in range(MOST_NAMED + 1):
        assert sent(client, request_, account=f"12340{number}").status_code == 303
    page = f"/p/{request_.token}"
    shown = client.get(page).text
    assert f"…340{MOST_NAMED - 1}" in shown
    assert f"{page}/account" not in shown
    assert "Bạn đã khai tài khoản nhiều lần" in shown
    assert client.get(f"{page}/account").status_code == 303
    assert len(province.session.scalars(select(RefundAccount)).all()) == MOST_NAMED


def test_a_form_sent_without_end_is_stopped(client: FlaskClient, request_: PaymentRequest) -> None:
    """Ten at a time for one payment, then it is said when to come again."""
    codes = [sent(client, request_).status_code for _ in range(11)]
    assert codes == [303] * 10 + [429]


def test_a_form_that_is_no_form_is_refused_in_words(
    client: FlaskClient, province: Province, request_: PaymentRequest
) -> None:
    """Too much, another type, another's address."""
    at = f"/p/{request_.token}/account"
    assert client.post(at, data={**GOOD, "name": "a" * 20_000}, headers=HTML).status_code == 413
    assert client.post(at, json=GOOD, headers=HTML).status_code == 422
    assert client.post(f"/p/{'x' * 22}/account", data=GOOD, headers=HTML).status_code == 404
    assert province.session.scalars(select(RefundAccount)).all() == []


def test_an_account_named_for_a_part_that_came_back_is_shown(
    client: FlaskClient, province: Province
) -> None:
    """Given back once and never left: nothing counts as received, and it is kept all the same."""
    session = province.session
    request = a_payment_request(province, amount=50_000)
    paid(province, request, 20_000, payer=PAYER)
    a_statement(province, BankLine(20_000, request.reference, payer=PAYER))
    run(province)
    [credit] = province.credits()
    payout = approved(province, credit, 20_000)
    payouts.reject(session, payout, reason="ngân hàng từ chối", by="staff:3", now=NOON)
    session.commit()
    page = f"/p/{request.token}"
    with time_machine.travel(request.expires_at, tick=False):
        before = client.get(f"{page}/state").headers["ETag"]
        assert "Khai tài khoản nhận lại tiền" in client.get(page).text
        assert sent(client, request).status_code == 303
        assert "…3456, Vietcombank" in client.get(page).text
        after = client.get(f"{page}/state", headers={"If-None-Match": before})
        assert after.status_code == 200
        again = {"If-None-Match": after.headers["ETag"]}
        assert client.get(f"{page}/state", headers=again).status_code == 304
