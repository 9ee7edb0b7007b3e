"""What a new service is filled with: units and tariff from files, and something to practise with.

Loading is done as often as one likes. The first time a row holds from when the file says; later a
changed file gives new rows that hold from that day, so nothing that was charged is edited.
"""

from payments.seed.fields import UnreadableSeed
from payments.seed.files import Tariff, Units, read_tariff, read_units, sub_items
from payments.seed.loading import Loaded, load_tariff, load_units
from payments.seed.practice import (
    PORTAL,
    Account,
    Line,
    Practice,
    PracticeOnly,
    Someone,
    practise,
)

__all__ = [
    "PORTAL",
    "Account",
    "Line",
    "Loaded",
    "Practice",
    "PracticeOnly",
    "Someone",
    "Tariff",
    "Units",
    "UnreadableSeed",
    "load_tariff",
    "load_units",
    "practise",
    "read_tariff",
    "read_units",
    "sub_items",
]
