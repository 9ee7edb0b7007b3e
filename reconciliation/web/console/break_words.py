"""How breaks are told on the console: names of people, codes side by side, the history in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from payments import claims, staff
from payments.core.errors import Invalid
from payments.core.money import Dong
from payments.core.words import say
from payments.portals import Portal
from payments.staff import Person
from payments.web.i18n import day
from reconciliation.breaks import Action, Decision, Entry, NoteKind
from reconciliation.web.console.parts import NotADay, day_of

_SPOKEN: Final[Mapping[str, str]] = {
    "rule": "rule",
    "decision": "decision",
    "kind": "note",
    "state": "callback",
    "to": "ledger",
    "from": "ledger",
}
"""Facts of a history that are codes, and under which keys their words stand."""


class UnknownDecision(Invalid):
    """The form asks for a decision that there is not."""

    code = "unknown_decision"


@dataclass(frozen=True, slots=True)
class Happened:
    """An entry of a break's history in words."""

    at: datetime
    words: str
    by: str | None
    said: str | None
    raw: str | None
    note: str | None
    file: str | None
    sha256: str | None
    letter: bool = False


def names_of(session: Session, actors: Iterable[str | None]) -> Mapping[str, str]:
    """The names of people and portals by how they are written as actors; a job is the service."""
    asked = {one for one in actors if one}

    def numbers(kind: str) -> set[int]:
        told = [one.partition(":") for one in asked]
        return {int(number) for is_, _, number in told if is_ == kind and number.isdigit()}

    people = session.scalars(select(Person).where(Person.id.in_(numbers("staff"))))
    portals = session.scalars(select(Portal).where(Portal.id.in_(numbers("portal"))))
    names = {one: say("actor.service") for one in asked} | {claims.PAYER: say("actor.payer")}
    names |= {staff.actor(person.id): person.name for person in people}
    return names | {f"portal:{one.id}": say("actor.portal", name=one.name) for one in portals}


def compared(code: str, reference: str) -> Sequence[tuple[str, bool]]:
    """The characters of a request's code, and whether what was read has the same there."""
    read = code.ljust(len(reference))
    return [(mine, mine == theirs) for mine, theirs in zip(reference, read, strict=False)]


def decision_of(form: MultiDict[str, str]) -> Decision:
    """The decision that a form asks for; a day to wait for that is none is as one not told.

    Raises `UnknownDecision`.
    """
    try:
        action = Action(form.get("action", ""))
    except ValueError:
        raise UnknownDecision from None
    return Decision(
        action=action,
        reason=form.get("reason", ""),
        reference=form.get("reference") or None,
        until=_day_told(form.get("until", "")) if action is Action.WAIT else None,
        suggestion=form.get("suggestion") or None,
        others=tuple(form.getlist("other")),
    )


def _day_told(text: str) -> date | None:
    try:
        return day_of(text)
    except NotADay:
        return None


def seen_in(form: MultiDict[str, str]) -> Mapping[str, str]:
    """How the breaks of a form were shown: by public number, the mark of each."""
    told = [one.partition(":") for one in form.getlist("seen")]
    return {public_id: version for public_id, _, version in told}


def history(entries: Sequence[Entry], names: Mapping[str, str]) -> Sequence[Happened]:
    """The entries of a history as the page tells them."""
    return [_happened(entry, names) for entry in entries]


def decided(told: Mapping[str, Any]) -> str:
    """A decision in words, with what it names."""
    further = told.get("reference") or ""
    if told.get("until"):
        further = day(told["until"])
    words = say(f"decision.{told['action']}")
    return f"{words}: {further}" if further else words


def _happened(entry: Entry, names: Mapping[str, str]) -> Happened:
    facts = dict(entry.facts)
    spoken = {
        name: say(f"{_SPOKEN[name]}.{value}") if name in _SPOKEN else value
        for name, value in facts.items()
    }
    if "decision" in facts:
        spoken["decision"] = decided(facts | {"action": facts["decision"]})
    if isinstance(facts.get("amount"), int):
        spoken["amount"] = Dong(facts["amount"])
    what = entry.what
    if what == "handed":
        what = "handed" if facts.get("owner") else "handed_back"
        spoken["owner"] = names.get(facts.get("owner") or "", "")
    said = facts.get("answer") or facts.get("words") or facts.get("reason")
    if what == "line":
        said = facts["memo"]
    number = facts.get("number") if what == "noted" else None
    return Happened(
        at=entry.at,
        words=say(f"timeline.{what}", **spoken) + (f" {number}" if number else ""),
        by=names.get(entry.by or ""),
        said=None if what == "lapsed" else said,
        raw=entry.raw,
        note=facts.get("note"),
        file=facts.get("file") if what == "noted" else None,
        sha256=facts.get("sha256"),
        letter=what == "noted" and facts.get("kind") == NoteKind.LETTER,
    )
