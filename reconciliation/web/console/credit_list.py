"""`/console/credits`: money that came in, the newest first, by where it stands, day, amount, memo.

Where an amount or words are asked for without a day, the newest credits are looked through only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from flask import render_template
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import agencies
from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.calendar import local_day
from payments.core.service import Service
from payments.core.sheets import Cells, Heading, Kind
from payments.core.words import say
from payments.credits import Credit
from payments.payment_requests import PaymentRequest
from payments.web import paging
from payments.web.auth import StaffPages, staff_only
from payments.web.paging import Page
from reconciliation.web.console.listing import (
    Asking,
    amount_or_none,
    as_csv,
    ask_by_form,
    asked_for,
    day_or_none,
    page_asked,
)
from reconciliation.web.console.parts import (
    READERS,
    UnknownFilter,
    account_of,
)
from reconciliation.web.console.typed import NEWEST, among_newest, has_words

MOST_SHOWN: Final = 20
_AT_ONCE: Final = 500


class Stands(StrEnum):
    """Where a credit's money stands."""

    UNIDENTIFIED = "unidentified"  # nobody knows what for
    HELD = "held"  # known, and no fee (yet)
    ADVISED = "advised"  # told, and to be confirmed
    RECLAIMED = "reclaimed"  # the bank took it back after it had left
    REVERSED = "reversed"  # the bank took it back
    UNSEEN = "unseen"  # on no statement yet


_STANDS: Final[Mapping[Stands, ColumnElement[bool]]] = {
    Stands.UNIDENTIFIED: Credit.unidentified > 0,
    Stands.HELD: Credit.held > 0,
    Stands.ADVISED: Credit.advised > 0,
    Stands.RECLAIMED: Credit.reclaimed > 0,
    Stands.REVERSED: Credit.reversed > 0,
    Stands.UNSEEN: Credit.match_id.is_(None),
}


@dataclass(frozen=True, slots=True)
class Asked(Asking):
    """What the address asks for; `since` and `until` are business days, both included."""

    account: str
    stands: str
    since: str
    until: str
    amount: str
    memo: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of credits; `narrowed` says that the newest were looked through only."""

    asked: Asked
    accounts: Sequence[CollectionAccount]
    rows: Sequence[Credit]
    references: Mapping[int, str]
    next: str | None
    narrowed: bool


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page, its form and its file."""
    ask_by_form(pages, cashless.vault, "/credits", "credits", Asked)

    @pages.get("/credits", endpoint="credits")
    @staff_only(*READERS)
    def shown() -> str:
        asked, page = asked_for(Asked, cashless.vault), page_asked(MOST_SHOWN)
        today = local_day(clock.now())
        found = cashless.database.read(lambda session: _listed(session, asked, page, today))
        return render_template("console/credits.html", listed=found, stands=Stands, newest=NEWEST)

    @pages.get("/credits.csv", endpoint="credits_file")
    @staff_only(*READERS)
    def file() -> Response:
        asked = asked_for(Asked, cashless.vault)
        return as_csv(cashless, "khoan-thu", _headings(), lambda session: _every(session, asked))


def narrowed(asked: Asked) -> bool:
    """Whether an amount or words are asked for without a day."""
    return bool((asked.amount or asked.memo) and not asked.since)


def _search(session: Session, asked: Asked) -> Select[int]:
    """The ids of the credits asked for. Raises `UnknownFilter` or `NotADay`."""
    found = select(Credit.id).where(Credit.merged_into_id.is_(None))
    if asked.account:
        found = found.where(Credit.collection_account_id == account_of(session, asked.account).id)
    elif asked.since or asked.until or asked.stands:
        found = found.where(Credit.collection_account_id.in_(select(CollectionAccount.id)))
    since, until = day_or_none(asked.since), day_or_none(asked.until)
    if since is not None:
        found = found.where(Credit.day >= since)
    if until is not None:
        found = found.where(Credit.day <= until)
    amount = amount_or_none(asked.amount)
    if amount is not None:
        found = found.where(Credit.amount == amount)
    if asked.memo:
        found = found.where(has_words(Credit.memo, asked.memo))
    if asked.stands:
        found = found.where(_standing(asked.stands))
    return found.where(among_newest(Credit)) if narrowed(asked) else found


def _standing(told: str) -> ColumnElement[bool]:
    try:
        return _STANDS[Stands(told)]
    except ValueError:
        raise UnknownFilter from None


def _listed(session: Session, asked: Asked, page: Page, today: date) -> Listed:
    ids = session.scalars(page.of(_search(session, asked), Credit.id)).all()
    shown = ids[: page.limit]
    found = select(Credit).where(Credit.id.in_(shown)).order_by(Credit.id.desc())
    rows = session.scalars(found).all()
    return Listed(
        asked=asked,
        accounts=agencies.accounts(session, on=today),
        rows=rows,
        references=references_of(session, rows),
        next=paging.cursor_after(shown[-1]) if len(ids) > page.limit else None,
        narrowed=narrowed(asked),
    )


def references_of(session: Session, rows: Sequence[Credit]) -> Mapping[int, str]:
    """The codes of the requests that credits were paid for."""
    numbers = {one.payment_request_id for one in rows} - {None}
    known = select(PaymentRequest.id, PaymentRequest.reference)
    found = session.execute(known.where(PaymentRequest.id.in_(numbers)))
    return dict(found.all())


def _headings() -> Sequence[Heading]:
    return [
        Heading(say("column.account")),
        Heading(say("column.day"), Kind.DAY),
        Heading(say("column.came_at"), Kind.MOMENT),
        Heading(say("column.amount"), Kind.AMOUNT),
        Heading(say("column.memo")),
        Heading(say("column.bank_reference")),
        Heading(say("column.reference")),
        Heading(say("column.finding")),
        *[Heading(say(f"part.{part}"), Kind.AMOUNT) for part in _PARTS],
        Heading(say("column.reclaimed"), Kind.AMOUNT),
    ]


_PARTS: Final = ("advised", "to_fees", "held", "unidentified", "refunded", "reversed")


def _every(session: Session, asked: Asked) -> Iterator[Cells]:
    """All that is asked for, a few rows in memory at a time."""
    rows = (
        select(Credit, CollectionAccount.number, PaymentRequest.reference)
        .join(CollectionAccount, CollectionAccount.id == Credit.collection_account_id)
        .outerjoin(PaymentRequest, PaymentRequest.id == Credit.payment_request_id)
        .where(Credit.id.in_(_search(session, asked)))
        .order_by(Credit.id.desc())
    )
    for one, account, reference in session.execute(rows.execution_options(yield_per=_AT_ONCE)):
        yield (
            account,
            one.day,
            one.booked_at,
            one.amount,
            one.memo,
            one.bank_reference,
            reference,
            say(f"finding.{one.finding}") if one.finding else None,
            *[getattr(one, part) for part in _PARTS],
            one.reclaimed,
        )
