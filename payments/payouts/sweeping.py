"""The bank's sweep: remittances that it sent by itself at the cut-off, in no file of ours.

Where the treasury has agreed it with a bank, that empties the account into the treasury's each day
(Circular 58/2019/TT-BTC). Its debit carries no code of a payout: what makes it known is that it
comes to the sum of the remittances that go to one treasury account, or to all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.core.money import Dong
from payments.payouts.routes import RemittanceRoute
from payments.payouts.tables import Kind, Payout, State


def of_sweep(
    session: Session, account_id: int, amount: Dong, *, states: Sequence[State] = (State.APPROVED,)
) -> Sequence[Payout]:
    """The remittances of an account that a debit of this amount may be, in order; in no file yet.

    Those to one treasury account, or all of them. None where the amount fits nothing, or several.
    """
    rows = session.execute(
        select(Payout, RemittanceRoute.bin, RemittanceRoute.number)
        .join(RemittanceRoute, RemittanceRoute.id == Payout.remittance_route_id)
        .where(
            Payout.collection_account_id == account_id,
            Payout.state.in_(states),
            Payout.kind == Kind.REMITTANCE,
        )
        .order_by(Payout.id)
    )
    of_treasury: dict[tuple[str, str], list[Payout]] = defaultdict(list)
    for payout, bin, number in rows:
        of_treasury[bin, number].append(payout)
    sets = list(of_treasury.values())
    if len(sets) > 1:
        sets.append(sorted((one for some in sets for one in some), key=lambda one: one.id))
    fitting = [some for some in sets if sum(one.amount for one in some) == amount]
    return fitting[0] if len(fitting) == 1 else ()
