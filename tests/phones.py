"""A phone with an app for one-time codes, in tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyotp
from sqlalchemy.orm import Session

from payments.staff import factors
from tests.builders import a_vault


@dataclass(frozen=True)
class Phone:
    """Shows the codes of one secret."""

    secret: str

    def shows(self, at: datetime) -> str:
        """The six digits on its screen."""
        return pyotp.TOTP(self.secret).at(at)


def a_phone(session: Session, staff_id: int, *, now: datetime) -> tuple[Phone, list[str]]:
    """A phone that the person has enrolled, and the recovery codes that came with it."""
    vault = a_vault()
    factors.begin(session, staff_id, vault=vault, now=now)
    waiting = factors.enrolment(session, staff_id, vault=vault, now=now)
    assert waiting is not None
    phone = Phone(waiting.secret)
    codes = factors.confirm(session, staff_id, phone.shows(now), vault=vault, now=now, phone_at=now)
    assert codes is not None
    return phone, list(codes)
