"""What the console's lists share: what an address asks for, its page, and the list as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, Final, TypeVar

from flask import Response, redirect, request, send_file, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from payments.core import sheets
from payments.core.money import Dong
from payments.core.service import Service
from payments.core.sheets import Cells, Heading
from payments.core.vault import Vault
from payments.web import paging
from payments.web.auth import StaffPages, staff_only
from payments.web.paging import Page
from reconciliation.jobs.report_files import written
from reconciliation.reports import FileKind
from reconciliation.web.console.parts import (
    READERS,
    UnknownFilter,
    asked_once,
    day_of,
    known_filters,
)
from reconciliation.web.console.typed import amount_of
from reconciliation.web.console.wanted import sealed, wanted

MEMO: Final = "memo"
"""The field of a list that takes words."""

Lister = Callable[[Session], Iterable[Cells]]
"""Reads the rows of a list that is to be a file."""


class Asking:
    """What the address of a list asks for, as it is written there; empty where it is not asked."""

    __slots__: tuple[str, ...] = ()

    def query(self, **other: str | None) -> dict[str, str]:
        """The same question as a query, with some of it asked differently."""
        told = {name: getattr(self, name) for name in self.__slots__} | other
        return {name: getattr(value, "sealed", value) for name, value in told.items() if value}


Asked = TypeVar("Asked", bound=Asking)


def asked_for(kind: type[Asked], vault: Vault | None = None) -> Asked:
    """What the address asks for, beside where the page begins; words of a memo are opened.

    Raises `UnknownFilter` or `AskedTwice`.
    """
    names = kind.__slots__
    known_filters(*names, "cursor")
    return kind(
        *[
            wanted(vault, name) if vault and name == MEMO else asked_once(name).strip()
            for name in names
        ]
    )


def ask_by_form(
    pages: StaffPages, vault: Vault, path: str, endpoint: str, kind: type[Asked]
) -> None:
    """Adds the form of a list, which leads to the list's address without words in clear."""

    @pages.post(path, endpoint=f"ask_{endpoint}")
    @staff_only(*READERS)
    def ask() -> WerkzeugResponse:
        told = {name: request.form.get(name, "").strip() for name in kind.__slots__}
        told |= {MEMO: sealed(vault, told[MEMO])}
        asked: dict[str, Any] = {name: value for name, value in told.items() if value}
        return redirect(url_for(f"console.{endpoint}", **asked), 303)


def page_asked(most: int) -> Page:
    """The page of a list that the address asks for. Raises `UnreadableCursor`."""
    told = {name: value for name in ("cursor",) if (value := asked_once(name))}
    return Page(limit=most, before=paging.asked(told).before)


def day_or_none(text: str) -> date | None:
    """The day that a filter names, None where it names none. Raises `NotADay`."""
    return day_of(text) if text else None


def amount_or_none(text: str) -> Dong | None:
    """The đồng that a filter names, with dots or without. Raises `UnknownFilter`."""
    if not text:
        return None
    amount = amount_of(text)
    if amount is None:
        raise UnknownFilter
    return amount


def as_csv(cashless: Service, name: str, headings: Sequence[Heading], rows: Lister) -> Response:
    """A list as a file, whole before its first byte is sent."""
    made = written(
        cashless.database, lambda session, to: sheets.write_csv(to, headings, rows(session))
    )
    kind = FileKind.CSV.media_type
    return send_file(made, mimetype=kind, as_attachment=True, download_name=f"{name}.csv")
