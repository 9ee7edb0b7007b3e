"""Gathering: what is asked at the same time is done together, with one commit.

A commit waits for the disk, and a statement costs nearly the same for one row as for ten. While
one thread does its work, what others ask gathers; the next to have its turn takes all of it, and
who comes alone is served at once. What fails together is tried one by one, so that none fails for
another. (Waiting a few milliseconds for more to gather was measured, and is slower.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final, Generic, TypeVar

Asked = TypeVar("Asked")
Given = TypeVar("Given")

MOST: Final = 100
"""So much is done together at most."""

Work = Callable[[Sequence[Asked]], Sequence[Given | Exception]]
"""Does what is asked, all or nothing, and gives an answer or a refusal for each in order."""


@dataclass(slots=True)
class _Ticket(Generic[Asked, Given]):
    asked: Asked
    given: Given | Exception | None = None
    done: bool = False


class Gathering(Generic[Asked, Given]):
    """Where threads of one process hand in what they ask."""

    def __init__(self, work: Work[Asked, Given]) -> None:
        self._work = work
        self._waiting: deque[_Ticket[Asked, Given]] = deque()
        self._turn = Lock()

    def ask(self, asked: Asked) -> Given:
        """What the work gives for `asked`; raises what it refused it with."""
        ticket: _Ticket[Asked, Given] = _Ticket(asked)
        self._waiting.append(ticket)
        with self._turn:
            while not ticket.done:
                self._do(self._next())
        if isinstance(ticket.given, Exception):
            raise ticket.given
        return ticket.given  # type: ignore[return-value]  # it is done, so it was given

    def _next(self) -> list[_Ticket[Asked, Given]]:
        count = min(len(self._waiting), MOST)
        return [self._waiting.popleft() for _ in range(count)]

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
