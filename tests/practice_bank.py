"""The practice bank, listening: its own application behind a real HTTP server of this machine."""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from werkzeug.serving import make_server

from sandbox.app import DESK, create_app
from sandbox.config import SandboxConfig

KEY = "a-statement-key"


@dataclass(frozen=True)
class Bank:
    """A practice bank at `url`, told what to do over its control API."""

    url: str

    def post(self, path: str, **told: Any) -> dict[str, Any]:
        """What the bank answers to a call of its control API."""
        request = urllib.request.Request(
            f"{self.url}/api/{path}",
            data=json.dumps(told).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found

    def open(self, number: str) -> None:
        """An account at Vietcombank, whose statements whoever has `KEY` may fetch."""
        self.post("accounts", bin="970436", number=number, name="SO TU PHAP", opening_balance=0)
        self.post("statement-keys", account=number, key=KEY)

    def statements(self, layout: str = "camt053") -> str:
        """The address at which statements are fetched."""
        return f"{self.url}/api/accounts/{{account}}/statements/{{day}}?format={layout}"


@contextlib.contextmanager
def a_practice_bank() -> Iterator[Bank]:
    """An empty practice bank on a free port."""
    app = create_app(SandboxConfig())
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Bank(f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        app.extensions[DESK].courier.close()
