"""Open and closed days, and balances: the newest snapshot and what came after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import and_, cast, delete, func, insert, literal, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from payments.core.columns import Amount, Day
from payments.core.database import Rows
from payments.core.errors import Conflict
from payments.core.money import Dong
from payments.ledger.tables import BalanceSnapshot, LedgerAccount, LedgerDay, Posting


class DayOutOfOrder(Conflict):
    """Days are closed in order, and only the latest closed day may be reopened."""

    code = "day_out_of_order"


def close_day(
    session: Session, collection_account_id: int, day: date, *, by: str, now: datetime
) -> None:
    """Closes `day` and everything before it, and takes a snapshot of every balance.

    Raises `DayOutOfOrder` when it, or a later day, is closed already.
    """
    closed = closed_through(session, collection_account_id)
    if closed is not None and closed >= day:
        raise DayOutOfOrder(day=day, closed_through=closed)
    session.execute(
        insert(LedgerDay).values(
            collection_account_id=collection_account_id,
            day=day,
            closed_at=now,
            closed_by=by,
        )
    )
    sums = _sums(collection_account_id, through=day).subquery()
    session.execute(
        insert(BalanceSnapshot).from_select(
            ["ledger_account_id", "day", "debits", "credits"],
            select(sums.c.id, literal(day, Day()), sums.c.debits, sums.c.credits),
        )
    )


def reopen_day(session: Session, collection_account_id: int, day: date) -> None:
    """Opens the latest closed day again. Raises `DayOutOfOrder` for any other."""
    closed = closed_through(session, collection_account_id)
    if closed != day:
        raise DayOutOfOrder(day=day, closed_through=closed)
    ours = select(LedgerAccount.id).where(
        LedgerAccount.collection_account_id == collection_account_id
    )
    session.execute(
        delete(BalanceSnapshot).where(
            BalanceSnapshot.day == day, BalanceSnapshot.ledger_account_id.in_(ours)
        )
    )
    session.execute(
        delete(LedgerDay).where(
            LedgerDay.collection_account_id == collection_account_id,
            LedgerDay.day == day,
        )
    )


def closed_through(session: Session, collection_account_id: int) -> date | None:
    """The latest closed day of a collection account, if any."""
    return session.scalar(
        select(func.max(LedgerDay.day, type_=Day())).where(
            LedgerDay.collection_account_id == collection_account_id
        )
    )


def open_day(session: Session, collection_account_id: int, day: date) -> date:
    """The accounting day of what belongs to `day`: that day, or the next one not closed."""
    closed = closed_through(session, collection_account_id)
    return closed + timedelta(days=1) if closed is not None and day <= closed else day


def balance(session: Session, path: str, *, on: date | None = None) -> Dong:
    """Debits less credits of the ledger account `path` up to and including the day `on`.

    Positive for what is owned (assets), negative for what is owed (liabilities).
    """
    account = session.scalar(select(LedgerAccount.id).where(LedgerAccount.path == path))
    if account is None:
        return Dong(0)
    snapshot = select(BalanceSnapshot).where(BalanceSnapshot.ledger_account_id == account)
    if on is not None:
        snapshot = snapshot.where(BalanceSnapshot.day <= on)
    newest = session.scalar(snapshot.order_by(BalanceSnapshot.day.desc()).limit(1))
    after = newest.day if newest else None
    debits = _side(session, Posting.debit_id, account, after=after, through=on)
    credits = _side(session, Posting.credit_id, account, after=after, through=on)
    if newest:
        return newest.debits + debits - newest.credits - credits
    return debits - credits


def balances(session: Session, collection_account_id: int, *, on: date) -> dict[str, Dong]:
    """Debits less credits of every ledger account of a collection account, by path."""
    sums = _sums(collection_account_id, through=on).subquery()
    rows = session.execute(
        select(LedgerAccount.path, sums.c.debits, sums.c.credits)
        .join(LedgerAccount, LedgerAccount.id == sums.c.id)
        .order_by(LedgerAccount.path)
    )
    return {path: Dong(debits) - Dong(credits) for path, debits, credits in rows}


@dataclass(frozen=True, slots=True)
class Standing:
    """A ledger account at the end of a day: debits less credits, in đồng."""

    id: int
    path: str
    balance: Dong


def standing(session: Session, collection_account_id: int, *, on: date) -> Sequence[Standing]:
    """Every ledger account of a collection account as it stood at the end of a day, by path.

    From the newest snapshot by then and what came after, so it costs what the open days hold.
    """
    newest = session.scalar(
        select(func.max(LedgerDay.day, type_=Day())).where(
            LedgerDay.collection_account_id == collection_account_id, LedgerDay.day <= on
        )
    )
    ours = LedgerAccount.collection_account_id == collection_account_id
    within = Posting.day <= on
    if newest is not None:
        within = and_(within, Posting.day > newest)
    balances: dict[int, Dong] = defaultdict(Dong)
    kept = select(
        BalanceSnapshot.ledger_account_id, BalanceSnapshot.debits, BalanceSnapshot.credits
    )
    known = kept.join(LedgerAccount, LedgerAccount.id == BalanceSnapshot.ledger_account_id)
    for number, debits, credits in session.execute(
        known.where(ours, BalanceSnapshot.day == newest)
    ):
        balances[number] += debits - credits
    for side, sign in ((Posting.debit_id, 1), (Posting.credit_id, -1)):
        moved = (
            select(side, cast(func.sum(Posting.amount), Amount()))
            .join(LedgerAccount, LedgerAccount.id == side)
            .where(ours, within)
            .group_by(side)
        )
        for number, amount in session.execute(moved):
            balances[number] += Dong(sign * int(amount))
    accounts = select(LedgerAccount.id, LedgerAccount.path).where(ours)
    return [
        Standing(number, path, balances[number])
        for number, path in session.execute(accounts.order_by(LedgerAccount.path))
    ]


def _side(
    session: Session,
    side: InstrumentedAttribute[int],
    account: int,
    *,
    after: date | None,
    through: date | None,
) -> Dong:
    asked = select(cast(func.coalesce(func.sum(Posting.amount), 0), Amount())).where(
        side == account
    )
    if after is not None:
        asked = asked.where(Posting.day > after)
    if through is not None:
        asked = asked.where(Posting.day <= through)
    return Dong(session.scalar(asked) or 0)


def _sums(collection_account_id: int, *, through: date) -> Rows:
    """Debits and credits of each ledger account, from all postings up to a day."""
    within = and_(Posting.collection_account_id == collection_account_id, Posting.day <= through)
    zero = literal(0, Amount())
    sides = union_all(
        select(
            Posting.debit_id.label("id"),
            Posting.amount.label("debit"),
            zero.label("credit"),
        ).where(within),
        select(Posting.credit_id, zero, Posting.amount).where(within),
    ).subquery()
    return select(
        sides.c.id,
        cast(func.sum(sides.c.debit), Amount()).label("debits"),
        cast(func.sum(sides.c.credit), Amount()).label("credits"),
    ).group_by(sides.c.id)
