"""Beginning and ending a shift, and showing a request in it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments import agencies, staff
from payments.core import audit
from payments.core.calendar import local_day
from payments.core.errors import Conflict, Invalid, NotFound
from payments.payment_requests import PaymentRequest
from payments.shifts.tables import Shift, Showing


class ShiftOpen(Conflict):
    """The clerk has a shift that has not ended."""

    code = "shift_open"


class ShiftEnded(Conflict):
    """The shift has ended: nothing is shown or taken in it any more."""

    code = "shift_ended"


class UnknownShift(NotFound):
    """No shift of that number, or it is another clerk's."""

    code = "unknown_shift"


class NothingTyped(Invalid):
    """Nothing was typed or scanned to look for."""

    code = "nothing_typed"


def begin(session: Session, staff_id: int, agency: str, *, now: datetime) -> Shift:
    """A new shift at a counter of `agency`. Raises `agencies.UnknownAgency` and `ShiftOpen`."""
    found = agencies.by_code(session, agency, on=local_day(now), pointer="/agency")
    session.scalar(select(staff.Person.id).where(staff.Person.id == staff_id).with_for_update())
    if open_of(session, staff_id) is not None:
        raise ShiftOpen
    shift = Shift(
        public_id=str(uuid7()), staff_id=staff_id, agency_id=found.id, begun_at=now, ended_at=None
    )
    session.add(shift)
    session.flush()
    _audit(session, shift, "shift.begun", now=now, agency=found.code)
    return shift


def end(session: Session, shift: Shift, *, now: datetime) -> None:
    """Ends a shift. Raises `ShiftEnded`."""
    _hold(session, shift)
    shift.ended_at = now
    session.flush()
    _audit(session, shift, "shift.ended", now=now)


def of(session: Session, public_id: str, *, staff_id: int) -> Shift:
    """The clerk's own shift of that number. Raises `UnknownShift`, also for another's."""
    found = session.scalar(
        select(Shift).where(Shift.public_id == public_id, Shift.staff_id == staff_id)
    )
    if found is None:
        raise UnknownShift(shift=public_id[:40])
    return found


def open_of(session: Session, staff_id: int) -> Shift | None:
    """The clerk's shift that has not ended, if there is one."""
    wanted = select(Shift).where(Shift.staff_id == staff_id, Shift.ended_at.is_(None))
    return session.scalar(wanted)


def last_of(session: Session, staff_id: int) -> Shift | None:
    """The clerk's latest shift, ended or not."""
    wanted = select(Shift).where(Shift.staff_id == staff_id).order_by(Shift.id.desc())
    return session.scalar(wanted.limit(1))


def show(session: Session, shift: Shift, request: PaymentRequest, *, now: datetime) -> None:
    """Shows a request to the citizen at the counter. Raises `ShiftEnded`."""
    _hold(session, shift)
    session.add(Showing(shift_id=shift.id, payment_request_id=request.id, shown_at=now))
    session.flush()
    _audit(session, shift, "shift.shown", now=now, request=request.reference)


def clear(session: Session, shift: Shift, *, now: datetime) -> None:
    """Clears the screen that citizens see. Raises `ShiftEnded`."""
    _hold(session, shift)
    session.add(Showing(shift_id=shift.id, payment_request_id=None, shown_at=now))
    session.flush()


def _hold(session: Session, shift: Shift) -> None:
    session.refresh(shift, with_for_update=True)
    if shift.ended_at is not None:
        raise ShiftEnded


def _audit(session: Session, shift: Shift, action: str, *, now: datetime, **details: str) -> None:
    audit.append(
        session,
        actor=staff.actor(shift.staff_id),
        action=action,
        subject=f"shift:{shift.id}",
        details=details,
        now=now,
    )
