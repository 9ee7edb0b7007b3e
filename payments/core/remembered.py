"""Answers remembered for a few seconds, so that a busy process does not ask the same thing anew.

Only for what may be that old: who a key belongs to, a price of the day. Nothing is remembered of a
question that was refused. Several threads may share one; at worst two ask the same thing at once.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

Question = TypeVar("Question", bound=Hashable)
Answer = TypeVar("Answer")

MOST: Final = 10_000
"""So many answers are kept; at one more, all are forgotten."""


class Remembered(Generic[Question, Answer]):
    """Answers by question, each for `for_`."""

    def __init__(self, *, for_: timedelta) -> None:
        self._for = for_
        self._answers: dict[Question, tuple[datetime, Answer]] = {}

    def get(self, question: Question, *, now: datetime) -> Answer | None:
        """The answer given within the last `for_`, or None."""
        found = self._answers.get(question)
        if found is None or not timedelta() <= now - found[0] < self._for:
            return None
        return found[1]

    def put(self, question: Question, answer: Answer, *, now: datetime) -> None:
        """Remembers an answer from now on."""
        if len(self._answers) >= MOST:
            self._answers.clear()
        self._answers[question] = (now, answer)
