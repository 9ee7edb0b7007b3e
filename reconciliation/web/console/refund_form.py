"""`/console/credits/{number}/refund`: the form by which a refund of a credit is proposed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import Response as FlaskResponse
from flask import redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from payments import credits, payouts
from payments.agencies import CollectionAccount
from payments.banks import by_name
from payments.core import approvals, audit, clock
from payments.core.errors import CashlessError, Conflict, Invalid
from payments.core.money import MOST, ZERO, Dong
from payments.core.service import Service
from payments.core.vault import Vault
from payments.credits import Credit, Finding
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from payments.payouts import BankAccount, Part, Payout, RefundAccount, Wanted
from payments.staff import Role
from payments.web import auth, problems
from payments.web.auth import StaffPages, staff_only
from reconciliation import breaks, day_close
from reconciliation.breaks import Break
from reconciliation.matching import UnknownCredit
from reconciliation.web.console.parts import NUMBER, UnknownFilter, asked_once, known_filters

_NAMED: Final = "named"
_AMOUNT: Final = re.compile(r"[0-9]{1,13}", re.ASCII)


class AmountNotWritten(Invalid):
    """An amount in a form is a whole number of đồng."""

    code = "amount_not_written"


class CreditChanged(Conflict):
    """The money of the credit is divided otherwise than when the form was shown."""

    code = "credit_changed"


@dataclass(frozen=True, slots=True)
class Fee:
    """A fee line that the credit pays, and what of it can be given back."""

    id: int
    name: str
    left: Dong


@dataclass(frozen=True, slots=True)
class Form:
    """The form as it is shown: what can be given back of which part, and what was written in.

    `payer` is the number and holder of the account that the money came from, as far as known;
    `named` what the payer named last, and `fill_in` that, where the form is filled in with it.
    """

    credit: Credit
    account: CollectionAccount
    request: PaymentRequest | None
    available: Mapping[Part, Dong]
    part: Part
    fees: Sequence[Fee]
    refunds: Sequence[Payout]
    breaks: Sequence[Break]
    payer: tuple[str | None, str | None]
    named: tuple[RefundAccount, BankAccount] | None
    fill_in: BankAccount | None
    version: str

    @property
    def whole(self) -> bool:
        """Whether this part goes back whole or not at all."""
        return self.part is Part.HELD and self.credit.finding == Finding.SHORT


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the form and what it sends."""

    @pages.get(f"/credits/<{NUMBER}:number>/refund", endpoint="refund")
    @staff_only(Role.RECONCILER)
    def shown(number: int) -> str:
        known_filters("part", "to")
        part, to, by, now = asked_once("part"), asked_once("to"), auth.who().actor, clock.now()
        if to not in ("", _NAMED):
            raise UnknownFilter
        form = cashless.database.write(
            lambda session: _form(
                session, number, part, to=to, by=by, now=now, vault=cashless.vault
            )
        )
        return _drawn(form, {})

    @pages.post(f"/credits/<{NUMBER}:number>/refund", endpoint="propose_refund")
    @staff_only(Role.RECONCILER)
    def propose(number: int) -> Response:
        told, by, now = request.form, auth.who().actor, clock.now()
        try:
            made = cashless.database.write(
                lambda session: _proposed(
                    session, number, told, by=by, now=now, vault=cashless.vault
                )
            )
        except CashlessError as refused:
            return _again(cashless, number, told, refused, by=by, now=now)
        if made is None:
            return _again(cashless, number, told, None, by=by, now=now)
        return redirect(url_for("console.payout", public_id=made), 303)


def _drawn(
    form: Form,
    told: Mapping[str, str],
    *,
    refusal: problems.Problem | None = None,
    elsewhere: bool = False,
) -> str:
    return render_template(
        "console/refund.html",
        form=form,
        told=told,
        banks=by_name(),
        refusal=refusal,
        elsewhere=elsewhere,
        longest=approvals.LONGEST_REASON,
    )


def _again(
    cashless: Service,
    number: int,
    told: MultiDict[str, str],
    refused: CashlessError | None,
    *,
    by: str,
    now: datetime,
) -> Response:
    """The form with what was written in: refused, or to be confirmed as going elsewhere."""
    form = cashless.database.write(
        lambda session: _form(
            session, number, told.get("part", ""), to="", by=by, now=now, vault=cashless.vault
        )
    )
    refusal = None if refused is None else problems.of_ours(refused)
    page = _drawn(form, told.to_dict(), refusal=refusal, elsewhere=refused is None)
    return FlaskResponse(page, status=200 if refusal is None else refusal.status)


def _form(
    session: Session, number: int, part: str, *, to: str, by: str, now: datetime, vault: Vault
) -> Form:
    """The form of a part, of the first that has anything if none is named; who looked is audited.

    It is filled in with the account that the payer named where that is asked for by `to`, where it
    is the one that the money came from, and where that one is not known.

    Raises `UnknownCredit` or `UnknownFilter`.
    """
    credit = _credit(session, number)
    available = payouts.available(session, credit)
    chosen = _part(part) or next((one for one in Part if available[one]), Part.HELD)
    payer = (
        (None, None) if credit.payer is None else credits.opened_payer(credit.payer, vault=vault)
    )
    if credit.payer is not None:
        audit.append(
            session, actor=by, action="credit.payer_opened", subject=f"credit:{number}", now=now
        )
    asked = credit.payment_request_id
    request = None if asked is None else session.get_one(PaymentRequest, asked)
    named = None
    if request is not None:
        named = payouts.open_named(session, request, by=by, now=now, vault=vault)
    return Form(
        credit=credit,
        account=session.get_one(CollectionAccount, credit.collection_account_id),
        request=request,
        available=available,
        part=chosen,
        fees=_fees(session, credit),
        refunds=session.scalars(payouts.of_credit(credit.id).order_by(Payout.id)).all(),
        breaks=breaks.waiting_about(
            session, credit.collection_account_id, lines=[], credits=[credit.id]
        ),
        payer=payer,
        named=named,
        fill_in=_fill_in(credit, named, to=to, vault=vault),
        version=_version(credit, available),
    )


def _fill_in(
    credit: Credit, named: tuple[RefundAccount, BankAccount] | None, *, to: str, vault: Vault
) -> BankAccount | None:
    if named is None:
        return None
    _, account = named
    same = not payouts.goes_elsewhere(credit, account, vault=vault)
    return account if same or credit.payer is None or to == _NAMED else None


def _proposed(
    session: Session,
    number: int,
    told: MultiDict[str, str],
    *,
    by: str,
    now: datetime,
    vault: Vault,
) -> str | None:
    """The public number of the refund proposed; None where it has to be confirmed first.

    Raises `UnknownCredit`, `UnknownFilter`, `AmountNotWritten`, `CreditChanged`,
    and what `breaks.propose_refund` and `payouts.beneficiary` raise.
    """
    credit = _credit(session, number)
    if told.get("seen") != _version(credit, payouts.available(session, credit)):
        raise CreditChanged
    to = payouts.beneficiary(told.get("bin", ""), told.get("account", ""), told.get("name", ""))
    wanted = _wanted(session, credit, told, to)
    elsewhere = payouts.goes_elsewhere(credit, to, vault=vault)
    if elsewhere and told.get("elsewhere") != "1":
        approvals.given(wanted.reason)
        return None
    payout = breaks.propose_refund(session, credit, wanted, by=by, now=now, vault=vault)
    day_close.renew_breaks(session, credit.collection_account_id, now=now)
    return payout.public_id


def _wanted(session: Session, credit: Credit, told: MultiDict[str, str], to: BankAccount) -> Wanted:
    part, reason = _part(told.get("part", "")), told.get("reason", "")
    if part is None:
        raise UnknownFilter
    if part is not Part.FEES:
        return Wanted(part, to, reason, amount=_amount(told.get("amount", ""), "/amount"))
    fees = [one.id for one in _fees(session, credit)]
    lines = {one: _amount(told.get(f"line-{one}") or "0", "/lines") for one in fees}
    return Wanted(part, to, reason, lines={one: said for one, said in lines.items() if said})


def _credit(session: Session, number: int) -> Credit:
    found = session.get(Credit, number, populate_existing=True)
    if found is None:
        raise UnknownCredit(number=number)
    return found


def _part(text: str) -> Part | None:
    """The part that is named, None where none is. Raises `UnknownFilter`."""
    try:
        return Part(text) if text else None
    except ValueError:
        raise UnknownFilter from None


def _amount(text: str, pointer: str) -> Dong:
    """An amount as a person writes it: `20000`, `20.000` or `20 000`. Raises `AmountNotWritten`."""
    digits = re.sub(r"[ .,\N{NO-BREAK SPACE}]", "", text.strip())
    if not _AMOUNT.fullmatch(digits) or int(digits) > MOST:
        raise AmountNotWritten(pointer=pointer)
    return Dong(int(digits))


def _fees(session: Session, credit: Credit) -> Sequence[Fee]:
    if credit.match_id is None:
        return ()
    left = payouts.left_of_fees(session, credit)
    rows = session.execute(
        select(PaymentRequestLine.id, PaymentRequestLine.name)
        .where(PaymentRequestLine.id.in_(left))
        .order_by(PaymentRequestLine.id)
    )
    return [Fee(number, name, left.get(number, ZERO)) for number, name in rows]


def _version(credit: Credit, available: Mapping[Part, Dong]) -> str:
    """The mark of what can be given back; the form sends it back with what is asked."""
    told = {part.value: int(amount) for part, amount in available.items()}
    return audit.digest({"credit": credit.id, **told})[:16]
