"""Gathering: what is asked at the same time is done together, with one commit.

A commit waits for the disk, and a statement costs nearly the same for one row as for ten. While
one thread does its work, what others ask gathers; the next to have its turn takes all of it, and
who comes alone is served at once. What fails together is tried one by one, so that none fails for
another. (Waiting a few milliseconds for more to gather was measured, and is slower.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final, Generic, TypeVar

Asked = TypeVar("Asked")
Given = TypeVar("Given")

MOST: Final = 100
"""So much is done together at most."""

Work = Callable[[Sequence[Asked]], Sequence[Given | Exception]]
"""Does what is asked, all or nothing, and gives an answer or a refusal for each in order."""


class _Ticket(Generic[Asked, Given]):
    """One thread's request; `called` is released once: it is done, or its thread has to work."""

    __slots__ = ("asked", "called", "done", "given")

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.given: Given | Exception | None = None
        self.done = False
        self.called = Lock()
        self.called.acquire()


class Gathering(Generic[Asked, Given]):
    """Where threads of one process hand in what they ask."""

    def __init__(self, work: Work[Asked, Given]) -> None:
        self._work = work
        self._waiting: deque[_Ticket[Asked, Given]] = deque()
        self._guard = Lock()
        self._at_work = False

    def ask(self, asked: Asked) -> Given:
        """What the work gives for `asked`; raises what it refused it with."""
        ticket: _Ticket[Asked, Given] = _Ticket(asked)
        with self._guard:
            self._waiting.append(ticket)
            alone, self._at_work = not self._at_work, True
        if not alone:
            ticket.called.acquire()
        if not ticket.done:
            self._work_on_all()
        if isinstance(ticket.given, Exception):
            raise ticket.given
        return ticket.given  # type: ignore[return-value]  # it is done, so it was given

    def _work_on_all(self) -> None:
        """Does what has gathered, our own first in the row, and calls the next to work."""
        with self._guard:
            count = min(len(self._waiting), MOST)
            tickets = [self._waiting.popleft() for _ in range(count)]
        self._do(tickets)
        with self._guard:
            following = self._waiting[0] if self._waiting else None
            self._at_work = following is not None
        if following is not None:
            following.called.release()
        for ticket in tickets[1:]:
            ticket.called.release()

    def _do(self, tickets: Sequence[_Ticket[Asked, Given]]) -> None:
        try:
            given = self._work([ticket.asked for ticket in tickets])
        except Exception as error:  # noqa: BLE001  each is told its own, below
            if len(tickets) > 1:
                for ticket in tickets:
                    self._do([ticket])
                return
            given = [error]
        for ticket, one in zip(tickets, given, strict=True):
            ticket.given, ticket.done = one, True
