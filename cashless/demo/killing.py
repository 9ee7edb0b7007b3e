"""Kills web or scheduler at moments drawn by lot, as a crash would, and starts them again.

The day goes on meanwhile: its pace is held back only so far that every kill falls into it.
"""

from __future__ import annotations

import threading
from collections import Counter
from random import Random
from typing import Final, Self

from cashless.processes import Company, Member

_LONGEST_CALM: Final = 0.6
"""Seconds from a restart to the next kill, at most; time enough to be in the middle of work."""


class Killer:
    """Kills so many times in all, evenly over the day's work; `kills` counts them by name."""

    def __init__(self, total: int, *, chance: Random) -> None:
        self.kills: Counter[str] = Counter()
        self._total = total
        self._chance = chance
        self._allowed = 0.0
        self._change = threading.Condition()

    @property
    def done(self) -> int:
        """How many kills there were."""
        return self.kills.total()

    def reach(self, share: float) -> None:
        """Says that this share of the work is reached; returns when its kills were made."""
        if not self._total:
            return
        with self._change:
            self._allowed = max(self._allowed, share * self._total)
            self._change.notify_all()
            # One kill may still be due, so that it falls into the work that follows.
            self._change.wait_for(lambda: self.done >= int(self._allowed) - 1)

    def hunting(self, company: Company, members: list[Member]) -> Hunt:
        """A with-block in which these processes are killed."""
        return Hunt(self, company, members)

    def next_allowed(self, stopping: threading.Event) -> bool:
        """Waits until another kill is due; False when the block ends before."""
        with self._change:
            self._change.wait_for(
                lambda: stopping.is_set() or self.done < int(self._allowed), timeout=0.1
            )
            return not stopping.is_set() and self.done < int(self._allowed)

    def calm(self) -> float:
        """Seconds to leave the processes alone, drawn by lot."""
        return self._chance.uniform(0, _LONGEST_CALM)

    def choose(self, members: list[Member]) -> Member:
        """The next to die."""
        return self._chance.choice(members)

    def note(self, name: str) -> None:
        """Counts a kill, once the process is back."""
        with self._change:
            self.kills[name] += 1
            self._change.notify_all()


class Hunt:
    """Kills in a thread of its own while the with-block runs; all stand again at its end."""

    def __init__(self, killer: Killer, company: Company, members: list[Member]) -> None:
        self._killer = killer
        self._company = company
        self._members = members
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._hunt, name="killer")
        self._failure: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _hunt(self) -> None:
        try:
            while not self._stopping.is_set():
                if self._killer.next_allowed(self._stopping):
                    self._kill()
        except Exception as error:  # noqa: BLE001  raised in the main thread when the block ends
            self._failure = error

    def _kill(self) -> None:
        self._stopping.wait(self._killer.calm())
        victim = self._killer.choose(self._members)
        self._company.kill(victim.name)
        self._company.start(victim)
        self._company.wait_until_ready(victim)
        self._killer.note(victim.name)
