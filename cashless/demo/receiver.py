"""The portal's own end of the webhooks: verifies every message as Standard Webhooks says.

Source: standardwebhooks.com, specification 1.0: HMAC-SHA256 over `{id}.{timestamp}.{body}`, the
secret in base64 behind `whsec_`, a message no older than five minutes.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from payments.core import clock

TOLERANCE_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Told:
    """A verified message and when it first came, in seconds of this process's clock."""

    id: str
    type: str
    data: dict[str, Any]
    came: float


@dataclass
class Inbox:
    """What the portal was told, each message once, and how many came again or were refused.

    `heard` is called with each message, where anybody wants to know at once.
    """

    url: str = ""
    secret: str = field(default="", repr=False)
    clock_ahead: float = 0.0
    messages: dict[str, Told] = field(default_factory=dict)
    again: int = 0
    refused: int = 0
    heard: Callable[[Told], None] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The HTTP status for a message: 204 when it is genuine, else 401."""
        came = time.monotonic()
        genuine = verify(
            headers, body, secret=self.secret, now=clock.now().timestamp() + self.clock_ahead
        )
        with self.lock:
            if not genuine:
                self.refused += 1
                return 401
            number = headers["webhook-id"]
            if number in self.messages:
                self.again += 1
                return 204
            told = json.loads(body)
            message = self.messages[number] = Told(number, told["type"], told["data"], came)
        if self.heard is not None:
            self.heard(message)
        return 204

    def all(self) -> list[Told]:
        """Every message so far, in the order they came."""
        with self.lock:
            return list(self.messages.values())


def verify(headers: dict[str, str], body: bytes, *, secret: str, now: float) -> bool:
    """Whether one of the signatures is ours and the message is fresh; names in lower case."""
    number, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{number}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(b"v1," + expected, one.encode()) for one in given)


class _Handler(BaseHTTPRequestHandler):
    inbox: Inbox

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.send_response(self.inbox.take(headers, body))
        self.send_header("Content-Length", "0")
        with contextlib.suppress(OSError):  # the sender may have been killed meanwhile
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


@contextlib.contextmanager
def listening(port: int = 0) -> Iterator[Inbox]:
    """A portal that listens on this machine, at a free port unless one is told."""
    inbox = Inbox()
    server = _Server(("127.0.0.1", port), type("_Bound", (_Handler,), {"inbox": inbox}))
    inbox.url = f"http://127.0.0.1:{server.server_port}/webhook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
