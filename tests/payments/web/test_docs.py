"""The page of error codes is the tree of errors as it is."""

from __future__ import annotations

from pathlib import Path

from payments.app import create_app
from payments.core.money import NotAnAmount
from payments.web import docs, kit, problems
from payments.web.headers import POLICY
from payments.web.schemas import FieldError
from tests.services import a_config


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
    app.register_blueprint(docs.blueprint(openapi="/api/v1/openapi.json", described=dict))
    page = app.test_client().get("/docs/errors?lang=en").text
    for code in problems.CODES.values():
        assert f'id="{code}"' in page


def test_no_page_for_callers_relaxes_the_policy(tmp_path: Path) -> None:
    """Nothing inline and nothing from elsewhere, as on every page."""
    url = f"sqlite:///{tmp_path / 'none.db'}"
    client = create_app(a_config(database_url=url, base_url="http://127.0.0.1")).test_client()
    for path in ("/docs", "/docs/errors"):
        assert client.get(path).headers["Content-Security-Policy"] == POLICY
