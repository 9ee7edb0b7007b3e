"""The 24-hour clock: which fees are not forwarded yet, how much, and since when.

Fees are forwarded within `forward_within_hours` (Circular 74/2022/TT-BTC, Art. 3). The clock of an
amount starts when it came, but not before the day on which it became a fee; hours of days off do
not count; and it stops when the bank has its order: the payout stands in a file (decision 19).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, case, cast, func, literal, literal_column, select
from sqlalchemy.orm import Session

from payments import agencies, policies
from payments.agencies import CollectionAccount
from payments.core.calendar import at, local_day
from payments.core.columns import Amount, Instant
from payments.core.money import ZERO, Dong
from payments.credits.paths import AGENCY
from payments.payouts.money import CREDIT, ITEM, PAYOUT
from payments.payouts.remittances import due, gather
from payments.payouts.tables import AWAY, LIVE, Kind, State
from payments.payouts.ways import Ways, forwards

POLICY: Final = "forward_within_hours"

_TOLD_BY_DAY: Final = 31
"""So many days back an hour that the bank does not tell is looked for; what is older is late."""


@dataclass(frozen=True, slots=True)
class Unforwarded:
    """Fees of an agency that the bank has no order for yet, and the oldest of them.

    `late` is what of `amount` is over its time, by `deadline` for the oldest; of that, nobody has
    decided where `late_without_route` goes. `items` counts the late ones, fee by fee, and `day` is
    the day on which the oldest of those became a fee.
    """

    agency: str
    amount: Dong
    since: datetime
    age: timedelta
    deadline: datetime
    late: Dong
    late_without_route: Dong
    items: int
    day: date


@dataclass(frozen=True, slots=True)
class Forwarding:
    """How far the fees of one agency have come on their way to the treasury, in đồng."""

    agency: str
    due: Dong
    without_route: Dong
    proposed: Dong
    approved: Dong
    under_way: Dong
    left_today: Dong
    clock: Unforwarded | None


@dataclass(frozen=True, slots=True)
class _Piece:
    agency: str
    day: date
    amount: Dong
    since: datetime
    items: int
    routed: bool = True


def unforwarded(session: Session, account_id: int, *, now: datetime) -> Mapping[str, Unforwarded]:
    """The fees of an account that are not forwarded yet, by the codes of their agencies.

    None while no route was ever decided: then somebody else forwards them.
    """
    calendar = agencies.calendar_of(session, account_id)
    hours = policies.value(session, POLICY, on=local_day(now))
    pieces: dict[str, list[_Piece]] = defaultdict(list)
    for piece in (
        *_with_us(session, account_id, now=now),
        *_approved(session, account_id, now=now),
    ):
        pieces[piece.agency].append(piece)
    found = {}
    for agency, some in sorted(pieces.items()):
        late = [one for one in some if calendar.working_hours_after(one.since, hours) <= now]
        oldest = min(some, key=lambda one: one.since)
        found[agency] = Unforwarded(
            agency=agency,
            amount=Dong(sum(one.amount for one in some)),
            since=oldest.since,
            age=calendar.working_time(oldest.since, now),
            deadline=calendar.working_hours_after(oldest.since, hours),
            late=Dong(sum(one.amount for one in late)),
            late_without_route=Dong(sum(one.amount for one in late if not one.routed)),
            items=sum(one.items for one in late),
            day=oldest.day,
        )
    return found


def overview(
    session: Session, account: CollectionAccount, *, now: datetime
) -> Sequence[Forwarding]:
    """How far the fees of each agency of an account have come, by the agencies' codes."""
    clocks = unforwarded(session, account.id, now=now)
    stages = _stages(session, account.id, today=local_day(now))
    with_route: dict[str, int] = defaultdict(int)
    without: dict[str, int] = defaultdict(int)
    ways = Ways(session, on=local_day(now))
    gather(session, account.id, but=LIVE)
    rows = session.execute(_by_agency(cast(func.sum(due.c.amount), Amount())))
    for agency_id, agency, kind, sub_item, amount in rows:
        routed = ways.of(agency_id, kind, sub_item) is not None
        (with_route if routed else without)[agency] += int(amount)
    concerned = sorted({*clocks, *with_route, *without, *(agency for agency, _ in stages)})

    def staged(agency: str, state: State) -> Dong:
        return stages.get((agency, state), ZERO)

    return [
        Forwarding(
            agency=agency,
            due=Dong(with_route[agency]),
            without_route=Dong(without[agency]),
            proposed=staged(agency, State.PROPOSED),
            approved=staged(agency, State.APPROVED),
            under_way=staged(agency, State.FILED),
            left_today=staged(agency, State.PAID_OUT),
            clock=clocks.get(agency),
        )
        for agency in concerned
    ]


def _with_us(session: Session, account_id: int, *, now: datetime) -> Iterator[_Piece]:
    """What is due or only proposed, and whether it has a route today."""
    if not forwards(session):
        return
    ways = Ways(session, on=local_day(now))
    gather(session, account_id, but=AWAY)
    without = _hourless(now)
    asked = (
        _by_agency(
            due.c.fee_day,
            cast(func.sum(due.c.amount), Amount()),
            func.min(CREDIT.c.booked_at, type_=Instant()),
            without,
            func.count(),
        )
        .join(CREDIT, CREDIT.c.id == due.c.credit_id)
        .group_by(due.c.fee_day, CREDIT.c.day, without)
    )
    for agency_id, agency, kind, sub_item, day, amount, came, hourless, items in session.execute(
        asked
    ):
        routed = ways.of(agency_id, kind, sub_item) is not None
        since = _since(came, day, hourless=hourless)
        yield _Piece(agency, day, Dong(amount), since, items, routed)


def _approved(session: Session, account_id: int, *, now: datetime) -> Iterator[_Piece]:
    """What was approved and stands in no file."""
    without = _hourless(now)
    asked = (
        select(
            AGENCY.c.code,
            ITEM.c.fee_day,
            cast(func.sum(ITEM.c.amount), Amount()),
            func.min(CREDIT.c.booked_at, type_=Instant()),
            without,
            func.count(),
        )
        .select_from(PAYOUT)
        .join(AGENCY, AGENCY.c.id == PAYOUT.c.agency_id)
        .join(ITEM, ITEM.c.payout_id == PAYOUT.c.id)
        .join(CREDIT, CREDIT.c.id == ITEM.c.credit_id)
        .where(
            PAYOUT.c.collection_account_id == account_id,
            PAYOUT.c.state == State.APPROVED,
            PAYOUT.c.kind == Kind.REMITTANCE,
        )
        .group_by(AGENCY.c.code, ITEM.c.fee_day, CREDIT.c.day, without)
    )
    for agency, day, amount, came, hourless, items in session.execute(asked):
        yield _Piece(agency, day, Dong(amount), _since(came, day, hourless=hourless), items)


def _stages(session: Session, account_id: int, *, today: date) -> Mapping[tuple[str, State], Dong]:
    """What remittances under way are of, by agency and state; what left only if it was today."""
    still = case((PAYOUT.c.state == State.PAID_OUT, PAYOUT.c.paid_out_on == today), else_=True)
    rows = session.execute(
        select(AGENCY.c.code, PAYOUT.c.state, cast(func.sum(PAYOUT.c.amount), Amount()))
        .join(AGENCY, AGENCY.c.id == PAYOUT.c.agency_id)
        .where(
            PAYOUT.c.collection_account_id == account_id,
            PAYOUT.c.kind == Kind.REMITTANCE,
            PAYOUT.c.state.in_(LIVE),
            still,
        )
        .group_by(AGENCY.c.code, PAYOUT.c.state)
    )
    return {(agency, State(state)): Dong(amount) for agency, state, amount in rows}


def _by_agency(*figures: Any) -> Select[Any]:
    """Figures of what `gather` found, by agency, kind and sub-item."""
    whose = (due.c.agency_id, AGENCY.c.code, due.c.kind, due.c.sub_item)
    return (
        select(*whose, *figures)
        .select_from(due)
        .join(AGENCY, AGENCY.c.id == due.c.agency_id)
        .group_by(*whose)
    )


def _hourless(now: datetime) -> ColumnElement[int]:
    """1 for credits of which the bank tells the day and no hour, as statements in sheets do."""
    today = local_day(now)
    midnights = [at(today - timedelta(days=back), time.min) for back in range(_TOLD_BY_DAY)]
    told = CREDIT.c.booked_at.in_([literal(one, Instant()) for one in midnights])
    return case((told, literal_column("1")), else_=literal_column("0"))


def _since(came: datetime, day: date, *, hourless: int) -> datetime:
    """When an amount's clock starts: when it came, not before it became a fee.

    Where the bank tells no hour, with the end of its day: it may have come until then.
    """
    came = came + timedelta(days=1) if hourless else came
    return max(came, at(day, time.min))
