"""`/console/breaks`: what waits for somebody, the most urgent first; many decided at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from flask import redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments import agencies, staff
from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.calendar import local_day
from payments.core.money import Dong
from payments.core.service import Service
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, staff_only
from reconciliation import breaks, day_close
from reconciliation.breaks import About, Action, Age, Break, Bucket, Kind, Page, Search, State
from reconciliation.breaks.rules import BY_KIND
from reconciliation.web.console.break_words import decision_of, names_of, seen_in
from reconciliation.web.console.parts import (
    READERS,
    UnknownFilter,
    account_of,
    asked_once,
    known_filters,
)

MINE: Final = "mine"
NOBODY: Final = "nobody"
MOST_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, as it is written there; empty where it asks for everything."""

    account: str
    kind: str
    state: str
    owner: str
    age: str

    def query(self, **other: str | None) -> dict[str, str]:
        """The same question as a query, with some of it asked differently."""
        told = {name: getattr(self, name) for name in self.__slots__} | other
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Queue:
    """The queue as the page shows it; `many` is what can be decided about those shown at once."""

    asked: Asked
    accounts: Mapping[int, CollectionAccount]
    page: Page
    rows: Sequence[tuple[Break, About | None]]
    ageing: Sequence[Bucket]
    names: Mapping[str, str]
    many: Sequence[Action]
    limit: Dong
    today: date


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its form."""

    @pages.get("/breaks", endpoint="breaks")
    @staff_only(*READERS)
    def shown() -> str:
        told = asked()
        after, now, me = request.args.get("after"), clock.now(), auth.who().actor
        found = cashless.database.read(
            lambda session: _queue(session, told, after=after, me=me, now=now)
        )
        return render_template(
            "console/breaks.html",
            queue=found,
            kinds=Kind,
            states=State,
            ages=Age,
            version_of=breaks.version_of,
        )

    @pages.post("/breaks/decide", endpoint="decide_breaks")
    @staff_only(Role.RECONCILER)
    def decide() -> Response:
        form, by, now = request.form, auth.who().actor, clock.now()
        decision, seen = decision_of(form), seen_in(form)
        chosen = list(seen) if form.get("all") else form.getlist("break")

        def unit(session: Session) -> None:
            found = breaks.by_public_ids(session, chosen)
            breaks.decide(session, found, decision, by=by, now=now, seen=seen)
            day_close.renew_breaks(session, found[0].collection_account_id, now=now)

        cashless.database.write(unit)
        going = auth.own_path(form.get("next"))
        return redirect(going or url_for("console.breaks"), 303)


def asked() -> Asked:
    """What the address asks for. Raises `UnknownFilter` or `AskedTwice`."""
    known_filters(*Asked.__slots__, "after")
    return Asked(*[asked_once(name) for name in Asked.__slots__])


def _queue(session: Session, told: Asked, *, after: str | None, me: str, now: datetime) -> Queue:
    today = local_day(now)
    accounts = {one.id: one for one in agencies.accounts(session, on=today)}
    search = wanted(session, told, me=me)
    page = breaks.page(session, search, after=after, now=now, most=MOST_SHOWN)
    return Queue(
        asked=told,
        accounts=accounts,
        page=page,
        rows=list(zip(page.rows, breaks.told_of(session, page.rows), strict=True)),
        ageing=breaks.ageing(session, search, now=now),
        names=names_of(session, [one.owner for one in page.rows]),
        many=_many(search, one_account=len(accounts) == 1),
        limit=breaks.second_person_from(session, now=now),
        today=today,
    )


def _many(search: Search, *, one_account: bool) -> Sequence[Action]:
    """What can be decided at once about breaks of one kind and account that wait."""
    decided = search.state in (State.RESOLVED, State.PROPOSED)
    if search.kind is None or decided or not (one_account or search.collection_account_id):
        return ()
    return [action for action in BY_KIND[search.kind] if action in breaks.FOR_MANY]


def wanted(session: Session, told: Asked, *, me: str) -> Search:
    """What is searched for. Raises `UnknownFilter`."""
    owner = None
    if told.owner == MINE:
        owner = me
    elif told.owner and told.owner != NOBODY:
        owner = staff.actor(staff.by_username(session, told.owner).id)
    try:
        return Search(
            collection_account_id=account_of(session, told.account).id if told.account else None,
            kind=Kind(told.kind) if told.kind else None,
            state=State(told.state) if told.state else None,
            owner=owner,
            unowned=told.owner == NOBODY,
            age=Age(told.age) if told.age else None,
        )
    except ValueError:
        raise UnknownFilter from None
