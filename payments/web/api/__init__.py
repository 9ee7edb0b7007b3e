"""The portals' API, `/api/v1`: a file for each resource, its schemas beside its views.

The description at `/api/v1/openapi.json` is generated from those schemas. What is refused is told
as problem+json by the web kit; a key, its scopes and its pace are looked after by `callers`.
"""

from __future__ import annotations

from typing import Final

from flask import Flask

from payments.core.service import Service
from payments.payment_requests import RememberingLookups
from payments.web.api import (
    agencies,
    cash,
    events,
    payment_requests,
    qr,
    receipts,
    refunds,
    reports,
    slip,
    tariff,
    webhook,
)
from payments.web.api.callers import Gate
from payments.web.api.counter import counter
from payments.web.api.description import Api, pages
from payments.web.api.desk import PREFIX, Blueprint, Desk
from payments.web.api.refusals import Refusals
from payments.web.pace import Pace

OPENAPI: Final = f"{PREFIX}/openapi.json"
"""Where the description is."""

RESOURCES: Final[tuple[Blueprint, ...]] = (
    payment_requests.blueprint,
    qr.blueprint,
    slip.blueprint,
    receipts.blueprint,
    refunds.blueprint,
    cash.blueprint,
    events.blueprint,
    tariff.blueprint,
    agencies.blueprint,
    webhook.blueprint,
    reports.blueprint,
)


def install(app: Flask, cashless: Service, *, pace: Pace | None = None) -> Api:
    """Adds the API to `app`, which has the kit; `pace` is the usual one if not told."""
    gate = Gate(cashless.database, pace or Pace())
    refusals = Refusals(cashless.database)
    app.extensions["api"] = Desk(cashless, gate, counter(cashless, RememberingLookups()), refusals)
    api = Api(app)
    for resource in RESOURCES:
        api.register_blueprint(resource)
    app.register_blueprint(pages(api, at=OPENAPI, base_url=cashless.config.base_url))
    return api
