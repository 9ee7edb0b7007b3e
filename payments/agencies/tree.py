"""The tree of agencies as it stands on a day: who is under whom, found by code.

A parent is named by the row that was valid when the child was added; what counts on a later day
is the row with the same code that is valid then. So a renamed district keeps its communes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Select, bindparam, literal_column, select
from sqlalchemy.orm import Session, aliased

from payments.agencies.tables import Agency, Kind
from payments.core.columns import Day
from payments.core.database import table_of
from payments.core.errors import Conflict, Invalid
from payments.core.validity import Change, valid_on

_HIGHEST: Final = 16
"""No line from an agency to the province is longer."""


class UnknownAgency(Invalid):
    """No agency has that code on that day."""

    code = "unknown_agency"


class AgencyUnderItself(Invalid):
    """An agency cannot stand below itself."""

    code = "agency_under_itself"


class AgencyEnded(Conflict):
    """An agency that has ended, or not begun, on a day can't be changed from that day on."""

    code = "agency_ended"


@dataclass(frozen=True, slots=True)
class Described:
    """An agency as a file or a person describes it; `parent` is a code."""

    code: str
    name_vi: str
    name_en: str | None
    kind: Kind
    parent: str | None
    verified: bool


@dataclass(frozen=True, slots=True)
class Node:
    """An agency in the tree of one day; `depth` is 0 at the root."""

    id: int
    code: str
    name_vi: str
    name_en: str | None
    kind: Kind
    parent: str | None
    depth: int
    verified: bool


def _line_up() -> Select[Agency]:
    """From `agency_id` upwards: at each step, the row of that `day` with the parent's code."""
    known, valid = table_of(Agency).alias("known"), table_of(Agency).alias("valid")
    in_force = valid_on(valid.c, bindparam("day", type_=Day()))
    line = (
        select(valid.c.id, valid.c.parent_id, literal_column("0").label("height"))
        .join(known, known.c.code == valid.c.code)
        .where(known.c.id == bindparam("agency_id"), in_force)
        .cte("line", recursive=True)
    )
    line = line.union_all(
        select(valid.c.id, valid.c.parent_id, line.c.height + 1)
        .select_from(line)
        .join(known, known.c.id == line.c.parent_id)
        .join(valid, valid.c.code == known.c.code)
        .where(in_force, line.c.height < _HIGHEST)
    )
    return select(Agency).join(line, line.c.id == Agency.id).order_by(line.c.height)


_LINE_UP: Final = _line_up()


def by_code(session: Session, code: str, *, on: date, pointer: str | None = None) -> Agency:
    """The agency that has `code` on that day. Raises `UnknownAgency` with `pointer`."""
    agency = _on_day(session, code, on=on)
    if agency is None:
        raise UnknownAgency(pointer=pointer, agency=code, on=on)
    return agency


def put(session: Session, described: Described, *, since: date, on: date) -> Change:
    """Makes the tree say from `on` what `described` says.

    A new code is valid from `since`. Where the row in force says otherwise, it ends on `on` and
    its successor is valid from then; one that began on that very day is set right in place.
    """
    now_valid = _on_day(session, described.code, on=on)
    if now_valid is None:
        return _add(session, described, since=since, on=on)
    if _says(session, now_valid) == described:
        return Change.UNCHANGED
    parent_id = _parent_id(session, described, on=on)
    if now_valid.valid_from == on:
        _describe(now_valid, described, parent_id=parent_id)
    else:
        now_valid.valid_to = on
        session.flush()
        following = _new(described, parent_id=parent_id, valid_from=on)
        session.add(following)
        session.flush()
        now_valid.successor_id = following.id
    session.flush()
    return Change.CHANGED


def succeed(session: Session, agency_id: int, successor_id: int, *, on: date) -> None:
    """Ends an agency on `on` and names the agency that goes on with its work.

    Raises `AgencyEnded` where it is not in force on the day before, and `UnknownAgency` where
    the successor is not in force on the day itself.
    """
    ending = session.get_one(Agency, agency_id)
    following = session.get_one(Agency, successor_id)
    if ending.valid_from >= on or (ending.valid_to or on) < on:
        raise AgencyEnded(agency=ending.code, on=on)
    if _on_day(session, following.code, on=on) is not following:
        raise UnknownAgency(agency=following.code, on=on)
    ending.valid_to = on
    ending.successor_id = following.id
    session.flush()


def ancestry(session: Session, agency_id: int, *, on: date) -> list[Agency]:
    """The agency as it is on that day, its parent, and so on up to the province.

    Raises `UnknownAgency` where it is not in force on that day.
    """
    found = session.scalars(_LINE_UP, {"agency_id": agency_id, "day": on}).all()
    if not found:
        raise UnknownAgency(agency=session.get_one(Agency, agency_id).code, on=on)
    return list(found)


def tree(session: Session, *, on: date) -> list[Node]:
    """Every agency of that day, each right after its parent and its elder sisters, by code."""
    parent = aliased(Agency)
    rows = session.execute(
        select(Agency, parent.code)
        .outerjoin(parent, parent.id == Agency.parent_id)
        .where(valid_on(Agency, on))
        .order_by(Agency.code)
    ).all()
    valid = {agency.code for agency, _ in rows}
    below: dict[str | None, list[Agency]] = defaultdict(list)
    for agency, parent_code in rows:
        below[parent_code if parent_code in valid else None].append(agency)
    return list(_walk(below, parent=None, depth=0))


def _walk(
    below: dict[str | None, list[Agency]], *, parent: str | None, depth: int
) -> Iterator[Node]:
    for agency in below.get(parent, []):
        yield Node(
            id=agency.id,
            code=agency.code,
            name_vi=agency.name_vi,
            name_en=agency.name_en,
            kind=Kind(agency.kind),
            parent=parent,
            depth=depth,
            verified=agency.verified,
        )
        yield from _walk(below, parent=agency.code, depth=depth + 1)


def _add(session: Session, described: Described, *, since: date, on: date) -> Change:
    parent_id = _parent_id(session, described, on=max(since, on))
    earlier = session.scalars(select(Agency).where(Agency.code == described.code)).all()
    if any(agency.valid_from > on for agency in earlier):
        raise AgencyEnded(agency=described.code, on=on)
    valid_from = max(since, on) if earlier else since
    session.add(_new(described, parent_id=parent_id, valid_from=valid_from))
    session.flush()
    return Change.ADDED


def _new(described: Described, *, parent_id: int | None, valid_from: date) -> Agency:
    agency = Agency(code=described.code, valid_from=valid_from)
    _describe(agency, described, parent_id=parent_id)
    return agency


def _describe(agency: Agency, described: Described, *, parent_id: int | None) -> None:
    agency.name_vi = described.name_vi
    agency.name_en = described.name_en
    agency.kind = described.kind
    agency.parent_id = parent_id
    agency.verified = described.verified


def _says(session: Session, agency: Agency) -> Described:
    return Described(
        code=agency.code,
        name_vi=agency.name_vi,
        name_en=agency.name_en,
        kind=Kind(agency.kind),
        parent=_parent_code(session, agency),
        verified=agency.verified,
    )


def _parent_id(session: Session, described: Described, *, on: date) -> int | None:
    if described.parent is None:
        return None
    parent = by_code(session, described.parent, on=on)
    above = ancestry(session, parent.id, on=on)
    if described.code in (agency.code for agency in above):
        raise AgencyUnderItself(agency=described.code)
    return parent.id


def _parent_code(session: Session, agency: Agency) -> str | None:
    if agency.parent_id is None:
        return None
    return session.get_one(Agency, agency.parent_id).code


def _on_day(session: Session, code: str, *, on: date) -> Agency | None:
    return session.scalar(select(Agency).where(Agency.code == code, valid_on(Agency, on)))
