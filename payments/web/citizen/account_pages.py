"""`/p/{token}/account`: where what is kept of a payment is to go back to, named by its payer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from payments import banks, payouts
from payments.core import clock
from payments.payouts import BankAccount, NamedTooOften, NothingKept
from payments.web.auth import for_anyone
from payments.web.citizen.forms import Sending, read_all
from payments.web.citizen.page import Page, page_of
from payments.web.citizen.stored import Doors

FIELDS: Final = ("bank", "account", "name")
ANCHOR: Final = "back-to"
"""Where the payer's page tells of it."""

_MOST_SENT: Final = 16 << 10
_ANY_BANK: Final = "970436"


@dataclass(frozen=True)
class Form:
    """The form as it was filled in: what was typed, and what is wrong with which field."""

    typed: Mapping[str, str]
    wrong: Mapping[str, str] = field(default_factory=dict)


def add(pages: Blueprint, doors: Doors) -> None:
    """Adds the form to the pages of a payment."""
    sending = Sending()

    @pages.get("/account", endpoint="account")
    def shown(token: str) -> AnyResponse:
        page = page_of(doors.find(token), now=clock.now())
        if page.back_to is None or not page.back_to.again:
            return _to_the_payment(token)
        return _drawn(page, token, Form(dict.fromkeys(FIELDS, "")))

    @pages.post("/account", endpoint="name_account")
    @for_anyone(most_bytes=_MOST_SENT)
    def send(token: str) -> AnyResponse:
        sending.spend(token)
        page = page_of(doors.find(token), now=clock.now())
        told = _read(request.form)
        if page.back_to is None:
            return _to_the_payment(token)
        if isinstance(told, Form):
            return _drawn(page, token, told)
        with suppress(NothingKept, NamedTooOften):  # the payment's page says what can be done
            doors.name_account(token, told)
        return _to_the_payment(token)


def _read(form: MultiDict[str, str]) -> BankAccount | Form:
    """The account that the form tells, or the form again with everything that is wrong in it."""
    typed = {name: form.get(name, "").strip() for name in FIELDS}
    _, wrong = read_all(_READERS, typed)
    if wrong:
        return Form(typed, wrong)
    return payouts.beneficiary(typed["bank"], typed["account"], typed["name"])


_READERS: Final[Mapping[str, Callable[[str], BankAccount]]] = {
    "bank": lambda text: payouts.beneficiary(text, "1", "A"),
    "account": lambda text: payouts.beneficiary(_ANY_BANK, text, "A"),
    "name": lambda text: payouts.beneficiary(_ANY_BANK, "1", text),
}
"""Each field read beside others that are right."""


def _drawn(page: Page, token: str, form: Form) -> AnyResponse:
    drawn = render_template(
        "citizen/account_form.html", page=page, token=token, form=form, banks=banks.by_name()
    )
    return Response(drawn, 422 if form.wrong else 200)


def _to_the_payment(token: str) -> AnyResponse:
    return redirect(url_for("citizen.pay", token=token, _anchor=ANCHOR), 303)
