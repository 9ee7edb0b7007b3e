"""Recording cash that could not be avoided, for a request or for a dossier without one; voiding it.

A form carries a number of its own, so that one sent twice records once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Final

import orjson
from flask import make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.wrappers import Response as AnyResponse

from payments import agencies, cash, fees, payment_requests, shifts
from payments.agencies import Agency, Node
from payments.cash import ForFees, ForRequest, Reason, Taking
from payments.core import clock, idempotency, money
from payments.core.calendar import local_day
from payments.core.errors import CashlessError, Conflict, Invalid
from payments.core.idempotency import Answer
from payments.core.money import Dong
from payments.core.service import Service
from payments.fees import Channel, Item
from payments.payment_requests import PaymentRequest, UnknownRequest
from payments.shifts import Shift, ShiftEnded
from payments.staff import Role
from payments.web import auth, problems
from payments.web.auth import StaffPages, staff_only
from payments.web.counter.screen import own
from payments.web.counter.shift_pages import totals_page
from payments.web.counter.view import agency_name

ROWS: Final = 4
"""Fees that the form for a dossier without a request has room for."""

_AMOUNT: Final = re.compile(r"[0-9]{1,3}(?:[. ,][0-9]{3}){0,4}|[0-9]{1,13}", re.ASCII)
_DOSSIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}", re.ASCII)
_QUANTITY: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_ONCE: Final = re.compile(r"[0-9a-f-]{36}", re.ASCII)


class ReasonMissing(Invalid):
    """One of the reasons listed is chosen."""

    code = "reason_missing"


class ChannelMissing(Invalid):
    """It is said how the dossier was handed in: online or at the counter."""

    code = "channel_missing"


class AmountUnreadable(Invalid):
    """An amount in a form is a whole number of đồng, with or without dots."""

    code = "amount_unreadable"


class DossierUnreadable(Invalid):
    """A dossier's number has letters, digits and `. _ / -`, at most 64 of them."""

    code = "dossier_unreadable"


class QuantityUnreadable(Invalid):
    """A quantity is a whole number."""

    code = "quantity_unreadable"


@dataclass(frozen=True, slots=True)
class Desk:
    """What the form for a dossier without a request chooses from."""

    shift: Shift
    agency: str
    served: str
    nodes: Sequence[Node]
    tariff: Sequence[fees.Entry]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the forms of cash."""
    _add_for_request(pages, cashless)
    _add_for_fees(pages, cashless)

    @pages.post("/<public_id>/cash/<collection>/void")
    @staff_only(Role.CLERK)
    def void_cash(public_id: str, collection: str) -> AnyResponse:
        reason, by, now = request.form.get("reason", "")[:200], auth.who().actor, clock.now()

        def unit(session: Session) -> None:
            own(session, public_id)
            found = cash.by_public_id(session, collection)
            cash.void(session, found, reason=reason, by=by, now=now)

        try:
            cashless.database.write(unit)
        except (cash.CashAlreadyVoided, cash.VoidReasonMissing) as error:
            return totals_page(cashless, public_id, refusal=error)
        return redirect(url_for("counter.totals", public_id=public_id), 303)


def _add_for_request(pages: StaffPages, cashless: Service) -> None:
    @pages.get("/<public_id>/cash/requests/<reference>")
    @staff_only(Role.CLERK)
    def cash_for_request(public_id: str, reference: str) -> AnyResponse:
        return _request_form(cashless, public_id, reference)

    @pages.post("/<public_id>/cash/requests/<reference>")
    @staff_only(Role.CLERK)
    def take_for_request(public_id: str, reference: str) -> AnyResponse:
        now = clock.now()

        def taking(session: Session) -> Taking:
            found = shifts.by_code(session, reference)
            return _taking(ForRequest(found), _typed_amount(request.form.get("amount", "")))

        try:
            _record_once(cashless, public_id, taking, now=now)
        except UnknownRequest:
            raise
        except (Invalid, Conflict) as error:
            return _request_form(cashless, public_id, reference, refusal=error)
        return redirect(url_for("counter.screen", public_id=public_id), 303)


def _add_for_fees(pages: StaffPages, cashless: Service) -> None:
    @pages.get("/<public_id>/cash/fees")
    @staff_only(Role.CLERK)
    def cash_for_fees(public_id: str) -> AnyResponse:
        return _fees_form(cashless, public_id)

    @pages.post("/<public_id>/cash/fees")
    @staff_only(Role.CLERK)
    def take_for_fees(public_id: str) -> AnyResponse:
        now = clock.now()
        try:
            what = _for_fees()
            if request.form.get("do") != "record":
                return _priced(cashless, public_id, what, now=now)
            amount = _typed_amount(request.form.get("amount", ""))
            _record_once(cashless, public_id, lambda _session: _taking(what, amount), now=now)
        except (Invalid, Conflict) as error:
            return _fees_form(cashless, public_id, refusal=error)
        return redirect(url_for("counter.totals", public_id=public_id), 303)


def _priced(cashless: Service, public_id: str, what: ForFees, *, now: datetime) -> AnyResponse:
    def unit(session: Session) -> Dong:
        own(session, public_id)
        return cash.owed(session, what, now=now)

    owed = cashless.database.read(unit)
    if not owed:
        raise cash.NothingToCollect(pointer="/amount")
    return _fees_form(cashless, public_id, owed=owed)


def _request_form(
    cashless: Service, public_id: str, reference: str, *, refusal: CashlessError | None = None
) -> AnyResponse:
    """The form that records cash for a request; where none is taken, that and no form."""

    def unit(session: Session) -> tuple[PaymentRequest, str, str]:
        own(session, public_id)
        found = shifts.by_code(session, reference)
        agency = agency_name(session.get_one(Agency, found.agency_id))
        return found, payment_requests.public_status(found), agency

    found, status, agency = cashless.database.read(unit)
    takes_cash = cash.takes_cash(found)
    if not takes_cash and refusal is None:
        refusal = cash.RequestNotForCash(reference=reference, status=status)
    return _form(
        "counter/cash_request.html",
        refusal,
        public_id=public_id,
        reference=reference,
        amount=found.amount,
        dossier=found.dossier,
        agency=agency,
        takes_cash=takes_cash,
    )


def _fees_form(
    cashless: Service,
    public_id: str,
    *,
    refusal: CashlessError | None = None,
    owed: Dong | None = None,
) -> AnyResponse:
    """The form that prices and records cash for a dossier without a request."""
    today = local_day(clock.now())

    def unit(session: Session) -> Desk:
        shift = own(session, public_id)
        agency = session.get_one(Agency, shift.agency_id)
        return Desk(
            shift=shift,
            agency=agency_name(agency),
            served=agency.code,
            nodes=agencies.tree(session, on=today),
            tariff=[one for one in fees.tariff(session, on=today) if one.prices],
        )

    desk = cashless.database.read(unit)
    return _form(
        "counter/cash_fees.html",
        refusal,
        public_id=public_id,
        desk=desk,
        reductions={one.code: one for fee in desk.tariff for one in fee.reductions}.values(),
        owed=owed,
        rows=_rows(least=ROWS),
    )


def _form(template: str, refusal: CashlessError | None, **told: object) -> AnyResponse:
    problem = None if refusal is None else problems.of_ours(refusal)
    shown = render_template(
        template,
        refusal=problem,
        reasons_listed=tuple(Reason),
        once=request.form.get("once") or str(uuid7()),
        typed=request.form,
        **told,
    )
    return make_response(shown, 200 if problem is None else problem.status)


def _record_once(
    cashless: Service, public_id: str, told: Callable[[Session], Taking], *, now: datetime
) -> None:
    """Records what the form says, the first time it is sent. Raises what `cash.collect` raises."""
    by, once = auth.who().actor, request.form.get("once", "")
    question = idempotency.question(
        by,
        once if _ONCE.fullmatch(once) else str(uuid7()),
        method="POST",
        path=request.path,
        body=orjson.dumps(_said()),
    )

    def unit(session: Session) -> None:
        shift = own(session, public_id)
        if shift.ended_at is not None:
            raise ShiftEnded

        def work() -> Answer:
            made = cash.collect(session, told(session), by=by, now=now)
            return Answer(303, made.public_id)

        idempotency.answered_once(session, question, work, now=now)

    cashless.database.write(unit)


def _said() -> Sequence[tuple[str, str]]:
    fields = request.form.items(multi=True)
    return sorted((name, value) for name, value in fields if name != "csrf_token")


def _taking(what: ForRequest | ForFees, amount: Dong) -> Taking:
    form = request.form
    try:
        reason = Reason(form.get("reason", ""))
    except ValueError:
        raise ReasonMissing(pointer="/reason") from None
    explanation = " ".join(form.get("explanation", "").split())[: cash.LONGEST_EXPLANATION]
    return Taking(what=what, amount=amount, reason=reason, explanation=explanation)


def _for_fees() -> ForFees:
    """The dossier and the fees that the form names. Raises what is wrong with them."""
    form = request.form
    dossier = form.get("dossier", "").strip()
    if not _DOSSIER.fullmatch(dossier):
        raise DossierUnreadable(pointer="/dossier")
    try:
        channel = Channel(form.get("channel", ""))
    except ValueError:
        raise ChannelMissing(pointer="/channel") from None
    items = [_item(row, at) for at, row in enumerate(_rows(least=0)) if row["fee"]]
    return ForFees(form.get("agency", ""), dossier, channel, items)


def _rows(*, least: int) -> Sequence[Mapping[str, str]]:
    """The rows of fees as they were typed, at least so many."""
    names = ("fee", "quantity", "amount_given", "reduction")
    columns = [[text.strip() for text in request.form.getlist(name)][:50] for name in names]
    told = [dict(zip(names, row, strict=True)) for row in zip_longest(*columns, fillvalue="")]
    blank = dict.fromkeys(names, "") | {"quantity": "1"}
    return told + [blank] * (least - len(told))


def _item(row: Mapping[str, str], at: int) -> Item:
    quantity = row["quantity"] or "1"
    if not _QUANTITY.fullmatch(quantity):
        raise QuantityUnreadable(pointer=f"/lines/{at}/quantity")
    given = row["amount_given"]
    return Item(
        fee=row["fee"].upper(),
        quantity=int(quantity),
        amount=_typed_amount(given) if given else None,
        reduction=row["reduction"] or None,
    )


def _typed_amount(text: str) -> Dong:
    """An amount as people type it: `150000`, `150.000`. Raises `AmountUnreadable`."""
    if not _AMOUNT.fullmatch(text.strip()):
        raise AmountUnreadable(pointer="/amount")
    return money.parse(re.sub("[. ,]", "", text.strip()))
