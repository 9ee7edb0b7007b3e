"""Payment files over HTTP: sent by a program, uploaded by a person, and what became of them.

What goes wrong is asked for with the file: for each fault, by the places of payments in it.
"""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for

from sandbox.clock import rfc3339
from sandbox.payment_files import PaymentFault, Received
from sandbox.payment_files.service import Result
from sandbox.refusals import Malformed, Refusal, Wrong
from sandbox.web import told
from sandbox.web.desk import Desk
from sandbox.web.fields import Fields
from sandbox.web.problems import status_of, words_of
from sandbox.web.told import Told

LARGEST_FILE: Final = 8 * 1024 * 1024
"""So many bytes of a payment file are taken."""

_LONGEST_PLACES: Final = 2_000
_SHOWN: Final = 500


class NotXmlType(Malformed):
    """A payment file that does not say it is XML, as no form of another site can."""

    code = "not_xml_type"


class NoFileSent(Wrong):
    """No payment file was chosen."""

    code = "no_file_sent"


class PaymentFileTooLarge(Wrong):
    """A file beyond the limit."""

    code = "payment_file_too_large"


def add_calls(api: Blueprint, desk: Desk) -> None:
    """Adds the calls of the control API."""

    @api.post("/payment-files")
    def send_file() -> tuple[Response, int]:
        if request.mimetype != "application/xml":
            raise NotXmlType
        request.max_content_length = LARGEST_FILE
        asked = Fields(request.args.to_dict())
        at = asked.instant("at", default=desk.clock.now())
        faults = _faults(asked)
        asked.end()
        received = desk.payment_files.take(request.get_data(), at=at, asked=faults)
        return jsonify(_told(received)), 201

    @api.get("/payment-files")
    def list_files() -> Response:
        return jsonify(items=[_told(one) for one in desk.payment_files.received()])

    @api.get("/payment-files/<int:file_id>")
    def show_file(file_id: int) -> Response:
        return jsonify(_told(desk.payment_files.one(file_id)))


def add_pages(pages: Blueprint, desk: Desk) -> None:
    """Adds the pages for people."""

    @pages.get("/payment-files")
    def payment_files() -> Any:
        return _page(desk)

    @pages.post("/payment-files")
    def upload_file() -> Any:
        form = {name: text.strip() for name, text in request.form.items() if text.strip()}
        try:
            asked = _faults(Fields(form))
            content = _uploaded()
            received = desk.payment_files.take(content, at=desk.clock.now(), asked=asked)
        except Refusal as refusal:
            return _page(desk, refusal), status_of(refusal).value
        return redirect(url_for("pages.payment_file", file_id=received.id), code=303)

    @pages.get("/payment-files/<int:file_id>")
    def payment_file(file_id: int) -> Any:
        one = desk.payment_files.one(file_id)
        return render_template("payment_file.html", one=one, shown=one.results[:_SHOWN])


def _page(desk: Desk, refusal: Refusal | None = None) -> str:
    return render_template(
        "payment_files.html",
        received=desk.payment_files.received(),
        faults=PaymentFault,
        form=request.form,
        problem=refusal and {"text": words_of(refusal), "field": (refusal.pointer or "")[1:]},
    )


def _faults(told: Fields) -> dict[PaymentFault, str]:
    return {
        fault: told.text(fault.value, longest=_LONGEST_PLACES)
        for fault in PaymentFault
        if told.has(fault.value)
    }


def _uploaded() -> bytes:
    file = request.files.get("file")
    content = file.stream.read(LARGEST_FILE + 1) if file else b""
    if not content:
        raise NoFileSent(pointer="/file")
    if len(content) > LARGEST_FILE:
        raise PaymentFileTooLarge(pointer="/file")
    return content


def _told(one: Received) -> Told:
    """A file and what became of each of its payments."""
    return {
        "id": one.id,
        "message_id": one.file.message_id,
        "account": one.account.number,
        "count": len(one.results),
        "total": one.file.total,
        "execute_on": one.file.execute_on.isoformat(),
        "received_at": rfc3339(one.received_at),
        "payments": [_result(place, result) for place, result in enumerate(one.results, start=1)],
    }


def _result(place: int, one: Result) -> Told:
    payment = one.payment
    return {
        "place": place,
        "payment": payment.id,
        "amount": payment.amount,
        "to": {"bin": payment.to.bin, "account": payment.to.account, "name": payment.to.name},
        "state": one.state.value,
        "reason": one.reason,
        "faults": sorted(one.faults),
        "movements": [told.movement(movement) for movement in one.movements],
    }
