"""The documentation for callers, in a real browser."""

from __future__ import annotations

from flask import Flask
from playwright.sync_api import Browser, expect

from payments.web import docs, kit
from tests.browser.pages import WIDTHS, opened, serving, spills, violations, visiting

OPENAPI = "/api/v1/openapi.json"


def an_app() -> Flask:
    """The documentation over a small description of an API."""
    app = kit.new_app(base_url="http://127.0.0.1")
    app.register_blueprint(docs.blueprint(openapi=OPENAPI))

    @app.get(OPENAPI)
    def description() -> dict[str, object]:
        answer = {"200": {"description": "fine"}}
        return {
            "openapi": "3.1.0",
            "info": {"title": "Fees", "version": "1"},
            "paths": {"/fees": {"get": {"summary": "The tariff", "responses": answer}}},
        }

    return app


def test_the_api_is_readable_with_nothing_from_elsewhere(browser: Browser) -> None:
    """Swagger UI shows the description from our own files; no script stands inline."""
    with (
        serving(an_app()) as address,
        visiting(browser, width=1280) as visit,
    ):
        asked: list[str] = []
        visit.on("request", lambda request: asked.append(request.url))
        with opened(visit, address + "/docs") as page:
            expect(page.get_by_text("The tariff")).to_be_visible()
        assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def test_every_code_has_its_place_on_the_page(browser: Browser) -> None:
    """A problem's type leads to its code, on a phone too."""
    with (
        serving(an_app()) as address,
        visiting(browser, language="en") as visit,
        opened(visit, address + "/docs/errors#too_large") as page,
    ):
        expect(page.locator("tr:target")).to_contain_text("413")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert not spills(page), width
            assert violations(page) == [], width
