"""The counter where requests are issued: those asked for at the same time, with one commit.

The answer to each idempotency key is kept in the same unit as the request it tells of, so both
are there or neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy.orm import Session

from payments import payment_requests
from payments.core import clock, idempotency
from payments.core.errors import CashlessError
from payments.core.gathering import Gathering
from payments.core.idempotency import Answer, Question
from payments.core.service import Service
from payments.payment_requests import Asked, Lookups


@dataclass(frozen=True)
class Placed:
    """An order under its idempotency key."""

    question: Question
    asked: Asked


Counter = Gathering[Placed, Answer]


def counter(cashless: Service, lookups: Lookups) -> Counter:
    """The counter of this process."""

    def serve(placed: Sequence[Placed]) -> Sequence[Answer | Exception]:
        return cashless.database.write(lambda session: _serve(session, placed))

    def _serve(session: Session, placed: Sequence[Placed]) -> list[Answer | CashlessError]:
        now = clock.now()
        said = idempotency.claim_all(session, [one.question for one in placed], now=now)
        new = [one for one, given in zip(placed, said, strict=True) if given is None]
        issued = payment_requests.issue_all(
            session,
            [one.asked for one in new],
            base_url=cashless.config.base_url,
            prefix=cashless.config.reference_prefix,
            lookups=lookups,
            now=now,
        )
        answers = [
            one if isinstance(one, CashlessError) else Answer(201, orjson.dumps(one).decode())
            for one in issued
        ]
        told = zip(new, answers, strict=True)
        keep = [(one.question, answer) for one, answer in told if isinstance(answer, Answer)]
        idempotency.keep_all(session, keep, now=now)
        fresh = iter(answers)
        return [next(fresh) if given is None else given for given in said]

    return Gathering(serve)
