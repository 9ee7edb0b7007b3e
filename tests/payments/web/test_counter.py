"""The clerk's counter: two windows of one shift, cash with its reason, what the shift came to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payment_requests, staff, vietqr
from payments.cash import CashCollection
from payments.core.audit import AuditEntry
from payments.core.database import Database
from payments.core.money import Dong
from payments.payment_requests import PaymentRequest
from payments.staff import Role
from tests import builders
from tests.builders import NOON, a_payment_request, a_province, the_province
from tests.callers import a_priced_fee
from tests.console import PASSWORD, Person, SignIn, employ, whole_app
from tests.counters import IN_ENGLISH, Clerk, at_the_counter, hidden
from tests.receipts import receipted

pytestmark = pytest.mark.committed

DOSSIER = "000.00.12.H09-261124-0001"


@pytest.fixture
def requests(database: Database) -> list[PaymentRequest]:
    """Three requests: one of a dossier of its own, two of another."""

    def unit(session: Session) -> list[PaymentRequest]:
        province = a_province(session)
        a_priced_fee(session)
        employ(session, Role.CLERK)
        told = {"name": "Ms other", "password": PASSWORD, "roles": [Role.CLERK]}
        staff.add(session, "other", by="command:test", now=NOON, **told)
        other = "000.00.12.H09-261124-0002"
        return [
            a_payment_request(province),
            a_payment_request(province, amount=70_000, dossier=other),
            a_payment_request(province, amount=80_000, dossier=other),
        ]

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


@pytest.fixture
def pay(database: Database) -> Callable[[PaymentRequest], None]:
    """Pays a request by transfer, told by a signed message."""

    def paid(request: PaymentRequest) -> None:
        def unit(session: Session) -> None:
            province = the_province(session)
            builders.paid(province, session.get_one(PaymentRequest, request.id))

        database.write(unit)

    return paid


def status(database: Database, request: PaymentRequest) -> str:
    def unit(session: Session) -> str:
        return payment_requests.public_status(session.get_one(PaymentRequest, request.id))

    return database.read(unit)


def taken(database: Database) -> list[CashCollection]:
    rows = select(CashCollection).order_by(CashCollection.id)
    return list(database.read(lambda session: session.scalars(rows).all()))


def test_a_clerk_shows_a_code_and_both_windows_see_the_money_come(
    clerk: Clerk, requests: list[PaymentRequest], pay: Callable[[PaymentRequest], None]
) -> None:
    """Typed, shown, paid; while nothing is new a window is told so without a page."""
    display = clerk.person.see(f"{clerk.at}/display")
    assert "Welcome" in display
    assert clerk.find(DOSSIER).status_code == 303
    page = clerk.see()
    assert "Waiting for the citizen to pay" in page
    assert f"/p/{requests[0].token}/qr.svg" in page
    news = [clerk.news(), clerk.news(of="/display")]
    assert "Scan with your banking app" in news[1].json["html"]
    assert 'data-chime=""' in news[1].json["html"]
    tags = [one.headers["ETag"] for one in news]
    assert [
        clerk.news(tag=tags[0]).status_code,
        clerk.news(of="/display", tag=tags[1]).status_code,
    ] == [304, 304]
    pay(requests[0])
    for of, tag in zip(("", "/display"), tags, strict=True):
        told = clerk.news(of=of, tag=tag)
        assert told.status_code == 200
        assert told.json["headline"] == "Money received"
    assert f'data-chime="{requests[0].reference}"' in clerk.news(of="/display").json["html"]


def test_a_paid_payments_receipts_are_at_hand_in_the_clerks_window(
    clerk: Clerk, requests: list[PaymentRequest], database: Database
) -> None:
    """Once they are issued, the clerk prints them for whoever has no phone."""
    receipt = database.write(lambda session: receipted(session, requests[0].reference)[0].public_id)
    clerk.find(DOSSIER)
    paper = f"/p/{requests[0].token}/receipts/{receipt}.pdf"
    assert paper in clerk.see()
    assert paper in clerk.news().json["html"]
    assert clerk.person.client.get(paper).data.startswith(b"%PDF-")


def test_whatever_a_scanner_reads_of_a_payment_shows_it(
    clerk: Clerk, requests: list[PaymentRequest], database: Database
) -> None:
    """Its code however it is written, the text of its QR code, its page's link."""
    this = requests[0]
    code = vietqr.encode(
        bin="970436", account="0011001234567", amount=Dong(50_000), memo=this.reference
    )
    for text in (this.reference.lower(), f" {this.reference} ", code, f"{this.page}?lang=en"):
        clerk.send("/clear")
        assert clerk.find(text).status_code == 303, text
        assert this.reference in clerk.news(of="/display").json["html"], text


def test_of_several_payments_of_a_dossier_one_is_chosen(
    clerk: Clerk, requests: list[PaymentRequest]
) -> None:
    """Each is listed with its amount and state; nothing is shown before one is chosen."""
    page = clerk.find(requests[1].dossier).get_data(as_text=True)
    assert all(one.reference in page for one in requests[1:])
    assert "Welcome" in clerk.see("/display")
    assert clerk.send("/show", reference=requests[2].reference).status_code == 303
    assert requests[2].reference in clerk.see("/display")
    assert clerk.send("/clear").status_code == 303
    assert "Welcome" in clerk.see("/display")


def test_what_is_not_found_is_said_and_kept_to_be_mended(clerk: Clerk) -> None:
    """On the same page, with what was typed."""
    for text in ("", "   ", "nothing", "TTHC0000000000", "x" * 5000, "\u202e'\"<"):
        answer = clerk.find(text)
        assert answer.status_code in (404, 422), text
        assert 'role="alert"' in answer.get_data(as_text=True), text
    assert "Welcome" in clerk.see("/display")


def test_cash_for_a_payment_closes_its_code_and_is_recorded_once(
    clerk: Clerk, requests: list[PaymentRequest], database: Database
) -> None:
    """With a reason; a form sent twice records once; the display thanks for the cash."""
    this = requests[0]
    clerk.find(DOSSIER)
    refused = clerk.take(this.reference)
    assert (refused.status_code, "choose why" in refused.get_data(as_text=True)) == (422, True)
    assert clerk.take(this.reference, reason="other").status_code == 422
    form, other = (clerk.see(f"/cash/requests/{this.reference}") for _ in range(2))
    for _ in range(2):
        answer = clerk.take_from(form, this.reference, reason="no_smartphone")
        assert answer.status_code == 303
    again = clerk.take_from(other, this.reference, reason="no_smartphone")
    assert again.status_code == 409
    (one,) = taken(database)
    assert (one.amount, one.reason, one.taken_by) == (50_000, "no_smartphone", "staff:1")
    assert status(database, this) == "cancelled"
    assert "Cash received" in clerk.see("/display")
    assert "Record cash" not in clerk.see()


def test_cash_is_not_taken_for_what_is_paid(
    clerk: Clerk,
    requests: list[PaymentRequest],
    pay: Callable[[PaymentRequest], None],
    database: Database,
) -> None:
    form = clerk.see(f"/cash/requests/{requests[0].reference}")
    pay(requests[0])
    answer = clerk.take_from(form, requests[0].reference, reason="refuses")
    assert answer.status_code == 409
    assert "can&#39;t be paid in cash" in answer.get_data(as_text=True)
    assert taken(database) == []


def test_cash_without_a_request_is_priced_first_and_taken_as_priced(
    clerk: Clerk, database: Database
) -> None:
    """The tariff says how much; another amount, or a fee that is unknown, is refused."""
    told = {"dossier": "D-1", "fee": ["CERT", "CERT"], "quantity": ["2", "1"]}
    told |= {"reduction": ["", "student"], "reason": "app_failed"}
    page = clerk.price(**told).get_data(as_text=True)
    assert "Record 500,000 ₫ of cash" in page
    form = hidden(page) | {"do": "record"}
    wrong = clerk.price(**told, **(form | {"amount": "400000"}))
    assert wrong.status_code == 422
    assert clerk.price(**told, **form).status_code == 303
    assert clerk.price(**told, **form).status_code == 303
    (one,) = taken(database)
    assert (one.amount, one.dossier, one.portal_id) == (500_000, "D-1", None)


WRONG: tuple[dict[str, str], ...] = (
    {"fee": "NONE"},
    {"fee": ""},
    {"dossier": "?"},
    {"dossier": ""},
    {"channel": "post"},
    {"quantity": "-1"},
    {"quantity": "1.5"},
    {"quantity": "0"},
    {"agency": "H77"},
    {"reduction": "poor"},
    {"fee": "PHI"},
    {"fee": "PHI", "amount_given": "1e9"},
    {"amount_given": "5"},
)


def test_fees_that_are_not_in_order_are_refused_with_what_was_typed(
    clerk: Clerk, database: Database
) -> None:
    for wrong in WRONG:
        answer = clerk.price(**({"dossier": "D-1", "quantity": "1"} | wrong))
        assert answer.status_code == 422, wrong
        assert 'role="alert"' in answer.get_data(as_text=True), wrong
    assert taken(database) == []


def test_a_shift_is_summed_up_by_means_and_reason(
    clerk: Clerk,
    requests: list[PaymentRequest],
    pay: Callable[[PaymentRequest], None],
    database: Database,
) -> None:
    """What came after it was shown is cashless; cash by reason; what is struck out counts not."""
    for one in requests:
        clerk.find(one.reference)
    pay(requests[0])
    clerk.take(requests[1].reference, reason="refuses")
    clerk.take(requests[2].reference, reason="no_account")
    assert sums(clerk.see("/totals")) == [
        ("QR code or transfer", "1", "50,000"),
        ("Cash: no payment account", "1", "80,000"),
        ("Cash: did not want to pay cashless", "1", "70,000"),
        ("Cash in all", "2", "150,000"),
    ]
    number = taken(database)[0].public_id
    assert clerk.void(number, "  ").status_code == 422
    assert clerk.void(number).status_code == 303
    assert clerk.void(number).status_code == 409
    page = clerk.see("/totals")
    assert sums(page)[-1] == ("Cash in all", "1", "80,000")
    assert "nhầm hồ sơ" in page
    assert "Paid without cash: 50%" in page


def sums(page: str) -> list[tuple[str, ...]]:
    """The rows of the table of totals."""
    row = (
        r'<th scope="row"[^>]*>([^<]+)</th><td class="number">(\d+)</td><td class="number">([\d,]+)'
    )
    return re.findall(row, page)


def test_a_clerk_has_one_shift_at_a_time_and_nothing_happens_after_its_end(
    clerk: Clerk, requests: list[PaymentRequest], database: Database
) -> None:
    """A second begin leads back to the first; what is ended shows and takes no more."""
    person = clerk.person
    page = clerk.see()
    clerk.find(DOSSIER)
    again = person.send_from(page, "/counter", agency="H09")
    assert person.client.get(again.headers["Location"]).headers["Location"] == clerk.at
    form = clerk.see(f"/cash/requests/{requests[0].reference}")
    assert clerk.send("/end", on="/totals").headers["Location"] == f"{clerk.at}/totals"
    assert "Welcome" in clerk.see("/display")
    assert "Shown last" in clerk.see()
    assert "qr.svg" not in clerk.see()
    for path, told in (
        ("/find", {"text": DOSSIER}),
        ("/show", {"reference": requests[0].reference}),
        ("/clear", {}),
        ("/end", {}),
        (
            f"/cash/requests/{requests[0].reference}",
            {**hidden(form), "reason": "refuses"},
        ),
    ):
        assert person.send_from(page, clerk.at + path, **told).status_code == 409, path
    assert taken(database) == []
    fresh = at_the_counter(person)
    assert fresh.at != clerk.at


def test_another_clerks_shift_and_cash_are_not_ones_own(
    app: Flask, clerk: Clerk, requests: list[PaymentRequest], database: Database
) -> None:
    """Their windows are not found; their cash is not struck out, and the try is written down."""
    clerk.take(requests[0].reference, reason="refuses")
    other = Person(app.test_client())
    other.send("/sign-in", on="/sign-in", username="other", password=PASSWORD)
    for path in ("", "/state", "/display", "/display/state", "/totals", "/cash/fees"):
        assert other.client.get(clerk.at + path, headers=IN_ENGLISH).status_code == 404, path
    mine = at_the_counter(other)
    number = taken(database)[0].public_id
    assert mine.void(number).status_code == 403
    assert taken(database)[0].state == "taken"
    refusals = select(AuditEntry).where(AuditEntry.action == "page.refused")
    (told,) = database.read(lambda session: session.scalars(refusals).all())
    assert told.details["code"] == "not_own_cash"


def test_an_unknown_agency_begins_no_shift(app: Flask, sign_in: SignIn) -> None:
    person = sign_in(Role.CLERK)
    for agency in ("", "H77"):
        assert person.send("/counter", on="/counter", agency=agency).status_code == 422
