"""`/console/receipts`: receipts, the newest first, searched; one with its chain and decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import Response as FlaskResponse
from flask import redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import receipts
from payments.agencies import Agency
from payments.core import approvals, clock
from payments.core.approvals import Approval
from payments.core.errors import Invalid
from payments.core.files import Kept
from payments.core.service import Service
from payments.receipts import Act, Receipt, ReceiptSeries, Search, State
from payments.staff import Role
from payments.web import auth, paging
from payments.web.auth import StaffPages, proved_only, staff_only
from reconciliation.web.console.break_words import names_of
from reconciliation.web.console.parts import (
    MOST_DIGITS,
    READERS,
    UnknownFilter,
    asked_once,
    known_filters,
)

MOST_SHOWN: Final = 20

Deed = Callable[[Session, Receipt, str, datetime], object]


class UnknownAct(Invalid):
    """A receipt is cancelled or replaced; the form asks for something else."""

    code = "unknown_receipt_act"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, as it is written there; empty where it asks for everything."""

    series: str
    number: str
    state: str
    reference: str

    def query(self) -> dict[str, str]:
        """The question as a query."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of receipts."""

    asked: Asked
    series: Sequence[tuple[ReceiptSeries, Agency]]
    items: Sequence[Mapping[str, Any]]
    next: str | None
    waiting: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A receipt as its page shows it: itself, what it says, those before and after, proposals."""

    receipt: Receipt
    snapshot: Mapping[str, Any]
    chain: Sequence[Mapping[str, Any]]
    proposed: Approval | None
    decided: Sequence[Approval]
    names: Mapping[str, str]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the pages and their forms."""

    @pages.get("/receipts", endpoint="receipts")
    @staff_only(*READERS)
    def listed() -> str:
        told, page = asked(), paging.Page(MOST_SHOWN, before=_before())
        found = cashless.database.read(lambda session: _listed(session, told, page))
        return render_template("console/receipts.html", listed=found, states=State)

    @pages.get("/receipts/<public_id>", endpoint="one_receipt")
    @staff_only(*READERS)
    def shown(public_id: str) -> str:
        found = cashless.database.read(lambda session: _shown(session, public_id))
        return render_template("console/receipt.html", shown=found, acts=Act)

    _add_papers(pages, cashless)
    _add_decisions(pages, cashless)


def _add_papers(pages: StaffPages, cashless: Service) -> None:
    @pages.get("/receipts/<public_id>.pdf", endpoint="receipt_pdf")
    @staff_only(*READERS)
    def pdf(public_id: str) -> Response:
        return _file(cashless.database.read(lambda s: receipts.pdf(s, _known(s, public_id))))

    @pages.get("/receipts/<public_id>.xml", endpoint="receipt_xml")
    @staff_only(*READERS)
    def xml(public_id: str) -> Response:
        return _file(cashless.database.read(lambda s: receipts.xml(s, _known(s, public_id))))


def _add_decisions(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/receipts/<public_id>/propose", endpoint="propose_receipt")
    @staff_only(Role.RECONCILER)
    def propose(public_id: str) -> Response:
        act, reason = _act(request.form.get("act", "")), request.form.get("reason", "")
        return _do(
            cashless,
            public_id,
            lambda session, receipt, by, now: receipts.propose(
                session, receipt, act, reason=reason, by=by, now=now
            ),
        )

    @pages.post("/receipts/<public_id>/approve", endpoint="approve_receipt")
    @proved_only(Role.APPROVER)
    def approve(public_id: str) -> Response:
        return _do(
            cashless,
            public_id,
            lambda session, receipt, by, now: receipts.approve(
                session, _proposal(session, receipt), by=by, now=now
            ),
        )

    @pages.post("/receipts/<public_id>/decline", endpoint="decline_receipt")
    @proved_only(Role.APPROVER)
    def decline(public_id: str) -> Response:
        reason = request.form.get("reason", "")
        return _do(
            cashless,
            public_id,
            lambda session, receipt, by, now: approvals.decline(
                session, _proposal(session, receipt), reason=reason, by=by, now=now
            ),
        )

    @pages.post("/receipts/<public_id>/take-back", endpoint="take_receipt_back")
    @staff_only(Role.RECONCILER)
    def take_back(public_id: str) -> Response:
        return _do(
            cashless,
            public_id,
            lambda session, receipt, by, now: approvals.withdraw(
                session, _proposal(session, receipt), by=by, now=now
            ),
        )


def asked() -> Asked:
    """What the address asks for. Raises `UnknownFilter` or `AskedTwice`."""
    known_filters(*Asked.__slots__, "cursor")
    return Asked(*[asked_once(name).strip() for name in Asked.__slots__])


def _before() -> int | None:
    return paging.asked({"cursor": cursor}).before if (cursor := asked_once("cursor")) else None


def _listed(session: Session, told: Asked, page: paging.Page) -> Listed:
    found = receipts.search(wanted(told))
    ids = session.scalars(page.of(found, Receipt.id)).all()
    shown = receipts.snapshots(session, select(Receipt.id).where(Receipt.id.in_(ids[: page.limit])))
    return Listed(
        asked=told,
        series=receipts.all_series(session),
        items=[shown[number] for number in ids[: page.limit]],
        next=paging.cursor_after(ids[page.limit - 1]) if len(ids) > page.limit else None,
        waiting=receipts.waiting(session)[0],
    )


def wanted(told: Asked) -> Search:
    """What is searched for. Raises `UnknownFilter`."""
    try:
        return Search(
            series=_number(told.series),
            number=_number(told.number),
            state=State(told.state) if told.state else None,
            reference=told.reference.upper() or None,
        )
    except ValueError:
        raise UnknownFilter from None


def _number(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise ValueError
    return int(text)


def _shown(session: Session, public_id: str) -> Shown:
    receipt = _known(session, public_id)
    same = select(Receipt.id).where(
        Receipt.payment_request_id == receipt.payment_request_id, Receipt.kind == receipt.kind
    )
    chain = receipts.snapshots(session, same)
    proposals = approvals.of_subject(session, f"receipt:{receipt.public_id}")
    proposed = receipts.proposed(session, receipt)
    actors = [receipt.ended_by, *[one.maker for one in proposals]]
    return Shown(
        receipt=receipt,
        snapshot=chain[receipt.id],
        chain=list(chain.values()),
        proposed=proposed,
        decided=[one for one in proposals if one.state != approvals.State.PROPOSED],
        names=names_of(session, [*actors, *[one.checker for one in proposals]]),
    )


def _known(session: Session, public_id: str) -> Receipt:
    """The receipt an address names, also one without papers. Raises `UnknownReceipt`."""
    found = session.scalar(select(Receipt).where(Receipt.public_id == public_id))
    if found is None:
        raise receipts.UnknownReceipt(receipt=public_id[:40])
    return found


def _proposal(session: Session, receipt: Receipt) -> Approval:
    """The proposal that the form shows, if it is about this receipt. Raises `UnknownApproval`."""
    told = request.form.get("proposal", "")
    approval = approvals.by_public_id(session, told)
    if receipts.receipt_of(session, approval).id != receipt.id:
        raise approvals.UnknownApproval(approval=told[:40])
    return approval


def _act(told: str) -> Act:
    if told not in set(Act):
        raise UnknownAct
    return Act(told)


def _do(cashless: Service, public_id: str, deed: Deed) -> Response:
    by, now = auth.who().actor, clock.now()
    cashless.database.write(lambda session: deed(session, _known(session, public_id), by, now))
    return redirect(url_for("console.one_receipt", public_id=public_id), 303)


def _file(kept: Kept) -> Response:
    return FlaskResponse(kept.content, mimetype=kept.media_type)
