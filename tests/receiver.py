"""A portal's endpoint for webhooks: a real HTTP server that keeps what came and answers as told."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One call as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The message's `webhook-id`."""
        return self.headers["webhook-id"]


Answering = Callable[["Handler", Received], None]
Getting = Callable[["Handler"], None]


def answer(status: int, body: bytes = b"", **headers: str) -> Answering:
    """Answers every call with a status."""

    def answering(handler: Handler, _received: Received) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answering


@dataclass
class Receiver:
    """The endpoint: `url` to call, `calls` so far, `answering` what to do with the next.

    `getting` is what to do with those who only ask.
    """

    url: str = ""
    calls: list[Received] = field(default_factory=list)
    answering: Answering = field(default_factory=lambda: answer(204))
    getting: Getting = field(default=lambda handler: handler.send_error(405))
    lock: Any = field(default_factory=threading.Lock)

    def counted(self) -> Counter[str]:
        """How often each message came."""
        with self.lock:
            return Counter(call.id for call in self.calls)


class Handler(BaseHTTPRequestHandler):
    """Keeps a call, then answers."""

    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, body)
        with self.receiver.lock:
            self.receiver.calls.append(received)
        with contextlib.suppress(OSError):  # whoever called may be gone
            self.receiver.answering(self, received)

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):  # whoever asked may be gone
            self.receiver.getting(self)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    """Takes many connections at once; does not wait for those that hang."""

    request_queue_size = 128
    daemon_threads = True


@contextlib.contextmanager
def a_receiver(
    answering: Answering | None = None, *, getting: Getting | None = None
) -> Iterator[Receiver]:
    """An endpoint on a free port of this machine."""
    receiver = Receiver(answering=answering or answer(204))
    receiver.getting = getting or receiver.getting
    server = _Server(("127.0.0.1", 0), type("Bound", (Handler,), {"receiver": receiver}))
    receiver.url = f"http://127.0.0.1:{server.server_port}/webhook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
