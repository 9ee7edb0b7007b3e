"""The lists of breaks, payouts and receipts as files, filtered as their pages are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from flask import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import payouts, receipts
from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.service import Service
from payments.core.sheets import Cells, Heading, Kind
from payments.core.words import say
from payments.payment_requests import PaymentRequest
from payments.payouts import Payout
from payments.receipts import Receipt
from payments.web import auth
from payments.web.auth import StaffPages, staff_only
from reconciliation import breaks
from reconciliation.breaks import Search
from reconciliation.web.console import breaks as queue
from reconciliation.web.console import payouts as payout_list
from reconciliation.web.console import receipts as receipt_list
from reconciliation.web.console.break_words import names_of
from reconciliation.web.console.listing import as_csv
from reconciliation.web.console.parts import READERS

_AT_ONCE: Final = 500


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the three files."""

    @pages.get("/breaks.csv", endpoint="breaks_file")
    @staff_only(*READERS)
    def of_breaks() -> Response:
        asked, me, now = queue.asked(), auth.who().actor, clock.now()
        return as_csv(
            cashless,
            "chenh-lech",
            _of_breaks(),
            lambda session: _breaks(session, queue.wanted(session, asked, me=me), now=now),
        )

    @pages.get("/payouts.csv", endpoint="payouts_file")
    @staff_only(*READERS)
    def of_payouts() -> Response:
        asked = payout_list.asked()
        return as_csv(
            cashless,
            "chi-tra",
            _of_payouts(),
            lambda session: _payouts(session, payout_list.wanted(session, asked)),
        )

    @pages.get("/receipts.csv", endpoint="receipts_file")
    @staff_only(*READERS)
    def of_receipts() -> Response:
        wanted = receipt_list.wanted(receipt_list.asked())
        return as_csv(
            cashless, "bien-lai", _of_receipts(), lambda session: _receipts(session, wanted)
        )


def _of_breaks() -> Sequence[Heading]:
    return [
        Heading(say("column.kind")),
        Heading(say("column.status")),
        Heading(say("column.account")),
        Heading(say("column.day"), Kind.DAY),
        Heading(say("column.amount"), Kind.AMOUNT),
        Heading(say("column.memo")),
        Heading(say("column.bank_reference")),
        Heading(say("column.reference")),
        Heading(say("column.since"), Kind.MOMENT),
        Heading(say("column.due"), Kind.DAY),
        Heading(say("column.owner")),
        Heading(say("column.break")),
    ]


def _breaks(session: Session, wanted: Search, *, now: datetime) -> Iterator[Cells]:
    """In the order of the queue."""
    accounts = _accounts(session)
    after, more = None, True
    while more:
        page = breaks.page(session, wanted, after=after, now=now, most=_AT_ONCE)
        names = names_of(session, [one.owner for one in page.rows])
        for one, about in zip(page.rows, breaks.told_of(session, page.rows), strict=True):
            yield (
                say(f"break.{one.kind}"),
                say(f"break.state.{one.state}"),
                accounts[one.collection_account_id],
                one.day,
                one.amount,
                about.memo if about else None,
                about.reference if about else None,
                about.request if about else None,
                one.since,
                one.due_on,
                names[one.owner] if one.owner else None,
                one.public_id,
            )
        after, more = page.next, page.next is not None


def _of_payouts() -> Sequence[Heading]:
    return [
        Heading(say("column.payout")),
        Heading(say("column.kind")),
        Heading(say("column.status")),
        Heading(say("column.account")),
        Heading(say("column.amount"), Kind.AMOUNT),
        Heading(say("column.beneficiary")),
        Heading(say("column.reason")),
        Heading(say("column.reference")),
        Heading(say("column.proposed_at"), Kind.MOMENT),
        Heading(say("column.day_left"), Kind.DAY),
    ]


def _payouts(session: Session, wanted: payouts.Search) -> Iterator[Cells]:
    """The newest first; of the beneficiary's account its last digits, as on the page."""
    accounts = _accounts(session)
    rows = (
        payouts.search(wanted)
        .outerjoin(PaymentRequest, PaymentRequest.id == Payout.payment_request_id)
        .add_columns(PaymentRequest.reference)
        .order_by(Payout.id.desc())
    )
    for one, reference in session.execute(rows.execution_options(yield_per=_AT_ONCE)):
        yield (
            one.code,
            say(f"payout.kind.{one.kind}"),
            say(f"payout.state.{one.state}"),
            accounts[one.collection_account_id],
            one.amount,
            f"…{one.beneficiary_hint}",
            one.reason,
            reference,
            one.proposed_at,
            one.paid_out_on,
        )


def _of_receipts() -> Sequence[Heading]:
    return [
        Heading(say("column.symbol")),
        Heading(say("column.number")),
        Heading(say("column.kind")),
        Heading(say("column.status")),
        Heading(say("column.agency")),
        Heading(say("column.reference")),
        Heading(say("column.amount"), Kind.AMOUNT),
        Heading(say("column.issued_at"), Kind.MOMENT),
        Heading(say("column.code")),
    ]


def _receipts(session: Session, wanted: receipts.Search) -> Iterator[Cells]:
    """The newest first."""
    found = receipts.search(wanted).subquery()
    ids = session.scalars(select(found.c.id).order_by(found.c.id.desc())).all()
    for begin in range(0, len(ids), _AT_ONCE):
        some = ids[begin : begin + _AT_ONCE]
        shown = receipts.snapshots(session, select(Receipt.id).where(Receipt.id.in_(some)))
        rows = select(Receipt.id, Receipt.issued_at).where(Receipt.id.in_(some))
        issued = dict(session.execute(rows).all())
        for number, one in ((number, shown[number]) for number in some):
            yield (
                one["symbol"],
                one["number"],
                say(f"receipt.kind.{one['kind']}"),
                say(f"receipt.state.{one['state']}"),
                one["agency"],
                one["payment_request"],
                one["amount"],
                issued[number],
                one["verification_code"],
            )


def _accounts(session: Session) -> dict[int, str]:
    rows = select(CollectionAccount.id, CollectionAccount.number)
    return dict(session.execute(rows).all())
