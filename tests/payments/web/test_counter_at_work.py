"""What a clerk with a queue relies on: news of all that changes, ways back, few keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from payments import payment_requests
from payments.core.database import Database
from payments.payment_requests import CancelReason, PaymentRequest
from payments.staff import Role
from tests.builders import NOON, a_payment_request, a_province, paid, the_province
from tests.callers import a_priced_fee
from tests.console import SignIn, employ, whole_app
from tests.counters import IN_ENGLISH, Clerk, at_the_counter
from tests.receipts import issue, open_a_pair

pytestmark = pytest.mark.committed


@pytest.fixture
def requests(database: Database) -> list[PaymentRequest]:
    """Two requests, each of a dossier of its own."""

    def unit(session: Session) -> list[PaymentRequest]:
        province = a_province(session)
        a_priced_fee(session)
        open_a_pair(session)
        employ(session, Role.CLERK)
        dossiers = ("000.00.12.H09-261124-0001", "000.00.12.H09-261124-0002")
        return [a_payment_request(province, dossier=one) for one in dossiers]

    return database.write(unit)


@pytest.fixture
def app(requests: list[PaymentRequest], database_url: str) -> Iterator[Flask]:
    """The whole application."""
    with whole_app(database_url, NOON) as whole:
        yield whole


@pytest.fixture
def clerk(app: Flask, sign_in: SignIn) -> Clerk:
    """A clerk with a shift at a counter of the province."""
    return at_the_counter(sign_in(Role.CLERK))


def comes(database: Database, request: PaymentRequest, amount: int) -> None:
    """A transfer of so much for a request comes and is settled."""

    def unit(session: Session) -> None:
        province = the_province(session)
        paid(province, session.get_one(PaymentRequest, request.id), amount)

    database.write(unit)


def test_receipts_come_into_the_clerks_window_by_themselves(
    clerk: Clerk, requests: list[PaymentRequest], database: Database
) -> None:
    """They are issued seconds after the money came, while the citizen waits for the paper."""
    clerk.find(requests[0].reference)
    comes(database, requests[0], 50_000)
    before = clerk.news()
    assert "/receipts/" not in before.json["html"]
    database.write(lambda session: issue(the_province(session)) and None)
    after = clerk.news(tag=before.headers["ETag"])
    assert after.status_code == 200
    assert f"/p/{requests[0].token}/receipts/" in after.json["html"]


def test_too_much_is_told_in_both_windows(
    clerk: Clerk, requests: list[PaymentRequest], database: Database
) -> None:
    """In one transfer or by a second one, which comes when it is paid; whom to ask, too."""
    clerk.find(requests[0].reference)
    comes(database, requests[0], 50_000)
    news = {of: clerk.news(of=of) for of in ("", "/display")}
    assert "more than due" not in "".join(one.json["html"] for one in news.values())
    comes(database, requests[0], 20_000)
    for of, before in news.items():
        told = clerk.news(of=of, tag=before.headers["ETag"])
        assert told.status_code == 200, of
        assert told.json["headline"] == "Money received", of
        assert "70,000 ₫ has arrived, 20,000 ₫ more than due." in told.json["html"], of
        assert "is kept for you" in told.json["html"], of
        assert "need not do anything more" not in told.json["html"], of


def test_the_display_says_what_has_come_of_a_payment_in_parts(
    clerk: Clerk, requests: list[PaymentRequest], database: Database
) -> None:
    """The code is for the rest, and the citizen sees that the first part is not lost."""
    clerk.find(requests[0].reference)
    comes(database, requests[0], 30_000)
    shown = clerk.see("/display")
    assert "qr.svg" in shown
    assert "30,000 ₫ of 50,000 ₫ has arrived. Please transfer the rest." in shown


def test_a_payment_shown_before_is_shown_again_by_one_press(
    clerk: Clerk, requests: list[PaymentRequest]
) -> None:
    """For the citizen who comes back for a receipt; not once the shift has ended."""
    for one in requests:
        clerk.find(one.reference)
    page = clerk.see()
    assert page.count(f'name="reference" value="{requests[0].reference}"') == 1
    assert f'name="reference" value="{requests[1].reference}"' not in page
    clerk.send("/show", reference=requests[0].reference)
    assert requests[0].reference in clerk.see("/display")
    clerk.send("/clear")
    assert clerk.see().count('name="reference"') == 2
    clerk.send("/end", on="/totals")
    assert 'name="reference"' not in clerk.see()


def test_what_can_be_paid_no_more_is_to_be_asked_for_anew(
    clerk: Clerk, requests: list[PaymentRequest], database: Database
) -> None:
    """The clerk is told what to do, the citizen what it means for them; no cash is offered."""

    def unit(session: Session) -> None:
        this = session.get_one(PaymentRequest, requests[0].id)
        payment_requests.cancel(session, this, reason=CancelReason.WITHDRAWN, now=NOON)

    clerk.find(requests[0].reference)
    database.write(unit)
    page = clerk.news().json["html"]
    assert "Have the portal ask anew" in page
    assert "Record cash" not in page
    display = clerk.see("/display")
    assert "Have the portal ask anew" not in display
    assert "Please do not transfer any money for it." in display


def test_the_digits_of_a_code_are_enough(clerk: Clerk, requests: list[PaymentRequest]) -> None:
    """As they are typed on a block of digits, or read out."""
    digits = requests[0].reference[4:]
    for text in (digits, f"{digits[:4]} {digits[4:7]} {digits[7:]}"):
        clerk.send("/clear")
        assert clerk.find(text).status_code == 303, text
        assert requests[0].reference in clerk.see("/display"), text
    wrong = digits[:-1] + str((int(digits[-1]) + 1) % 10)
    assert clerk.find(wrong).status_code == 404


def test_a_dossier_whose_number_is_ten_digits_is_found(
    clerk: Clerk, requests: list[PaymentRequest], database: Database
) -> None:
    """Also where these would be the digits of another payment's code."""
    digits = requests[0].reference[4:]

    def unit(session: Session) -> str:
        return a_payment_request(the_province(session), dossier=digits).reference

    other = database.write(unit)
    page = clerk.find(digits).get_data(as_text=True)
    assert requests[0].reference in page
    assert other in page


def test_what_a_form_answered_is_seen_in_the_other_language(clerk: Clerk) -> None:
    """The switch, and loading again without a script, lead to the page that the form is on."""
    answer = clerk.find("nothing")
    switch = re.search(r'class="switch" href="([^"]+)"', answer.get_data(as_text=True))
    assert switch is not None
    seen = clerk.person.client.get(switch[1], headers=IN_ENGLISH)
    assert (seen.status_code, seen.headers["Location"]) == (303, f"{clerk.at}?lang=vi")
    for path in ("/find", "/show", "/clear", "/end", "/cash/x/void"):
        led = clerk.person.client.get(clerk.at + path, headers=IN_ENGLISH)
        assert (led.status_code, led.headers["Location"]) == (303, clerk.at), path


def test_cash_is_not_offered_for_what_takes_none(
    clerk: Clerk, requests: list[PaymentRequest], database: Database
) -> None:
    """Whoever comes back to the form is told so before they take a note."""
    comes(database, requests[0], 50_000)
    page = clerk.person.client.get(
        f"{clerk.at}/cash/requests/{requests[0].reference}", headers=IN_ENGLISH
    )
    text = page.get_data(as_text=True)
    assert page.status_code == 409
    assert "can&#39;t be paid in cash" in text
    assert 'name="reason"' not in text


def test_a_fee_is_named_in_any_case_and_reductions_are_offered(clerk: Clerk) -> None:
    """The code as the tariff writes it, whatever the keyboard's state."""
    page = clerk.price(dossier="D-1", fee="cert", quantity="1").get_data(as_text=True)
    assert "Record 200,000 ₫ of cash" in page
    assert '<option value="student">' in page


def test_an_amount_that_is_none_is_answered_as_it_may_be_written(clerk: Clerk) -> None:
    """With an example; dots are as good as none."""
    answer = clerk.price(dossier="D-1", fee="CERT", quantity="1", amount_given="150k")
    assert answer.status_code == 422
    assert "no space and no dot" not in answer.get_data(as_text=True)
    assert "such as" in answer.get_data(as_text=True)


def test_the_display_speaks_the_citizens_language_and_the_clerks_window_the_clerks(
    clerk: Clerk, requests: list[PaymentRequest]
) -> None:
    """They share a browser: neither switch changes the other window, nor does the other's news."""
    clerk.find(requests[0].reference)
    display = clerk.person.client.get(f"{clerk.at}/display?lang=vi", headers=IN_ENGLISH)
    assert "Quét bằng ứng dụng ngân hàng" in display.get_data(as_text=True)
    assert "On the display" in clerk.see()
    news = re.search(r'data-src="([^"]+)"', display.get_data(as_text=True))
    assert news is not None
    clerk.person.client.get(f"{clerk.at}?lang=en", headers=IN_ENGLISH)
    told = clerk.person.client.get(news[1], headers=IN_ENGLISH).get_json()
    assert "Quét bằng ứng dụng ngân hàng" in told["html"]
