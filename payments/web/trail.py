"""`/console/audit`: the audit trail, by who, what, to what and when; exported as it is filtered.

Administrators and auditors read it; nobody writes here. That something was exported is an entry.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import IO, Any, Final

import orjson
from flask import Response, render_template, request, send_file
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import staff
from payments.core import audit, clock
from payments.core.audit import AuditEntry, AuditReading, Wanted
from payments.core.calendar import at
from payments.core.service import Service
from payments.core.sheets import Heading, Kind, write_csv
from payments.core.words import knows, later, say
from payments.portals import Portal
from payments.staff import Person, Role
from payments.web import auth, paging
from payments.web.asking import UnknownFilter, asked_once, known_filters
from payments.web.auth import Home, StaffPages, staff_only

HOME: Final = Home("trail.shown", later("Audit"), frozenset({Role.ADMINISTRATOR, Role.AUDITOR}))
MOST_SHOWN: Final = 50

_READERS: Final = (Role.ADMINISTRATOR, Role.AUDITOR)
_AT_ONCE: Final = 500
_MEDIA_TYPES: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}

_COLUMNS: Final = (
    Heading("at", Kind.MOMENT),
    Heading("actor"),
    Heading("name"),
    Heading("action"),
    Heading("words"),
    Heading("subject"),
    Heading("details"),
    Heading("hash"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, as it is written there; empty where it asks for everything."""

    who: str
    what: str
    about: str
    first: str
    last: str

    def query(self) -> dict[str, str]:
        """The question as a query."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in told.items() if value}


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of entries; `unknown` tells that nobody has the user name that was asked for."""

    asked: Asked
    rows: Sequence[AuditEntry]
    names: Mapping[str, str]
    next: str | None
    reading: AuditReading | None
    unknown: bool


def blueprint(cashless: Service) -> StaffPages:
    """The pages of the trail, under `/console/audit`."""
    pages = StaffPages("trail", __name__, url_prefix="/console/audit")

    @pages.get("")
    @staff_only(*_READERS)
    def shown() -> str:
        asked = _asked("cursor")
        cursor = request.args.get("cursor")
        page = paging.asked({} if cursor is None else {"cursor": cursor})
        found = cashless.database.read(lambda session: _listed(session, asked, page))
        return render_template(
            "trail/shown.html",
            listed=found,
            actions=audit.every_action(),
            words=in_words,
            details=details_of,
        )

    @pages.get("/trail.<any(csv, jsonl):kind>")
    @staff_only(*_READERS)
    def exported(kind: str) -> Response:
        asked, by, now = _asked(), auth.who().actor, clock.now()

        def note(session: Session) -> None:
            told = {"kind": kind, **asked.query()}
            audit.append(
                session, actor=by, action="audit.exported", subject="audit", details=told, now=now
            )

        file = _written(cashless, asked, _WRITERS[kind])
        cashless.database.write(note)
        return send_file(
            file,
            mimetype=_MEDIA_TYPES[kind],
            as_attachment=True,
            download_name=f"nhat-ky-kiem-toan.{kind}",
        )

    return pages


def in_words(action: str) -> str:
    """An action in the reader's language; one that has no words is told as it is written."""
    return say(f"did.{action}") if knows(f"did.{action}") else action


def details_of(entry: AuditEntry) -> Sequence[tuple[str, str]]:
    """The details of an entry, each with its name; what is no text as JSON."""
    return [
        (name, value if isinstance(value, str) else orjson.dumps(value).decode())
        for name, value in sorted(entry.details.items())
    ]


def _asked(*also: str) -> Asked:
    """What the address asks. Raises `UnknownFilter` or `AskedTwice`."""
    known_filters(*Asked.__slots__, *also)
    asked = Asked(*[asked_once(name).strip() for name in Asked.__slots__])
    known = {one for actions in audit.every_action().values() for one in actions}
    if asked.what and asked.what not in known:
        raise UnknownFilter
    return asked


def _wanted(session: Session, asked: Asked) -> Wanted | None:
    """Which entries; None where nobody has the user name. Raises `UnknownFilter`."""
    actor = _actor(session, asked.who)
    if asked.who and actor is None:
        return None
    return Wanted(
        actor=actor,
        action=asked.what or None,
        subject=asked.about or None,
        since=_midnight(asked.first),
        until=_midnight(asked.last, after=timedelta(days=1)),
    )


def _actor(session: Session, told: str) -> str | None:
    """Whoever is meant: by a user name, or as entries write it."""
    if not told or ":" in told or told == "-":
        return told or None
    try:
        return staff.actor(staff.by_username(session, told.lower()).id)
    except staff.UnknownPerson:
        return None


def _midnight(day: str, *, after: timedelta = timedelta(0)) -> datetime | None:
    if not day:
        return None
    try:
        return at(date.fromisoformat(day) + after, datetime.min.time())
    except (ValueError, OverflowError):
        raise UnknownFilter from None


def _listed(session: Session, asked: Asked, page: paging.Page) -> Listed:
    wanted, rows = _wanted(session, asked), list[AuditEntry]()
    if wanted is not None:
        rows = list(session.scalars(page.of(audit.entries(wanted), AuditEntry.id)))
    shown = rows[: page.limit]
    goes_on = len(rows) > page.limit
    return Listed(
        asked=asked,
        rows=shown,
        names=_names(session, [name for one in shown for name in (one.actor, one.subject)]),
        next=paging.cursor_after(shown[-1].id) if goes_on else None,
        reading=audit.last(session),
        unknown=wanted is None,
    )


def _names(session: Session, actors: Iterable[str]) -> Mapping[str, str]:
    """The names of people and portals, by how entries write them."""
    told = [one.partition(":") for one in set(actors)]
    numbers = {
        kind: [int(number) for is_, _, number in told if is_ == kind and number.isdigit()]
        for kind in ("staff", "portal")
    }
    people = session.scalars(select(Person).where(Person.id.in_(numbers["staff"])))
    portals = session.scalars(select(Portal).where(Portal.id.in_(numbers["portal"])))
    names = {staff.actor(one.id): one.name for one in people}
    return names | {f"portal:{one.id}": one.name for one in portals}


Writer = Callable[[IO[bytes], Session, Iterator[AuditEntry]], None]


def _written(cashless: Service, asked: Asked, write: Writer) -> IO[bytes]:
    """A file without a name that holds all that is asked for, whole before its first byte goes."""
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  the answer closes it

    def unit(session: Session) -> None:
        file.seek(0)
        file.truncate()
        wanted = _wanted(session, asked)
        if wanted is not None:
            write(file, session, _drawn(session, wanted))

    cashless.database.read(unit)
    file.seek(0)
    return file


def _drawn(session: Session, wanted: Wanted) -> Iterator[AuditEntry]:
    """The entries in the order of the chain, some at a time."""
    rows = audit.entries(wanted).order_by(AuditEntry.id).execution_options(yield_per=_AT_ONCE)
    with session.scalars(rows) as found:
        for entry in found:
            yield entry
            session.expunge(entry)


def _jsonl(to: IO[bytes], _session: Session, rows: Iterator[AuditEntry]) -> None:
    to.writelines(audit.line_of(entry) for entry in rows)


def _csv(to: IO[bytes], session: Session, rows: Iterator[AuditEntry]) -> None:
    names: dict[str, str] = {}

    def name(actor: str) -> str:
        if actor not in names:
            names[actor] = _names(session, [actor]).get(actor, "")
        return names[actor]

    def cells(entry: AuditEntry) -> Sequence[Any]:
        told = audit.canonical(entry.details).decode()
        words = in_words(entry.action)
        who = (entry.actor, name(entry.actor))
        return (entry.at, *who, entry.action, words, entry.subject, told, entry.hash)

    write_csv(to, _COLUMNS, (cells(entry) for entry in rows))


_WRITERS: Final[Mapping[str, Writer]] = {"csv": _csv, "jsonl": _jsonl}
