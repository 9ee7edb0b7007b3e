"""What a page leads to is there: every address that is asked for by name has one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from payments.app import create_app
from reconciliation.app import init_app
from tests.services import a_config

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"url_for\(\s*[\"']([a-z_.]+)[\"']\s*[,)]")


def named() -> Iterator[tuple[str, str]]:
    """Each file of ours and the name of an address that it asks for."""
    for half in ("payments", "reconciliation"):
        for kind in ("*.html", "*.py"):
            for file in sorted((ROOT / half).rglob(kind)):
                for name in NAMED.findall(file.read_text(encoding="utf-8")):
                    yield file.relative_to(ROOT).as_posix(), name


def test_no_page_leads_to_an_address_that_is_not_there(tmp_path: Path) -> None:
    """A branch that no other test draws would break its page only for whoever meets it."""
    told = {"database_url": f"sqlite:///{tmp_path / 'none.db'}", "base_url": "http://127.0.0.1"}
    app = create_app(a_config(**told, oidc=("http://127.0.0.1:9", "client", "secret")))
    init_app(app)
    asked = list(named())
    assert len(asked) > 300
    assert [one for one in asked if one[1] not in app.view_functions] == []
