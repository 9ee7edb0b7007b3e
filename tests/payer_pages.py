"""A payer's browser at the pages of payments, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import time_machine
from flask.testing import FlaskClient

from payments.core.database import Database
from payments.web import auth, citizen, kit
from tests.builders import NOON, a_vault
from tests.services import BASE_URL, a_service


@contextmanager
def a_payers_browser(database: Database) -> Iterator[FlaskClient]:
    """At the builders' noon; it keeps no cookie, and is to be given none."""
    app = kit.new_app(base_url=BASE_URL)
    app.secret_key = b"k" * 32
    auth.install(app, a_service(database))
    app.register_blueprint(citizen.blueprint(database, a_vault()))
    with time_machine.travel(NOON, tick=False):
        yield app.test_client(use_cookies=False)
