"""Closing a day: one person proposes, another closes; the record goes into the audit chain.

What is approved is what was shown: when the day's figures have changed since the proposal, it is
refused and has to be proposed anew. Days are closed in order, and only the latest closed day may
be reopened, with a reason and by two people.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments import agencies, documents, ledger
from payments.core import approvals, audit
from payments.core.approvals import NotTheMaker, SamePerson
from payments.core.calendar import local_day
from payments.core.errors import Conflict
from reconciliation.day_close.due import first_left_out
from reconciliation.day_close.figures import digest
from reconciliation.day_close.running import assess, of
from reconciliation.day_close.tables import WITHOUT_PAPER, AccountDay, Verdict


class DayIncomplete(Conflict):
    """A day that can't be proved can't be closed."""

    code = "day_incomplete"


class DayNotOver(Conflict):
    """A day is closed when it is over, not before."""

    code = "day_not_over"


class DayNotProposed(Conflict):
    """Nobody has proposed it."""

    code = "day_not_proposed"


class DayChanged(Conflict):
    """The day's figures are not those that were proposed; it has to be proposed anew."""

    code = "day_changed"


class DayClosed(Conflict):
    """The day is closed already."""

    code = "day_closed"


class DayNotClosed(Conflict):
    """The day is not closed."""

    code = "day_not_closed"


class EarlierDayOpen(Conflict):
    """Days are closed in their order, and none with something to prove is left out."""

    code = "earlier_day_open"


class ProposalChanged(Conflict):
    """Another proposal stands in the place of the one that was shown; it is looked at first."""

    code = "proposal_changed"


def propose(
    session: Session, collection_account_id: int, day: date, *, by: str, now: datetime
) -> AccountDay:
    """Proposes to close a day with the figures it has now.

    Raises `DayNotRun`, `DayClosed`, `DayNotOver`, `EarlierDayOpen` or `DayIncomplete`.
    """
    row = _to_be_closed(session, collection_account_id, day, now=now)
    row.verdict, row.figures = assess(session, collection_account_id, day, now=now)
    if row.verdict == Verdict.INCOMPLETE:
        raise DayIncomplete(day=day)
    row.proposed_by, row.proposed_at = by, now
    row.proposed_hash = digest({"verdict": row.verdict, **row.figures})
    session.flush()
    _tell(session, "day.proposed", row, by=by, now=now, figures=row.proposed_hash)
    return row


def close(
    session: Session, collection_account_id: int, day: date, *, by: str, now: datetime
) -> AccountDay:
    """Closes a day that another person proposed; from now on it takes no posting.

    Raises `DayNotProposed`, `SamePerson`, `DayChanged`, and what `propose` raises.
    """
    row = _to_be_closed(session, collection_account_id, day, now=now)
    if row.proposed_by is None:
        raise DayNotProposed(day=day)
    if row.proposed_by == by:
        raise SamePerson
    verdict, figures = assess(session, collection_account_id, day, now=now)
    if digest({"verdict": verdict, **figures}) != row.proposed_hash:
        raise DayChanged(day=day)
    ledger.close_day(session, collection_account_id, day, by=by, now=now)
    row.record = {
        "collection_account": collection_account_id,
        "day": day.isoformat(),
        "verdict": verdict,
        "proposed_by": row.proposed_by,
        **figures,
    }
    row.closed_by, row.closed_at = by, now
    row.record_hash = _tell(session, "day.closed", row, by=by, now=now, record=row.record)
    session.flush()
    return row


def propose_reopening(
    session: Session,
    collection_account_id: int,
    day: date,
    *,
    reason: str,
    by: str,
    now: datetime,
) -> AccountDay:
    """Proposes to reopen the latest closed day.

    Raises `NoReasonGiven`, `ReasonTooLong`, `DayNotRun`, `DayNotClosed` or `DayOutOfOrder`.
    """
    why = approvals.given(reason)
    row = _closed(session, collection_account_id, day)
    row.reopening_by, row.reopening_reason = by, why
    session.flush()
    _tell(session, "day.reopening_proposed", row, by=by, now=now, reason=row.reopening_reason)
    return row


def reopening_of(row: AccountDay) -> str:
    """The mark of what is proposed, by whom and why: whoever confirms says which he was shown."""
    return digest({"by": row.reopening_by, "reason": row.reopening_reason})


def reopen(
    session: Session,
    collection_account_id: int,
    day: date,
    *,
    proposal: str,
    by: str,
    now: datetime,
) -> AccountDay:
    """Reopens a day that another person proposed to reopen; its record stays in the audit chain.

    Its signed record, if there is one, is cancelled for the same reason.

    `proposal` is the mark of what was shown, from `reopening_of`. Raises `DayNotProposed`,
    `SamePerson`, `ProposalChanged`, and what `propose_reopening` raises.
    """
    row = _closed(session, collection_account_id, day)
    if row.reopening_by is None:
        raise DayNotProposed(day=day)
    if row.reopening_by == by:
        raise SamePerson
    if proposal != reopening_of(row):
        raise ProposalChanged(day=day)
    ledger.reopen_day(session, collection_account_id, day)
    _take_paper_back(session, row, by=by, now=now)
    _tell(
        session,
        "day.reopened",
        row,
        by=by,
        now=now,
        reason=row.reopening_reason,
        record=row.record_hash,
    )
    row.reopening_by = row.reopening_reason = None
    row.proposed_by = row.proposed_at = row.proposed_hash = None
    row.closed_by = row.closed_at = row.record = row.record_hash = None
    row.proved_again_at = row.holds = None
    session.flush()
    return row


def decline(
    session: Session,
    collection_account_id: int,
    day: date,
    *,
    reason: str,
    by: str,
    now: datetime,
) -> AccountDay:
    """Says no to what another person proposed of a day, to close it or to reopen it.

    Raises `NoReasonGiven`, `ReasonTooLong`, `DayNotRun`, `DayNotProposed` or `SamePerson`.
    """
    answer = approvals.given(reason)
    row, maker = _proposed(session, collection_account_id, day)
    if maker == by:
        raise SamePerson
    _drop_proposal(session, row)
    _tell(session, "day.declined", row, by=by, now=now, maker=maker, answer=answer)
    return row


def take_back(
    session: Session, collection_account_id: int, day: date, *, by: str, now: datetime
) -> AccountDay:
    """Takes one's own proposal back, to close a day or to reopen it.

    Raises `DayNotRun`, `DayNotProposed` or `NotTheMaker`.
    """
    row, maker = _proposed(session, collection_account_id, day)
    if maker != by:
        raise NotTheMaker
    _drop_proposal(session, row)
    _tell(session, "day.taken_back", row, by=by, now=now)
    return row


def without_paper(session: Session) -> list[tuple[int, date]]:
    """The closed days whose record is not signed yet: account and day, the oldest first."""
    rows = session.execute(
        select(AccountDay.collection_account_id, AccountDay.day)
        .where(text(WITHOUT_PAPER))
        .order_by(AccountDay.closed_at, AccountDay.id)
    )
    return [(row.collection_account_id, row.day) for row in rows]


def give_paper(session: Session, row: AccountDay, document_id: int) -> None:
    """Says which signed paper the record of a closed day is."""
    row.document_id = document_id
    session.flush()


def _take_paper_back(session: Session, row: AccountDay, *, by: str, now: datetime) -> None:
    if row.document_id is None:
        return
    reason = row.reopening_reason or ""
    documents.cancel_all(session, [row.document_id], reason=reason, by=by, now=now)
    row.document_id = None


def _to_be_closed(
    session: Session, collection_account_id: int, day: date, *, now: datetime
) -> AccountDay:
    agencies.lock(session, collection_account_id)
    row = of(session, collection_account_id, day)
    session.refresh(row)
    if row.closed_by is not None:
        raise DayClosed(day=day)
    if day >= local_day(now):
        raise DayNotOver(day=day)
    earlier = select(AccountDay.day).where(
        AccountDay.collection_account_id == collection_account_id,
        AccountDay.day < day,
        AccountDay.closed_by.is_(None),
    )
    left_open = session.scalar(earlier.order_by(AccountDay.day).limit(1))
    left_out = first_left_out(session, collection_account_id, before=day)
    for one in sorted(one for one in (left_open, left_out) if one is not None):
        raise EarlierDayOpen(day=day, open=one)
    return row


def _proposed(session: Session, collection_account_id: int, day: date) -> tuple[AccountDay, str]:
    """A day of which something is proposed, and who proposed it."""
    agencies.lock(session, collection_account_id)
    row = of(session, collection_account_id, day)
    session.refresh(row)
    maker = row.proposed_by if row.closed_by is None else row.reopening_by
    if maker is None:
        raise DayNotProposed(day=day)
    return row, maker


def _drop_proposal(session: Session, row: AccountDay) -> None:
    if row.closed_by is None:
        row.proposed_by = row.proposed_at = row.proposed_hash = None
    else:
        row.reopening_by = row.reopening_reason = None
    session.flush()


def _closed(session: Session, collection_account_id: int, day: date) -> AccountDay:
    agencies.lock(session, collection_account_id)
    row = of(session, collection_account_id, day)
    session.refresh(row)
    if row.closed_by is None:
        raise DayNotClosed(day=day)
    latest = ledger.closed_through(session, collection_account_id)
    if latest != day:
        raise ledger.DayOutOfOrder(day=day, closed_through=latest)
    return row


def tell_run(
    session: Session, collection_account_id: int, day: date, *, by: str, now: datetime
) -> None:
    """Notes in the audit trail that somebody ran a day, and its verdict."""
    row = of(session, collection_account_id, day)
    _tell(session, "day.run", row, by=by, now=now, verdict=row.verdict)


def _tell(
    session: Session, action: str, row: AccountDay, *, by: str, now: datetime, **details: object
) -> str:
    return audit.append(
        session,
        actor=by,
        action=action,
        subject=f"account_day:{row.collection_account_id}:{row.day.isoformat()}",
        details=details,
        now=now,
    )
