"""The bank as a process: `sandbox serve`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
import urllib3
from click.testing import CliRunner

from sandbox.clock import VIETNAM
from sandbox.commands import sandbox
from sandbox.config import SandboxConfig, WrongSetting, from_environment
from tests.sandbox.conftest import CODE, SECRET, VCB
from tests.sandbox.listening import until

ROOT = Path(__file__).parents[2]


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def served():
    """The address of a bank in a process of its own, an hour ahead."""
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", "from sandbox.commands import sandbox; sandbox()", "serve",
         "--port", str(port)],
        env=os.environ | {"SANDBOX_CLOCK_OFFSET_SECONDS": "3600", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    until(lambda: _is_up(address))
    yield address
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0, output.decode()
    assert b"Traceback" not in output


def _is_up(address):
    try:
        return urllib3.request("GET", f"{address}/healthz", retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        time.sleep(0.05)
        return False


def test_a_served_bank_takes_payments_and_tells_of_them(served, listener):
    """Over real HTTP: open an account, subscribe, pay, be told; the clock is an hour ahead."""

    def post(path, **told):
        answer = urllib3.request("POST", f"{served}/api/{path}", json=told)
        assert answer.status == 201, answer.data
        return json.loads(answer.data)

    post("accounts", **VCB)
    who = {"protocol": "sandbox", "url": listener.url, "secret": SECRET}
    post("subscriptions", accounts=[VCB["number"]], **who)
    paid = post("pay", account=VCB["number"], bin=VCB["bin"], amount=5000, memo=CODE)
    [message] = listener.wait(1)
    assert message.told["event_id"] == paid["event_id"]
    ahead = datetime.fromisoformat(paid["booked_at"]) - datetime.now(VIETNAM)
    assert 3500 < ahead.total_seconds() < 3700


def test_settings_come_from_the_environment():
    """Each setting has its variable; what is not set has its default."""
    told = {
        "SANDBOX_CLOCK_OFFSET_SECONDS": "-7200",
        "SANDBOX_SEED": "9",
        "SANDBOX_RETRY_FACTOR": "0.5",
        "SANDBOX_HOSTS": "bank, bank.example",
    }
    assert from_environment({}) == SandboxConfig()
    assert from_environment(told) == SandboxConfig(
        clock_offset_seconds=-7200, seed=9, retry_factor=0.5, hosts=("bank", "bank.example")
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SANDBOX_SEED", "one"),
        ("SANDBOX_CLOCK_OFFSET_SECONDS", "1.5"),
        ("SANDBOX_RETRY_FACTOR", "-1"),
        ("SANDBOX_RETRY_FACTOR", "nan"),
        ("SANDBOX_RETRY_FACTOR", "fast"),
    ],
)
def test_a_wrong_setting_is_named(name, text):
    """The command stops with the setting's name and never starts with a guess."""
    with pytest.raises(WrongSetting) as refused:
        from_environment({name: text})
    assert refused.value.fields["name"] == name
    result = CliRunner().invoke(sandbox, ["serve"], env={name: text})
    assert result.exit_code == 1
    assert name in result.output
    assert "Traceback" not in result.output
    english = CliRunner().invoke(sandbox, ["serve"], env={name: text, "LANGUAGE": "en"})
    assert "must be" in english.output
