"""The reconciliation half of the web application, added to the payments half's."""

from __future__ import annotations

from flask import Flask

from payments.core.service import Service
from payments.web import auth, start
from reconciliation.jobs import JOBS
from reconciliation.web import console, open_data, readings
from reconciliation.web.reports_api import PortalReports


def init_app(app: Flask) -> None:
    """Adds the console, and the reports of the API, to what `payments.app.create_app` made."""
    cashless: Service = app.extensions["cashless"]
    app.register_blueprint(console.blueprint(cashless))
    app.register_blueprint(open_data.blueprint(cashless.database))
    start.add_door(app, open_data.DOOR)
    for home in console.HOMES:
        auth.add_home(app, home)
    app.extensions["readings"].append(readings.days)
    app.extensions["work"].extend(JOBS)
    app.extensions["reports"] = PortalReports(cashless.database)
