"""The page of error codes is the tree of errors as it is."""

from __future__ import annotations

from payments.core.money import NotAnAmount
from payments.web import docs, kit, problems
from payments.web.schemas import FieldError


def test_every_code_stands_on_the_page_with_its_status() -> None:
    """Our own codes, those of HTTP and those of fields are all told once."""
    told = {error.code: error for error in docs.every_error()}
    assert told[NotAnAmount.code].status == 422
    assert told[problems.TooMany.code].status == 429
    assert told["too_large"].status == 413
    assert told["internal"].status == 500
    assert told[FieldError.TOO_LONG].status is None
    assert [error.code for error in told.values() if not error.words] == []


def test_the_types_of_problems_lead_there() -> None:
    """The anchor in a problem's `type` exists."""
    app = kit.new_app(base_url="https://pay.example.vn")
    app.register_blueprint(docs.blueprint(openapi="/api/v1/openapi.json"))
    page = app.test_client().get("/docs/errors?lang=en").text
    for code in problems.CODES.values():
        assert f'id="{code}"' in page


def test_only_the_page_with_the_tool_relaxes_its_styles() -> None:
    """Inline styles are for Swagger UI alone; inline scripts for nobody."""
    app = kit.new_app(base_url="https://pay.example.vn")
    app.register_blueprint(docs.blueprint(openapi="/api/v1/openapi.json"))
    client = app.test_client()
    relaxed = client.get("/docs").headers["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in relaxed
    assert "script-src 'self';" in relaxed
    assert "unsafe" not in client.get("/docs/errors").headers["Content-Security-Policy"]
