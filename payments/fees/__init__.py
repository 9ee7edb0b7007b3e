"""The tariff: which fees there are, what each costs on a day and through which channel.

A fee is a phí or a lệ phí (Law 97/2015/QH13), booked under a budget sub-item. Its prices are
dated, may differ online and at the counter, and may fall with the quantity. Reductions are by
reason. Rows the sources do not confirm are marked unverified and stay so wherever they are shown.
"""

from payments.fees.pricing import (
    AmountNotAllowed,
    AmountOutOfRange,
    AmountRequired,
    FeeNotValidOn,
    Item,
    NoAmountKnown,
    PricedLine,
    QuantityOutOfRange,
    UnknownFee,
    UnknownReduction,
    price,
)
from payments.fees.tables import (
    ANY_CHANNEL,
    UNKNOWN_SUB_ITEM,
    Channel,
    Fee,
    FeeKind,
    FeePrice,
    FeeReduction,
    ReductionKind,
)
from payments.fees.tariff import (
    Described,
    Entry,
    OverlappingValidity,
    Price,
    Reduction,
    TierWithoutFirst,
    put,
    tariff,
)

__all__ = [
    "ANY_CHANNEL",
    "UNKNOWN_SUB_ITEM",
    "AmountNotAllowed",
    "AmountOutOfRange",
    "AmountRequired",
    "Channel",
    "Described",
    "Entry",
    "Fee",
    "FeeKind",
    "FeeNotValidOn",
    "FeePrice",
    "FeeReduction",
    "Item",
    "NoAmountKnown",
    "OverlappingValidity",
    "Price",
    "PricedLine",
    "QuantityOutOfRange",
    "Reduction",
    "ReductionKind",
    "TierWithoutFirst",
    "UnknownFee",
    "UnknownReduction",
    "price",
    "put",
    "tariff",
]
