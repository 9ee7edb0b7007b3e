"""`/console/tariff` and `/console/units`: fees and agencies as they are on a day, and their marks.

What no act of the province has confirmed is marked as unverified wherever it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from flask import render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import agencies, fees
from payments.agencies import Agency, CollectionAccount, Node
from payments.banks import every_bank
from payments.core import clock
from payments.core.calendar import local_day
from payments.core.service import Service
from payments.fees import Entry
from payments.web.auth import StaffPages, staff_only
from reconciliation.web.console.listing import day_or_none
from reconciliation.web.console.parts import asked_once, known_filters
from reconciliation.web.console.watching import WATCHERS

MOST_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Tariff:
    """A page of fees on a day; `after` is the code behind which the next page begins."""

    on: date
    entries: Sequence[Entry]
    count: int
    unverified: int
    after: str | None


@dataclass(frozen=True, slots=True)
class Units:
    """The tree of agencies on a day, each with its validity, and the accounts fees come into."""

    on: date
    nodes: Sequence[Node]
    validity: Mapping[int, tuple[date, date | None]]
    accounts: Mapping[int, Sequence[CollectionAccount]]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the pages."""

    @pages.get("/tariff", endpoint="tariff")
    @staff_only(*WATCHERS)
    def shown() -> str:
        known_filters("on", "after")
        on, after = day_or_none(asked_once("on")) or local_day(clock.now()), asked_once("after")
        found = cashless.database.read(lambda session: _tariff(session, on, after))
        return render_template("console/tariff.html", shown=found)

    @pages.get("/units", endpoint="units")
    @staff_only(*WATCHERS)
    def units() -> str:
        known_filters("on")
        on = day_or_none(asked_once("on")) or local_day(clock.now())
        found = cashless.database.read(lambda session: _units(session, on))
        return render_template("console/units.html", shown=found, banks=every_bank())


def _tariff(session: Session, on: date, after: str) -> Tariff:
    entries = fees.tariff(session, on=on)
    behind = [entry for entry in entries if entry.fee.code > after]
    more = len(behind) > MOST_SHOWN
    return Tariff(
        on=on,
        entries=behind[:MOST_SHOWN],
        count=len(entries),
        unverified=sum(1 for entry in entries if not _verified(entry)),
        after=behind[MOST_SHOWN - 1].fee.code if more else None,
    )


def _verified(entry: Entry) -> bool:
    prices, reductions = entry.prices, entry.reductions
    return entry.fee.verified and all(
        [*[one.verified for one in prices], *[one.verified for one in reductions]]
    )


def _units(session: Session, on: date) -> Units:
    nodes = agencies.tree(session, on=on)
    rows = session.execute(
        select(Agency.id, Agency.valid_from, Agency.valid_to).where(
            Agency.id.in_([node.id for node in nodes])
        )
    )
    codes = {node.code: node.id for node in nodes}
    accounts: dict[int, list[CollectionAccount]] = {}
    owners = {one.id: one.code for one in session.scalars(select(Agency))}
    for account in agencies.accounts(session, on=on):
        owner = codes.get(owners[account.agency_id])
        if owner is not None:
            accounts.setdefault(owner, []).append(account)
    return Units(
        on=on,
        nodes=nodes,
        validity={number: (since, until) for number, since, until in rows},
        accounts=accounts,
    )
