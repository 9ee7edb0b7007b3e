"""A client of the service as patient as a portal's: what fails for now is asked again."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Final

import urllib3

from payments.core.errors import Unavailable

PATIENCE: Final = 60.0
"""Seconds for which a call is repeated while nobody answers, or the answer is: not now."""

_PAUSE: Final = 0.1
_NOT_NOW: Final = (429, 502, 503, 504)
_TIMEOUT: Final = urllib3.Timeout(connect=2.0, read=30.0)
_CONNECTIONS: Final = 16


class UnexpectedAnswer(Unavailable):
    """The demonstration was answered with something else than it asked for."""

    code = "unexpected_answer"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers with names in lower case, raw body, cookies to keep."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class Http:
    """Calls over kept connections; safe under threads."""

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._pool = urllib3.PoolManager(num_pools=4, maxsize=_CONNECTIONS, retries=False)

    def ask(
        self,
        method: str,
        url: str,
        *,
        json_body: Any = None,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, Any] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """The answer, whatever its status, after as many tries as patience allows.

        Raises `UnexpectedAnswer` when nobody answers for that long.
        """
        sent = dict(headers or {})
        if json_body is not None:
            body = json.dumps(json_body).encode()
            sent["Content-Type"] = "application/json"
        elif form is not None:
            body, sent["Content-Type"] = urllib3.encode_multipart_formdata(form)
        end = time.monotonic() + self._patience
        while True:
            answer = self._once(method, url, body, sent)
            if answer is not None and answer.status not in _NOT_NOW:
                return answer
            if time.monotonic() > end:
                status = "-" if answer is None else answer.status
                raise UnexpectedAnswer(method=method, url=url, status=status, told="")
            time.sleep(_PAUSE)

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """What stands at `url`. Raises `UnexpectedAnswer` unless it is answered with 200."""
        return expect(self.ask("GET", url, headers=headers), 200, method="GET", url=url)

    def post(
        self,
        url: str,
        json_body: Any,
        *,
        headers: Mapping[str, str] | None = None,
        expected: int = 201,
    ) -> Any:
        """The JSON answered to JSON. Raises `UnexpectedAnswer` for another status."""
        answer = self.ask("POST", url, json_body=json_body, headers=headers)
        return expect(answer, expected, method="POST", url=url).json()

    def close(self) -> None:
        """Gives the connections back; a later call makes new ones."""
        self._pool.clear()

    def _once(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer | None:
        try:
            answer = self._pool.request(
                method, url, body=body, headers=headers, timeout=_TIMEOUT, redirect=False
            )
        except (urllib3.exceptions.HTTPError, OSError):
            return None
        told = {name.lower(): value for name, value in answer.headers.items()}
        cookies = SimpleCookie()
        for line in answer.headers.getlist("set-cookie"):
            cookies.load(line)
        kept = {name: morsel.value for name, morsel in cookies.items()}
        return Answer(answer.status, told, answer.data, kept)


def expect(answer: Answer, status: int, *, method: str, url: str) -> Answer:
    """The answer, if its status is `status`; else raises `UnexpectedAnswer` with what it said."""
    if answer.status != status:
        told = answer.body[:400].decode("utf-8", "replace")
        raise UnexpectedAnswer(method=method, url=url, status=answer.status, told=told)
    return answer
