"""The reader's language: `?lang=`, the cookie it left, `Accept-Language`, or Vietnamese."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from flask import Flask, Response, request

from sandbox import words
from sandbox.clock import VIETNAM

COOKIE: Final = "lang"
_YEAR_SECONDS: Final = 365 * 24 * 3600


def install(app: Flask) -> None:
    """Gives `app`'s templates the words, and amounts and times as the language writes them."""
    app.after_request(_keep)
    app.jinja_env.globals.update(_=say, language=language, languages=words.LANGUAGES)
    app.jinja_env.filters.update(dong=dong, moment=moment)


def language() -> str:
    """The language of this request."""
    asked, kept = request.args.get("lang"), request.cookies.get(COOKIE)
    for wanted in (asked, kept):
        if wanted in words.LANGUAGES:
            return str(wanted)
    return request.accept_languages.best_match(words.LANGUAGES, default="vi")


def say(key: str, **fields: object) -> str:
    """A text in the reader's language."""
    return words.say(key, language(), **fields)


def dong(amount: int) -> str:
    """`150.000 ₫`, with a space that does not break."""
    return f"{words.grouped(amount, language())}\N{NO-BREAK SPACE}₫"


def moment(instant: datetime) -> str:
    """`14:02:37, 24/11/2026`, on a clock in Viet Nam."""
    return instant.astimezone(VIETNAM).strftime("%H:%M:%S, %d/%m/%Y")


def _keep(response: Response) -> Response:
    response.headers.setdefault("Content-Language", language())
    response.vary.update(("Accept-Language", "Cookie"))
    if request.args.get("lang") in words.LANGUAGES and response.mimetype == "text/html":
        response.set_cookie(
            COOKIE, request.args["lang"], max_age=_YEAR_SECONDS, httponly=True, samesite="Lax"
        )
    return response
