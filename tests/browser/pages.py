"""Opening pages as people do, and what is checked on each of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import make_server

from payments.staff import Role
from tests.console import PASSWORD

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
SHOTS = os.environ.get("CASHLESS_TEST_SHOTS")
WIDTHS = (320, 390, 1280)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def serving(app: Flask, *, port: int = 0) -> Iterator[str]:
    """Serves `app` on a free port of this machine; gives its address, without a last slash."""
    server = make_server("127.0.0.1", port, _whole(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def _whole(app: Flask) -> WSGIApplication:
    """Answers are complete before they are sent.

    Werkzeug's server leaves a file open when the visitor is gone before all of it was read.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = app(environ, start_response)
        try:
            return [b"".join(body)]
        finally:
            getattr(body, "close", lambda: None)()

    return answer


@contextmanager
def visiting(
    browser: Browser, *, width: int = 390, language: str = "vi", **options: Any
) -> Iterator[BrowserContext]:
    """A visitor with a screen of that width and a browser that asks for that language.

    With `java_script_enabled=False` the visitor's browser runs no script.
    """
    context = browser.new_context(
        viewport={"width": width, "height": 800 if width < 1000 else 900},
        locale={"vi": "vi-VN", "en": "en-GB"}[language],
        **options,
    )
    try:
        yield context
    finally:
        for page in context.pages:
            let_go(page)
        context.close()


@contextmanager
def opened(context: BrowserContext, address: str) -> Iterator[Page]:
    """A page at `address`; what it complains about in its console fails the test."""
    page, complaints = context.new_page(), []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    try:
        yield page
    finally:
        let_go(page)
    assert complaints == []


def let_go(page: Page) -> None:
    """Closes a page once it goes nowhere.

    One that is closed in the moment in which it goes on to another address stays open, and whoever
    closed it waits for ever (crbug.com/536385539): a whole run once stood still for it.
    """
    page.goto("about:blank")
    page.close()


def violations(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA and good practice: rule and place, none if fine."""
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(AXE)
    found = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES
    )
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def spills(page: Page) -> bool:
    """Whether the page is wider than the screen, so that it would have to be pushed sideways."""
    page.wait_for_load_state()
    wider: bool = page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    return wider


def fits(page: Page, name: str) -> None:
    """Nothing to push sideways at any width."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert not spills(page), (name, width)
        pictured(page, f"{name}-{width}")


def fits_everybody(page: Page, name: str) -> None:
    """Nothing to push sideways at each width, nothing a reader stumbles over at the outer ones.

    What lies between is laid out as the narrowest is.
    """
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert not spills(page), (name, width)
        assert width == WIDTHS[1] or violations(page) == [], (name, width)
        pictured(page, f"{name}-{width}")


def unreachable(page: Page) -> list[str]:
    """What the keyboard does not reach, or where nobody sees it: each stop by its tag.

    The page is walked as it stands in the document, since no stop has a place of its own; the
    first one skips to the content.
    """
    found: list[str] = page.evaluate(_WALKED)
    return found


def moving(page: Page) -> list[str]:
    """What moves by itself, or slides when it changes: each part by its tag."""
    found: list[str] = page.evaluate(_MOVING)
    return found


_WALKED = """() => {
    const named = one => one.outerHTML.slice(0, 160);
    const stops = [...document.querySelectorAll(
        'a[href], button, input, select, textarea, summary, [tabindex="0"]'
    )].filter(one => one.type !== 'hidden' && !one.disabled && one.checkVisibility());
    const wrong = stops.filter(one => one.tabIndex !== 0).map(named);
    for (const one of stops) {
        one.focus({focusVisible: true});
        const seen = one.matches('.file input') ? one.nextElementSibling : one;
        const drawn = getComputedStyle(seen);
        if (document.activeElement !== one || drawn.outlineStyle !== 'solid'
            || parseFloat(drawn.outlineWidth) < 2) wrong.push(named(one));
    }
    const skip = document.querySelector('a.skip');
    if (skip) {
        skip.focus({focusVisible: true});
        const place = skip.getBoundingClientRect();
        if (stops[0] !== skip || place.top < 0 || place.left < 0) wrong.push(named(skip));
        if (!document.querySelector('main' + skip.hash)) wrong.push(named(skip));
    } else if (stops.length && !document.querySelector('main').contains(stops[0]))
        wrong.push('no way to skip to the content');
    document.activeElement.blur();
    scrollTo(0, 0);
    return wrong;
}"""

_MOVING = """() => [...document.querySelectorAll('*')].filter(one => {
    const drawn = getComputedStyle(one);
    return drawn.animationName !== 'none'
        || drawn.transitionDuration.split(', ').some(time => parseFloat(time) > 0);
}).map(one => one.outerHTML.slice(0, 160))"""


def pictured(page: Page, name: str) -> None:
    """Keeps a picture of the page, where `CASHLESS_TEST_SHOTS` names a folder for them."""
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def sign_in(page: Page, role: Role) -> None:
    """Fills in and sends the form of the sign-in page, for the person of a role."""
    page.locator("[name=username]").fill(role.value)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()


def enter(page: Page, address: str, role: Role, path: str) -> None:
    """The person of a role signs in on the way to a page of ours."""
    page.goto(f"{address}/sign-in?next={path}")
    sign_in(page, role)
    expect(page).to_have_url(f"{address}{path}")
