"""A portal that takes every webhook: answers 204 on connections that are kept alive.

python -m bench.receiver PORT
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Taking(BaseHTTPRequestHandler):
    """Reads a message and says nothing of it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(204)

    def log_message(self, *_: object) -> None:
        """Keeps no log."""

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Portal(ThreadingHTTPServer):
    """Takes many connections at once."""

    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Portal(("127.0.0.1", int(sys.argv[1])), Taking).serve_forever()
