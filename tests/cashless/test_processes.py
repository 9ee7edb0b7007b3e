"""Processes started together are watched and stopped together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cashless import processes
from cashless.processes import Member, Patience, ProcessEnded, ProcessSilent

HALF_A_SECOND = Patience(ready=0.5, stop=0.5)

SLEEPS = "import time; time.sleep(600)"
WAITS_AND_ENDS = "import time; time.sleep(0.3); raise SystemExit(7)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
SERVES = """
import http.server, sys
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""
TOGETHER = """
import os, sys
from cashless import processes
from cashless.processes import Member
sleeps = [Member(name, [sys.executable, "-c", "import time; time.sleep(600)"], os.environ)
          for name in "ab"]
with processes.together(sleeps, cut_short=int(sys.argv[1])) as company:
    print(company.pid("a"), company.pid("b"), flush=True)
    company.watch()
"""


def member(name: str, program: str, *words: str, ready: str | None = None) -> Member:
    return Member(name, [sys.executable, "-c", program, *words], dict(os.environ), ready)


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def a_free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture(autouse=True)
def our_signals() -> object:
    """`together` answers to SIGTERM and Ctrl-C; afterwards pytest does again."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_all_are_stopped_at_the_end() -> None:
    with processes.together([member("a", SLEEPS), member("b", SLEEPS)]) as company:
        pids = [company.pid("a"), company.pid("b")]
        assert all(is_running(pid) for pid in pids)
    assert not any(is_running(pid) for pid in pids)


def test_what_serves_is_waited_for() -> None:
    """The block begins when the address answers, so nobody has to guess how long that takes."""
    port = a_free_port()
    here = f"http://127.0.0.1:{port}/"
    with processes.together([member("page", SERVES, str(port), ready=here)]):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_one_that_ends_by_itself_ends_all() -> None:
    pids = []
    with processes.together([member("a", SLEEPS), member("b", WAITS_AND_ENDS)]) as company:
        pids.append(company.pid("a"))
        with pytest.raises(ProcessEnded) as refused:
            company.watch()
    assert refused.value.fields == {"name": "b", "status": 7}
    assert not is_running(pids[0])


def test_one_that_ends_instead_of_serving_is_told() -> None:
    never = f"http://127.0.0.1:{a_free_port()}/"
    with (
        pytest.raises(ProcessEnded),
        processes.together([member("page", "raise SystemExit(3)", ready=never)]),
    ):
        pytest.fail("it never served")


def test_one_that_never_answers_is_told() -> None:
    never = f"http://127.0.0.1:{a_free_port()}/"
    with (
        pytest.raises(ProcessSilent),
        processes.together([member("page", SLEEPS, ready=never)], patience=HALF_A_SECOND),
    ):
        pytest.fail("it never served")


def test_one_that_will_not_end_is_killed() -> None:
    with processes.together([member("a", STUBBORN)], patience=HALF_A_SECOND) as company:
        pid = company.pid("a")
        time.sleep(0.5)
    assert not is_running(pid)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_being_told_to_end_ends_all(number: signal.Signals, status: int) -> None:
    """With the status that who started them chose: a demonstration cut short proved nothing."""
    command = [sys.executable, "-c", TOGETHER, str(status)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert all(is_running(pid) for pid in pids)
    parent.send_signal(number)
    _, told = parent.communicate(timeout=30)
    assert (parent.returncode, told) == (status, "")
    assert not any(is_running(pid) for pid in pids)
