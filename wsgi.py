"""The composition root: both halves as one WSGI application, `wsgi:create_app()`."""

from __future__ import annotations

import os

from flask import Flask

from payments.app import create_app as create_payments
from payments.core import logs
from payments.core.config import Config
from reconciliation.app import init_app


def create_app() -> Flask:
    """The whole application, by the settings in the environment."""
    config = Config.load(os.environ)
    logs.configure(level=config.log_level)
    app = create_payments(config)
    init_app(app)
    return app
