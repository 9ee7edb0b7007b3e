"""The other promises of the resolution, as far as this service sees them: paper, visits, lateness.

What it can't know is said beside each figure, and is in none:

- **Paper**: an electronic receipt is one that was not printed by us. Whether somebody printed it at
  home, or was given a paper one beside it, nobody tells us. Receipts of cash are the counter's own.
- **Visits**: a fee of a dossier handed in online and paid without cash needed no visit for the
  payment. Whether the payer came for something else is not known; nor whether a slip was printed.
- **Lateness** is counted from what we know: the bank's time of a payment, the instant a receipt was
  signed, since when a break's cause stood. Bands, not averages: they can be added up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy.orm import Session

from payments import agencies, payouts
from payments.core.calendar import local_day
from payments.core.money import ZERO, Dong
from payments.fees import Entry
from reconciliation.targets.monthly_tables import End, Measure, Wait
from reconciliation.targets.share import part_of
from reconciliation.targets.units import units
from reconciliation.targets.usage import counts

_COUNTED: Final = (
    Measure.RECEIPT,
    Measure.PAID_BY,
    Measure.REQUEST_END,
    Measure.PAID_AFTER,
    Measure.KNOWN_AFTER,
    Measure.RECEIPT_AFTER,
    Measure.BREAK_AFTER,
    Measure.FORWARDED_LATE,
)
_ORDER: Final = tuple(wait for wait in Wait if wait is not Wait.OPEN)


@dataclass(frozen=True, slots=True)
class Waits:
    """How long something took: how many in each band; `open` are those that still last."""

    bands: Mapping[Wait, int]

    @property
    def number(self) -> int:
        """How many there were, with those that still last."""
        return sum(self.bands.values())

    @property
    def open(self) -> int:
        """How many still last."""
        return self.bands.get(Wait.OPEN, 0)

    def within(self, most: Wait) -> int | None:
        """The part that took no longer than `most`, of 10,000; None of nothing."""
        in_time = _ORDER[: _ORDER.index(most) + 1]
        return part_of(sum(self.bands.get(wait, 0) for wait in in_time), self.number)


@dataclass(frozen=True, slots=True)
class Requests:
    """What became of the requests issued in a period, those of 0 đồng left out."""

    paid: int
    abandoned: int
    in_cash: int
    cancelled: int
    open: int

    @property
    def issued(self) -> int:
        """All of them."""
        return self.paid + self.abandoned + self.in_cash + self.cancelled + self.open

    @property
    def abandoned_of(self) -> int | None:
        """The part that expired unpaid, of 10,000; None of nothing."""
        return part_of(self.abandoned, self.issued)


@dataclass(frozen=True, slots=True)
class Promises:
    """The figures of whole months of a unit and of what is below it.

    `receipts` were made electronically and still count; `online` and `counter` are requests paid
    without cash, by how their dossier came. `forwarded_late` counts how often a day found fees of
    an agency with us longer than 24 hours; what is so now is told by `late_now`.
    """

    receipts: int
    online: int
    counter: int
    requests: Requests
    paid_after: Waits
    known_after: Waits
    receipt_after: Waits
    break_after: Waits
    forwarded_late: int


@dataclass(frozen=True, slots=True)
class OpenTariff:
    """The fees that have a price on a day, and how many of them anyone can check at `/tariff`.

    `based` name the law they stand on, `verified` were held against its text.
    """

    priced: int
    based: int
    verified: int


def open_tariff(entries: Sequence[Entry]) -> OpenTariff:
    """How transparent a day's tariff is."""
    priced = [one for one in entries if one.prices]
    based = [
        one
        for one in priced
        if one.fee.legal_basis.strip() and all(price.basis.strip() for price in one.prices)
    ]
    verified = [
        one for one in based if one.fee.verified and all(price.verified for price in one.prices)
    ]
    return OpenTariff(len(priced), len(based), len(verified))


def promises(session: Session, *, first: date, last: date, agency: str | None = None) -> Promises:
    """What was kept of the promises in the months from that of `first` to that of `last`.

    Breaks stand with the unit whose bank account they are on. Raises `UnknownAgency`.
    """
    of = counts(session, _COUNTED, first=first, last=last, agency=agency)
    ends, by = of[Measure.REQUEST_END], of[Measure.PAID_BY]
    return Promises(
        receipts=of[Measure.RECEIPT].get("counts", 0),
        online=by.get("online", 0),
        counter=by.get("counter", 0),
        requests=Requests(*(ends.get(end.value, 0) for end in End)),
        paid_after=_waits(of[Measure.PAID_AFTER]),
        known_after=_waits(of[Measure.KNOWN_AFTER]),
        receipt_after=_waits(of[Measure.RECEIPT_AFTER]),
        break_after=_waits(of[Measure.BREAK_AFTER]),
        forwarded_late=sum(of[Measure.FORWARDED_LATE].values()),
    )


def late_now(session: Session, *, agency: str | None = None, now: datetime) -> Dong:
    """Fees of a unit and below it that no bank has an order for in time, by the payouts' clock.

    It looks at each account's fees one by one, so it is for one unit's page and not for a list.
    """
    codes = {node.code for node in units(session, on=local_day(now), top=agency).nodes}
    late: Dong = ZERO
    for account in agencies.accounts(session, on=local_day(now)):
        for code, with_us in payouts.unforwarded(session, account.id, now=now).items():
            if code in codes:
                late = Dong(late + with_us.late)
    return late


def _waits(bands: Mapping[str, int]) -> Waits:
    return Waits({Wait(band): number for band, number in bands.items()})
