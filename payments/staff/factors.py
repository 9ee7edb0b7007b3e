"""Second factors: a code from an app on a phone, which changes every half minute (TOTP, RFC 6238).

A person enrols by themselves: the secret is shown as a picture and as text, and a first code shows
that the phone has it. A code counts in its own half minute and the ones beside it, once: the step
of the last code used is remembered, and no earlier one counts again. Ten recovery codes of twelve
digits, each of use once, stand in for a lost phone.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import pyotp
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from payments.core import audit
from payments.core.errors import Conflict
from payments.core.vault import Vault
from payments.staff import passwords
from payments.staff.people import OwnFactor, SameHand, actor, end_sessions
from payments.staff.tables import Person, RecoveryCode, SecondFactor

RECOVERY_CODES: Final = 10
ISSUER: Final = "Cashless"
"""What the app on the phone writes above the code."""

_STEP: Final = 30
"""Seconds for which a code is shown."""

_PURPOSE: Final = "second_factor.secret"
_GAPS: Final = re.compile(r"[\s.-]+")
_CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)
_RECOVERY_CODE: Final = re.compile(r"[0-9]{12}", re.ASCII)
_WAITS: Final = timedelta(minutes=15)


class NoFactorWaits(Conflict):
    """Nothing is being enrolled, or it was begun too long ago."""

    code = "no_factor_waits"


class NoFactor(Conflict):
    """The person has no second factor."""

    code = "no_factor"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A secret on its way to a phone: as text to type, and as the address its picture holds."""

    secret: str = field(repr=False)
    address: str = field(repr=False)


def live(session: Session, staff_id: int) -> SecondFactor | None:
    """The second factor that a person has, if any."""
    return session.scalar(
        select(SecondFactor).where(
            SecondFactor.staff_id == staff_id,
            SecondFactor.confirmed_at.is_not(None),
            SecondFactor.ended_at.is_(None),
        )
    )


def who_have_one(session: Session, staff_ids: Collection[int]) -> frozenset[int]:
    """Those of some people who have a second factor."""
    found = select(SecondFactor.staff_id).where(
        SecondFactor.staff_id.in_(staff_ids),
        SecondFactor.confirmed_at.is_not(None),
        SecondFactor.ended_at.is_(None),
    )
    return frozenset(session.scalars(found))


def begin(session: Session, staff_id: int, *, vault: Vault, now: datetime) -> None:
    """Makes a secret for a phone; what the person has goes on until a first code confirms it."""
    session.get_one(Person, staff_id, with_for_update=True)
    waiting = _waiting(session, staff_id)
    if waiting is not None:
        _end(session, waiting, by=actor(staff_id), now=now)
    sealed = vault.seal(pyotp.random_base32(), purpose=_PURPOSE)
    session.add(SecondFactor(staff_id=staff_id, secret=sealed, begun_at=now))
    session.flush()


def enrolment(session: Session, staff_id: int, *, vault: Vault, now: datetime) -> Enrolment | None:
    """What is to be brought to the phone, while an enrolment waits: a quarter of an hour."""
    waiting = _waiting(session, staff_id)
    if waiting is None or waiting.begun_at <= now - _WAITS:
        return None
    secret = _secret(waiting, vault)
    username = session.get_one(Person, staff_id).username
    address = pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER)
    return Enrolment(secret=secret, address=address)


def confirm(
    session: Session, staff_id: int, code: str, *, vault: Vault, now: datetime, phone_at: datetime
) -> Sequence[str] | None:
    """Takes the secret into use where `code` is its code; the recovery codes, None if it is not.

    `phone_at` is what the clock of a phone says. Raises `NoFactorWaits`.
    """
    session.get_one(Person, staff_id, with_for_update=True)
    waiting = _waiting(session, staff_id)
    if waiting is None or waiting.begun_at <= now - _WAITS:
        raise NoFactorWaits
    step = _step_of(_secret(waiting, vault), code, after=-1, phone_at=phone_at)
    if step is None:
        return None
    before = live(session, staff_id)
    if before is not None:
        _end(session, before, by=actor(staff_id), now=now)
    waiting.confirmed_at, waiting.last_step = now, step
    session.flush()
    _tell(session, "staff.factor_enrolled", staff_id, by=actor(staff_id), now=now)
    return _new_codes(session, waiting, now=now)


def accepts(
    session: Session, factor: SecondFactor, typed: str, *, vault: Vault, now: datetime,
    phone_at: datetime,
) -> bool:  # fmt: skip
    """Whether `typed` is a code of the phone, or a recovery code; either is of no use again.

    Whoever asks holds the person's row.
    """
    told = _GAPS.sub("", typed[:40])
    if _CODE.fullmatch(told):
        after = factor.last_step if factor.last_step is not None else -1
        step = _step_of(_secret(factor, vault), told, after=after, phone_at=phone_at)
        if step is None:
            return False
        factor.last_step = step
        session.flush()
        return True
    return bool(_RECOVERY_CODE.fullmatch(told)) and _use_recovery(session, factor, told, now=now)


def renew_codes(session: Session, staff_id: int, *, now: datetime) -> Sequence[str]:
    """A new set of recovery codes, told this once; the old ones end. Raises `NoFactor`."""
    session.get_one(Person, staff_id, with_for_update=True)
    factor = live(session, staff_id)
    if factor is None:
        raise NoFactor
    _tell(session, "staff.recovery_codes_made", staff_id, by=actor(staff_id), now=now)
    return _new_codes(session, factor, now=now)


def codes_left(session: Session, staff_id: int) -> int:
    """How many recovery codes a person can still use."""
    found = session.scalar(
        select(func.count(RecoveryCode.id))
        .join(SecondFactor, SecondFactor.id == RecoveryCode.second_factor_id)
        .where(
            SecondFactor.staff_id == staff_id,
            SecondFactor.ended_at.is_(None),
            RecoveryCode.ended_at.is_(None),
        )
    )
    return found or 0


def reset(session: Session, staff_id: int, *, by: str, now: datetime) -> None:
    """Takes a person's second factor away, whose phone is lost, and signs them out everywhere.

    Raises `OwnFactor`, `NoFactor` or `SameHand`.
    """
    person = session.get_one(Person, staff_id, with_for_update=True)
    if by == actor(staff_id):
        raise OwnFactor
    factor = live(session, staff_id)
    if factor is None:
        raise NoFactor
    if person.password_temporary and person.password_by == by and by.startswith("staff:"):
        raise SameHand
    for one in filter(None, (factor, _waiting(session, staff_id))):
        _end(session, one, by=by, now=now)
    end_sessions(session, staff_id, now=now)
    _tell(session, "staff.factor_reset", staff_id, by=by, now=now)


def _waiting(session: Session, staff_id: int) -> SecondFactor | None:
    return session.scalar(
        select(SecondFactor).where(
            SecondFactor.staff_id == staff_id,
            SecondFactor.confirmed_at.is_(None),
            SecondFactor.ended_at.is_(None),
        )
    )


def _secret(factor: SecondFactor, vault: Vault) -> str:
    if factor.secret is None:
        raise NoFactor
    return vault.open(factor.secret, purpose=_PURPOSE)


def _step_of(secret: str, code: str, *, after: int, phone_at: datetime) -> int | None:
    """The half minute, now or beside it and later than `after`, whose code this is."""
    present, totp = int(phone_at.timestamp()) // _STEP, pyotp.TOTP(secret)
    told = _GAPS.sub("", code[:40]).encode("utf-8", "surrogatepass")
    for step in (present, present - 1, present + 1):
        if step > after and hmac.compare_digest(totp.at(step * _STEP).encode(), told):
            return step
    return None


def _end(session: Session, factor: SecondFactor, *, by: str, now: datetime) -> None:
    """Ends a factor and its recovery codes, and forgets its secret."""
    factor.secret, factor.ended_at, factor.ended_by = None, now, by
    session.flush()
    _end_codes(session, factor, now=now)


def _end_codes(session: Session, factor: SecondFactor, *, now: datetime) -> None:
    session.execute(
        update(RecoveryCode)
        .where(RecoveryCode.second_factor_id == factor.id, RecoveryCode.ended_at.is_(None))
        .values(ended_at=now)
    )


def _new_codes(session: Session, factor: SecondFactor, *, now: datetime) -> Sequence[str]:
    _end_codes(session, factor, now=now)
    made = [f"{secrets.randbelow(10**12):012}" for _ in range(RECOVERY_CODES)]
    session.add_all(
        RecoveryCode(second_factor_id=factor.id, code_hash=passwords.hash_of(code), made_at=now)
        for code in made
    )
    session.flush()
    return ["-".join((code[:4], code[4:8], code[8:])) for code in made]


def _use_recovery(session: Session, factor: SecondFactor, code: str, *, now: datetime) -> bool:
    unused = session.scalars(
        select(RecoveryCode)
        .where(RecoveryCode.second_factor_id == factor.id, RecoveryCode.ended_at.is_(None))
        .order_by(RecoveryCode.id)
    ).all()
    found = next((one for one in unused if passwords.matches(code, one.code_hash)), None)
    if found is None:
        return False
    found.ended_at = now
    session.flush()
    left = {"left": len(unused) - 1}
    by = actor(factor.staff_id)
    _tell(session, "staff.recovery_code_used", factor.staff_id, by=by, now=now, **left)
    return True


def _tell(
    session: Session, action: str, staff_id: int, *, by: str, now: datetime, **details: object
) -> None:
    audit.append(
        session, actor=by, action=action, subject=actor(staff_id), details=details, now=now
    )
