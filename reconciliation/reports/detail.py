"""The cut in detail: each credit with its status, result and amount; and requests by their status.

The rows come account by account and day by day, so that no engine has to sort more than a day and
the list can go on after any row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator
from datetime import date, time, timedelta
from typing import Any, Final

from sqlalchemy import Row as Result
from sqlalchemy import ScalarSelect, cast, func, select
from sqlalchemy.orm import Session

from payments import banks
from payments.agencies import Agency, CollectionAccount
from payments.core import calendar
from payments.core.columns import Amount
from payments.core.database import Rows
from payments.core.sheets import Kind
from payments.credits import Allocation, Credit
from payments.fees import FeeKind
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from payments.portals import Portal
from reconciliation.reports.asking import Asked, Cursor
from reconciliation.reports.definition import Cells, Column, Report, Takes
from reconciliation.reports.facts import dated, request_of, source_of

AT_ONCE: Final = 500
"""Rows fetched at a time."""


def entries(session: Session, asked: Asked) -> Generator[tuple[Cursor, Cells]]:
    """The rows with where each stands, in the order of account, day and arrival."""
    after = asked.after
    for account in asked.accounts:
        if after is not None and account < after.account:
            continue
        mine = dataclasses.replace(asked, accounts=[account], after=None)
        going_on = after is not None and account == after.account
        if after is not None and going_on:
            mine = dataclasses.replace(mine, first=max(asked.first, after.day))
        for day in days(session, mine):
            of_day = dataclasses.replace(mine, first=day, last=day)
            begun = after is not None and going_on and day == after.day
            rows = page(of_day, beyond=after.credit if after is not None and begun else 0)
            with session.execute(rows.execution_options(yield_per=AT_ONCE)) as streamed:
                for row in streamed:
                    yield Cursor(account, day, row.id), _cells(row)


def days(session: Session, asked: Asked) -> list[date]:
    """The days of the period on which there are credits."""
    day = dated(asked).c.day
    return list(session.scalars(select(day).distinct().order_by(day)))


def page(asked: Asked, *, beyond: int) -> Rows:
    """The credits of the question that came after the one numbered `beyond`."""
    day = dated(asked)
    found: Rows = (
        select(
            Credit.id,
            day.c.day,
            Credit.booked_at,
            CollectionAccount.bin,
            CollectionAccount.number,
            source_of(Credit.id).label("source"),
            Credit.bank_reference,
            PaymentRequest.reference,
            PaymentRequest.dossier,
            Agency.code.label("agency"),
            PaymentRequest.status,
            Credit.finding,
            Credit.match_id,
            Credit.amount,
            _fees(FeeKind.PHI).label("phi"),
            _fees(FeeKind.LE_PHI).label("le_phi"),
            Credit.held,
            Credit.unidentified,
            Credit.refunded,
            Credit.reversed,
            Credit.memo,
        )
        .select_from(day)
        .join(Credit, Credit.id == day.c.credit_id)
        .join(CollectionAccount, CollectionAccount.id == Credit.collection_account_id)
        .outerjoin(PaymentRequest, PaymentRequest.id == request_of())
        .outerjoin(Agency, Agency.id == PaymentRequest.agency_id)
        .where(Credit.id > beyond)
        .order_by(Credit.id)
    )
    return found if asked.portal is None else found.where(PaymentRequest.portal_id == asked.portal)


def _fees(kind: FeeKind) -> ScalarSelect[Any]:
    """What a credit pays of fees of a kind."""
    return (
        select(cast(func.coalesce(func.sum(Allocation.amount), 0), Amount()))
        .join(PaymentRequestLine, PaymentRequestLine.id == Allocation.payment_request_line_id)
        .where(
            Allocation.collection_account_id == Credit.collection_account_id,
            Allocation.credit_id == Credit.id,
            PaymentRequestLine.kind == kind.value,
        )
        .correlate(Credit)
        .scalar_subquery()
    )


def _cells(row: Result[*tuple[Any, ...]]) -> Cells:
    bank = banks.by_bin(row.bin)
    return (
        row.day,
        row.booked_at,
        row.number,
        bank.short_name if bank else row.bin,
        row.source,
        row.bank_reference,
        row.reference,
        row.dossier,
        row.agency,
        row.status or "none",
        row.finding,
        "no" if row.match_id is None else "yes",
        *(int(amount) for amount in row[13:20]),
        row.memo,
    )


def _in_detail(session: Session, asked: Asked) -> Iterator[Cells]:
    return (row for _, row in entries(session, asked))


def _requests(session: Session, asked: Asked) -> Iterator[Cells]:
    """Requests issued in the period, by their status: how many, what was asked and what came."""
    request = PaymentRequest
    rows = session.execute(
        requests_by_status(asked)
        .group_by(request.status, request.channel)
        .order_by(request.status, request.channel)
    )
    for status, channel, count, *amounts in rows:
        yield (status, channel, count, *(int(amount) for amount in amounts))


def requests_by_status(asked: Asked) -> Rows:
    """The requests of the question, counted and added up; to be grouped."""
    request, portals = PaymentRequest, select(Portal.id)
    if asked.portal is not None:
        portals = portals.where(Portal.id == asked.portal)
    added = [
        cast(func.sum(amount), Amount())
        for amount in (request.amount, request.received, request.refunded)
    ]
    found: Rows = select(request.status, request.channel, func.count(), *added).where(
        request.portal_id.in_(portals),
        request.issued_at >= calendar.at(asked.first, time()),
        request.issued_at < calendar.at(asked.last + timedelta(days=1), time()),
        request.collection_account_id.in_(asked.accounts),
    )
    return found


DETAIL: Final = Report(
    "detail",
    (
        Column("day", Kind.DAY),
        Column("booked_at", Kind.MOMENT),
        Column("account"),
        Column("bank"),
        Column("source", words="source"),
        Column("bank_reference"),
        Column("reference"),
        Column("dossier"),
        Column("agency"),
        Column("status", words="status"),
        Column("finding", words="finding"),
        Column("seen", words="seen"),
        Column("amount", Kind.AMOUNT, total=True),
        Column("phi", Kind.AMOUNT, total=True),
        Column("le_phi", Kind.AMOUNT, total=True),
        Column("held", Kind.AMOUNT, total=True),
        Column("unidentified", Kind.AMOUNT, total=True),
        Column("refunded", Kind.AMOUNT, total=True),
        Column("reversed", Kind.AMOUNT, total=True),
        Column("memo"),
    ),
    _in_detail,
    frozenset({Takes.PERIOD, Takes.BASIS, Takes.PORTAL, Takes.PAGES}),
)
REQUESTS: Final = Report(
    "requests",
    (
        Column("status", words="status"),
        Column("channel", words="channel"),
        Column("requests", Kind.COUNT, total=True),
        Column("asked", Kind.AMOUNT, total=True),
        Column("received", Kind.AMOUNT, total=True),
        Column("refunded", Kind.AMOUNT, total=True),
    ),
    _requests,
    frozenset({Takes.PERIOD, Takes.PORTAL}),
)
