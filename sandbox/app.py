"""The practice bank as one Flask application: its books, its courier, its API, its pages.

Everything is in the memory of one process, so it is served by one process with threads.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random

from flask import Flask, jsonify
from flask.wrappers import Response

from sandbox.accounts import Bank
from sandbox.callbacks import Courier
from sandbox.clock import Clock
from sandbox.config import SandboxConfig
from sandbox.payment_files import PaymentFileService
from sandbox.statements.service import StatementService
from sandbox.transfers import Teller
from sandbox.web import api, headers, language, pages, problems
from sandbox.web.desk import Desk

DESK = "sandbox.desk"
"""Where an application keeps its `Desk` (in `extensions`)."""


def create_app(config: SandboxConfig) -> Flask:
    """One practice bank, empty. Its threads start with the first callback."""
    desk = open_desk(config)
    app = Flask("sandbox")
    app.config["TRUSTED_HOSTS"] = [_in_host_header(host) for host in config.hosts]
    app.extensions[DESK] = desk
    language.install(app)
    headers.install(app)
    problems.install(app)
    app.register_blueprint(api.blueprint(desk))
    app.register_blueprint(pages.blueprint(desk))
    app.add_url_rule("/healthz", "healthz", _healthz)
    return app


def open_desk(config: SandboxConfig) -> Desk:
    """The bank behind the pages: no accounts, nobody subscribed."""
    clock = Clock(timedelta(seconds=config.clock_offset_seconds))
    bank = Bank()
    courier = Courier(clock=clock, retry_factor=config.retry_factor)
    chance = Random(config.seed)  # noqa: S311 - a lot for a practice bank, not a secret
    return Desk(
        bank,
        Teller(bank, courier, chance),
        courier,
        clock,
        StatementService(),
        PaymentFileService(bank, courier, chance),
    )


def _healthz() -> Response:
    return jsonify(status="ok")


def _in_host_header(host: str) -> str:
    return f"[{host}]" if ":" in host else host
