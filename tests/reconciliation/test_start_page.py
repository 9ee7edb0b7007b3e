"""The page at the service's own address: it leads anyone to what is for them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask

from payments.core.database import Database
from tests.builders import NOON
from tests.console import whole_app

pytestmark = pytest.mark.committed


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application."""
    with whole_app(database_url, NOON) as whole:
        yield whole


@pytest.mark.parametrize(
    ("language", "said"),
    [("vi", "Nộp phí, lệ phí không dùng tiền mặt"), ("en", "Pay fees without cash")],
)
def test_the_start_page_leads_to_what_is_for_everybody(
    app: Flask, language: str, said: str
) -> None:
    """Whoever cut a link short, or typed the address, finds where to go; every link opens."""
    client = app.test_client()

    page = client.get(f"/?lang={language}")

    assert page.status_code == 200
    assert f"<h1>{said}</h1>" in page.text
    shown = page.text.partition("<main")[2]
    led = re.findall(r'href="(/[^"?]*)"', shown)
    assert led == ["/verify", "/tariff", "/open-data/", "/sign-in", "/docs"]
    for path in led:
        with client.get(path) as answer:
            assert answer.status_code == 200, path
