"""`/tariff`: every fee for everybody, searched without a script, and as files."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterator

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from payments.core.database import Database
from payments.core.money import grouped
from payments.seed import files, loading
from payments.web import kit, tariff
from tests.builders import BY, NOON
from tests.services import BASE_URL

LISTED = files.read_tariff().fees


@pytest.fixture
def client(database: Database, session: Session) -> Iterator[FlaskClient]:
    """A visitor of the page over the tariff that comes with the service."""
    loading.load_tariff(session, files.read_tariff(), by=BY, now=NOON)
    session.commit()
    app = kit.new_app(base_url=BASE_URL)
    app.register_blueprint(tariff.blueprint(database))
    with time_machine.travel(NOON, tick=False):
        yield app.test_client()


def page(client: FlaskClient, query: str = "", language: str = "vi") -> str:
    answer = client.get(f"/tariff?lang={language}{query}")
    assert answer.status_code == 200
    return html.unescape(answer.text)


def rows(client: FlaskClient, path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(path).data.decode("utf-8-sig"))))


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_fee_is_shown_with_its_text_and_who_collects_it(
    client: FlaskClient, language: str
) -> None:
    """Also one that is no longer charged, and one whose amount nobody knows."""
    shown = page(client, language=language)
    for each in LISTED:
        assert f'id="fee-{each.fee.code}"' in shown
        assert each.fee.legal_basis in shown
        assert each.fee.collected_by in shown
        assert ((each.fee.name_en if language == "en" else None) or each.fee.name) in shown
        for one in each.reductions:
            assert ((one.name_en if language == "en" else None) or one.name) in shown


def test_the_amounts_of_today_are_shown_by_channel_and_tier(client: FlaskClient) -> None:
    """Only those in force; what no source says is not filled in."""
    today = NOON.date()
    for each in LISTED:
        shown = page(client, f"&q={each.fee.code}")
        card = shown.partition(f'id="fee-{each.fee.code}"')[2].partition("</article>")[0]
        for price in each.prices:
            if (price.valid_from or today) <= today < (price.valid_to or NOON.date().replace(2100)):
                told = {None: "chưa rõ mức thu", 0: "không thu"}.get(price.unit_amount)
                if each.fee.variable:
                    told = "theo từng hồ sơ"
                assert told or f"{grouped(price.unit_amount or 0)}\xa0₫" in card, each.fee.code
                assert told is None or told in card, each.fee.code


def test_what_is_not_confirmed_is_marked(client: FlaskClient) -> None:
    """As many marks as rows of the tariff in force that lack a second source."""
    shown = page(client, "&q=CT-TTDS")
    assert shown.count(">chưa xác nhận<") == 1
    assert ">chưa xác nhận<" not in page(client, "&q=CTBS")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("ho tich", {"HT-L", "TLHT"}),
        ("HỘ TỊCH trích", {"TLHT"}),
        ("226/2016", {"CTBS", "CTCK", "CTHD"}),
        ("passport", {"HC-M", "HC-L"}),
        ("war martyr", {"LLTP"}),
        ("không có khoản này", set()),
    ],
)
def test_a_fee_is_found_by_any_word_of_it(client: FlaskClient, typed: str, found: set[str]) -> None:
    """With marks or without, by its name in either language, its text or who pays less."""
    shown = page(client, f"&q={typed}")
    assert {each.fee.code for each in LISTED if f'id="fee-{each.fee.code}"' in shown} == found
    assert f"{len(found)} trong {len(LISTED)} khoản" in shown


def test_what_is_typed_is_shown_as_text(client: FlaskClient) -> None:
    assert "<script>x" not in client.get("/tariff?q=<script>x").text


def test_the_files_hold_the_whole_tariff_of_today(client: FlaskClient) -> None:
    """Prices, reductions, and everything in one JSON; marks and unknown amounts are kept."""
    everything = client.get("/tariff.json").get_json()
    assert everything["on"] == "2026-11-24"
    assert {item["code"] for item in everything["items"]} == {each.fee.code for each in LISTED}
    prices = [(i["code"], p) for i in everything["items"] for p in i["prices"]]
    written = rows(client, "/tariff.csv")
    assert [(one["code"], one["unit_amount"]) for one in written] == [
        (code, "" if price["unit_amount"] is None else str(price["unit_amount"]))
        for code, price in prices
    ]
    assert [one["price_verified"] == "yes" for one in written] == [p["verified"] for _, p in prices]
    reductions = [(i["code"], r["code"]) for i in everything["items"] for r in i["reductions"]]
    written = rows(client, "/tariff-reductions.csv")
    assert [(one["code"], one["reduction"]) for one in written] == reductions


@pytest.mark.parametrize("path", ["/tariff.csv", "/tariff-reductions.csv", "/tariff.json"])
def test_an_unchanged_file_is_not_sent_again(client: FlaskClient, path: str) -> None:
    """And any site may ask for it."""
    first = client.get(path)
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
