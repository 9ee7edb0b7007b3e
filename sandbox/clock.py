"""The bank's clock: the machine's, moved by a fixed offset, read in Viet Nam's time.

The offset lets a demonstration live a working day at any hour. Viet Nam is UTC+7 without summer
time since 1975, so its zone is a fixed one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

VIETNAM: Final = timezone(timedelta(hours=7))


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells the time `offset` away from the machine's."""

    offset: timedelta = timedelta()

    def now(self) -> datetime:
        """The present instant, in Viet Nam's zone."""
        return (datetime.now(UTC) + self.offset).astimezone(VIETNAM)


def bank_day(instant: datetime) -> date:
    """The calendar day of `instant` in Viet Nam."""
    return instant.astimezone(VIETNAM).date()


def plain(instant: datetime) -> str:
    """`2026-11-24 14:02:37`, as gateways write it: Viet Nam's time, no zone."""
    return instant.astimezone(VIETNAM).strftime("%Y-%m-%d %H:%M:%S")


def rfc3339(instant: datetime) -> str:
    """`2026-11-24T14:02:37+07:00`."""
    return instant.astimezone(VIETNAM).isoformat(timespec="seconds")
