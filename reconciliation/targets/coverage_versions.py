"""Versions of figures as they were taken in: every one stays, the newest of a quarter counts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.agencies import Agency
from payments.core.errors import NotFound
from reconciliation.targets.coverage_tables import CoverageFigure, CoverageVersion
from reconciliation.targets.quarters import Quarter


class UnknownVersion(NotFound):
    """There is no version of figures of that number."""

    code = "unknown_coverage_version"


def newest_version(session: Session, quarter: Quarter) -> CoverageVersion | None:
    """The version of a quarter that counts, if it has figures."""
    return session.scalar(
        select(CoverageVersion)
        .where(CoverageVersion.quarter == str(quarter))
        .order_by(CoverageVersion.version.desc())
        .limit(1)
    )


def history(session: Session, *, most: int) -> Sequence[CoverageVersion]:
    """Versions, the newest quarter's newest first."""
    rows = select(CoverageVersion).order_by(
        CoverageVersion.quarter.desc(), CoverageVersion.version.desc()
    )
    return session.scalars(rows.limit(most)).all()


def version_of(session: Session, public_id: str) -> CoverageVersion:
    """The version of that public number. Raises `UnknownVersion`."""
    found = session.scalar(select(CoverageVersion).where(CoverageVersion.public_id == public_id))
    if found is None:
        raise UnknownVersion(version=public_id[:40])
    return found


def figures_in(
    session: Session, version: CoverageVersion
) -> Sequence[tuple[Agency, CoverageFigure]]:
    """What a version says of each commune, by code."""
    rows = session.execute(
        select(Agency, CoverageFigure)
        .join(CoverageFigure, CoverageFigure.agency_id == Agency.id)
        .where(CoverageFigure.coverage_version_id == version.id)
        .order_by(Agency.code)
    )
    return [(agency, figure) for agency, figure in rows]
