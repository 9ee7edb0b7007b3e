"""Calls over loopback, connections kept alive: as many as go (a load), or one at a time (a line).

A load is made by `wrk` where it is installed, else by a slower program of our own in a process of
its own; the floor and what is measured beside it are always called the same way.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from payments.core import signatures

CONNECTIONS = 32

SECRET = "a secret long enough to be one"
"""The secret of the connections that the tests' province has."""

_LUA = """
local lines
function init(args) lines = args[1] and io.lines(args[1]) end
function request()
  local line = lines and lines()
  if not line then lines = nil wrk.thread:stop() return wrk.format("GET", "/healthz") end
  local stamp, signature, body = line:match("^(%d+)\\t(%S+)\\t(.*)$")
  return wrk.format("POST", wrk.path, {
    ["Content-Type"] = "application/json",
    ["X-Sandbox-Timestamp"] = stamp,
    ["X-Sandbox-Signature"] = signature,
  }, body)
end
"""


@dataclass(frozen=True)
class Load:
    """What a load came to: answers, over how many seconds, and the time of one in milliseconds."""

    answers: int
    seconds: float
    median: float | None = None
    p99: float | None = None

    @property
    def a_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


@dataclass(frozen=True)
class Answer:
    """What came back on a line."""

    status: int
    body: bytes
    tag: str | None = None


class Line:
    """One connection, kept alive; says HTTP/1.1 with as little work of its own as possible."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def get(self, path: str, *, tag: str | None = None) -> Answer:
        """Asks for a page; with a `tag`, only if it is another than that one by now."""
        known = f"If-None-Match: {tag}\r\n" if tag else ""
        return self._call(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{known}\r\n".encode())

    def post(self, path: str, signed: Signed) -> Answer:
        """Brings a signed message."""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"X-Sandbox-Timestamp: {signed.stamp}\r\nX-Sandbox-Signature: {signed.signature}\r\n"
            f"Content-Length: {len(signed.body)}\r\n\r\n"
        )
        return self._call(head.encode() + signed.body)

    def _call(self, said: bytes) -> Answer:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=30)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(said)
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += self._more()
        head, _, body = heard.partition(b"\r\n\r\n")
        told = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        while told and len(body) < int(told[1]):
            body += self._more()
        if b"connection: close" in head.lower():
            self._socket = None
        tag = re.search(rb"(?i)\r\netag: ([^\r]+)", head)
        return Answer(int(head[9:12]), body, tag[1].decode() if tag else None)

    def _more(self) -> bytes:
        assert self._socket is not None
        got = self._socket.recv(65536)
        if not got:
            raise ConnectionError("the server closed the line")
        return got


@dataclass(frozen=True)
class Signed:
    """A callback of the practice bank, ready to be sent within five minutes."""

    stamp: str
    signature: str
    body: bytes


def sign(body: bytes, *, secret: str = SECRET) -> Signed:
    """The message signed now."""
    stamp = str(int(time.time()))
    return Signed(stamp, "v1=" + signatures.hmac_hex(secret, f"{stamp}.".encode() + body), body)


def press(port: int, path: str, *, seconds: int, folder: Path, bodies: Sequence[Signed]) -> Load:
    """As many calls as go: each message once, or GET where there are none."""
    letters = folder / "letters"
    with letters.open("wb") as file:
        for one in bodies:
            file.write(f"{one.stamp}\t{one.signature}\t".encode() + one.body + b"\n")
    by = _press_with_wrk if shutil.which("wrk") else _press_with_ours
    load = by(port, path, seconds, letters if bodies else None, folder)
    if bodies and load.answers >= len(bodies):
        raise SystemExit("more could be sent than was signed: the figure would be too low")
    return load


def _press_with_wrk(port: int, path: str, seconds: int, letters: Path | None, folder: Path) -> Load:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "--timeout", "60s"]
    ends = [f"http://127.0.0.1:{port}{path}"]
    if letters is not None:
        script = folder / "callbacks.lua"
        script.write_text(_LUA)
        command += ["-s", str(script)]
        ends += ["--", str(letters)]
    done = subprocess.run([*command, *ends], check=False, capture_output=True, text=True)
    told = done.stdout
    if done.returncode:
        raise SystemExit(f"wrk ended with {done.returncode}: {told}{done.stderr}")
    if "Non-2xx" in told or "Socket errors" in told:
        raise SystemExit(told)
    answers, took, unit = re.search(r"(\d+) requests in ([0-9.]+)(ms|s|m)", told).groups()
    return Load(
        int(answers),
        float(took) * {"ms": 0.001, "s": 1, "m": 60}[unit],
        _milliseconds(re.search(r"(?m)^ +50% +(\S+)", told)[1]),
        _milliseconds(re.search(r"(?m)^ +99% +(\S+)", told)[1]),
    )


def _milliseconds(told: str) -> float:
    number, unit = re.match(r"([0-9.]+)(us|ms|s)", told).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def _press_with_ours(
    port: int, path: str, seconds: int, letters: Path | None, _folder: Path
) -> Load:
    command = [sys.executable, "-m", "bench.callers", str(port), path, str(seconds)]
    command += [str(letters)] if letters else []
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Load(**json.loads(done.stdout))


def main() -> None:
    """`python -m bench.callers PORT PATH SECONDS [LETTERS]`: prints a load as JSON."""
    port, path, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    letters = _letters(Path(sys.argv[4])) if len(sys.argv) > 4 else None
    counts = [0] * CONNECTIONS
    began = time.perf_counter()

    def call(who: int) -> None:
        line = Line(port)
        while time.perf_counter() - began < seconds:
            one = next(letters, None) if letters else None
            if letters and one is None:
                return
            answer = line.post(path, one) if one else line.get(path)
            if answer.status >= 300:
                raise SystemExit(f"answered {answer.status}")
            counts[who] += 1

    threads = [threading.Thread(target=call, args=(who,)) for who in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps({"answers": sum(counts), "seconds": time.perf_counter() - began}))


def _letters(path: Path) -> Iterator[Signed]:
    """Signed messages, one a line; read whole, since a generator serves one thread at a time."""
    parts = [line.split(b"\t", 2) for line in path.read_bytes().splitlines()]
    return iter([Signed(stamp.decode(), mark.decode(), body) for stamp, mark, body in parts])


if __name__ == "__main__":
    main()
