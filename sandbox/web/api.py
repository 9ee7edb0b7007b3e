"""The control API: programs open accounts, pay, and ask what became of it.

Nobody signs in: the bank listens on this machine only, and a call that changes anything must say
that it is JSON, or XML where it is a payment file, which no other site's form can. Two are a bank's
interface, so they want proof: polling the signature of a subscription's secret, the statement
service its key.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, cast

from flask import Blueprint, Response, json, jsonify, request

from sandbox.accounts import Account, Direction, Draft, Kind, Movement
from sandbox.callbacks import Delivery, State, Subscription
from sandbox.clock import bank_day
from sandbox.protocols import PROTOCOLS, practice
from sandbox.refusals import Unsigned
from sandbox.web import payment_files, statement_api, told
from sandbox.web.desk import Desk
from sandbox.web.fields import MOST_BALANCE, Fields, read_json
from sandbox.web.files import statement_file
from sandbox.web.orders import read_order, read_payer
from sandbox.web.problems import NotJsonType

LARGEST_BODY: Final = 64 * 1024
_MOST_LISTED: Final = 1_000
_LONGEST_NAME: Final = 70
_LONGEST_SECRET: Final = 256
_TEXTS: Final = {
    Kind.CHARGE: "THU PHI DICH VU",
    Kind.INTEREST: "LAI TIEN GUI",
    Kind.EXTRA_LINE: "CHUYEN TIEN",
}
_TOLD_CREDITS: Final = (Kind.PAYMENT, Kind.RETURN)
_TOLD_DEBITS: Final = (Kind.REVERSAL, Kind.TRANSFER)
_NEVER: Final = datetime.fromisoformat("2000-01-01T00:00:00+07:00")
_STATES: Final = {state.value: state for state in State}
_DIRECTIONS: Final = {direction.value: direction for direction in Direction}


class BadPollSignature(Unsigned):
    """A poll that no subscription's secret signs, or not now."""

    code = "bad_poll_signature"


def blueprint(desk: Desk) -> Blueprint:
    """The API of one bank."""
    api = Blueprint("api", __name__, url_prefix="/api")
    api.before_request(_bound_body)
    _add_accounts(api, desk)
    _add_subscriptions(api, desk)
    _add_payments(api, desk)
    _add_bank_entries(api, desk)
    _add_callbacks(api, desk)
    _add_statements(api, desk)
    _add_statement_service(api, desk)
    payment_files.add_calls(api, desk)
    return api


def _add_accounts(api: Blueprint, desk: Desk) -> None:
    @api.post("/accounts")
    def open_account() -> tuple[Response, int]:
        body = _body()
        account = Account(
            bin=body.bin("bin"),
            number=body.account_number("number"),
            name=body.text("name", longest=_LONGEST_NAME),
            opening_balance=body.whole("opening_balance", least=0, most=MOST_BALANCE, default=0),
            short_references=body.truth("short_references"),
        )
        body.end()
        return jsonify(told.account(desk.bank, desk.bank.register(account))), 201

    @api.get("/accounts")
    def list_accounts() -> Response:
        return _items([told.account(desk.bank, one) for one in desk.bank.accounts()])

    @api.get("/accounts/<number>")
    def show_account(number: str) -> Response:
        return jsonify(told.account(desk.bank, desk.bank.account(number)))

    @api.get("/movements")
    def list_movements() -> Response:
        asked = _query()
        number = asked.account_number("account")
        day = asked.day("day") if asked.has("day") else None
        asked.end()
        movements = desk.bank.movements(desk.bank.account(number))
        return _items(
            [
                told.movement(one)
                for one in movements
                if day in (None, bank_day(one.draft.booked_at))
            ]
        )

    @api.get("/movements/<int:movement_id>")
    def show_movement(movement_id: int) -> Response:
        return jsonify(told.movement(desk.bank.movement(movement_id)))


def _add_subscriptions(api: Blueprint, desk: Desk) -> None:
    @api.post("/subscriptions")
    def subscribe() -> tuple[Response, int]:
        body = _body()
        numbers = body.texts("accounts") or [body.account_number("account")]
        accounts = [desk.bank.account(number).number for number in numbers]
        protocol = body.choice("protocol", PROTOCOLS)
        url, secret = body.address("url"), body.text("secret", longest=_LONGEST_SECRET)
        body.end()
        subscription = desk.courier.subscribe(accounts, protocol=protocol, url=url, secret=secret)
        return jsonify(told.subscription(subscription)), 201

    @api.get("/subscriptions")
    def list_subscriptions() -> Response:
        return _items([told.subscription(one) for one in desk.courier.subscriptions()])

    @api.delete("/subscriptions/<int:subscription_id>")
    def unsubscribe(subscription_id: int) -> tuple[str, int]:
        desk.courier.unsubscribe(subscription_id)
        return "", 204


def _add_payments(api: Blueprint, desk: Desk) -> None:
    @api.post("/pay")
    def pay() -> tuple[Response, int]:
        order = read_order(_body(), bank=desk.bank, now=desk.clock.now())
        return _booked(desk.teller.pay(order))

    @api.post("/reverse")
    def reverse() -> tuple[Response, int]:
        body = _body()
        movement_id = body.whole("movement")
        at = body.instant("at", default=desk.clock.now())
        body.end()
        return _booked(desk.teller.reverse(movement_id, at=at))


def _add_bank_entries(api: Blueprint, desk: Desk) -> None:
    @api.post("/charge")
    def charge() -> tuple[Response, int]:
        line = _line(_body(), desk, kind=Kind.CHARGE, direction=Direction.DEBIT)
        return _booked(desk.teller.add_line(line))

    @api.post("/interest")
    def interest() -> tuple[Response, int]:
        line = _line(_body(), desk, kind=Kind.INTEREST, direction=Direction.CREDIT)
        return _booked(desk.teller.add_line(line))

    @api.post("/extra-line")
    def extra_line() -> tuple[Response, int]:
        body = _body()
        direction = Direction.CREDIT
        if body.has("direction"):
            direction = _DIRECTIONS[body.choice("direction", _DIRECTIONS)]
        line = _line(body, desk, kind=Kind.EXTRA_LINE, direction=direction)
        return _booked(desk.teller.add_line(line))


def _add_callbacks(api: Blueprint, desk: Desk) -> None:
    @api.get("/callbacks")
    def list_callbacks() -> Response:
        asked = _query()
        movement_id = asked.whole("movement") if asked.has("movement") else None
        state = asked.choice("state", _STATES) if asked.has("state") else None
        limit = asked.whole("limit", most=_MOST_LISTED, default=100)
        asked.end()
        chosen = [
            one
            for one in desk.courier.deliveries(movement_id=movement_id)
            if state in (None, one.state.value)
        ]
        latest: list[Delivery] = chosen[: -limit - 1 : -1]
        return jsonify(counts=desk.courier.counts(), items=[told.delivery(one) for one in latest])

    @api.post("/release")
    def release() -> Response:
        body = _body()
        movement_id = body.whole("movement") if body.has("movement") else None
        body.end()
        if movement_id is not None:
            desk.bank.movement(movement_id)
        return jsonify(released=desk.courier.release(movement_id=movement_id))


def _add_statements(api: Blueprint, desk: Desk) -> None:
    @api.get("/statements/<number>")
    def statement(number: str) -> Response:
        return statement_file(desk, number, _query())

    @api.get("/transactions/<number>")
    def transactions(number: str) -> Response:
        subscription = _signed_by(desk, number)
        asked = _query()
        after = asked.whole("after", least=0, default=0)
        since = asked.instant("since", default=_NEVER)
        limit = asked.whole("limit", most=_MOST_LISTED, default=_MOST_LISTED)
        asked.end()
        found = [
            one
            for one in desk.bank.movements(desk.bank.account(number), after=after)
            if _is_told(one, subscription) and one.draft.booked_at >= since
        ]
        listed = found[:limit]
        following = str(listed[-1].id) if len(found) > limit else None
        return jsonify(items=[_as_told(desk, one, subscription) for one in listed], next=following)


def _add_statement_service(api: Blueprint, desk: Desk) -> None:
    statement_api.add(api, desk)

    @api.post("/statement-keys")
    def hand_out() -> tuple[Response, int]:
        return jsonify(statement_api.admit(desk, _body())), 201

    @api.post("/statement-faults")
    def go_wrong() -> tuple[Response, int]:
        return jsonify(statement_api.spoil(desk, _body())), 201


def _signed_by(desk: Desk, number: str) -> Subscription:
    """The subscription whose secret signs this very call. Raises `BadPollSignature`."""
    query = b"?" + request.query_string if request.query_string else b""
    for subscription in desk.courier.subscriptions(account=number):
        if practice.is_signed(
            b"GET " + request.path.encode() + query,
            secret=subscription.secret,
            timestamp=request.headers.get(practice.TIMESTAMP, ""),
            given=request.headers.get(practice.SIGNATURE, ""),
            now=desk.clock.now(),
        ):
            return subscription
    raise BadPollSignature


def _is_told(movement: Movement, subscription: Subscription) -> bool:
    """Whether a callback would tell of it: what came in, what left where the protocol does."""
    if movement.draft.kind in _TOLD_DEBITS:
        return PROTOCOLS[subscription.protocol].tells_debits
    return movement.draft.kind in _TOLD_CREDITS


def _as_told(desk: Desk, movement: Movement, subscription: Subscription) -> dict[str, Any]:
    """The very body of the callback that tells the subscriber of it."""
    protocol = PROTOCOLS[subscription.protocol]
    content = protocol.content(movement)
    body = protocol.seal(content, subscription.secret, desk.clock.now()).body
    return cast(dict[str, Any], json.loads(body))


def _line(body: Fields, desk: Desk, *, kind: Kind, direction: Direction) -> Draft:
    """A line of the statement that nobody is told of."""
    draft = Draft(
        account=desk.bank.account(body.account_number("account")),
        kind=kind,
        direction=direction,
        amount=body.whole("amount"),
        booked_at=body.instant("at", default=desk.clock.now()),
        memo=body.text("text", default=_TEXTS[kind]),
        other_side=read_payer(body.fields("payer")),
    )
    body.end()
    return draft


def _booked(movement: Movement) -> tuple[Response, int]:
    return jsonify(told.movement(movement)), 201


def _items(items: list[dict[str, Any]]) -> Response:
    return jsonify(items=items)


def _body() -> Fields:
    if request.mimetype != "application/json":
        raise NotJsonType
    return read_json(request.get_data())


def _query() -> Fields:
    return Fields(request.args.to_dict())


def _bound_body() -> None:
    request.max_content_length = LARGEST_BODY
