"""Very many credits at once, for what is measured: of one account, some days, nobody's."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Integer, case, cast, insert, literal, select
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from payments.core.columns import Amount, Code, Count, Day, Flag, Instant, Words
from payments.core.database import table_of
from payments.credits import Credit
from tests.bank import TODAY
from tests.builders import NOON

DAYS = 5


def many_credits(session: Session, account: int, many: int) -> None:
    """Unidentified credits of 1.000 đồng, spread over five days from today on."""
    one = select(literal(1, Integer).label("number")).cte("counted", recursive=True)
    counted = one.union_all(select(one.c.number + 1).where(one.c.number < many))
    number = counted.c.number
    day = case(
        {n: literal(TODAY + timedelta(days=n), Day()) for n in range(DAYS)}, value=number % DAYS
    )
    amount, none = literal(1_000, Amount()), literal(0, Amount())
    values = {
        "collection_account_id": literal(account, Count()),
        "amount": amount,
        "booked_at": literal(NOON, Instant()),
        "day": day,
        "memo": literal("=nộp phí ", Words()) + cast(number, SqlText),
        "trusted": literal(True, Flag()),
        "arrived_at": literal(NOON, Instant()),
        "finding": literal("unidentified", Code()),
        "settled_at": literal(NOON, Instant()),
        "decisions": literal(1, Count()),
        "advised": none,
        "to_fees": none,
        "held": none,
        "unidentified": amount,
        "refunded": none,
        "reversed": none,
    }
    session.execute(insert(table_of(Credit)).from_select(list(values), select(*values.values())))
