"""Numbering: paid requests get their receipts, one of each kind, all of a request or none.

What a receipt says is fixed here, with its number, in one unit of work under the account's lock
and then the series'; drawing and signing its papers comes after, and can be done again. So
settlement never waits for a counter, and a process that is killed at any step neither skips a
number nor uses one twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row as Result
from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments import documents, payment_requests
from payments.agencies import Agency
from payments.core.database import Rows, load, table_of
from payments.core.money import Dong
from payments.fees import FeeKind
from payments.payment_requests import PaymentRequest, PaymentRequestLine
from payments.receipts.content import Said, content_of
from payments.receipts.ending import Ending, end
from payments.receipts.series import Issuer, issuers
from payments.receipts.tables import DUE, LIVE, UNSIGNED, Receipt, ReceiptSeries, State

BY: Final = "job:receipts"

MOST_AT_ONCE: Final = 1000
"""Requests whose receipts are numbered in one unit of work."""

_TOLD: Final = (
    Receipt.id,
    Receipt.payment_request_id,
    Receipt.kind,
    Receipt.amount,
    Receipt.content,
    Receipt.issued_at,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A receipt that is to be written: for which request, under which series, saying what."""

    said: Said
    series: ReceiptSeries
    replaces: Result[*tuple[Any, ...]] | None


def anything_waits(session: Session) -> bool:
    """Whether a request waits for receipts, or a receipt for its papers."""
    due = select(PaymentRequest.id).where(DUE)
    unsigned = select(Receipt.id).where(UNSIGNED)
    return any(session.scalar(one.limit(1)) is not None for one in (due, unsigned))


def accounts_due(session: Session) -> Sequence[int]:
    """The collection accounts with paid requests whose receipts may not say what was paid."""
    due = select(PaymentRequest.collection_account_id).where(DUE)
    return session.scalars(due.distinct()).all()


def number_all(session: Session, collection_account_id: int, *, now: datetime) -> int:
    """Numbers the receipts of up to `MOST_AT_ONCE` requests of an account; how many requests.

    The account's lock is held. Left alone are requests of agencies without series: 0 says that
    nothing else waits.
    """
    who = issuers(session, now=now, room=MOST_AT_ONCE)
    due = _due(session, collection_account_id, served=sorted(who))
    if not due:
        return 0
    ids = [row.id for row in due]
    live, left_by = _live(session, ids), _left_by(session, ids)
    wanted: list[Wanted] = []
    wrong: list[int] = []
    for said in _said(session, due, who=who):
        key = said.request_id, said.kind
        before, replaces = live.pop(key, None), left_by.pop(key, None)
        if before is not None and before.amount == said.amount:
            continue
        if before is not None:
            wrong.append(before.id)
            replaces = before if before.issued_at is not None else replaces
        wanted.append(Wanted(said, who[said.agency].series[said.kind], replaces))
    _set_right(session, wrong, [*live.values(), *left_by.values()], now=now)
    _write(session, wanted, now=now)
    chosen = select(PaymentRequest.id).where(PaymentRequest.id.in_(ids))
    payment_requests.receipted_all(session, chosen, now=now)
    return len(ids)


def _due(
    session: Session, collection_account_id: int, *, served: Sequence[str]
) -> Sequence[Result[*tuple[Any, ...]]]:
    """Requests that are due, the oldest first."""
    return session.execute(
        select(
            PaymentRequest.id,
            PaymentRequest.reference,
            PaymentRequest.dossier,
            PaymentRequest.paid_at,
            Agency.code.label("agency"),
            Agency.name_vi.label("agency_name"),
        )
        .join(Agency, Agency.id == PaymentRequest.agency_id)
        .where(
            PaymentRequest.collection_account_id == collection_account_id,
            DUE,
            Agency.code.in_(served),
        )
        .order_by(PaymentRequest.id)
        .limit(MOST_AT_ONCE)
    ).all()


def _said(
    session: Session,
    due: Sequence[Result[*tuple[Any, ...]]],
    *,
    who: Mapping[str, Issuer],
) -> Iterator[Said]:
    """What a receipt must say now: one for each request and kind of which anything was kept."""
    line = table_of(PaymentRequestLine)
    rows = session.execute(
        select(line)
        .where(line.c.payment_request_id.in_([row.id for row in due]))
        .order_by(line.c.payment_request_id, line.c.position)
    )
    lines: dict[tuple[int, str], list[Result[*tuple[Any, ...]]]] = defaultdict(list)
    for row in rows:
        if row.amount > row.refunded:
            lines[row.payment_request_id, row.kind].append(row)
    for request in due:
        for kind in FeeKind:
            mine = lines.get((request.id, kind.value))
            if mine:
                yield Said(
                    request_id=request.id,
                    kind=kind,
                    agency=request.agency,
                    amount=Dong(sum(row.amount - row.refunded for row in mine)),
                    request=request,
                    lines=mine,
                    issuer=who[request.agency],
                )


def _live(
    session: Session, ids: Sequence[int]
) -> dict[tuple[int, FeeKind], Result[*tuple[Any, ...]]]:
    """The live receipts of the requests, by request and kind."""
    rows = session.execute(select(*_TOLD).where(Receipt.payment_request_id.in_(ids), LIVE))
    return {(row.payment_request_id, FeeKind(row.kind)): row for row in rows}


def _left_by(
    session: Session, ids: Sequence[int]
) -> dict[tuple[int, FeeKind], Result[*tuple[Any, ...]]]:
    """The receipts that were replaced and whose successors are not signed yet."""
    after = table_of(Receipt).alias("after")
    rows = session.execute(
        select(*_TOLD)
        .outerjoin(after, and_(after.c.replaces_id == Receipt.id, after.c.issued_at.is_not(None)))
        .where(
            Receipt.payment_request_id.in_(ids),
            Receipt.state == State.REPLACED.value,
            after.c.id.is_(None),
        )
        .order_by(Receipt.id)
    )
    return {(row.payment_request_id, FeeKind(row.kind)): row for row in rows}


def _set_right(
    session: Session,
    wrong: Sequence[int],
    vain: Iterable[Result[*tuple[Any, ...]]],
    *,
    now: datetime,
) -> None:
    """Ends live receipts that do not say what was paid, and all of what nothing was kept of."""
    for ids, state in ((wrong, State.REPLACED), ([row.id for row in vain], State.CANCELLED)):
        chosen: Rows = select(Receipt.id).where(Receipt.id.in_(ids))
        if ids:
            end(session, chosen, Ending(state, reason="amount_changed", by=BY), now=now)


def _write(session: Session, wanted: Sequence[Wanted], *, now: datetime) -> None:
    """Writes the receipts with the next numbers of their series, in order."""
    numbers = _take_numbers(session, wanted)
    codes = documents.new_codes(len(wanted))
    rows = []
    for one, code in zip(wanted, codes, strict=True):
        number, before = next(numbers[one.series.id]), one.replaces
        content = content_of(
            one.said,
            one.series,
            number=number,
            code=code,
            replaces=None if before is None else before.content,
            now=now,
        )
        rows.append(
            {
                "public_id": str(uuid7()),
                "receipt_series_id": one.series.id,
                "number": number,
                "payment_request_id": one.said.request_id,
                "kind": one.said.kind.value,
                "amount": one.said.amount,
                "content": content,
                "state": State.NUMBERED.value,
                "numbered_at": now,
                "replaces_id": None if before is None else before.id,
            }
        )
    load(session, table_of(Receipt), rows)


def _take_numbers(session: Session, wanted: Sequence[Wanted]) -> Mapping[int, Iterator[int]]:
    """As many numbers of each series as are wanted, under the series' locks until the unit ends."""
    counts: dict[int, int] = defaultdict(int)
    for one in wanted:
        counts[one.series.id] += 1
    held = session.execute(
        select(ReceiptSeries.id, ReceiptSeries.next_number)
        .where(ReceiptSeries.id.in_(list(counts)))
        .order_by(ReceiptSeries.id)
        .with_for_update()
    ).all()
    taken: dict[int, Iterator[int]] = {}
    for series_id, first in held:
        after = first + counts[series_id]
        session.execute(
            update(ReceiptSeries).where(ReceiptSeries.id == series_id).values(next_number=after)
        )
        taken[series_id] = iter(range(first, after))
    return taken
