"""Opening pages as people do, and what is checked on each of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page
from werkzeug.serving import make_server

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
WIDTHS = (320, 390, 1280)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """Serves `app` on a free port of this machine; gives its address, without a last slash."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


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
        page.close()
    assert complaints == []


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
