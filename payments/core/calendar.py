"""The business day of a collection account: cut-off time, weekends, holidays.

A bank's timestamps are local and naive; the accounting day is a calendar day in
Asia/Ho_Chi_Minh (UTC+7, no daylight saving since 1975). Circular 58/2019/TT-BTC defines the
cut-off (COT): what arrives after it belongs to the next working day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import holidays

VIETNAM: Final = ZoneInfo("Asia/Ho_Chi_Minh")


def local_day(instant: datetime) -> date:
    """The calendar day in Viet Nam at `instant`, which must know its time zone."""
    return local(instant).date()


def local(instant: datetime) -> datetime:
    """`instant` as the clock on a wall in Viet Nam shows it."""
    if instant.tzinfo is None:
        raise ValueError("an instant knows its time zone")
    return instant.astimezone(VIETNAM)


def at(day: date, wall_time: time) -> datetime:
    """The instant at which a wall clock in Viet Nam shows `wall_time` on `day`."""
    return datetime.combine(day, wall_time, tzinfo=VIETNAM)


@lru_cache(maxsize=16)
def _holidays(year: int) -> Mapping[date, str]:
    return dict(holidays.country_holidays("VN", years=year).items())


@dataclass(frozen=True)
class Calendar:
    """When one collection account works: its cut-off and the days named otherwise by hand.

    `exceptions` maps a day to True (works, although a weekend or holiday) or False (closed);
    `cut_offs` maps a day to that day's own cut-off.
    """

    cut_off: time = time(16, 30)
    exceptions: Mapping[date, bool] = field(default_factory=dict)
    cut_offs: Mapping[date, time] = field(default_factory=dict)

    def works(self, day: date) -> bool:
        """Whether the bank and the treasury work on `day`."""
        if day in self.exceptions:
            return self.exceptions[day]
        return day.weekday() < 5 and day not in _holidays(day.year)

    def next_working_day(self, day: date) -> date:
        """The first working day after `day`."""
        following = day + timedelta(days=1)
        while not self.works(following):
            following += timedelta(days=1)
        return following

    def business_day(self, instant: datetime) -> date:
        """The working day to which money that came at `instant` belongs."""
        wall = local(instant)
        day = wall.date()
        if self.works(day) and wall.time() <= self.cut_offs.get(day, self.cut_off):
            return day
        return self.next_working_day(day)

    def working_hours_after(self, instant: datetime, hours: int) -> datetime:
        """The instant by which so many hours have passed since; days off do not count."""
        moment, left = local(instant), timedelta(hours=hours)
        while True:
            midnight = at(moment.date() + timedelta(days=1), time.min)
            if self.works(moment.date()):
                if midnight - moment >= left:
                    return moment + left
                left -= midnight - moment
            moment = midnight

    def working_time(self, since: datetime, until: datetime) -> timedelta:
        """How much time passed from one instant to another; days off do not count."""
        moment, end, passed = local(since), local(until), timedelta()
        while moment < end:
            midnight = min(at(moment.date() + timedelta(days=1), time.min), end)
            if self.works(moment.date()):
                passed += midnight - moment
            moment = midnight
        return passed
