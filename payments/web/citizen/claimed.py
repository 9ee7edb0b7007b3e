"""A payer's claim as its page shows it: the form, what is wrong in it, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final

from werkzeug.datastructures import FileStorage, MultiDict

from payments import claims
from payments.claims import Told
from payments.core.calendar import local_day
from payments.core.money import Dong
from payments.core.words import language, later, say
from payments.web.citizen.forms import read_all
from payments.web.citizen.page import Asked
from payments.web.i18n import dong, moment

FIELDS: Final = ("bank_number", "paid_on", "amount", "words")

_FACES: Final[Mapping[str, tuple[str, str, str]]] = {
    "open": ("wait", "hourglass", later("We are looking for your payment")),
    "answered": ("calm", "info", later("You have been answered")),
    "found": ("done", "circle-check", later("Your payment was found")),
}
"""How each state of a claim looks and what it says: tone, icon, headline."""

_SENTENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "open": (
        later(
            "{agency} compares your report with the bank's statement, as a rule within two working "
            "days. You need not pay again."
        ),
    ),
    "answered": (
        later("If this does not help you, ask {agency} and name the number of your report."),
    ),
    "found": (later("The payment is settled. You need not do anything more."),),
}

_PHOTO_AGAIN: Final = later(
    "Please choose the photo once more: it is not kept until everything is in order."
)


@dataclass(frozen=True)
class Shown:
    """A claim in the reader's language; `number` is in groups, as it is read out."""

    state: str
    tone: str
    icon: str
    headline: str
    sentences: tuple[str, ...]
    number: str
    made_at: str
    bank_number: str
    paid_on: str
    amount: Dong
    photo: bool
    answer: str | None
    answered_at: str | None
    found_at: str | None

    @property
    def final(self) -> bool:
        """Whether nothing more is to be expected."""
        return self.state == "found"


@dataclass(frozen=True)
class Form:
    """The form as it was filled in: what was typed, and what is wrong with which field."""

    typed: Mapping[str, str]
    wrong: Mapping[str, str] = field(default_factory=dict)
    first: date | None = None
    last: date | None = None


def shown(told: Mapping[str, Any], agency: str) -> Shown:
    """What the page shows of a claim's JSON (`claims.snapshot`)."""
    tone, icon, headline = _FACES[told["state"]]
    at = {name: told[name] and moment(told[name]) for name in ("answered_at", "found_at")}
    return Shown(
        state=told["state"],
        tone=tone,
        icon=icon,
        headline=say(headline),
        sentences=tuple(say(text, agency=agency) for text in _SENTENCES[told["state"]]),
        number=grouped(told["number"]),
        made_at=moment(told["made_at"]),
        bank_number=told["bank_number"],
        paid_on=told["paid_on"],
        amount=Dong(told["amount"]),
        photo=told["photo"],
        answer=told["answer"],
        **at,
    )


def grouped(number: str) -> str:
    """A claim's number as it is read out: `4827 1935`."""
    return f"{number[:4]} {number[4:]}"


def mark_of(told: Mapping[str, Any]) -> str:
    """A mark of what the claim's page shows, language included: equal marks, equal pages."""
    seen = [language.get(), told["state"], told["answer"], told["answered_at"]]
    return sha256(repr(seen).encode()).hexdigest()[:24]


def empty_form(asked: Asked, *, now: datetime) -> Form:
    """The form with what is most often so: today, and what is due."""
    due = max(0, asked.snapshot["amount"] - asked.snapshot["received"])
    today = local_day(now)
    typed = {"bank_number": "", "paid_on": today.isoformat(), "amount": dong(due), "words": ""}
    return Form(typed, first=_first(asked), last=today)


def read(
    asked: Asked, form: MultiDict[str, str], photo: FileStorage | None, *, now: datetime
) -> Told | Form:
    """What a form tells, or the form again with everything that is wrong in it."""
    first, last = _first(asked), local_day(now)
    typed = {name: form.get(name, "").strip() for name in FIELDS}
    readers: dict[str, Callable[[str], Any]] = {
        "bank_number": claims.bank_number_of,
        "paid_on": lambda text: claims.day_of(text, first=first, last=last),
        "amount": claims.amount_of,
        "words": claims.words_of,
    }
    if photo is not None and photo.filename:
        sent = photo.stream.read(claims.MOST_BYTES + 1)
        readers["photo"] = lambda _: claims.cleaned(sent)
    told, wrong = read_all(readers, typed)
    if wrong and "photo" in told:
        wrong = {**wrong, "photo": say(_PHOTO_AGAIN)}
    return Form(typed, wrong, first, last) if wrong else Told(**told)


def _first(asked: Asked) -> date:
    """The first day on which the request could be paid."""
    return local_day(datetime.fromisoformat(asked.snapshot["issued_at"]))
