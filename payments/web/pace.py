"""How often somebody may ask: so many times a second, and a store for a busy moment.

Counted by each process for itself.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Hashable
from typing import Final

from payments.web.problems import TooMany

MOST: Final = 10_000
"""So many callers are remembered; then all begin anew with a full store."""


class Pace:
    """So many calls a second by one caller, and a store of calls for a busy moment."""

    def __init__(self, *, per_second: float = 200, store: int = 1000) -> None:
        self._per_second = per_second
        self._store = store
        self._left: dict[Hashable, tuple[float, float]] = {}
        self._turn = threading.Lock()

    def spend(self, caller: Hashable, *, at: float) -> int:
        """Takes one call from a caller's store and tells how many are left; `at` is in seconds.

        Raises `TooMany` with the seconds to wait.
        """
        with self._turn:
            if len(self._left) >= MOST:
                self._left.clear()
            left, since = self._left.get(caller, (float(self._store), at))
            left = min(float(self._store), left + max(0.0, at - since) * self._per_second)
            if left < 1:
                self._left[caller] = (left, at)
                raise TooMany(retry_after=math.ceil((1 - left) / self._per_second))
            self._left[caller] = (left - 1, at)
            return int(left - 1)

    def headers(self, left: int) -> dict[str, str]:
        """What a caller is told of its pace (draft-ietf-httpapi-ratelimit-headers)."""
        window = max(1, int(self._store / self._per_second))
        return {
            "RateLimit-Policy": f'"key";q={self._store};w={window}',
            "RateLimit": f'"key";r={left};t=1',
        }
