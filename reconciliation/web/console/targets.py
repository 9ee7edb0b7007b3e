"""`/console/targets`: where the province stands, and what to do next; `/units/{code}`: one unit.

The address holds the question: days, a unit, a procedure, a channel. A unit's page is one sheet of
paper when it is printed: what its head can be asked about.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from flask import render_template
from sqlalchemy.orm import Session

from payments.core import clock
from payments.core.calendar import local_day
from payments.core.money import Dong
from payments.core.service import Service
from payments.fees import Channel
from payments.web.auth import StaffPages, staff_only
from payments.web.i18n import number, percent
from reconciliation.targets import promises
from reconciliation.web.console.parts import (
    READERS,
    UnknownFilter,
    asked_once,
    day_of,
    known_filters,
)
from reconciliation.web.coverage_figures import (
    coverage_figures,
    gap_words,
    outlook,
    pace_words,
    rank_words,
    reached_words,
    trend_of,
)
from reconciliation.web.share_figures import (
    goal_of,
    months_of,
    pace_setters_of,
    reasons_of,
    share_figures,
    steps_of,
)
from reconciliation.web.standing import Asked, Standing, name_of, standing

_LONGEST: Final = timedelta(days=3 * 366)


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the pages."""

    @pages.get("/targets", endpoint="targets")
    @staff_only(*READERS)
    def board() -> str:
        known_filters("from", "to", "unit", "procedure", "channel")
        now = clock.now()
        asked = question(now)
        stand = cashless.database.read(lambda session: standing(session, asked, now=now))
        if stand is None:
            return render_template("console/targets.html", stand=None, asked=asked)
        return render_template("console/targets.html", **_board(stand))

    @pages.get("/targets/units/<code>", endpoint="target_unit")
    @staff_only(*READERS)
    def unit(code: str) -> str:
        known_filters("from", "to")
        now = clock.now()
        asked = question(now, unit=code)
        stand, late = cashless.database.read(lambda session: _of_unit(session, asked, now))
        return render_template("console/target_unit.html", late=late, **_sheet(stand))


def question(now: datetime, *, unit: str | None = None) -> Asked:
    """What the address asks; this year until today where it is silent.

    Raises `NotADay`, `AskedTwice`, and `UnknownFilter` for a channel or a length that there is not.
    """
    told = {name: asked_once(name) for name in ("from", "to", "unit", "procedure", "channel")}
    last = day_of(told["to"]) if told["to"] else local_day(now)
    first = day_of(told["from"]) if told["from"] else last.replace(month=1, day=1)
    if told["channel"] not in {"", *Channel} or last - first > _LONGEST:
        raise UnknownFilter
    return Asked(
        first,
        last,
        told["unit"] if unit is None else unit,
        told["procedure"],
        told["channel"],
    )


def _of_unit(session: Session, asked: Asked, now: datetime) -> tuple[Standing | None, Dong]:
    stand = standing(session, asked, now=now)
    agency = None if stand is None or stand.top.parent is None else stand.top.code
    return stand, promises.late_now(session, agency=agency, now=now)


def _board(stand: Standing) -> dict[str, object]:
    units = [(one.code, name_of(one), one.depth) for one in stand.nodes.values()]
    return {
        **_facts(stand),
        "figures": [*coverage_figures(stand), *share_figures(stand)],
        "steps": steps_of(stand),
        "first": pace_setters_of(stand),
        "ended": [f"{one.key} ({number(one.whole.fees)})" for one in stand.board.ended],
        "units": units,
        "channels": list(Channel),
    }


def _sheet(stand: Standing | None) -> dict[str, object]:
    if stand is None:
        return {"stand": None}
    figures = []
    if stand.coverage.quarter is not None and stand.covered is not None:
        figures.append(trend_of(stand, stand.covered))
    if stand.board.total.whole.fees:
        figures += [months_of(stand), reasons_of(stand)]
    return {**_facts(stand), "figures": figures}


def _facts(stand: Standing) -> dict[str, object]:
    """What both pages say first."""
    covered = stand.covered
    goal = goal_of(stand)
    return {
        "stand": stand,
        "asked": stand.asked,
        "name": name_of(stand.top),
        "covered": covered,
        "reached": reached_words(covered),
        "gap": None if covered is None else gap_words(covered),
        "missing": _missing(stand),
        "outlook": None if covered is None else outlook(covered),
        "pace": "" if covered is None else pace_words(covered),
        "coverage_rank": rank_words(None if covered is None else covered.rank),
        "share_rank": rank_words(stand.ranks.get(stand.top.code)),
        "goal": None if goal is None else percent(goal),
        "total": stand.board.total,
        "payers": stand.payers,
        "kept": stand.promises,
        "tariff": stand.tariff,
    }


def _missing(stand: Standing) -> list[str]:
    """The communes whose figure is missing, by name."""
    missing = () if stand.covered is None else stand.covered.missing
    named = [stand.coverage.unit(code) for code in missing]
    return [name_of(one) for one in named if one is not None]
