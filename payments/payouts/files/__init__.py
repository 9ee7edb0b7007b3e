"""Payment files: what a bank takes to send money, as pure functions of an order.

An order that can be made can be filed: what a bank would refuse is refused when it is built. The
two writers say the same in two forms, and the same order is always the same bytes, so that a file
can be compared with what was stored.
"""

from payments.payouts.files import pain001, sheet
from payments.payouts.files.order import (
    BankAccount,
    DoublePayout,
    EmptyOrder,
    NameNotWritable,
    NumberNotWritable,
    Order,
    Payment,
    Totals,
    totals,
)

__all__ = [
    "BankAccount",
    "DoublePayout",
    "EmptyOrder",
    "NameNotWritable",
    "NumberNotWritable",
    "Order",
    "Payment",
    "Totals",
    "pain001",
    "sheet",
    "totals",
]
