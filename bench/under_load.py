"""The application under load: the service's own, with two addresses that only benches call.

`/callbacks/bench/empty` answers 204 through the same kit: what no request can be quicker than.
Under `/callbacks/bench/naive/` a callback is settled inside the request, which we do not do: it
shows why.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request
from sqlalchemy.orm import Session

import wsgi
from payments import agencies, inbox
from payments.core import clock
from payments.core.service import Service
from payments.inbox import Letter
from payments.sources import SOURCES
from payments.web.callbacks import AddressBook

HERE = "/callbacks/bench"
EMPTY = f"{HERE}/empty"
NAIVE = f"{HERE}/naive"


def create_app() -> Flask:
    """The whole application, and the bench's addresses."""
    app = wsgi.create_app()
    app.register_blueprint(blueprint(app.extensions["cashless"]))
    return app


def blueprint(cashless: Service) -> Blueprint:
    """The floor, and the naive way."""
    pages = Blueprint("bench", __name__, url_prefix=HERE)
    book = AddressBook(cashless.database, cashless.vault)

    @pages.get("/empty")
    def empty() -> Response:
        return Response(status=204)

    @pages.post("/naive/<source>/<connection>")
    def naive(source: str, connection: str) -> Response:
        answer = SOURCES[source].accepted()
        _settle_at_once(cashless, book, connection)
        return Response(answer.body, status=answer.status, mimetype=answer.media_type)

    return pages


def _settle_at_once(cashless: Service, book: AddressBook, connection: str) -> None:
    """Verifies, reads, stores and settles one callback in one unit; the account is waited for."""
    raw, now = request.get_data(cache=False), clock.now()
    intake = book.find(connection, now=now)
    source = SOURCES[intake.source]
    headers = {name.lower(): value for name, value in request.headers.items()}
    source.verify(raw, headers, scheme=intake.scheme, secrets=intake.secrets, now=now)
    advice = source.read(raw, scheme=intake.scheme)
    if advice is None:
        return
    account = intake.accounts[advice.account_number]

    def unit(session: Session) -> None:
        agencies.lock(session, account)
        inbox.keep_all(session, [Letter(intake, advice, raw)], now=now)
        inbox.settle_account(
            session,
            account,
            vault=cashless.vault,
            prefix=cashless.config.reference_prefix,
            now=now,
        )

    cashless.database.write(unit)
