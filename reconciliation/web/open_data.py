"""`/open-data/`: what anyone may have of the province's figures, as CSV and JSON.

Files tell what was known at the end of the day before, so each is reckoned once a day by a process
and then kept.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from flask import Blueprint, Response, render_template, request, url_for

from payments.core import clock
from payments.core.calendar import local_day
from payments.core.database import Database
from payments.core.errors import NotFound
from payments.core.words import later, say
from payments.web.open_files import record, sheet
from payments.web.pace import Pace
from payments.web.start import Door
from reconciliation.targets import open_data
from reconciliation.targets.open_data import DATASETS, Dataset

_GONE: Final = "-"

DOOR: Final = Door(
    "open_data.index",
    later("Open data"),
    later("How many fees are paid without cash, by unit and month, as files for anyone."),
)
"""How the start page leads here."""

Rows = Sequence[Sequence[Any]]


class UnknownDataset(NotFound):
    """There is no data set of that name."""

    code = "unknown_dataset"


class Kept:
    """The rows of each data set, reckoned once for a day."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows: dict[str, tuple[date, Rows]] = {}
        self._turn = threading.Lock()

    def rows(self, dataset: Dataset, day: date) -> Rows:
        """The rows of a day."""
        with self._turn:
            kept = self._rows.get(dataset.name)
            if kept is None or kept[0] != day:
                rows = self._database.read(lambda session: list(dataset.rows(session, day)))
                kept = self._rows[dataset.name] = (day, rows)
            return kept[1]


def blueprint(database: Database, *, pace: Pace | None = None) -> Blueprint:
    """The page that lists the files, and the files; `pace` is how often one address may ask."""
    pages = Blueprint("open_data", __name__, url_prefix="/open-data", template_folder="templates")
    asking, kept = pace or Pace(per_second=2, store=60), Kept(database)

    @pages.before_request
    def spend() -> None:
        asking.spend(request.remote_addr or _GONE, at=time.monotonic())

    @pages.get("/")
    def index() -> str:
        return render_template(
            "open_data/index.html",
            datasets=DATASETS.values(),
            day=yesterday(),
            licence=open_data.LICENCE,
            licence_at=open_data.LICENCE_AT,
        )

    @pages.get("/index.json")
    def dictionary() -> Response:
        return record(
            {
                "as_of": yesterday(),
                "licence": open_data.LICENCE,
                "licence_url": open_data.LICENCE_AT,
                "datasets": [_described(one) for one in DATASETS.values()],
            }
        )

    @pages.get("/<name>.csv")
    def as_csv(name: str) -> Response:
        dataset, day = _dataset(name), yesterday()
        return sheet(dataset.headings, kept.rows(dataset, day), called=f"{name}.csv")

    @pages.get("/<name>.json")
    def as_json(name: str) -> Response:
        dataset, day = _dataset(name), yesterday()
        names = [one.name for one in dataset.columns]
        items = [
            dict(zip(names, map(_in_json, row), strict=True)) for row in kept.rows(dataset, day)
        ]
        return record({"as_of": day, "licence": open_data.LICENCE, "items": items})

    return pages


def yesterday() -> date:
    """The day before this one: the last that is whole."""
    return local_day(clock.now()) - timedelta(days=1)


def _dataset(name: str) -> Dataset:
    found = DATASETS.get(name)
    if found is None:
        raise UnknownDataset(name=name[:40])
    return found


def _described(dataset: Dataset) -> dict[str, Any]:
    """A data set in words of both languages, and where it is."""
    return {
        "name": dataset.name,
        "csv": url_for("open_data.as_csv", name=dataset.name, _external=True),
        "json": url_for("open_data.as_json", name=dataset.name, _external=True),
        **_in_both(f"open_data.{dataset.key}"),
        "columns": [
            {"name": one.name, "kind": one.kind.value, **_in_both(f"open_data.column.{one.name}")}
            for one in dataset.columns
        ],
    }


def _in_both(key: str) -> dict[str, str]:
    return {each: say(key, in_language=each) for each in ("vi", "en")}


def _in_json(cell: Any) -> Any:
    """A cell as JSON tells it: a share as a number."""
    return float(cell) if isinstance(cell, Decimal) else cell
