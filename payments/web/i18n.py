"""The reader's language on a page or an answer, and amounts, days and instants written in it.

`?lang=` wins and is remembered in a cookie, then that cookie, then `Accept-Language`, then
Vietnamese. Instants are shown as the clock on a wall in Viet Nam shows them.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Final

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency
from flask import Flask, Response, g, request, url_for

from payments.core import words
from payments.core.calendar import VIETNAM
from payments.core.money import grouped
from payments.core.words import say

COOKIE: Final = "lang"
_YEAR_SECONDS: Final = 365 * 24 * 3600
_MOMENT: Final = {"vi": "HH:mm, dd/MM/yyyy", "en": "d MMM yyyy, HH:mm"}
_NARROW: Final = "\N{NO-BREAK SPACE}"
_DAY: Final = {"vi": "dd/MM/yyyy", "en": "d MMM yyyy"}


def install(app: Flask) -> None:
    """Gives `app` the choice of language, and templates `_()`, `say()` and the filters below."""
    app.before_request(choose_language)
    app.after_request(_tell_language)
    app.teardown_request(_forget_language)
    app.jinja_env.globals.update(
        _=say, say=say, language=words.language.get, in_other_language=in_other_language
    )
    app.jinja_env.filters.update(
        dong=dong, moment=moment, came=came, day=day, number=number, percent=percent
    )


def choose_language() -> None:
    """Sets the language of this request, for whatever the request calls."""
    asked, kept = request.args.get("lang"), request.cookies.get(COOKIE)
    if asked in words.LANGUAGES:
        g.language_to_keep = chosen = asked
    elif kept in words.LANGUAGES:
        chosen = kept
    else:
        chosen = _preferred()
    g.language_before = words.language.set(chosen)


def only_here() -> None:
    """The language that this page was asked for in holds for it alone, and is not remembered."""
    g.pop("language_to_keep", None)


def _preferred() -> str:
    """The first of the browser's languages that we speak; of `vi-VN` and `en-GB` the first half."""
    for tag in request.accept_languages.values():  # the most wanted first
        primary = tag.lower().partition("-")[0]
        if primary in words.LANGUAGES:
            return primary
    return "vi"


def _forget_language(_error: BaseException | None) -> None:
    before = g.pop("language_before", None)
    if before is not None:
        words.language.reset(before)


def _tell_language(response: Response) -> Response:
    response.headers.setdefault("Content-Language", words.language.get())
    response.vary.update(("Accept-Language", "Cookie"))
    keep = g.pop("language_to_keep", None)
    if keep is not None and response.mimetype == "text/html":
        response.set_cookie(
            COOKIE,
            keep,
            max_age=_YEAR_SECONDS,
            secure=request.is_secure,
            httponly=True,
            samesite="Lax",
        )
    return response


def in_other_language() -> str:
    """The address of this same page in the language it is not in now."""
    other = "en" if words.language.get() == "vi" else "vi"
    if request.endpoint is None or request.routing_exception is not None:
        return f"?lang={other}"
    query = {name: value for name, value in request.args.items() if name != "lang"}
    return url_for(request.endpoint, **{**query, **(request.view_args or {})}, lang=other)


def dong(amount: int) -> str:
    """`150000` as `150.000 ₫` in Vietnamese, `150,000 ₫` in English; the space does not break."""
    return format_currency(
        int(amount), "VND", format="#,##0\N{NO-BREAK SPACE}¤", locale=words.language.get()
    )


def number(many: int) -> str:
    """A count as `12.345` in Vietnamese, `12,345` in English."""
    return grouped(many) if words.language.get() == "vi" else f"{int(many):,}"


def percent(share: int) -> str:
    """A share in hundredths of a percent, `7996` as `79,9 %` in Vietnamese, `79.9%` in English.

    It is cut, not rounded: 80 % is never said of less.
    """
    whole, tenth = divmod(share // 10, 10)
    vietnamese = words.language.get() == "vi"
    rest = f"{',' if vietnamese else '.'}{tenth}" if tenth else ""
    return f"{number(whole)}{rest}{_NARROW if vietnamese else ''}%"


def moment(instant: datetime | str) -> str:
    """An instant (RFC 3339 when text) in Viet Nam's time: `17:30, 24/11/2026`."""
    known = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    chosen = words.language.get()
    return format_datetime(known, _MOMENT[chosen], tzinfo=VIETNAM, locale=chosen)


def came(instant: datetime) -> str:
    """When money came; the day alone where its bank told no time, which is kept as midnight."""
    wall = instant.astimezone(VIETNAM)
    return day(wall.date()) if wall.time() == time(0) else moment(instant)


def day(on: date | str) -> str:
    """A calendar day (ISO 8601 when text): `24/11/2026`, in English `24 Nov 2026`."""
    known = date.fromisoformat(on) if isinstance(on, str) else on
    chosen = words.language.get()
    return format_date(known, _DAY[chosen], locale=chosen)
