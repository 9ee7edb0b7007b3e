"""Issuing receipts: each second, by one process at a time, numbers first and papers after.

Three kinds of steps, each a unit of its own: paid requests get their receipts' numbers, account
by account; papers are drawn and signed with no transaction open; they are kept. Whatever is cut
off between two steps is taken up by the next round, by this process or another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy.orm import Session

from payments import agencies, documents, receipts
from payments.core import leases, metrics
from payments.core.leases import Fence
from payments.core.logs import log
from payments.core.service import Service
from payments.documents import Signer
from payments.receipts import Draft, Papers
from payments.receipts.providers import Folder, Own, Provider, ProviderFailed

_LEASE: Final = "receipts"
_LEASED: Final = timedelta(seconds=60)
"""Longer than the longest step by far; a holder that died is replaced after it."""

_MOST_NUMBERED: Final = 10 * receipts.MOST_AT_ONCE
"""Requests numbered in one round before papers are signed again."""

_ISSUED: Final = metrics.counter("receipts_issued", "Receipts issued.")


class LeaseLost(Exception):
    """Another process issues by now; what this one was at is thrown away."""


def issue(cashless: Service, now: datetime) -> bool:
    """Numbers what is due, signs what is numbered longest; whether more may wait."""
    if not cashless.database.read(receipts.anything_waits):
        return False
    holder = leases.this_process()
    fence = cashless.database.write(
        lambda session: leases.take(session, _LEASE, holder=holder, for_=_LEASED, now=now)
    )
    if fence is None:
        return False
    try:
        done = _number(cashless, fence, now=now) + _sign(cashless, fence, now=now)
    except LeaseLost:
        return False
    except Exception:
        _release(cashless, fence, now=now)
        raise
    _release(cashless, fence, now=now)
    return done > 0


def _release(cashless: Service, fence: Fence, *, now: datetime) -> None:
    cashless.database.write(lambda session: leases.release(session, fence, now=now))


def _number(cashless: Service, fence: Fence, *, now: datetime) -> int:
    """Numbers what is due of each account; one that is busy waits for the next round."""

    def unit(session: Session, account: int) -> int:
        _hold(session, fence)
        if not agencies.lock_if_free(session, account):
            return 0
        return receipts.number_all(session, account, now=now)

    count = 0
    for account in cashless.database.read(receipts.accounts_due):
        while count < _MOST_NUMBERED:
            numbered = cashless.database.write(partial(unit, account=account))
            count += numbered
            if numbered < receipts.MOST_AT_ONCE:
                break
    return count


def _sign(cashless: Service, fence: Fence, *, now: datetime) -> int:
    """Issues the first set of which papers can be had; those that still wait are looked past.

    Raises `ProviderFailed` where none can be had for that: the loop then asks less often.
    """
    drafts, end = cashless.database.read(receipts.unsigned)
    if end is None:
        return 0
    signer = cashless.database.write(
        lambda session: documents.signer_of(session, cashless.config, cashless.vault, now=now)
    )
    provider = _provider(cashless, signer, now=now)
    failed: ProviderFailed | None = None
    while end is not None:
        signed: list[Papers] = []
        for theirs in _by_request(drafts):
            try:
                signed += _papers(provider, theirs)
            except ProviderFailed as error:
                failed = error
        if issued := _issue(cashless, fence, signed, signer, now=now):
            return issued
        drafts, end = cashless.database.read(partial(receipts.unsigned, after=end))
    if failed is not None:
        raise failed
    return 0


def _provider(cashless: Service, signer: Signer, *, now: datetime) -> Provider:
    """Who makes papers here: the provider of the settings, ourselves where none is set."""
    folder = cashless.config.receipt_folder
    return Own(signer, now) if folder is None else Folder(folder, signer)


def _issue(
    cashless: Service, fence: Fence, signed: Sequence[Papers], signer: Signer, *, now: datetime
) -> int:
    if not signed:
        return 0

    def unit(session: Session) -> int:
        _hold(session, fence)
        return receipts.issue_all(session, signed, signer, now=now)

    issued = cashless.database.write(unit)
    _ISSUED.inc(issued)
    return issued


def _papers(provider: Provider, drafts: Sequence[Draft]) -> Sequence[Papers]:
    """The papers of a request's receipts, all or none: one that can't be had holds up no other.

    Raises `ProviderFailed`.
    """
    try:
        return provider.papers(drafts) or []
    except ProviderFailed:
        raise
    except Exception as error:  # noqa: BLE001  it is one request's; a break tells that it waits
        log.error("receipts.not_made", public_id=drafts[0].public_id, exc_info=error)
        return []


def _by_request(drafts: Iterable[Draft]) -> Iterable[Sequence[Draft]]:
    of_request: dict[int, list[Draft]] = defaultdict(list)
    for draft in drafts:
        of_request[draft.payment_request_id].append(draft)
    return of_request.values()


def _hold(session: Session, fence: Fence) -> None:
    """Makes sure until the unit ends that this process is the one that issues."""
    if not leases.still_mine(session, fence):
        raise LeaseLost
