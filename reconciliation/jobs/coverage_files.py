"""Bringing files of coverage figures: read outside the database, kept in one short unit of work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from payments.core import clock
from payments.core.errors import Conflict, Invalid
from payments.core.service import Service
from reconciliation.statements import Received
from reconciliation.targets import coverage_drafts, coverage_import, coverage_sheet
from reconciliation.targets.coverage_import import Looked, Taken, Told
from reconciliation.targets.coverage_sheet import Sheet
from reconciliation.targets.coverage_tables import CoverageDraft
from reconciliation.targets.quarters import Quarter


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that was read, and what would come of it; None where it was taken in before."""

    sheet: Sheet
    looked: Looked | None

    def unconfirmed(self) -> Brought:
        """The same, with nothing confirmed that is striking about it."""
        if self.looked is None:
            return self
        return replace(self, looked=replace(self.looked, warnings=()))


def look_at_coverage(cashless: Service, received: Received, told: Told, *, by: str) -> Brought:
    """What a file says and what would come of it; nothing is kept but why it was refused.

    Raises what `coverage_sheet.read`, `coverage_import.known` and `coverage_import.look` raise.
    """
    now = clock.now()
    with _refusals_kept(cashless, received, by=by):
        sheet = read_coverage(cashless, received, told.quarter)

        def unit(session: Session) -> Looked | None:
            if coverage_import.known(session, received, told.quarter) is not None:
                return None
            return coverage_import.look(session, sheet, told, now=now)

        return Brought(sheet, cashless.database.read(unit))


def import_coverage(
    cashless: Service, received: Received, told: Told, brought: Brought, *, by: str
) -> Taken:
    """Takes in a file as it was looked at, what is striking about it confirmed.

    Raises what `coverage_import.take_in` raises.
    """
    now = clock.now()
    confirmed = brought.looked.warnings if brought.looked else ()
    with _refusals_kept(cashless, received, by=by):
        return cashless.database.write(
            lambda session: coverage_import.take_in(
                session, received, brought.sheet, told, confirmed=confirmed, by=by, now=now
            )
        )


def draft_coverage(cashless: Service, received: Received, told: Told, *, by: str) -> str:
    """Keeps a file to be looked at; its public id. Raises what `coverage_drafts.draft` raises."""
    now = clock.now()
    with _refusals_kept(cashless, received, by=by):
        sheet = read_coverage(cashless, received, told.quarter)
        return cashless.database.write(
            lambda session: (
                coverage_drafts.draft(session, received, sheet, told, by=by, now=now).public_id
            )
        )


def drafted_sheet(cashless: Service, public_id: str) -> tuple[CoverageDraft, Sheet]:
    """A draft with its file read anew, outside any unit of work. Raises `UnknownDraft`."""

    def unit(session: Session) -> tuple[CoverageDraft, Received]:
        row = coverage_drafts.by_public_id(session, public_id)
        return row, coverage_drafts.received_of(session, row)

    row, received = cashless.database.read(unit)
    told = coverage_drafts.told_of(row)
    return row, read_coverage(cashless, received, told.quarter)


def read_coverage(cashless: Service, received: Received, quarter: Quarter) -> Sheet:
    """What a file says of a quarter. Raises what `coverage_sheet.read` raises."""
    units = cashless.database.read(lambda session: coverage_import.gazetteer(session, quarter))
    return coverage_sheet.read(received.content, units, quarter=quarter)


@contextmanager
def _refusals_kept(cashless: Service, received: Received, *, by: str) -> Iterator[None]:
    """Writes down what is refused inside the block, and raises it."""
    try:
        yield
    except (Invalid, Conflict) as refusal:
        told, now = refusal, clock.now()
        cashless.database.write(
            lambda session: coverage_import.refused(session, received, told, by=by, now=now)
        )
        raise
