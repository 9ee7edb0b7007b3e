"""The API over a small province: one portal that calls, another whose things it must not see."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from payments.core.database import Database
from payments.core.service import Service
from payments.web import api, kit
from payments.web.pace import Pace
from reconciliation.web.reports_api import PortalReports
from tests.builders import a_province
from tests.callers import Payers, Portal, a_portal, a_priced_fee
from tests.services import BASE_URL, a_service


@pytest.fixture
def service(database: Database) -> Service:
    """A service whose database knows a province, with a priced fee beside those of any amount."""

    def unit(session: Session) -> None:
        a_province(session)
        a_priced_fee(session)

    database.write(unit)
    return a_service(database)


@pytest.fixture
def payers(service: Service) -> Payers:
    """Those who pay the requests of the province."""
    return Payers(service.database)


@pytest.fixture
def app(service: Service) -> Flask:
    """The kit and the API, and the other half's figures for its reports."""
    app = kit.new_app(base_url=BASE_URL)
    api.install(app, service, pace=Pace(per_second=10_000, store=10_000))
    app.extensions["reports"] = PortalReports(service.database)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Whoever calls, without a key."""
    return app.test_client()


@pytest.fixture
def portal(service: Service, client: FlaskClient) -> Portal:
    """A portal whose key may do everything."""
    return a_portal(service, client, "portal")


@pytest.fixture
def other(service: Service, client: FlaskClient) -> Portal:
    """Another portal."""
    return a_portal(service, client, "other portal")
