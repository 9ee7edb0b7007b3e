"""A Flask application with the whole kit: JSON, languages, headers, problems, log, static files."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from flask import Flask, url_for
from markupsafe import Markup
from werkzeug.middleware.proxy_fix import ProxyFix

from payments.core.words import knows
from payments.web import access, bodies, compressed, headers, i18n, problems
from payments.web.json_provider import OrjsonProvider

HERE: Final = Path(__file__).parent
FONT_VERSION: Final = "5.3.0"
"""The style sheet asks for fonts with this mark, so that they are kept for ever."""


def new_app(*, base_url: str, trusted_proxies: int = 0) -> Flask:
    """An application that has the kit and no page yet.

    `base_url` is the address citizens use, without a slash at the end; `trusted_proxies` counts
    the proxies before us whose `X-Forwarded-*` headers are believed.
    """
    app = Flask(
        "payments",
        static_folder=str(HERE / "static"),
        template_folder=str(HERE / "templates"),
    )
    app.json = OrjsonProvider(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(asset=asset, font=font, icon=icon, knows=knows)
    if trusted_proxies:
        n = trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's documented way
            app.wsgi_app, x_for=n, x_proto=n, x_host=n
        )
    compressed.install(app)
    headers.install(app, base_url=base_url)
    access.install(app)
    i18n.install(app)
    bodies.install(app)
    problems.install(app, base_url=base_url)
    return app


def asset(name: str) -> str:
    """The address of a static file, with its content's hash, so that browsers keep it for ever."""
    return url_for("static", filename=name, v=_hash(name))


def font(subset: str) -> str:
    """The address of a font file as the style sheet names it, for `rel="preload"`."""
    return url_for("static", filename=f"fonts/be-vietnam-pro-{subset}.woff2", v=FONT_VERSION)


@lru_cache(maxsize=64)
def _hash(name: str) -> str:
    return hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]


@lru_cache(maxsize=64)
def icon(name: str) -> Markup:
    """A picture beside words that say the same, hence silent to a screen reader."""
    drawn = (HERE / "templates" / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    return Markup(f'<span class="icon" aria-hidden="true">{drawn}</span>')  # noqa: S704  # our own file
