"""`/counter`: the one-stop clerk's counter, and what the citizen in front of it sees.

Two windows of one shift: the clerk's, which finds, shows, and records cash, and the citizen's
display. Both ask for news every two seconds and get a 304 while there are none; without a script
they load themselves again.
"""

from __future__ import annotations

from typing import Final

from payments.core.service import Service
from payments.core.words import later
from payments.staff import Role
from payments.web.auth import Home, StaffPages
from payments.web.counter import cash_forms, screen, shift_pages

HOME: Final = Home("counter.start", later("Counter"), frozenset({Role.CLERK}))


def blueprint(cashless: Service) -> StaffPages:
    """The counter's pages, under `/counter`."""
    pages = StaffPages("counter", __name__, url_prefix="/counter")
    shift_pages.add(pages, cashless)
    screen.add(pages, cashless)
    cash_forms.add(pages, cashless)
    return pages
