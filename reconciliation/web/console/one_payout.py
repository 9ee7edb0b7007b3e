"""`/console/payouts/{id}`: one payout, whence its money comes and where to, and who lets it go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask import redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import agencies, payouts
from payments.agencies import Agency, CollectionAccount
from payments.banks import by_bin
from payments.core import approvals, clock
from payments.core.approvals import Approval
from payments.core.approvals import State as Decided
from payments.core.service import Service
from payments.core.vault import Vault
from payments.credits import Credit
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from payments.payouts import BankAccount, Part, PaymentFile, Payout, PayoutItem, RefundAccount
from payments.payouts.papers import PRINTED
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, proved_only, staff_only
from reconciliation import day_close
from reconciliation.breaks import Break
from reconciliation.web.console.break_words import Happened
from reconciliation.web.console.parts import READERS, doing, reason_given
from reconciliation.web.console.payout_words import history_of, names_in

OPENERS: Final = (Role.RECONCILER, Role.APPROVER)
"""Who may see the whole account that money goes to: they propose it, approve it, and send it."""

Act = Callable[[Session, Payout, str, datetime], object]


@dataclass(frozen=True, slots=True)
class Item:
    """A part of a credit that is paid out; of fees also which."""

    part: Part
    amount: int
    fee: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A payout as its page shows it.

    `waiting` is the proposal that another person decides; `named` the account that the payer named
    last, and whether the payout `goes_there`; `opened` the whole account it goes to, where it was
    asked for.
    """

    one: Payout
    account: CollectionAccount
    credit: Credit | None
    request: PaymentRequest | None
    agency: Agency | None
    bank: str
    items: Sequence[Item]
    file: PaymentFile | None
    waiting: Approval | None
    breaks: Sequence[Break]
    history: Sequence[Happened]
    names: Mapping[str, str]
    version: str
    named: RefundAccount | None
    goes_there: bool
    opened: BankAccount | None = None

    @property
    def printed(self) -> bool:
        """Whether it has a payment slip and a list."""
        return self.one.remittance_route_id is not None and self.one.state in PRINTED


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its forms."""

    @pages.get("/payouts/<public_id>", endpoint="payout")
    @staff_only(*READERS)
    def shown(public_id: str) -> str:
        found = cashless.database.read(
            lambda session: _shown(session, public_id, vault=cashless.vault)
        )
        return render_template("console/payout.html", shown=found, openers=OPENERS)

    @pages.post("/payouts/<public_id>/account", endpoint="open_beneficiary")
    @staff_only(*OPENERS)
    def opened(public_id: str) -> str:
        by, now = auth.who().actor, clock.now()

        def unit(session: Session) -> Shown:
            payout = payouts.by_public_id(session, public_id)
            told = payouts.open_beneficiary(session, payout, by=by, now=now, vault=cashless.vault)
            return _shown(session, public_id, vault=cashless.vault, opened=told)

        found = cashless.database.write(unit)
        return render_template("console/payout.html", shown=found, openers=OPENERS)

    _add_second_person(pages, cashless)
    _add_maker(pages, cashless)


def _add_second_person(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/payouts/<public_id>/approve", endpoint="approve_payout")
    @proved_only(Role.APPROVER)
    def approve(public_id: str) -> Response:
        return _act(cashless, public_id, doing(payouts.approve))

    @pages.post("/payouts/<public_id>/decline", endpoint="decline_payout")
    @proved_only(Role.APPROVER)
    def decline(public_id: str) -> Response:
        return _act(cashless, public_id, doing(payouts.decline, reason=reason_given()))

    @pages.post("/payouts/<public_id>/reject", endpoint="reject_payout")
    @proved_only(Role.APPROVER)
    def reject(public_id: str) -> Response:
        return _act(cashless, public_id, doing(payouts.reject, reason=reason_given()))


def _add_maker(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/payouts/<public_id>/withdraw", endpoint="withdraw_payout")
    @staff_only(Role.RECONCILER)
    def withdraw(public_id: str) -> Response:
        return _act(cashless, public_id, doing(payouts.withdraw, reason=reason_given()))


def _act(cashless: Service, public_id: str, act: Act) -> Response:
    """Does it in one unit to the payout as it was seen, and goes back to the page.

    Raises `PayoutMoved` where it is no longer so.
    """
    by, now, seen = auth.who().actor, clock.now(), request.form.get("seen", "")

    def unit(session: Session) -> None:
        payout = payouts.by_public_id(session, public_id)
        account = payout.collection_account_id
        agencies.lock(session, account)
        session.refresh(payout)
        if _version(payout, _named(session, payout)) != seen:
            raise payouts.PayoutMoved(payout=payout.code)
        act(session, payout, by, now)
        day_close.renew_breaks(session, account, now=now)

    cashless.database.write(unit)
    return redirect(url_for("console.payout", public_id=public_id), 303)


def _named(session: Session, payout: Payout) -> RefundAccount | None:
    """The account that the payer of its request named last."""
    asked = payout.payment_request_id
    return None if asked is None else payouts.newest(session, asked)


def _version(payout: Payout, named: RefundAccount | None) -> str:
    """The mark of how a payout stands, and of what the payer of its request named last."""
    return f"{payouts.version_of(payout)}-{0 if named is None else named.number}"


def _shown(
    session: Session, public_id: str, *, vault: Vault, opened: BankAccount | None = None
) -> Shown:
    one = payouts.by_public_id(session, public_id)
    decisions = approvals.of_subject(session, payouts.subject(one))
    file = None
    if one.payment_file_id is not None:
        file = session.get_one(PaymentFile, one.payment_file_id)
    names = names_in(session, one, decisions, file)
    bank, named = by_bin(one.beneficiary_bin), _named(session, one)
    request = agency = credit = None
    if one.payment_request_id is not None:
        request = session.get_one(PaymentRequest, one.payment_request_id)
    if one.agency_id is not None:
        agency = session.get_one(Agency, one.agency_id)
    if one.credit_id is not None:
        credit = session.get_one(Credit, one.credit_id)
    return Shown(
        one=one,
        account=session.get_one(CollectionAccount, one.collection_account_id),
        credit=credit,
        request=request,
        agency=agency,
        bank=one.beneficiary_bin if bank is None else bank.short_name,
        items=_items(session, one),
        file=file,
        waiting=next((each for each in decisions if each.state == Decided.PROPOSED), None),
        breaks=_breaks(session, one),
        history=history_of(session, one, decisions, file, names),
        names=names,
        version=_version(one, named),
        named=named,
        goes_there=named is not None and payouts.goes_to(one, named, vault=vault),
        opened=opened,
    )


def _items(session: Session, payout: Payout) -> Sequence[Item]:
    rows = session.execute(
        select(PayoutItem.part, PayoutItem.amount, PaymentRequestLine.name)
        .outerjoin(PaymentRequestLine, PaymentRequestLine.id == PayoutItem.payment_request_line_id)
        .where(PayoutItem.payout_id == payout.id)
        .order_by(PayoutItem.id)
        .limit(MOST_ITEMS)
    )
    return [Item(Part(part), amount, name) for part, amount, name in rows]


MOST_ITEMS: Final = 200
"""Parts shown: a remittance may be of thousands of credits."""


def _breaks(session: Session, payout: Payout) -> Sequence[Break]:
    """The breaks that wait about a payout: not seen, or come back."""
    rows = select(Break).where(
        Break.collection_account_id == payout.collection_account_id,
        Break.leg == "payout",
        Break.key == str(payout.id),
        Break.cleared_at.is_(None),
    )
    return session.scalars(rows.order_by(Break.id)).all()
