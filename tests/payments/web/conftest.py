"""A small application with the kit and a few addresses to try it on."""

from __future__ import annotations

import flask_smorest
import pytest
from flask import Blueprint, Flask, request
from flask.testing import FlaskClient
from flask_smorest import Api
from marshmallow import fields, validate
from werkzeug.exceptions import TooManyRequests

from payments.core.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from payments.core.money import Dong, NotAnAmount
from payments.web import bodies, headers, kit, problems
from payments.web.schemas import Schema

BASE_URL = "https://pay.example.vn"


class LineSchema(Schema):
    fee = fields.String(required=True, validate=validate.Length(min=2, max=8))
    quantity = fields.Integer(strict=True, validate=validate.Range(min=1, max=100))


class OrderSchema(Schema):
    dossier = fields.String(required=True, validate=validate.Length(max=40))
    channel = fields.String(validate=validate.OneOf(["online", "counter"]))
    on = fields.Date()
    lines = fields.List(
        fields.Nested(LineSchema), required=True, validate=validate.Length(min=1, max=3)
    )


class ListSchema(Schema):
    limit = fields.Integer(validate=validate.Range(max=200))


class ApiBlueprint(flask_smorest.Blueprint):
    ARGUMENTS_PARSER = bodies.Parser()


def raising() -> Blueprint:
    """Addresses that raise, under the API and as a page."""
    blueprint = Blueprint("raising", __name__)
    errors: dict[str, Exception] = {
        "invalid": Invalid(),
        "amount": NotAnAmount(text="x", pointer="/lines/0/amount"),
        "missing": NotFound(),
        "conflict": Conflict(),
        "in-flight": Conflict(retry_after=2),
        "refused": Refused(),
        "unavailable": Unavailable(),
        "unauthenticated": problems.Unauthenticated(),
        "too-many": problems.TooMany(retry_after=30),
        "throttled": TooManyRequests(retry_after=7),
        "fault": RuntimeError("TRAN THI BA owes 5"),
    }

    @blueprint.get("/api/v1/raise/<name>")
    @blueprint.get("/pages/raise/<name>")
    def raise_it(name: str) -> str:
        raise errors[name]

    @blueprint.get("/pages/private")
    def private() -> str:
        return "for one"

    @blueprint.post("/api/v1/echo")
    def echo() -> dict[str, object]:
        return {"length": len(request.get_data())}

    @blueprint.get("/api/v1/money")
    def money() -> dict[str, object]:
        return {"amount": Dong(150_000)}

    return blueprint


def orders() -> ApiBlueprint:
    """One resource of an API."""
    blueprint = ApiBlueprint("orders", __name__, url_prefix="/api/v1/orders")

    @blueprint.route("", methods=["POST"])
    @blueprint.arguments(OrderSchema)
    @blueprint.response(201)
    def post(order: dict[str, object]) -> dict[str, object]:
        return order

    @blueprint.route("", methods=["GET"])
    @blueprint.arguments(ListSchema, location="query")
    @blueprint.response(200)
    def get(asked: dict[str, object]) -> dict[str, object]:
        return asked

    return blueprint


@pytest.fixture
def app() -> Flask:
    """The kit with something to show."""
    made = kit.new_app(base_url=BASE_URL)
    made.config.update(
        API_TITLE="t", API_VERSION="1", OPENAPI_VERSION="3.1.0", SECRET_KEY="for tests only"
    )
    api = Api(made)
    problems.install(made, base_url=BASE_URL)
    api.register_blueprint(orders())
    pages = raising()
    made.register_blueprint(pages)
    made.view_functions["raising.private"] = lambda: headers.private(made.make_response("for one"))
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A caller of that application."""
    return app.test_client()
