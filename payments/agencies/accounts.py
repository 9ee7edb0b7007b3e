"""Collection accounts: whose they are, which lock guards them, and when they work.

One account's money has one writer at a time: whoever posts or moves a request of an account
holds its row first. PostgreSQL locks the row; SQLite has a single writer and ignores the clause.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments import banks
from payments.agencies.tables import Agency, ClosedDay, CollectionAccount
from payments.agencies.tree import ancestry
from payments.core import audit
from payments.core.calendar import Calendar
from payments.core.errors import Conflict, Invalid, NotFound
from payments.core.validity import valid_on

CUT_OFF: Final = time(16, 30)
"""Where a bank names no other. Circular 58/2019/TT-BTC has a cut-off; its hour was not found."""

RUN_AT: Final = time(6, 0)
"""When yesterday is reconciled, where nothing else is set."""

_NUMBER: Final = re.compile(r"[A-Za-z0-9]{1,19}", re.ASCII)


class UnknownCollectionAccount(NotFound):
    """No collection account is known by that."""

    code = "unknown_collection_account"


class UnknownAccountNumber(UnknownCollectionAccount):
    """No collection account has that number; `number` are its last digits."""

    code = "unknown_account_number"


class NoCollectionAccount(Conflict):
    """Neither the agency nor one above it has an account that is in force on that day."""

    code = "no_collection_account"


class CollectionAccountTaken(Conflict):
    """That number at that bank is a collection account already."""

    code = "collection_account_taken"


class SeveralCollectionAccounts(Conflict):
    """That number is an account at more than one bank; say at which."""

    code = "several_collection_accounts"


class InvalidAccountNumber(Invalid):
    """An account number has 1 to 19 letters and digits (NAPAS VietQR v1.0, field 38)."""

    code = "invalid_account_number"


@dataclass(frozen=True, slots=True)
class Opening:
    """A bank account as it is taken into use; `name` as the bank writes its holder."""

    bin: str
    number: str
    name: str
    cut_off: time = CUT_OFF
    run_at: time = RUN_AT


def open_account(
    session: Session,
    agency_id: int,
    opening: Opening,
    *,
    valid_from: date,
    by: str,
    now: datetime,
) -> CollectionAccount:
    """Takes a bank account of an agency into use from a day on.

    Raises `banks.UnknownBank`, `InvalidAccountNumber` or `CollectionAccountTaken`.
    """
    check_opening(session, opening)
    account = CollectionAccount(
        public_id=str(uuid7()),
        agency_id=agency_id,
        bin=opening.bin,
        number=opening.number,
        name=opening.name,
        cut_off=f"{opening.cut_off:%H:%M}",
        run_at=f"{opening.run_at:%H:%M}",
        valid_from=valid_from,
    )
    session.add(account)
    session.flush()
    audit.append(
        session,
        actor=by,
        action="collection_account.opened",
        subject=f"collection_account:{account.id}",
        details={"bin": opening.bin, "valid_from": valid_from.isoformat()},
        now=now,
    )
    return account


def lock(session: Session, collection_account_id: int) -> None:
    """Waits until this unit is the only one that moves the account's money.

    Raises `UnknownCollectionAccount`.
    """
    held = session.scalar(_row(collection_account_id).with_for_update(key_share=True))
    if held is None:
        raise UnknownCollectionAccount(id=collection_account_id)


def lock_if_free(session: Session, collection_account_id: int) -> bool:
    """Takes the account's lock if nobody holds it, and says whether it did."""
    row = _row(collection_account_id).with_for_update(skip_locked=True, key_share=True)
    return session.scalar(row) is not None


def account_for(session: Session, agency_id: int, *, on: date) -> CollectionAccount:
    """The account an agency collects into on a day: its own, else the nearest above it.

    Where an agency has several, the one taken into use first. Raises `NoCollectionAccount`,
    or `UnknownAgency` where the agency is not in force on that day.
    """
    line = [agency.code for agency in ancestry(session, agency_id, on=on)]
    found = session.execute(
        select(Agency.code, CollectionAccount)
        .join(CollectionAccount, CollectionAccount.agency_id == Agency.id)
        .where(Agency.code.in_(line), valid_on(CollectionAccount, on))
    ).all()
    if not found:
        raise NoCollectionAccount(agency=line[0], on=on)
    nearest = min(found, key=lambda each: (line.index(each[0]), each[1].id))
    return nearest[1]


def accounts(session: Session, *, on: date) -> list[CollectionAccount]:
    """Every collection account in force on that day, in the order they were opened."""
    rows = select(CollectionAccount).where(valid_on(CollectionAccount, on))
    return list(session.scalars(rows.order_by(CollectionAccount.id)))


def by_number(session: Session, number: str, *, bin: str | None = None) -> CollectionAccount:
    """The collection account with that number, at that bank where `bin` is given.

    Raises `UnknownCollectionAccount`, or `SeveralCollectionAccounts` where the bank must be said.
    """
    rows = select(CollectionAccount).where(CollectionAccount.number == number)
    if bin is not None:
        rows = rows.where(CollectionAccount.bin == bin)
    found = list(session.scalars(rows))
    if not found:
        raise UnknownAccountNumber(number=number[-4:])
    if len(found) > 1:
        raise SeveralCollectionAccounts(number=number[-4:])
    return found[0]


def told_apart(session: Session) -> Mapping[str, int]:
    """The numbers that one collection account alone has, in capitals, each with its account's id.

    A statement names a counterparty by its number and not always its bank: a number that we have
    at two banks says of neither.
    """
    rows = session.execute(select(CollectionAccount.id, CollectionAccount.number)).all()
    having: dict[str, list[int]] = {}
    for id_, number in rows:
        having.setdefault(number.upper(), []).append(id_)
    return {number: ids[0] for number, ids in having.items() if len(ids) == 1}


def calendar_of(session: Session, collection_account_id: int) -> Calendar:
    """The account's calendar: its cut-off and the days that are otherwise.

    A day named for the account goes before the same day named for all. Raises
    `UnknownCollectionAccount`.
    """
    account = session.get(CollectionAccount, collection_account_id)
    if account is None:
        raise UnknownCollectionAccount(id=collection_account_id)
    days = session.scalars(
        select(ClosedDay)
        .where(
            or_(
                ClosedDay.collection_account_id.is_(None),
                ClosedDay.collection_account_id == collection_account_id,
            )
        )
        .order_by(ClosedDay.collection_account_id.is_not(None))
    ).all()
    last_word = {day.on_day: day for day in days}
    return Calendar(
        cut_off=time.fromisoformat(account.cut_off),
        exceptions={day: not row.closed for day, row in last_word.items()},
        cut_offs={
            day: time.fromisoformat(row.cut_off)
            for day, row in last_word.items()
            if row.cut_off is not None
        },
    )


def close_on(
    session: Session,
    day: date,
    *,
    reason: str,
    collection_account_id: int | None = None,
) -> None:
    """Says that an account, or every one, does not work on `day`."""
    _name_day(session, day, collection_account_id=collection_account_id).reason = reason
    session.flush()


def work_on(
    session: Session,
    day: date,
    *,
    reason: str,
    cut_off: time | None = None,
    collection_account_id: int | None = None,
) -> None:
    """Says that an account, or every one, works on `day`, with that day's own cut-off if given."""
    row = _name_day(session, day, collection_account_id=collection_account_id)
    row.closed = False
    row.cut_off = None if cut_off is None else f"{cut_off:%H:%M}"
    row.reason = reason
    session.flush()


def _name_day(session: Session, day: date, *, collection_account_id: int | None) -> ClosedDay:
    whose = (
        ClosedDay.collection_account_id.is_(None)
        if collection_account_id is None
        else ClosedDay.collection_account_id == collection_account_id
    )
    row = session.scalar(select(ClosedDay).where(ClosedDay.on_day == day, whose))
    if row is None:
        row = ClosedDay(collection_account_id=collection_account_id, on_day=day)
        session.add(row)
    row.closed = True
    row.cut_off = None
    return row


def check_opening(session: Session, opening: Opening) -> None:
    """Raises `banks.UnknownBank`, `InvalidAccountNumber` or `CollectionAccountTaken`."""
    banks.known(opening.bin)
    if not _NUMBER.fullmatch(opening.number):
        raise InvalidAccountNumber(number=opening.number[-4:])
    taken = select(CollectionAccount.id).where(
        CollectionAccount.bin == opening.bin,
        CollectionAccount.number == opening.number,
    )
    if session.scalar(taken) is not None:
        raise CollectionAccountTaken(bin=opening.bin, number=opening.number[-4:])


def _row(collection_account_id: int) -> Select[int]:
    return select(CollectionAccount.id).where(CollectionAccount.id == collection_account_id)
