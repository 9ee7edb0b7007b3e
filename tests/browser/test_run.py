"""`make run` by hand: issue with the README's curl, pay at the practice bank, see it paid."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
from playwright.sync_api import Browser, expect
from standardwebhooks import Webhook

from tests.browser.pages import opened, visiting
from tests.cashless.test_cli import environment
from tests.cashless.test_processes import a_free_port, is_running
from tests.receiver import a_receiver

ROOT = Path(__file__).parents[2]


@dataclass
class Running:
    """`cashless run` as a person sees it: its process, its addresses, what it printed."""

    process: subprocess.Popen[bytes]
    web: str
    bank: str
    printed: Path

    @property
    def told(self) -> str:
        return self.printed.read_text()

    @property
    def key(self) -> str:
        return re.findall(r"KEY=(\S+)", self.told)[0]

    def password(self, username: str) -> str:
        return re.findall(rf"^  {username} +(\S+)$", self.told, re.MULTILINE)[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where it is run: the first run lives the day, later ones find it."""
    return tmp_path_factory.mktemp("run")


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """The command, serving; ended by Ctrl-C."""
    web, bank = a_free_port(), a_free_port()
    printed = folder / "printed.txt"
    words = ["--port", str(web), "--bank-port", str(bank), "--payments", "100"]
    with printed.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "cashless", "--language", "en", "run", *words],
            cwd=folder,
            env=environment(PYTHONUNBUFFERED="1"),
            stdout=out,
            stderr=out,
        )
        try:
            end = time.monotonic() + 240
            while "lines" not in printed.read_text().partition("KEY=")[2]:
                assert process.poll() is None, printed.read_text()
                assert time.monotonic() < end, printed.read_text()
                time.sleep(0.2)
            yield Running(process, f"http://127.0.0.1:{web}", f"http://127.0.0.1:{bank}", printed)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def the_readmes_curl(*, web: str) -> str:
    walk = (ROOT / "README.md").read_text().split("<!-- walk-through -->")[1]
    (line,) = re.findall(r"```sh\n(curl .*?)```", walk, re.DOTALL)
    return str(line).replace("http://127.0.0.1:8000", web)


def portal(method: str, url: str, key: str, body: object = None) -> dict[str, object]:
    answer = urllib3.request(method, url, json=body, headers={"Authorization": f"Bearer {key}"})
    assert answer.status == 200, answer.data
    told: dict[str, object] = answer.json()
    return told


def test_a_request_is_issued_paid_and_told(browser: Browser, folder: Path) -> None:
    """Curl as the README says, the page open, paid at the bank: "paid" without loading again,
    and a webhook that the independent library verifies."""
    with running(folder) as run, a_receiver() as receiver, visiting(browser) as visit:
        hook = f"{run.web}/api/v1/webhook"
        portal("PUT", hook, run.key, {"url": receiver.url})
        secret = portal("POST", f"{hook}/rotate", run.key)["secret"]
        issued = json.loads(
            subprocess.run(
                ["bash", "-c", the_readmes_curl(web=run.web)],
                env={**os.environ, "KEY": run.key},
                capture_output=True,
                check=True,
            ).stdout
        )
        with opened(visit, issued["page"]) as page:
            page.evaluate("window.stayed = true")
            expect(page.locator("#headline")).to_have_text("Đang chờ bạn thanh toán")
            with opened(visit, f"{run.bank}/pay") as bank:
                bank.locator("#qr").fill(issued["pay_to"]["qr"])
                bank.locator("main form button").click()
                bank.locator("main form button").click()
                expect(bank).to_have_url(re.compile("/receipts/"))
            page.bring_to_front()
            expect(page.locator("#headline")).to_have_text("Đã thanh toán", timeout=15_000)
            assert page.evaluate("window.stayed") is True
        end = time.monotonic() + 15
        told: dict[str, Any] = {}
        while "payment_request.paid" not in told:  # receipts are told beside it, in any order
            assert time.monotonic() < end
            time.sleep(0.1)
            verified = [
                Webhook(str(secret)).verify(message.body, message.headers)
                for message in list(receiver.calls)
            ]
            told = {message["type"]: message["data"] for message in verified}
        assert told["payment_request.paid"]["reference"] == issued["reference"]


def test_the_day_is_there_for_staff(browser: Browser, folder: Path) -> None:
    """The reconciler signs in with the printed password and finds yesterday's verdict."""
    with (
        running(folder) as run,
        visiting(browser, language="en") as visit,
        opened(visit, f"{run.web}/console") as page,
    ):
        page.locator("#username").fill("reconciler")
        page.locator("#password").fill(run.password("reconciler"))
        page.locator("main form button").click()
        for account in ("0011001234567", "0011007654321", "0011002468135"):
            expect(page.locator("main")).to_contain_text(account)


def test_ctrl_c_ends_everything_and_the_next_run_finds_it(folder: Path) -> None:
    """No process is left; the key, the requests and the bank's balances are as they were."""
    with running(folder) as first:
        key = first.key
        listed = f"{first.web}/api/v1/payment-requests?limit=200"
        before = portal("GET", listed, key)
        accounts = urllib3.request("GET", f"{first.bank}/api/accounts").json()
        children = Path(f"/proc/{first.process.pid}/task/{first.process.pid}/children")
        pids = [int(pid) for pid in children.read_text().split()]
    assert first.process.returncode == 0
    assert len(pids) >= 3
    assert not any(is_running(pid) for pid in pids)
    with running(folder) as again:
        listed = f"{again.web}/api/v1/payment-requests?limit=200"
        assert portal("GET", listed, key) == before
        held = urllib3.request("GET", f"{again.bank}/api/accounts").json()
        assert [one["balance"] for one in held["items"]] == [
            one["balance"] for one in accounts["items"]
        ]
        assert all(one["balance"] for one in held["items"])
