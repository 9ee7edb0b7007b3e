"""Serving for real: gunicorn, the scheduler and both together, as an operator starts them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cashless.test_cli import KEY, environment
from tests.cashless.test_processes import a_free_port, is_running


@contextmanager
def serving(*words: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command, running; killed at the end if it still does."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cashless", *words],
            env=environment(**settings),
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        except AssertionError:
            log.seek(0)
            print(log.read().decode())
            raise
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=5) as answer:
        return str(answer.read().decode())


def eventually(address: str, told: str = "", within: float = 60) -> str:
    """What the address answers once it answers with `told` in it."""
    end = time.monotonic() + within
    while True:
        try:
            page = get(address)
        except OSError:
            page = None
        if page is not None and told in page:
            return page
        assert time.monotonic() < end, page
        time.sleep(0.1)


def requests_counted(page: str) -> float:
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in page.splitlines()
        if line.startswith("cashless_http_requests_total") and 'path_rule="/healthz"' in line
    )


@pytest.mark.committed
def test_the_web_serves_with_several_processes_that_count_as_one(
    database_url: str, engine: str
) -> None:
    """Whichever process answers, `/metrics` adds up what all of them counted."""
    port = a_free_port()
    here = f"http://127.0.0.1:{port}"
    settings = {"CASHLESS_DATABASE_URL": database_url, "CASHLESS_MASTER_KEY": KEY}
    with serving("web", "--port", str(port), "--workers", "2", **settings) as process:
        eventually(f"{here}/healthz")
        before = requests_counted(get(f"{here}/metrics"))
        for _ in range(20):
            get(f"{here}/healthz")
        assert requests_counted(get(f"{here}/metrics")) == before + 20
        assert json.loads(get(f"{here}/readyz"))["checks"]["database"] == "ok"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    left = list(Path(tempfile.gettempdir()).glob(f"cashless-measurements-{process.pid}-*"))
    assert left == []


@pytest.mark.committed
def test_a_worker_that_is_killed_is_replaced(database_url: str) -> None:
    port = a_free_port()
    here = f"http://127.0.0.1:{port}"
    settings = {"CASHLESS_DATABASE_URL": database_url, "CASHLESS_MASTER_KEY": KEY}
    with serving("web", "--port", str(port), "--workers", "1", **settings) as process:
        eventually(f"{here}/healthz")
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(workers[0]), signal.SIGKILL)
        while is_running(int(workers[0])):
            time.sleep(0.01)
        eventually(f"{here}/healthz")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@pytest.mark.committed
def test_the_scheduler_beats_and_ends_when_told(database_url: str) -> None:
    port = a_free_port()
    here = f"http://127.0.0.1:{port}"
    settings = {"CASHLESS_DATABASE_URL": database_url, "CASHLESS_MASTER_KEY": KEY}
    with (
        serving("web", "--port", str(port), **settings),
        serving("scheduler", **settings) as clockwork,
    ):
        eventually(f"{here}/readyz", '"scheduler":"ok"')
        clockwork.send_signal(signal.SIGTERM)
        assert clockwork.wait(30) == 0


def test_practice_is_not_for_real_money() -> None:
    live = {
        "CASHLESS_MODE": "live",
        "CASHLESS_DATABASE_URL": "postgresql://h/d",
        "CASHLESS_MASTER_KEY": KEY,
    }
    with serving("run", **live) as process:
        assert process.wait(30) == 2


def test_a_port_in_use_is_told_at_once(tmp_path: Path) -> None:
    """Neither web, practice bank nor the whole says it serves where somebody else does."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for words in (
            ["web", "--port", port],
            ["sandbox", "serve", "--port", port],
            ["run", "--port", port],
        ):
            ended = subprocess.run(
                [sys.executable, "-m", "cashless", "--language", "en", *words],
                cwd=tmp_path,
                env=environment(),
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert ended.returncode != 0, words
            assert "in use" in ended.stderr, words
            assert "Traceback" not in ended.stderr, words
