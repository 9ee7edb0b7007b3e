"""A payer's report at the treasury, in a real browser: found by its number, compared, answered."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import claims
from payments.claims import Claim, Told
from payments.core.database import Database
from payments.core.money import Dong
from payments.staff import Role
from tests.bank import TODAY, run
from tests.browser.pages import enter, fits_everybody, opened, serving, visiting
from tests.builders import NOON, a_message, a_payment_request, a_province, settle
from tests.console import employ, whole_app

pytestmark = pytest.mark.committed


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """A report with a photo, and money of its amount that nobody is known for."""
    drawn = io.BytesIO()
    Image.new("RGB", (900, 1600), "steelblue").save(drawn, "JPEG")

    def unit(session: Session) -> None:
        province = a_province(session)
        request = a_payment_request(province)
        a_message(province, "NGUYEN VAN MAU chuyen tien", amount=50_000, reference="FT26328777")
        settle(province)
        words, photo = "Tôi chuyển lúc 9 giờ sáng tại nhà.", claims.cleaned(drawn.getvalue())
        told = Told("FT26328000001", TODAY, Dong(50_000), words=words, photo=photo)
        claims.make(session, request, told, now=NOON)
        run(province)
        employ(session, Role.RECONCILER)

    database.write(unit)
    with whole_app(database_url, NOON + timedelta(hours=1)) as whole:
        yield whole


def test_a_report_is_found_compared_and_answered(
    browser: Browser, app: Flask, database: Database
) -> None:
    """By the number that the payer reads out; each page fits everybody."""
    number = database.read(lambda session: session.scalars(select(Claim.number)).one())
    with (
        serving(app) as address,
        visiting(browser) as visit,
        opened(visit, f"{address}/sign-in") as page,
    ):
        enter(page, address, Role.RECONCILER, "/console/claims")
        page.locator("#number").fill(f"{number[:4]} {number[4:]}")
        page.locator("main .filter button").click()
        fits_everybody(page, "claims")
        page.get_by_role("link", name=f"{number[:4]} {number[4:]}").click()
        expect(page.locator("#candidates")).to_be_visible()
        expect(page.locator("img.photo")).to_be_visible()
        fits_everybody(page, "claim-break")
        page.locator("#answer-words").fill("Ngân hàng đã báo có, cơ quan đang cập nhật hồ sơ.")
        page.get_by_role("button", name="Gửi trả lời").click()
        expect(page.locator(".answer")).to_contain_text("đang cập nhật hồ sơ")
