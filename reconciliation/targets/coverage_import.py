"""Taking in a quarter's figures: whole or not at all, each time as a further version.

Nothing is overwritten. A quarter that has figures takes others only as a correction, with the
reason, and as a whole: communes that the correction leaves out have no figure any more. What is
striking is told before, and taken in only where somebody said that it is right.

In the console one person brings the file and another takes it in (`coverage_drafts`); the command
is for whoever runs the machine, alone. Either way the audit trail tells who.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payments.agencies import Kind
from payments.core import approvals, audit, files
from payments.core.calendar import local_day
from payments.core.database import table_of
from payments.core.errors import CashlessError
from payments.core.rows import insert_new_rows, insert_rows
from reconciliation.formats import compound, package
from reconciliation.statements import Received
from reconciliation.targets.coverage_points import (
    communes,
    figures_of,
    newest_versions,
    of_communes,
    tree_on,
)
from reconciliation.targets.coverage_refusals import (
    CoverageRefused,
    DocumentDateImpossible,
    DocumentNotNamed,
    FiguresChanged,
    FiguresUnconfirmed,
    FileOfAnotherQuarter,
    NothingToCorrect,
    QuarterKnown,
    QuarterNotOver,
)
from reconciliation.targets.coverage_sheet import Sheet
from reconciliation.targets.coverage_tables import CoverageFigure, CoverageVersion
from reconciliation.targets.coverage_versions import newest_version
from reconciliation.targets.gazetteer import Gazetteer, place
from reconciliation.targets.quarters import Quarter
from reconciliation.targets.units import Units

LONGEST_DOCUMENT: Final = 300
_LONGEST_FILENAME: Final = 200
_NEARBY: Final = 8
"""Figures are compared with those of the nearest quarter within so many."""

_MEDIA: Final = {
    package.SIGNATURE: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    compound.SIGNATURE: "application/vnd.ms-excel",
}

JUMP: Final = (3, 2)
"""A population that is more than half as large again as before, or two thirds, is striking."""


class Striking(StrEnum):
    """What about a figure has to be confirmed."""

    POPULATION_JUMP = "population_jump"
    COMMUNE_LEFT_OUT = "commune_left_out"  # it had figures before


@dataclass(frozen=True, slots=True)
class Told:
    """What whoever brings a file says of it: `correction` is why it replaces what is known."""

    quarter: Quarter
    document: str
    dated_on: date
    correction: str | None = None


@dataclass(frozen=True, slots=True)
class Warned:
    """A commune whose population `before` is far from that `now`; None where it is left out."""

    what: Striking
    agency: str
    name: str
    before: int
    now: int | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What would come of a file: `version` of the quarter, in place of `replaces` if there is one.

    `missing` are the names of communes without figures, `before` by commune the nearest quarter's
    people and accounts.
    """

    version: int
    replaces: CoverageVersion | None
    missing: tuple[str, ...]
    warnings: tuple[Warned, ...]
    before: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a file; `again` if it is the quarter's newest version already."""

    version: CoverageVersion
    again: bool


def gazetteer(session: Session, quarter: Quarter) -> Gazetteer:
    """The units that a table of that quarter may name."""
    return Gazetteer(tree_on(session, quarter.last_day).nodes)


def known(session: Session, received: Received, quarter: Quarter) -> CoverageVersion | None:
    """The quarter's newest version, if this very file made it. Raises `FileOfAnotherQuarter`."""
    file_id = files.find(session, received.sha256)
    if file_id is None:
        return None
    made = session.scalars(
        select(CoverageVersion).where(CoverageVersion.stored_file_id == file_id)
    ).all()
    others = [one for one in made if one.quarter != str(quarter)]
    if others:
        raise FileOfAnotherQuarter(quarter=others[0].quarter)
    newest = newest_version(session, quarter)
    return newest if newest in made else None


def look(session: Session, sheet: Sheet, told: Told, *, now: datetime) -> Looked:
    """What would come of a file; nothing is changed.

    Raises `QuarterNotOver`, `DocumentNotNamed`, `DocumentDateImpossible`, `QuarterKnown`,
    `NothingToCorrect`, or what a reason raises that is empty or too long.
    """
    _refuse_untrue(told, today=local_day(now))
    replaces = newest_version(session, told.quarter)
    if replaces is not None and told.correction is None:
        raise QuarterKnown(
            quarter=replaces.quarter, version=replaces.version, document=replaces.document
        )
    if replaces is None and told.correction is not None:
        raise NothingToCorrect(quarter=str(told.quarter))
    tree = tree_on(session, told.quarter.last_day)
    named = {one.code: place(one.name_vi) for one in tree.nodes if one.kind is Kind.COMMUNE}
    stated = {one.agency: one.population for one in sheet.figures}
    before = _nearby(session, tree, told.quarter, now=now)
    return Looked(
        version=replaces.version + 1 if replaces else 1,
        replaces=replaces,
        missing=tuple(name for code, name in named.items() if code not in stated),
        warnings=tuple(_warnings(named, stated, before)),
        before=before,
    )


def take_in(
    session: Session,
    received: Received,
    sheet: Sheet,
    told: Told,
    *,
    confirmed: Collection[Warned],
    by: str,
    approved_by: str | None = None,
    now: datetime,
) -> Taken:
    """Takes in a file's figures as the quarter's newest version; the same file twice changes none.

    `confirmed` is what striking there is that somebody said is right. Raises what `known` and
    `look` raise, `FiguresUnconfirmed`, or `FiguresChanged`.
    """
    before = known(session, received, told.quarter)
    if before is not None:
        return Taken(before, again=True)
    looked = look(session, sheet, told, now=now)
    unconfirmed = [one for one in looked.warnings if one not in confirmed]
    if unconfirmed:
        raise FiguresUnconfirmed(count=len(unconfirmed))
    version = _store(session, received, told, looked, by=by, approved_by=approved_by, now=now)
    numbers = {node.code: node.id for node in tree_on(session, told.quarter.last_day).nodes}
    rows = [
        {
            "coverage_version_id": version.id,
            "agency_id": numbers[one.agency],
            "population": one.population,
            "accounts": one.accounts,
        }
        for one in sheet.figures
    ]
    insert_rows(session, table_of(CoverageFigure), rows)
    _tell(session, version, sheet, received, by=by, now=now)
    return Taken(version, again=False)


def refused(
    session: Session, received: Received, refusal: CashlessError, *, by: str, now: datetime
) -> None:
    """Writes down that a file was refused, and why."""
    rows = [one.code for one in refusal.rows] if isinstance(refusal, CoverageRefused) else []
    audit.append(
        session,
        actor=by,
        action="coverage.refused",
        subject="coverage",
        details={
            "file": received.sha256,
            "filename": received.filename[:_LONGEST_FILENAME],
            "code": refusal.code,
            "rows": sorted(set(rows)),
        },
        now=now,
    )


def _refuse_untrue(told: Told, *, today: date) -> None:
    if told.quarter.last_day >= today:
        raise QuarterNotOver(pointer="/quarter", quarter=str(told.quarter))
    if not told.document.strip() or len(told.document) > LONGEST_DOCUMENT:
        raise DocumentNotNamed(pointer="/document", most=LONGEST_DOCUMENT)
    if not told.quarter.first_day <= told.dated_on <= today:
        raise DocumentDateImpossible(
            pointer="/dated", dated=told.dated_on, first=told.quarter.first_day
        )
    if told.correction is not None:
        approvals.given(told.correction)


def _nearby(
    session: Session, tree: Units, quarter: Quarter, *, now: datetime
) -> Mapping[str, tuple[int, int]]:
    """By commune, the figures of the nearest quarter with any: an earlier one, else a later."""
    window = [quarter.after(away) for away in range(-_NEARBY, _NEARBY + 1)]
    figures = figures_of(session, newest_versions(session, window, as_of=now))
    known = communes(session, tree)
    found: dict[str, tuple[int, int]] = {}
    for away in (*range(-1, -_NEARBY - 1, -1), *range(1, _NEARBY + 1), 0):
        told = of_communes(known, quarter.after(away), figures)
        for code, parts in told.items():
            counted = [one for one in parts if one is not None]
            if len(counted) == len(parts):
                summed = sum(one for one, _ in counted), sum(one for _, one in counted)
                found.setdefault(code, summed)
    return found


def _warnings(
    named: Mapping[str, str], stated: Mapping[str, int], before: Mapping[str, tuple[int, int]]
) -> Iterator[Warned]:
    more, less = JUMP
    for code, name in named.items():
        if code not in before:
            continue
        (earlier, _), now = before[code], stated.get(code)
        if now is None:
            yield Warned(Striking.COMMUNE_LEFT_OUT, code, name, before=earlier, now=None)
        elif now * less > earlier * more or now * more < earlier * less:
            yield Warned(Striking.POPULATION_JUMP, code, name, before=earlier, now=now)


def _store(
    session: Session,
    received: Received,
    told: Told,
    looked: Looked,
    *,
    by: str,
    approved_by: str | None,
    now: datetime,
) -> CoverageVersion:
    row: dict[str, Any] = {
        "public_id": str(uuid7()),
        "quarter": str(told.quarter),
        "version": looked.version,
        "document": told.document.strip(),
        "dated_on": told.dated_on,
        "filename": received.filename[:_LONGEST_FILENAME],
        "stored_file_id": files.store(session, received.content, media_type=media_type(received)),
        "correction": None if told.correction is None else approvals.given(told.correction),
        "warnings": [asdict(one) for one in looked.warnings],
        "imported_at": now,
        "imported_by": by,
        "approved_by": approved_by,
    }
    made = insert_new_rows(session, table_of(CoverageVersion), [row], returning=["id"])
    if not made:
        raise FiguresChanged(quarter=str(told.quarter))
    return session.get_one(CoverageVersion, made[0].id)


def media_type(received: Received) -> str:
    """What a file of figures is kept as."""
    for begins, kept_as in _MEDIA.items():
        if received.content.startswith(begins):
            return kept_as
    return "text/csv"


def _tell(
    session: Session,
    version: CoverageVersion,
    sheet: Sheet,
    received: Received,
    *,
    by: str,
    now: datetime,
) -> None:
    audit.append(
        session,
        actor=version.approved_by or by,
        action="coverage.imported",
        subject=f"coverage:{version.quarter}",
        details={
            "version": version.version,
            "file": received.sha256,
            "document": version.document,
            "dated": version.dated_on.isoformat(),
            "correction": version.correction,
            "brought_by": by,
            "communes": len(sheet.figures),
            "population": sheet.population,
            "accounts": sheet.accounts,
            "striking": len(version.warnings),
        },
        now=now,
    )
