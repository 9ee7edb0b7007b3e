"""Figures to practise with, invented and marked so: eight quarters of every commune, and a target.

What is known of a quarter is kept. For sandbox mode alone; nothing here is true of anybody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from payments.core.calendar import local_day
from payments.core.config import Mode
from payments.seed import PracticeOnly
from reconciliation.statements import Received
from reconciliation.targets import coverage_sheet, goals, quarters
from reconciliation.targets.coverage_import import Told, gazetteer, take_in
from reconciliation.targets.coverage_tables import Measure
from reconciliation.targets.coverage_versions import newest_version
from reconciliation.targets.quarters import Quarter

INVENTED: Final = "SỐ LIỆU THỬ"
"""What stands in every document that is invented."""

_FILE: Final = Path(__file__).parent / "practice_coverage.csv"
_PROVINCE: Final = "H09"
_CASHLESS: Final = 8_500
_DATED_AFTER: Final = timedelta(days=12)


def practise(session: Session, *, mode: Mode, by: str, now: datetime) -> int:
    """Loads what is not known yet; how many quarters that were. Raises `PracticeOnly`.

    The agencies of the files must be loaded. Quarters that are not over at `now` wait.
    """
    if mode is not Mode.SANDBOX:
        raise PracticeOnly
    today, loaded = local_day(now), 0
    for quarter, content in _by_quarter().items():
        dated = quarter.last_day + _DATED_AFTER
        if dated > today or newest_version(session, quarter) is not None:
            continue
        sheet = coverage_sheet.read(content, gazetteer(session, quarter), quarter=quarter)
        document = f"{INVENTED} – không phải số liệu thật (quý {quarter.number}/{quarter.year})"
        received = Received(content, f"so-lieu-thu-{quarter}.csv")
        told = Told(quarter, document, dated)
        take_in(session, received, sheet, told, confirmed=(), by=by, now=now)
        loaded += 1
    _aim(session, by=by, now=now)
    return loaded


def _aim(session: Session, *, by: str, now: datetime) -> None:
    """A cashless target for the whole province, where it has none of this year."""
    today = local_day(now)
    if goals.decided(session, _PROVINCE, Measure.CASHLESS_SHARE, year=today.year):
        return
    goals.set_target(
        session,
        _PROVINCE,
        Measure.CASHLESS_SHARE,
        year=today.year,
        value=_CASHLESS,
        basis=f"{INVENTED} – chỉ tiêu để thực hành",
        valid_from=today,
        by=by,
        now=now,
    )


def _by_quarter() -> Mapping[Quarter, bytes]:
    """The file's rows of each quarter, as a file of its own."""
    heading, *rows = _FILE.read_text(encoding="utf-8").splitlines(keepends=True)
    found: dict[Quarter, list[str]] = defaultdict(list)
    for row in rows:
        found[quarters.read(row.partition(",")[0])].append(row)
    return {quarter: "".join([heading, *told]).encode() for quarter, told in found.items()}
