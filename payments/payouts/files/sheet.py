"""An order as the spreadsheet that Vietnamese banks take for transfers in a batch.

Its words are Vietnamese, whoever asks, and what is written about a payment is what pain.001 says.
Numbers of accounts are texts: they keep their zeros, and no cell is a formula.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

from payments.core import sheets, words
from payments.core.sheets import Cells, Heading, Kind
from payments.core.words import say
from payments.payouts.files.order import Order, totals

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def write(order: Order) -> bytes:
    """The workbook: a row for each payment, then their number and sum."""
    file = io.BytesIO()
    sums = totals(order)
    with words.speaking("vi"):
        total = (None, say("payment_file.total", count=sums.count), None, None, None)
        sheets.write_xlsx(
            file,
            _headings(),
            _rows(order),
            title=say("payment_file.title", number=order.file_id),
            total=(*total, sums.amount, None),
            made_at=order.created_at,
        )
    return file.getvalue()


def _headings() -> list[Heading]:
    return [
        Heading(say("payment_file.row"), Kind.COUNT),
        Heading(say("payment_file.number")),
        Heading(say("payment_file.holder")),
        Heading(say("payment_file.bank")),
        Heading(say("payment_file.bin")),
        Heading(say("payment_file.amount"), Kind.AMOUNT),
        Heading(say("payment_file.memo")),
    ]


def _rows(order: Order) -> Iterator[Cells]:
    for row, payment in enumerate(order.payments, 1):
        to = payment.beneficiary
        yield (row, to.number, to.holder, to.bank, to.bin, payment.amount, payment.memo)
