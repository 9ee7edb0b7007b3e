"""Our figures beside those of the second count, cut by cut."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy.orm import Session

from reconciliation.targets import share, usage
from reconciliation.targets.monthly_tables import Span
from reconciliation.targets.promises import promises
from reconciliation.targets.share import By, Share, Way
from tests.province_year import FIRST, LAST, YEAR
from tests.second_count import LOCAL, Figures, SecondCount

PERIODS = [(FIRST, LAST), (date(YEAR, 2, 10), date(YEAR, 11, 20)), (FIRST, date(YEAR, 1, 1))]
DISTRICT = "H09.724"
CUTS: list[tuple[By, str]] = [
    (By.PROCEDURE, "fee"),
    (By.CHANNEL, "channel"),
    (By.MONTH, "date_trunc('month', day)::DATE"),
    (By.WEEK, "date_trunc('week', day)::DATE"),
    (By.DAY, "day"),
]


def figures_of(one: Share) -> Figures:
    sums = (one.cashless, one.cash, one.waiting)
    return tuple(int(part) for each in sums for part in (each.fees, each.amount))  # type: ignore[return-value]


def told(shares: Iterable[Share]) -> dict[str, Figures]:
    return {one.key: figures_of(one) for one in shares if one.whole.fees or one.waiting.fees}


def ways_told(ways: Iterable[Way]) -> dict[str, tuple[int, ...]]:
    return {
        f"{way.means} {way.detail}": (
            way.counted.fees,
            int(way.counted.amount),
            way.waiting.fees,
            int(way.waiting.amount),
        )
        for way in ways
    }


def differences(session: Session, second: SecondCount) -> list[str]:
    """The cuts in which the two counts differ."""
    found = []
    for first, last in PERIODS:
        for top in (None, DISTRICT):
            period = {"first": first, "last": last}
            for by, key in CUTS:
                ours = told(share.figures(session, by=by, agency=top, **period))
                if ours != second.cut(key, top=top, **period):
                    found.append(f"{by} {first} {top}")
            by_means = share.ways(session, agency=top, **period)
            theirs = second.cut("means || ' ' || detail", top=top, **period)
            if ways_told(by_means) != {
                key: (one[0] + one[2], one[1] + one[3], *one[4:]) for key, one in theirs.items()
            }:
                found.append(f"means {first} {top}")
        if told(share.figures(session, by=By.UNIT, **period)) != second.units(**period):
            found.append(f"unit {first}")
    return found


def same_months(session: Session, second: SecondCount) -> None:
    """Hours, payers, receipts, waits and ends of one month and of the year."""
    month, ends = date(YEAR, 5, 1), date(YEAR, 5, 31)
    hours = {
        (one.hour, cash): number
        for one in usage.hours(session, first=month, last=month)
        for cash, number in ((False, one.cashless), (True, one.cash))
        if number
    }
    assert hours == second.hours(first=month, last=ends)
    for span, first, last in ((Span.MONTH, month, ends), (Span.YEAR, FIRST, LAST)):
        theirs = second.payers(first=first, last=last)
        ours = usage.payers(session, span=span, begins=first)
        assert {one.agency for one in ours} == set(theirs)
        for one in ours:
            payers, first_time, repeat = theirs[one.agency]
            shown = usage.shown
            assert (one.payers, one.first_time, one.repeat) == (
                shown(payers, of=None),
                shown(first_time, of=payers),
                shown(repeat, of=payers),
            )
    kept = promises(session, first=month, last=month)
    local = LOCAL.format("{}")
    in_may = f"{local} >= '2026-05-01' AND {local} < '2026-06-01'"
    issued = in_may.format("issued_at", "issued_at")
    assert kept.receipts == second.one(f"SELECT count(*) FROM receipt WHERE {issued}")
    assert kept.requests.abandoned == second.one(
        f"SELECT count(*) FROM payment_request WHERE status = 'expired' AND {issued}"
    )
    assert kept.requests.issued == second.one(
        f"SELECT count(*) FROM payment_request WHERE amount > 0 AND {issued}"
    )
    assert kept.online + kept.counter == second.one(
        "SELECT count(*) FROM payment_request WHERE status = 'paid' AND refunded < amount"
        f" AND {in_may.format('paid_at', 'paid_at')}"
    )
    assert kept.receipt_after.bands == second.bands(
        "date_diff('second', r.paid_at, x.issued_at)",
        "receipt x JOIN payment_request r ON r.id = x.payment_request_id"
        f" WHERE {in_may.format('x.issued_at', 'x.issued_at')}",
    )
    assert kept.paid_after.bands == second.bands(
        "date_diff('second', issued_at, paid_at)",
        f"payment_request WHERE status = 'paid' AND {issued}",
    )
    assert kept.known_after.bands == second.bands(
        "date_diff('second', booked_at, settled_at)",
        "credit WHERE day BETWEEN '2026-05-01' AND '2026-05-31'"
        f" AND {local.format('booked_at')}::TIME <> '00:00'",
    )
