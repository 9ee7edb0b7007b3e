"""The single sign-on in a browser: there and back, and a decision proved in a second window."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect
from sqlalchemy.orm import Session

from payments import staff
from payments.core.database import Database
from payments.staff import Role, identities
from tests.browser.pages import fits_everybody, let_go, serving, visiting
from tests.builders import NOON
from tests.console import PASSWORD, employ, whole_app
from tests.identity_provider import CLIENT, SECRET, IdentityProvider, an_identity_provider

pytestmark = pytest.mark.committed


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    """The provider, its clock at noon."""
    with an_identity_provider(NOON.timestamp()) as running:
        yield running


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number: int = found.getsockname()[1]
        return number


@pytest.fixture
def app(
    database: Database, database_url: str, provider: IdentityProvider, port: int
) -> Iterator[Flask]:
    """The whole application; the administrator is the provider's person."""

    def unit(session: Session) -> None:
        employ(session, *Role)
        person = staff.by_username(session, Role.ADMINISTRATOR)
        told = {"issuer": provider.issuer, "reason": "SSO", "now": NOON}
        proposal = identities.propose(session, person.id, provider.subject, by="staff:8", **told)
        told = {"name": "Ms boss", "password": PASSWORD, "by": "command:test", "now": NOON}
        boss = staff.add(session, "boss", roles=[Role.ADMINISTRATOR], **told)
        identities.approve(session, proposal, by=staff.actor(boss.id), now=NOON)

    database.write(unit)
    told = {
        "oidc": (provider.issuer, CLIENT, SECRET),
        "base_url": f"http://127.0.0.1:{port}",
    }
    with whole_app(database_url, NOON, **told) as whole:
        yield whole


def test_by_the_single_sign_on_and_a_decision_in_a_second_window(
    browser: Browser, app: Flask, provider: IdentityProvider, port: int
) -> None:
    """What was typed is still there when the second window says that it is them."""
    with serving(app, port=port) as address, visiting(browser) as visitor:
        page = visitor.new_page()
        page.goto(f"{address}/sign-in?next=/console/people/new")
        fits_everybody(page, "sign-in-sso")
        provider.subject, known = "nobody-here", provider.subject
        page.get_by_role("link", name="Đăng nhập một lần").click()
        expect(page.get_by_role("alert")).to_contain_text("nobody-here")
        fits_everybody(page, "sso-not-linked")
        provider.subject = known
        page.goto(f"{address}/sign-in?next=/console/people/new")
        page.get_by_role("link", name="Đăng nhập một lần").click()
        expect(page).to_have_url(f"{address}/console/people/new")
        page.locator("[name=name]").fill("Trần Thị B")
        page.locator("[name=username]").fill("tran.thi.b")
        page.locator("[name=role][value=viewer]").check()
        page.locator("[name=reason]").fill("Cán bộ mới")
        page.locator("main button[type=submit]").click()
        fits_everybody(page, "sso-prove")
        with visitor.expect_page() as second:
            page.get_by_role("link", name="Xác nhận ở máy chủ").click()
        proved = second.value
        expect(proved.get_by_role("status")).to_be_visible()
        fits_everybody(proved, "sso-proved")
        let_go(proved)
        page.get_by_role("button", name="Đã xác nhận: làm tiếp").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Trần Thị B")
        page.get_by_role("link", name="Đã báo").or_(page.locator("main a.button")).last.click()
        page.locator("summary", has_text="Liên kết với tài khoản").click()
        fits_everybody(page, "sso-people")
