"""People at the console: each signs in at a browser of their own, sees pages and sends forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import time_machine
from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from payments import staff
from payments.app import create_app
from payments.staff import Role
from reconciliation.app import init_app
from tests.builders import NOON
from tests.services import a_config
from tests.stores import with_kept_engine

PASSWORD = "a long enough password"
SignIn = Callable[[Role], "Person"]


class _Compiled(BytecodeCache):
    """Templates compiled once for all the applications of a run."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._held:
            bucket.bytecode_from_string(self._held[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._held[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


class Person:
    """Someone at a browser."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def see(self, path: str) -> str:
        """A page's text; it must be there."""
        answer = self.client.get(path, headers={"Accept": "text/html", "Accept-Language": "en"})
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.get_data(as_text=True)

    def send(self, path: str, *, on: str = "/console/statements", **fields: object) -> TestResponse:
        """What a form of the page `on` answers, as the page is now."""
        return self.send_from(self.see(on), path, **fields)

    def enter(self, role: Role) -> TestResponse:
        """What the sign-in page answers to the person of a role."""
        told = {"username": role.value, "password": PASSWORD}
        return self.send("/sign-in", on="/sign-in", **told)

    def send_from(self, page: str, path: str, **fields: object) -> TestResponse:
        """What a form of a page that was seen before answers, with what the page hid in it."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        return self.client.post(
            path,
            data={"csrf_token": token[1], **hidden_in(page, path), **fields},
            headers={"Accept": "text/html", "Accept-Language": "en"},
        )


def hidden_in(page: str, path: str) -> dict[str, list[str]]:
    """What the form of a page that goes to `path` holds unseen, beside its token."""
    found: dict[str, list[str]] = {}
    for action, form in re.findall(
        r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', page, re.DOTALL
    ):
        told = re.findall(r'type="hidden" name="(proposal|seen)" value="([^"]*)"', form)
        for name, value in told if action == path else ():
            found.setdefault(name, []).append(value)
    return found


def employ(session: Session, *roles: Role) -> None:
    """A person of each role, whose user name is the role."""
    for role in roles:
        told = {"name": f"Ms {role.value}", "password": PASSWORD, "roles": [role]}
        staff.add(session, role.value, by="command:test", now=NOON, **told)


@contextmanager
def whole_app(database_url: str, now: object, **told: object) -> Iterator[Flask]:
    """The whole application at a standing time; `told` are settings of its own."""
    here = {"database_url": database_url, "base_url": "http://127.0.0.1:8000", **told}
    whole = create_app(a_config(**here))
    init_app(whole)
    with_kept_engine(whole.extensions["cashless"].database)
    whole.jinja_env.bytecode_cache = _COMPILED
    with time_machine.travel(now, tick=False):
        yield whole
    whole.extensions["cashless"].database.dispose()


def signing_in(app: Flask) -> SignIn:
    """Signs people in, each at a browser of their own."""

    def enter(role: Role) -> Person:
        person = Person(app.test_client())
        answer = person.enter(role)
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return person

    return enter
