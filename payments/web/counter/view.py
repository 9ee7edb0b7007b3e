"""What the counter's windows show: the request on the screen, and those before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from sqlalchemy.orm import Session

from payments import cash, payment_requests, shifts
from payments.agencies import Agency
from payments.cash import CashCollection
from payments.core.money import Dong
from payments.core.words import language, later, say
from payments.payment_requests import PaymentRequest
from payments.shifts import Shift, Shown
from payments.web.citizen import asked
from payments.web.citizen import page as payers
from payments.web.citizen.page import Page, page_of
from payments.web.citizen.stored import glanced

MOST_SHOWN: Final = 8
"""How many showings the clerk's window looks back on."""

RECEIVED: Final = frozenset({"paid", "paid_late", "overpaid"})
"""States of a payment in which its money has come."""

TONES: Final[Mapping[str, str]] = {
    "open": "wait",
    "confirming": "wait",
    "partially_paid": "wait",
    "paid": "done",
    "partially_refunded": "calm",
    "refunded": "calm",
    "expired": "stop",
    "cancelled": "stop",
    "cash": "calm",
}
"""The colour beside the words of a status; `cash` is a request cancelled since cash was taken."""

_RECEIVED: Final = later("Money received")
_CASH: Final = later("Cash received")
_WAITING: Final = later("Waiting for the citizen to pay")


@dataclass(frozen=True, slots=True)
class Item:
    """A request in a list of the counter's."""

    reference: str
    dossier: str
    amount: Dong
    status: str
    at: datetime | None = None

    @property
    def tone(self) -> str:
        """The colour of its status."""
        return TONES[self.status]


@dataclass(frozen=True, slots=True)
class Current:
    """The request on the screen: as its payer's page shows it, and whether cash was taken."""

    page: Page
    token: str
    amount: Dong
    cash: CashCollection | None
    may_take_cash: bool

    @property
    def received(self) -> bool:
        """Whether its money has come, cashless."""
        return self.page.state in RECEIVED

    @property
    def settled(self) -> bool:
        """Whether nothing more is to be said: it was paid as it was due, or in cash."""
        return self.cash is not None or (self.received and self.page.state != "overpaid")

    @property
    def to_be_asked_anew(self) -> bool:
        """Whether it can't be paid any more, and has not been."""
        return self.cash is None and self.page.state in ("expired", "cancelled")

    @property
    def tone(self) -> str:
        """The colour of its state."""
        return "done" if self.cash else self.page.face.tone

    @property
    def icon(self) -> str:
        """The picture of its state."""
        return "circle-check" if self.cash else self.page.face.icon

    @property
    def headline(self) -> str:
        """Its state in words, as one says it at a counter."""
        if self.cash:
            return say(_CASH)
        if self.page.state == "open":
            return say(_WAITING)
        return say(_RECEIVED) if self.received else self.page.headline

    @property
    def chime(self) -> str:
        """Whose money has come, for the sound that says so; empty while none has."""
        return self.page.reference if self.received else ""


@dataclass(frozen=True, slots=True)
class View:
    """All that a window of the counter shows."""

    shift: Shift
    agency: str
    current: Current | None
    before: Sequence[Item]

    @property
    def headline(self) -> str:
        """What is on the screen, in words."""
        return self.current.headline if self.current else say("Nothing is on the display")


def mark_of(session: Session, shift: Shift, shown: Sequence[Shown], *, now: datetime) -> str:
    """A mark of what the windows show, language included: equal marks, equal windows.

    Of the request on the screen it is also the mark of its payer's page: receipts, and what came
    when nothing was due any more, change no request.
    """
    told: list[object] = [language.get(), shift.ended_at is None]
    first = shown[0].request if shown else None
    changing = None if first is None else glanced(session, first.token, now=now)
    told.append(changing and payers.mark_of(changing, now=now))
    for one in shown:
        told.append(one.number)
        if one.request is not None:
            request = one.request
            in_time = now < request.expires_at
            told += [request.sequence, request.status, request.received, request.advised, in_time]
    return sha256(repr(told).encode()).hexdigest()[:24]


def view_of(session: Session, shift: Shift, shown: Sequence[Shown], *, now: datetime) -> View:
    """The windows of a shift at `now`; `shown` are its latest showings, the newest first."""
    requests = {one.request.id: one for one in reversed(shown) if one.request is not None}
    taken = cash.counting(session, requests.keys())
    first = shown[0].request if shown else None
    newest = sorted(requests.values(), key=lambda one: one.number, reverse=True)
    return View(
        shift=shift,
        agency=agency_name(session.get_one(Agency, shift.agency_id)),
        current=None if first is None else _current(session, first, taken, now=now),
        before=[
            item_of(one.request, taken, at=one.at)
            for one in newest
            if one.request is not None and one.request is not first
        ],
    )


def item_of(
    request: PaymentRequest, taken: Mapping[int, CashCollection], *, at: datetime | None = None
) -> Item:
    """A request as a list shows it."""
    status = "cash" if request.id in taken else payment_requests.public_status(request)
    return Item(request.reference, request.dossier, request.amount, status, at)


def agency_name(agency: Agency) -> str:
    """What an agency is called in the reader's language."""
    return agency.name_en if language.get() == "en" and agency.name_en else agency.name_vi


def latest(session: Session, shift: Shift) -> Sequence[Shown]:
    """The showings that the clerk's window looks back on, the newest first."""
    return shifts.latest(session, shift, most=MOST_SHOWN)


def _current(
    session: Session,
    request: PaymentRequest,
    taken: Mapping[int, CashCollection],
    *,
    now: datetime,
) -> Current:
    return Current(
        page=page_of(asked(session, request.token, now=now), now=now),
        token=request.token,
        amount=request.amount,
        cash=taken.get(request.id),
        may_take_cash=cash.takes_cash(request),
    )
