"""The web application of the payments half: the kit, the pages and addresses, what they lean on.

Nothing is global: a page is made by a function that is given the database, the vault or whatever
it needs. `reconciliation.app.init_app` adds the other half and finds the same things in
`app.extensions["cashless"]`; readings for `/metrics` are added to `app.extensions["readings"]`, and
what is done by timetable to `app.extensions["work"]`.
"""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Flask

from payments.core import oidc, service
from payments.core.config import Config
from payments.core.service import Service
from payments.jobs import JOBS
from payments.web import (
    account,
    api,
    auth,
    callbacks,
    citizen,
    counter,
    docs,
    kit,
    ops,
    people,
    provider,
    readings,
    sign_in,
    start,
    tariff,
    trail,
    verify,
)
from payments.web.api.description import described
from payments.web.ops import Readings


def create_app(config: Config) -> Flask:
    """The application for `config`; nothing is opened before the first request."""
    cashless = service.begin(config)
    app = kit.new_app(base_url=config.base_url, trusted_proxies=config.trusted_proxies)
    app.secret_key = cashless.vault.key_for("cookies")
    auth.install(app, cashless)
    figures: list[Readings] = [
        ops.heart,
        readings.waiting,
        readings.balances,
        readings.forwarding,
        readings.audit_trail,
    ]
    app.extensions.update(cashless=cashless, readings=figures, work=[*JOBS])
    for blueprint in blueprints(cashless, figures):
        app.register_blueprint(blueprint)
    if config.oidc is not None:
        client, return_to = oidc.Client(*config.oidc), f"{config.base_url}{provider.RETURN}"
        at_provider = oidc.Provider(client, return_to=return_to)
        app.register_blueprint(provider.blueprint(cashless, at_provider))
    start.install(app)
    auth.add_home(app, counter.HOME)
    auth.add_home(app, people.HOME)
    auth.add_home(app, trail.HOME)
    calls = api.install(app, cashless)
    told = partial(described, calls, base_url=config.base_url)
    app.register_blueprint(docs.blueprint(openapi=api.OPENAPI, described=told))
    return app


def blueprints(cashless: Service, figures: list[Readings]) -> list[Blueprint]:
    """Every page and address of this half."""
    return [
        ops.blueprint(cashless.database, figures),
        citizen.blueprint(cashless.database, cashless.vault),
        counter.blueprint(cashless),
        verify.blueprint(cashless.database),
        tariff.blueprint(cashless.database),
        callbacks.blueprint(cashless.database, cashless.vault),
        sign_in.blueprint(cashless.database),
        account.blueprint(cashless),
        people.blueprint(cashless),
        trail.blueprint(cashless),
    ]
