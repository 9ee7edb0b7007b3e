"""`/console/lines`: movements on statements, the newest first, by day, direction, what is booked.

Where an amount or words are asked for without a day, the newest lines are looked through only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from flask import render_template
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import agencies
from payments.advice import Direction
from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.calendar import local_day
from payments.core.service import Service
from payments.core.sheets import Cells, Heading, Kind
from payments.core.words import say
from payments.web import paging
from payments.web.auth import StaffPages, staff_only
from payments.web.paging import Page
from reconciliation.matching import LineMatch, Rule
from reconciliation.statements import StatementLine
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
_BOOKED: Final[Mapping[str, ColumnElement[bool]]] = {
    "yes": StatementLine.match_id.is_not(None),
    "no": StatementLine.match_id.is_(None),
}


@dataclass(frozen=True, slots=True)
class Asked(Asking):
    """What the address asks for; `since` and `until` are booking days, both included."""

    account: str
    direction: str
    booked: str
    rule: str
    since: str
    until: str
    amount: str
    memo: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of lines; `narrowed` says that the newest were looked through only."""

    asked: Asked
    accounts: Sequence[CollectionAccount]
    rows: Sequence[StatementLine]
    next: str | None
    narrowed: bool


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page, its form and its file."""
    ask_by_form(pages, cashless.vault, "/lines", "lines", Asked)

    @pages.get("/lines", endpoint="lines")
    @staff_only(*READERS)
    def shown() -> str:
        asked, page = asked_for(Asked, cashless.vault), page_asked(MOST_SHOWN)
        today = local_day(clock.now())
        found = cashless.database.read(lambda session: _listed(session, asked, page, today))
        return render_template(
            "console/lines.html", listed=found, directions=Direction, rules=Rule, newest=NEWEST
        )

    @pages.get("/lines.csv", endpoint="lines_file")
    @staff_only(*READERS)
    def file() -> Response:
        asked = asked_for(Asked, cashless.vault)
        return as_csv(cashless, "dong-so-phu", _headings(), lambda session: _every(session, asked))


def narrowed(asked: Asked) -> bool:
    """Whether an amount, words or a rule are asked for without a day."""
    anything = asked.amount or asked.memo or asked.rule
    return bool(anything and not asked.since and asked.booked != "no")


def _search(session: Session, asked: Asked) -> Select[int]:
    """The ids of the lines asked for. Raises `UnknownFilter` or `NotADay`."""
    found = select(StatementLine.id).where(_whose(session, asked.account))
    since, until = day_or_none(asked.since), day_or_none(asked.until)
    if since is not None:
        found = found.where(StatementLine.day >= since)
    if until is not None:
        found = found.where(StatementLine.day <= until)
    if asked.direction:
        found = found.where(StatementLine.direction == _direction(asked.direction))
    if asked.booked:
        if asked.booked not in _BOOKED:
            raise UnknownFilter
        found = found.where(_BOOKED[asked.booked])
    if asked.rule:
        found = found.where(_matched_by(asked.rule))
    amount = amount_or_none(asked.amount)
    if amount is not None:
        found = found.where(StatementLine.amount == amount)
    if asked.memo:
        found = found.where(has_words(StatementLine.memo, asked.memo))
    return found.where(among_newest(StatementLine)) if narrowed(asked) else found


def _whose(session: Session, account: str) -> ColumnElement[bool]:
    """Lines of an account, else of any: those of statements that were set aside have none."""
    if account:
        return StatementLine.collection_account_id == account_of(session, account).id
    return StatementLine.collection_account_id.in_(select(CollectionAccount.id))


def _matched_by(told: str) -> ColumnElement[bool]:
    """That a line was matched by this rule."""
    try:
        rule = Rule(told)
    except ValueError:
        raise UnknownFilter from None
    return (
        select(LineMatch.id)
        .where(LineMatch.id == StatementLine.match_id, LineMatch.rule == rule)
        .exists()
    )


def _direction(told: str) -> str:
    try:
        return Direction(told).value
    except ValueError:
        raise UnknownFilter from None


def _listed(session: Session, asked: Asked, page: Page, today: date) -> Listed:
    ids = session.scalars(page.of(_search(session, asked), StatementLine.id)).all()
    shown = ids[: page.limit]
    found = select(StatementLine).where(StatementLine.id.in_(shown))
    return Listed(
        asked=asked,
        accounts=agencies.accounts(session, on=today),
        rows=session.scalars(found.order_by(StatementLine.id.desc())).all(),
        next=paging.cursor_after(shown[-1]) if len(ids) > page.limit else None,
        narrowed=narrowed(asked),
    )


def _headings() -> Sequence[Heading]:
    return [
        Heading(say("column.account")),
        Heading(say("column.day"), Kind.DAY),
        Heading(say("column.direction")),
        Heading(say("column.amount"), Kind.AMOUNT),
        Heading(say("column.memo")),
        Heading(say("column.bank_reference")),
        Heading(say("column.match"), Kind.COUNT),
    ]


def _every(session: Session, asked: Asked) -> Iterator[Cells]:
    """All that is asked for, a few rows in memory at a time."""
    rows = (
        select(StatementLine, CollectionAccount.number)
        .join(CollectionAccount, CollectionAccount.id == StatementLine.collection_account_id)
        .where(StatementLine.id.in_(_search(session, asked)))
        .order_by(StatementLine.id.desc())
    )
    for one, account in session.execute(rows.execution_options(yield_per=_AT_ONCE)):
        yield (
            account,
            one.day,
            say(f"direction.{one.direction}"),
            one.amount,
            one.memo,
            one.bank_reference,
            one.match_id,
        )
