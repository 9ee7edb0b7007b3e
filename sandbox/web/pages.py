"""Pages for people: the bank's accounts, paying a QR code, and what became of a payment.

They work without scripts. A form carries a word that is good for one payment, so that sending it
twice pays once.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from uuid import uuid4

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from payments.vietqr import Transfer
from sandbox import memos
from sandbox.accounts import Account
from sandbox.callbacks import State
from sandbox.clock import bank_day
from sandbox.faults import TOPICS
from sandbox.payers import a_payer
from sandbox.refusals import Refusal, Wrong
from sandbox.scanning import CAN_READ_PICTURES, LARGEST_PICTURE, find_code, read_code
from sandbox.statements import FORMATS
from sandbox.web import payment_files
from sandbox.web.desk import Desk
from sandbox.web.fields import Fields
from sandbox.web.files import statement_file
from sandbox.web.headers import refuse_foreign_form
from sandbox.web.orders import read_order
from sandbox.web.problems import status_of, words_of

Page: TypeAlias = str | Response | tuple[str, int]

LARGEST_FORM: Final = 4 * LARGEST_PICTURE
"""So much is taken in before a picture that is too large is told so in words."""

_LATEST: Final = 12
_SHOWN: Final = 100
_REMEMBERED: Final = 10_000
_GROUPED: Final = re.compile(r"[0-9]{1,3}([., ][0-9]{3})+")


class NothingToRead(Wrong):
    """Neither a text nor a picture was sent."""

    code = "nothing_to_read"


@dataclass(slots=True)
class _Once:
    """Payments already made, by the word their form carried."""

    made: OrderedDict[str, int] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def remember(self, word: str, movement_id: int) -> None:
        self.made[word] = movement_id
        while len(self.made) > _REMEMBERED:
            self.made.popitem(last=False)


def blueprint(desk: Desk) -> Blueprint:
    """The pages of one bank."""
    pages = Blueprint("pages", __name__)
    pages.before_request(refuse_foreign_form)
    pages.before_request(_bound_form)
    _add_accounts(pages, desk)
    _add_paying(pages, desk)
    _add_receipts(pages, desk)
    payment_files.add_pages(pages, desk)
    return pages


def _add_accounts(pages: Blueprint, desk: Desk) -> None:
    @pages.get("/")
    def home() -> Page:
        return render_template(
            "home.html",
            accounts=[(one, desk.bank.balance(one)) for one in desk.bank.accounts()],
            movements=desk.bank.latest(_LATEST),
        )

    @pages.get("/accounts/<number>")
    def account(number: str) -> Page:
        one = desk.bank.account(number)
        return render_template(
            "account.html",
            account=one,
            balance=desk.bank.balance(one),
            movements=desk.bank.movements(one)[: -_SHOWN - 1 : -1],
            today=bank_day(desk.clock.now()),
            formats=FORMATS,
        )

    @pages.get("/accounts/<number>/statement")
    def statement(number: str) -> Page:
        return statement_file(desk, number, Fields(request.args.to_dict()))


def _add_paying(pages: Blueprint, desk: Desk) -> None:
    once = _Once()

    @pages.get("/pay")
    def pay() -> Page:
        return _ask_for_code(text=request.args.get("qr", "")[:1_000])

    @pages.post("/pay")
    def check() -> Page:
        try:
            qr = _code_sent()
            code = read_code(qr)
            desk.bank.account(code.account, bin=code.bin)
        except Refusal as refusal:
            return _ask_for_code(text=request.form.get("qr", ""), refusal=refusal)
        to_confirm = url_for("pages.ask_to_confirm", qr=qr, once=uuid4().hex)
        return redirect(to_confirm, code=303)  # so that Back from the receipt leads here

    @pages.get("/pay/confirm")
    def ask_to_confirm() -> Page:
        qr = request.args.get("qr", "")[:1_000]
        if not qr:
            return redirect(url_for("pages.pay", lang=request.args.get("lang")))
        try:
            code = read_code(qr)
            account = desk.bank.account(code.account, bin=code.bin)
        except Refusal as refusal:
            return _ask_for_code(text=qr, refusal=refusal)
        once = request.args.get("once", "")[:40] or uuid4().hex
        return _ask_to_confirm(code, account, {"qr": qr, "once": once})

    @pages.post("/pay/confirm")
    def confirm() -> Page:
        form = request.form.to_dict()
        with once.lock:
            made = once.made.get(form.get("once", ""))
            if made is None:
                try:
                    made = _pay(desk)
                except Refusal as refusal:
                    return _ask_again(desk, form, refusal)
                once.remember(form.get("once", ""), made)
        return redirect(url_for("pages.receipt", movement_id=made), code=303)


def _add_receipts(pages: Blueprint, desk: Desk) -> None:
    @pages.get("/receipts/<int:movement_id>")
    def receipt(movement_id: int) -> Page:
        movement = desk.bank.movement(movement_id)
        deliveries = desk.courier.deliveries(movement_id=movement_id)
        return render_template(
            "receipt.html",
            movement=movement,
            deliveries=deliveries,
            subscribed=desk.courier.subscriptions(account=movement.account.number),
            reversed=desk.bank.is_reversed(movement),
            under_way=any(_is_fresh(one.state, len(one.attempts)) for one in deliveries),
            held=any(one.state is State.HELD for one in deliveries),
        )

    @pages.post("/receipts/<int:movement_id>/release")
    def release(movement_id: int) -> Page:
        desk.courier.release(movement_id=desk.bank.movement(movement_id).id)
        return redirect(url_for("pages.receipt", movement_id=movement_id), code=303)

    @pages.post("/receipts/<int:movement_id>/reverse")
    def reverse(movement_id: int) -> Page:
        reversal = desk.teller.reverse(movement_id, at=desk.clock.now())
        return redirect(url_for("pages.receipt", movement_id=reversal.id), code=303)


def _code_sent() -> str:
    """The text pasted, or the one in the picture uploaded. Raises refusals."""
    text = request.form.get("qr", "").strip()
    if text:
        return text
    picture = request.files.get("picture")
    content = picture.stream.read(LARGEST_PICTURE + 1) if picture else b""
    if not content:
        raise NothingToRead(pointer="/qr")
    return find_code(content)


def _ask_for_code(*, text: str, refusal: Refusal | None = None) -> Page:
    page = render_template(
        "pay.html", text=text, problem=refusal and _shown(refusal), pictures=CAN_READ_PICTURES
    )
    return page, 200 if refusal is None else status_of(refusal).value


def _ask_to_confirm(
    code: Transfer, account: Account, form: dict[str, str], refusal: Refusal | None = None
) -> Page:
    page = render_template(
        "check.html",
        code=code,
        account=account,
        form=form,
        chosen=request.form.getlist("faults"),
        problem=refusal and _shown(refusal),
        topics=TOPICS,
        vias=memos.VIAS,
    )
    return page, 200 if refusal is None else status_of(refusal).value


def _ask_again(desk: Desk, form: dict[str, str], refusal: Refusal) -> Page:
    """The confirmation with what was wrong; the first page if the code itself can't be paid."""
    try:
        code = read_code(form.get("qr", ""))
        account = desk.bank.account(code.account, bin=code.bin)
    except Refusal as unreadable:
        return _ask_for_code(text=form.get("qr", ""), refusal=unreadable)
    return _ask_to_confirm(code, account, form, refusal)


def _pay(desk: Desk) -> int:
    """Pays what the form says, and returns the movement's number. Raises refusals."""
    order = read_order(Fields(_order_in_form(desk)), bank=desk.bank, now=desk.clock.now())
    return desk.teller.pay(order).id


def _order_in_form(desk: Desk) -> dict[str, Any]:
    """The form as the control API would say it; empty fields are not told."""
    form = {name: text.strip() for name, text in request.form.items() if text.strip()}
    told: dict[str, Any] = {
        name: form[name] for name in ("qr", "via", "late_seconds") if name in form
    }
    if "amount" in form:
        told["amount"] = _ungrouped(form["amount"])
    told["faults"] = request.form.getlist("faults")
    if "payer_name" in form or "payer_account" in form:
        lot = a_payer(desk.teller.chance)
        told["payer"] = {
            "name": form.get("payer_name", lot.name),
            "account": form.get("payer_account", lot.account),
        }
    return told


def _ungrouped(text: str) -> str:
    """`150.000` or `150,000` as `150000`; anything else as it is, to be refused."""
    return re.sub(r"[., ]", "", text) if _GROUPED.fullmatch(text) else text


def _shown(refusal: Refusal) -> dict[str, str]:
    return {"text": words_of(refusal), "field": (refusal.pointer or "").rpartition("/")[2]}


def _is_fresh(state: State, attempts: int) -> bool:
    """Whether a page is worth asking for again in a moment."""
    return state is State.WAITING and attempts < 2


def _bound_form() -> None:
    request.max_content_length = LARGEST_FORM
