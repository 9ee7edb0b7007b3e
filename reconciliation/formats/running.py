"""Running balances: each must follow from the one beside it, in the order the layout says."""

from __future__ import annotations

from decimal import Decimal

from reconciliation.formats.layouts import Order
from reconciliation.formats.parts import Discrepancy, Figure


class Running:
    """Follows the balances beside the lines; a line without one begins anew."""

    def __init__(self, order: Order | None, opening: Decimal | None) -> None:
        self.order = order
        self.first: Decimal | None = None
        self.last = opening if order is Order.OLDEST_FIRST else None
        self.last_change = Decimal(0)
        self.differing: dict[Order, Discrepancy] = {}

    def take(self, balance: Decimal | None, change: Decimal) -> None:
        """Takes the next line's balance and what the line did to it."""
        if self.last is not None and balance is not None:
            self._compare(Order.OLDEST_FIRST, balance, self.last + change)
            self._compare(Order.NEWEST_FIRST, balance, self.last - self.last_change)
        self.first = balance if self.first is None else self.first
        self.last, self.last_change = balance, change

    def discrepancies(self) -> tuple[Discrepancy, ...]:
        """The first balance that does not follow, if any."""
        if self.order is None:
            return ()
        if self.order is Order.EITHER:
            both = len(self.differing) == 2
            return (self.differing[Order.OLDEST_FIRST],) if both else ()
        return (self.differing[self.order],) if self.order in self.differing else ()

    def closing(self) -> Decimal | None:
        """The balance after the newest line, where the layout says which that is."""
        newest = {Order.OLDEST_FIRST: self.last, Order.NEWEST_FIRST: self.first}
        return None if self.order is None else newest.get(self.order)

    def _compare(self, order: Order, balance: Decimal, expected: Decimal) -> None:
        if balance != expected and order not in self.differing:
            self.differing[order] = Discrepancy(Figure.RUNNING, balance, expected)
