"""`/console/days/{account}/{day}/three-way`: portal, bank and ledger beside each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import IO, Final

from flask import Response, render_template, request, send_file
from sqlalchemy.orm import Session

from payments.agencies import CollectionAccount
from payments.core import sheets
from payments.core.service import Service
from payments.web.auth import StaffPages, staff_only
from payments.web.paging import UnreadableCursor
from reconciliation.jobs.report_files import written
from reconciliation.reports import FileKind, three_way
from reconciliation.reports.three_way import Compared, Differs, Place, Side, Tally, Wanted
from reconciliation.web.console.parts import (
    READERS,
    UnknownFilter,
    account_of,
    asked_once,
    day_of,
    known_filters,
)

MOST_SHOWN: Final = 50
ALL: Final = "all"

_SPELLING: Final = re.compile(r"(credit|line)-([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Shown:
    """A day's comparison as its page shows it; `differs` is what the address asks for."""

    account: CollectionAccount
    day: date
    differs: str
    rows: Sequence[Compared]
    next: str | None
    tally: Tally

    def query(self, **other: str | None) -> Mapping[str, str]:
        """The address of the same day, asked differently."""
        told = {"public_id": self.account.public_id, "on": self.day.isoformat()}
        return told | {name: value for name, value in other.items() if value}


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its file."""

    @pages.get("/days/<public_id>/<on>/three-way", endpoint="three_way")
    @staff_only(*READERS)
    def shown(public_id: str, on: str) -> str:
        known_filters("differs", "after")
        day, after = day_of(on), _place(request.args.get("after"))
        differs = asked_once("differs")

        def unit(session: Session) -> Shown:
            account = account_of(session, public_id)
            wanted = _wanted(account, day, differs)
            rows = three_way.page(session, wanted, after=after, most=MOST_SHOWN + 1)
            return Shown(
                account=account,
                day=day,
                differs=differs,
                rows=rows[:MOST_SHOWN],
                next=_spelt(rows[MOST_SHOWN - 1]) if len(rows) > MOST_SHOWN else None,
                tally=three_way.tally(session, wanted),
            )

        found = cashless.database.read(unit)
        return render_template("console/three_way.html", shown=found, reasons=Differs, all=ALL)

    @pages.get("/days/<public_id>/<on>/three-way.csv", endpoint="three_way_file")
    @staff_only(*READERS)
    def file(public_id: str, on: str) -> Response:
        known_filters("differs")
        day, differs = day_of(on), asked_once("differs")

        def writer(session: Session, to: IO[bytes]) -> None:
            wanted = _wanted(account_of(session, public_id), day, differs)
            sheets.write_csv(to, three_way.HEADINGS, three_way.every(session, wanted))

        called = f"ba-ben-{on}.csv"
        made = written(cashless.database, writer)
        media_type = FileKind.CSV.media_type
        return send_file(made, mimetype=media_type, as_attachment=True, download_name=called)


def _wanted(account: CollectionAccount, day: date, differs: str) -> Wanted:
    """What the address asks for. Raises `UnknownFilter`."""
    if differs in ("", ALL):
        return Wanted(account.id, day=day, agreeing=differs == ALL)
    try:
        return Wanted(account.id, day=day, reason=Differs(differs))
    except ValueError:
        raise UnknownFilter from None


def _place(text: str | None) -> Place:
    """The place that an address carries. Raises `UnreadableCursor`."""
    if not text:
        return Place()
    found = _SPELLING.fullmatch(text)
    if found is None:
        raise UnreadableCursor(pointer="query:after")
    return Place(Side(found[1]), int(found[2]))


def _spelt(row: Compared) -> str:
    return f"{row.side.value}-{row.number}"
