"""The reconciliation half of the web application, added to the payments half's."""

from __future__ import annotations

from flask import Flask

from payments.core.service import Service
from payments.web import auth
from reconciliation.web import console, readings


def init_app(app: Flask) -> None:
    """Adds the console to an application made by `payments.app.create_app`."""
    cashless: Service = app.extensions["cashless"]
    app.register_blueprint(console.blueprint(cashless))
    auth.add_home(app, console.HOME)
    app.extensions["readings"].append(readings.days)
