"""`/tariff`: every fee with its legal basis and amounts, for anyone, searched without a script.

What no second source confirms is marked wherever it stands. The same tariff is given as files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from flask import Blueprint, Response, render_template, request

from payments import fees
from payments.core import clock
from payments.core.calendar import local_day
from payments.core.database import Database
from payments.core.text import fold
from payments.core.words import say
from payments.fees import Entry, FeePrice, published
from payments.web.open_files import record, sheet

LONGEST_SEARCH: Final = 100
"""So many letters the page lets people type; what comes longer is searched for all the same."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The fees of a day that hold every word that is searched for."""

    on: date
    typed: str
    in_force: Sequence[Entry]
    ended: Sequence[Entry]
    of: int


def blueprint(database: Database) -> Blueprint:
    """The page, and its files."""
    pages = Blueprint("public_tariff", __name__)

    def today() -> tuple[date, list[Entry]]:
        on = local_day(clock.now())
        return on, database.read(lambda session: fees.tariff(session, on=on))

    @pages.get("/tariff")
    def page() -> str:
        on, entries = today()
        shown = search(entries, request.args.get("q", ""), on=on)
        return render_template(
            "tariff/list.html", shown=shown, longest=LONGEST_SEARCH, last_day=last_day
        )

    @pages.get("/tariff.csv")
    def prices() -> Response:
        _, entries = today()
        return sheet(published.PRICES, published.price_rows(entries), called="tariff.csv")

    @pages.get("/tariff-reductions.csv")
    def reductions() -> Response:
        _, entries = today()
        rows = published.reduction_rows(entries)
        return sheet(published.REDUCTIONS, rows, called="tariff-reductions.csv")

    @pages.get("/tariff.json")
    def everything() -> Response:
        on, entries = today()
        return record({"on": on, "items": [published.picture(entry) for entry in entries]})

    return pages


def search(entries: Sequence[Entry], typed: str, *, on: date) -> Shown:
    """The fees in which each word of `typed` stands, with or without its marks."""
    wanted = _plain(typed).split()
    found = [entry for entry in entries if all(word in _searched(entry) for word in wanted)]
    return Shown(
        on=on,
        typed=typed[:LONGEST_SEARCH],
        in_force=[entry for entry in found if entry.prices],
        ended=[entry for entry in found if not entry.prices],
        of=len(entries),
    )


def last_day(row: FeePrice) -> date:
    """The last day on which a row that ends is valid."""
    if row.valid_to is None:
        raise ValueError("the row has no end")
    return row.valid_to - timedelta(days=1)


def _searched(entry: Entry) -> str:
    fee = entry.fee
    said = (
        fee.code,
        fee.name,
        fee.name_en or "",
        say(f"fee_kind.{fee.kind}"),
        fee.unit,
        fee.collected_by,
        fee.legal_basis,
        *(one.name for one in entry.reductions),
        *(one.name_en or "" for one in entry.reductions),
    )
    return _plain(" ".join(said))


def _plain(text: str) -> str:
    return fold(text).casefold()
