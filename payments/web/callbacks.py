"""Where banks call: `POST /callbacks/{source}/{connection}`.

Size limit, signature over the raw bytes, freshness, store, answer; nothing else. The answer is
given when the message is durable. Messages that come at the same time are committed together:
while one thread commits, the others' messages gather, and the next to have its turn takes all of
them. A bad signature is 401, a message that can't be read 400, an unknown outcome 503, so that
the bank sends again.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Final

from flask import Blueprint, Response, request

from payments import connections, inbox
from payments.advice import UnreadableAdvice
from payments.connections import Intake
from payments.core import clock, metrics
from payments.core.database import Database
from payments.core.errors import CashlessError, Unavailable
from payments.core.vault import Vault
from payments.inbox import Letter
from payments.sources import SOURCES, Answer, BadSignature, Source, StaleTimestamp
from payments.web.problems import Problem, of_ours, respond

KNOWN_SECONDS: Final = 5.0
"""How long a connection's secrets and accounts are remembered; they rotate with overlap."""

_SEEN: Final = metrics.counter(
    "callbacks", "Callbacks by source and outcome", labels=("source", "outcome")
)


class UnknownOutcome(Unavailable):
    """It is not known whether the message was stored: the bank should send it again."""

    code = "unknown_outcome"


def blueprint(database: Database, vault: Vault) -> Blueprint:
    """The addresses banks call."""
    pages = Blueprint("callbacks", __name__, url_prefix="/callbacks")
    book = AddressBook(database, vault)
    gathering = Gathering(database)

    @pages.post("/<source>/<connection>")
    def callback(source: str, connection: str) -> Response:
        name = source if source in SOURCES else "unknown"
        try:
            answer = _take(book, gathering, source, connection)
        except CashlessError as error:
            _SEEN.labels(name, error.code).inc()
            return respond(_refusal(error))
        _SEEN.labels(name, "stored").inc()
        return Response(answer.body, status=answer.status, mimetype=answer.media_type)

    return pages


def _take(book: AddressBook, gathering: Gathering, source: str, connection: str) -> Answer:
    raw = request.get_data(cache=False)
    now = clock.now()
    intake = book.find(connection, now=now)
    if intake.source != source:
        raise connections.UnknownConnection
    spoken: Source = SOURCES[source]
    headers = {name.lower(): value for name, value in request.headers.items()}
    spoken.verify(raw, headers, scheme=intake.scheme, secrets=intake.secrets, now=now)
    advice = spoken.read(raw, scheme=intake.scheme)
    if advice is not None:
        gathering.keep(Letter(intake, advice, raw), now=now)
    return spoken.accepted()


def _refusal(error: CashlessError) -> Problem:
    """A bad signature is 401 and an unreadable message 400: what banks' specifications expect."""
    problem = of_ours(error)
    if isinstance(error, BadSignature | StaleTimestamp):
        return Problem(401, problem.code, problem.detail)
    if isinstance(error, UnreadableAdvice):
        return Problem(400, problem.code, problem.detail)
    return problem


class AddressBook:
    """Connections by their public id, remembered for a few seconds."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._known: dict[str, tuple[float, Intake]] = {}

    def find(self, public_id: str, *, now: datetime) -> Intake:
        """How to take in what comes to this address. Raises `UnknownConnection`."""
        kept = self._known.get(public_id)
        if kept is not None and time.monotonic() - kept[0] < KNOWN_SECONDS:
            return kept[1]
        intake = self._database.read(
            lambda session: connections.intake(session, public_id, self._vault, now=now)
        )
        self._known[public_id] = (time.monotonic(), intake)
        return intake


@dataclass(slots=True)
class _Ticket:
    """One message waiting to be durable."""

    letter: Letter
    now: datetime
    done: bool = False
    error: BaseException | None = field(default=None)


class Gathering:
    """Makes messages durable, those that come together with one commit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Ticket] = deque()
        self._turn = Lock()

    def keep(self, letter: Letter, *, now: datetime) -> None:
        """Returns when the message is durable. Raises `UnknownOutcome` when that is not known."""
        ticket = _Ticket(letter, now)
        self._waiting.append(ticket)
        with self._turn:
            if not ticket.done:
                self._store(self._all_waiting())
        if ticket.error is not None:
            raise UnknownOutcome from ticket.error

    def _all_waiting(self) -> list[_Ticket]:
        taken: list[_Ticket] = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return taken

    def _store(self, tickets: list[_Ticket]) -> None:
        """Stores them together; when that fails, one by one, so that none fails for another."""
        try:
            self._write(tickets)
        except Exception as error:  # noqa: BLE001  whatever it was, the bank is told 503
            for ticket in tickets if len(tickets) > 1 else ():
                self._store([ticket])
            if len(tickets) == 1:
                tickets[0].error = error
        for ticket in tickets:
            ticket.done = True

    def _write(self, tickets: list[_Ticket]) -> None:
        letters = [ticket.letter for ticket in tickets]
        now = tickets[-1].now
        self._database.write(lambda session: inbox.keep_all(session, letters, now=now))
