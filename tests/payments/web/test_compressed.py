"""What a phone fetches comes compressed where its browser can; what holds secrets does not."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from flask import Blueprint, Flask, render_template_string
from flask.testing import FlaskClient

from payments.web import kit
from tests.browser.payer import Payment, app_of, token_of

STATIC = Path(kit.HERE) / "static"
PAGE = f"/p/{token_of('open')}"
CAN = {"Accept-Encoding": "gzip, deflate, br", "Accept": "text/html"}


@pytest.fixture
def client() -> FlaskClient:
    """A payer's pages, and one page for staff."""
    app: Flask = app_of({token_of("open"): Payment("open")})
    staff = Blueprint("console", __name__)
    staff.get("/console")(lambda: render_template_string("<p>secret</p>" * 100))
    app.register_blueprint(staff)
    return app.test_client()


@pytest.mark.parametrize("name", ["app.css", "pay.js", "vendor/pico.classless.min.css"])
def test_styles_and_scripts_come_compressed_and_whole(client: FlaskClient, name: str) -> None:
    packed = client.get(f"/static/{name}", headers=CAN)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert gzip.decompress(packed.data) == (STATIC / name).read_bytes()
    assert int(packed.headers["Content-Length"]) == len(packed.data)
    known = CAN | {"If-None-Match": packed.headers["ETag"]}
    again = client.get(f"/static/{name}", headers=known)
    assert again.status_code == 304
    again.close()


def test_a_payers_page_comes_compressed_and_whole(client: FlaskClient) -> None:
    packed = client.get(PAGE, headers=CAN)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "350.000" in gzip.decompress(packed.data).decode()
    assert len(packed.data) < 6000


@pytest.mark.parametrize("address", ["/static/app.css", PAGE])
def test_who_cannot_read_it_compressed_gets_it_plain(client: FlaskClient, address: str) -> None:
    for told in ("identity", "br", "gzip;q=0"):
        plain = client.get(address, headers=CAN | {"Accept-Encoding": told})
        assert plain.status_code == 200
        assert "Content-Encoding" not in plain.headers, told
        plain.close()


def test_what_holds_secrets_and_what_is_packed_already_stays_as_it_is(client: FlaskClient) -> None:
    """A page for staff has the secrets of forms; fonts and pictures gain nothing."""
    for address in ("/console", "/static/fonts/be-vietnam-pro-core-400.woff2", f"{PAGE}/qr.png"):
        answer = client.get(address, headers=CAN)
        assert answer.status_code == 200
        assert "Content-Encoding" not in answer.headers, address
        answer.close()
