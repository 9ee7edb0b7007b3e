"""A payer's name, account and words stay where they belong: never in logs, figures or addresses.

A morning's work is done with people who are easily found again, rightly and wrongly: messages,
statements, refunds, claims, search, and what is refused of each.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote, unquote_plus

import pytest
from flask import Flask, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from payments import connections
from payments.claims import Claim
from payments.core.database import Database
from payments.credits import Credit
from payments.payment_requests import PaymentRequest
from payments.staff import Role
from payments.web.api.refunds import EXAMPLE
from tests.bank import BankLine, camt
from tests.builders import a_payment_request, the_province
from tests.callers import a_portal
from tests.console import Person, SignIn, employ, whole_app
from tests.logbook import Book, a_book
from tests.refund_pages import MORNING, PAYER, Here, a_treasury, approved, do, form_of, propose

pytestmark = pytest.mark.committed

NAME, FOLDED, PHONE, MEMO = (
    "Nguyễn Thị Hoàng Yến",
    "NGUYEN VAN MAU",
    "0912345678",
    "tien cua chi Yen",
)
CANARIES = (NAME, FOLDED, PHONE, MEMO, PAYER)
EVERYTHING = f"{NAME} {FOLDED} {PHONE} {MEMO} {PAYER}"


@pytest.fixture
def book() -> Iterator[Book]:
    """The log of the whole morning."""
    with a_book() as kept:
        yield kept


@pytest.fixture
def here(database: Database, book: Book) -> Here:
    """Money of known payers that waits to be given back."""
    return database.write(a_treasury)


@pytest.fixture
def app(here: Here, database_url: str) -> Iterator[Flask]:
    """The whole application, the morning after."""
    with whole_app(database_url, MORNING) as whole:
        yield whole


def leaked(text: str) -> list[str]:
    """The canaries in a text, as they are or as an address or a program writes them."""
    ways = f"{text}\n{unquote_plus(text)}\n{unescape(text)}".casefold()
    return [canary for canary in CANARIES if canary.casefold() in ways]


class Watched:
    """Looks at every address that is asked for or sent to a browser, whoever asked."""

    def __init__(self, app: Flask) -> None:
        self.addresses: list[str] = []
        app.after_request(self._look)

    def _look(self, response):  # type: ignore[no-untyped-def]  # Flask's own type of what it passes
        self.addresses += [request.full_path, response.headers.get("Location", "")]
        if response.mimetype == "text/html" and not response.direct_passthrough:
            page = response.get_data(as_text=True)
            self.addresses += re.findall(r'(?:href|action|src)="([^"]*)"', page)
        return response


def work_rightly(here: Here, sign_in: SignIn) -> None:
    """Refunds to a named account, a search for a payer's words, an answer to a claim."""
    maker, checker = sign_in(Role.RECONCILER), sign_in(Role.APPROVER)
    payout = approved(maker, checker, here.credits["overpaid"])
    maker.see(payout)
    do(checker, payout, "account")
    for words in (PAYER, MEMO, NAME, FOLDED, EVERYTHING, "FT1"):
        found = maker.send("/console/search", on="/console/", q=words)
        maker.see(str(found.location))
        for listed in ("/console/credits", "/console/lines"):
            maker.see(str(maker.send(listed, on=listed, memo=words).location))
    maker.see("/console/breaks")
    maker.see(f"/console/credits/{here.credits['unknown']}")


def work_wrongly(here: Here, sign_in: SignIn) -> None:
    """Forms and files with a payer's data in fields that do not take it."""
    maker = sign_in(Role.RECONCILER)
    for field in ("amount", "bin", "account"):
        assert propose(maker, here.credits["duplicate"], **{field: EVERYTHING}).status_code >= 400
    number = here.credits["duplicate"]
    assert maker.send(form_of(number), on=form_of(number), name=EVERYTHING).status_code >= 400
    cut = camt("0011001234567", [BankLine(5_000, EVERYTHING, payer=PAYER)], number="S9")[:-90]
    told = {"file": (io.BytesIO(cut), f"{FOLDED}.xml")}
    assert maker.send("/console/statements", on="/console/statements", **told).status_code >= 400
    stranger = Person(maker.client.application.test_client())
    told = {"username": PHONE, "password": EVERYTHING}
    assert stranger.send("/sign-in", on="/sign-in", **told).status_code >= 400


def tell_of_money(app: Flask, connection: str) -> list[TestResponse]:
    """Messages nobody signed, and one that is no message."""
    client, bodies = (
        app.test_client(),
        [EVERYTHING.encode(), f'{{"memo": "{EVERYTHING}"}}'.encode()],
    )
    headers = {"X-Sandbox-Signature": EVERYTHING.encode("ascii", "ignore").decode()}
    at = f"/callbacks/sandbox/{connection}"
    return [client.post(at, data=body, headers=headers) for body in bodies]


def claim(app: Flask, database: Database) -> None:
    """A payer writes of themselves, first where it does not belong."""

    def unit(session: Session) -> str:
        return a_payment_request(the_province(session)).token

    token = database.write(unit)
    payer, at = Person(app.test_client()), f"/p/{token}/claim"
    rightly = {"bank_number": "FT26331", "paid_on": "2026-11-24", "amount": "50.000"}
    wrongly = rightly | {"amount": EVERYTHING, "bank_number": EVERYTHING}
    assert payer.client.post(at, data=wrongly).status_code >= 400
    photo = (io.BytesIO(EVERYTHING.encode()), f"{FOLDED} {PHONE}.jpg")
    assert payer.client.post(at, data=rightly | {"photo": photo}).status_code >= 400
    named = {"bank": "970422", "account": PAYER, "name": FOLDED}
    for told in (named, dict.fromkeys(named, EVERYTHING)):
        assert payer.client.post(f"/p/{token}/account", data=told).status_code < 500
    answer = payer.client.post(at, data=rightly | {"words": EVERYTHING})
    assert answer.status_code == 303, answer.get_data(as_text=True)


def name_an_account(app: Flask, database: Database, here: Here) -> None:
    """A payer of what was too much says where it is to go back to, first wrongly."""
    known = select(PaymentRequest.token).where(PaymentRequest.reference == here.reference)
    token = database.read(lambda session: session.scalars(known).one())
    payer, at = Person(app.test_client()), f"/p/{token}/account"
    rightly = {"bank": "970422", "account": PAYER, "name": NAME}
    for field in rightly:
        wrongly = rightly | {field: f"{EVERYTHING} ." if field != "name" else ""}
        assert payer.client.post(at, data=wrongly).status_code == 422, field
    assert payer.client.post(at, data=rightly).status_code == 303
    payer.client.get(f"/p/{token}")


def ask_as_a_portal(app: Flask, here: Here, database: Database) -> None:
    """Refunds and requests by the API, with a payer's data where it belongs and where not."""
    portal = a_portal(app.extensions["cashless"], app.test_client(), "Cổng")
    code = database.read(
        lambda session: (
            session.get_one(
                PaymentRequest, session.get_one(Credit, here.credits["overpaid"]).payment_request_id
            ).reference
        )
    )
    wrong = {"reason": EVERYTHING, "to": dict.fromkeys(("bin", "account", "name"), EVERYTHING)}
    for number, told in enumerate((EXAMPLE, wrong, {EVERYTHING: EVERYTHING})):
        headers = {"Idempotency-Key": f"{number:0>32}"}
        asked = {"json": told, "headers": headers}
        assert portal.call("POST", f"/payment-requests/{code}/refunds", **asked).status_code >= 400
        assert portal.call("POST", "/payment-requests", **asked).status_code >= 400
        assert portal.call("POST", f"/payment-requests/{code}/cancel", **asked).status_code >= 400
    assert (
        portal.call("PUT", "/webhook", json={"url": f"https://{PHONE} {NAME}/"}).status_code == 422
    )


def ask_at_the_counter(database: Database, sign_in: SignIn) -> None:
    """What a citizen says, typed where a code belongs."""
    database.write(lambda session: employ(session, Role.CLERK))
    clerk = sign_in(Role.CLERK)
    shift = str(clerk.send("/counter", on="/counter", agency="H09").location)
    for typed in (NAME, FOLDED, PHONE, PAYER, EVERYTHING):
        assert clerk.send(f"{shift}/find", on=shift, text=typed).status_code >= 400
    told = {"dossier": EVERYTHING, "explanation": EVERYTHING, "reason": EVERYTHING}
    cash = f"{shift}/cash/fees"
    assert clerk.send(cash, on=cash, **told).status_code >= 400


def test_no_payer_is_in_a_log_a_figure_or_an_address(
    app: Flask, database: Database, here: Here, sign_in: SignIn, book: Book
) -> None:
    """Whatever was done or refused this morning."""
    watched = Watched(app)
    name_an_account(app, database, here)
    work_rightly(here, sign_in)
    work_wrongly(here, sign_in)
    known = select(connections.Connection.public_id).where(
        connections.Connection.source == "sandbox"
    )
    connection = database.read(lambda session: session.scalars(known).first())
    assert {answer.status_code for answer in tell_of_money(app, str(connection))} == {401}
    claim(app, database)
    ask_as_a_portal(app, here, database)
    ask_at_the_counter(database, sign_in)
    made = database.read(lambda session: session.scalars(select(Claim.words)).all())
    payers = database.read(lambda session: session.scalars(select(PaymentRequest.id)).all())
    figures = app.test_client().get("/metrics").get_data(as_text=True)
    assert made == [EVERYTHING]
    assert len(payers) > 1
    assert '"http.answered"' in book.text
    assert figures
    assert leaked(book.text) == []
    assert leaked(figures) == []
    assert [address for address in watched.addresses if leaked(address)] == []


def test_the_canaries_are_found_where_they_are() -> None:
    """The test would see them."""
    assert leaked("/console/search?words=nguyen+van+mau") == [FOLDED]
    assert leaked(f"/console/credits?memo={quote(NAME)}") == [NAME]
    assert leaked(f"paid by {PAYER}") == [PAYER]


ROOT = Path(__file__).parents[2]
ASKED_OPENLY = {
    *("account", "about", "age", "agency", "amount", "basis", "by", "channel", "code", "day"),
    *("direction", "dossier", "first", "from", "kind", "known_at", "last", "number", "on", "owner"),
    *("procedure", "reference", "series", "since", "stands", "state", "status", "text", "to"),
    *("unit", "until", "what", "who"),
}
"""Codes, days, amounts, numbers of papers, names of staff; `text` is a payout's code."""
TARIFF = "payments/web/templates/tariff/list.html"
"""Where anybody looks for a procedure by its words."""


def test_no_form_brings_free_words_into_an_address() -> None:
    """What a form with `get` takes is told here, and is nobody's name."""
    forms: dict[str, set[str]] = {}
    for path in sorted(ROOT.glob("*/**/templates/**/*.html")):
        text, name = path.read_text("utf-8"), path.relative_to(ROOT).as_posix()
        for form in re.findall(r'<form method="get".*?</form>', text, re.DOTALL):
            told = re.findall(r'(?: name=|field\(|choice\()"(\w+)"', form)
            forms.setdefault(name, set()).update(told)
    assert len(forms) > 10
    assert forms.pop(TARIFF) == {"q"}
    wrong = {name: told - ASKED_OPENLY for name, told in forms.items() if told - ASKED_OPENLY}
    assert {name for name in wrong if not name.startswith("sandbox/")} == set()
