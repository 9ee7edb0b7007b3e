"""Bringing statement files: read outside the database, stored in one short unit of work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.orm import Session

from payments import agencies
from payments.agencies import CollectionAccount
from payments.core import clock
from payments.core.errors import CashlessError, Conflict, Invalid, NotFound
from payments.core.service import Service
from reconciliation import statements
from reconciliation.statements import Imported, Layouts, Read, Received, StatementFile
from reconciliation.statements.layouts import LayoutNotConfirmed


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file says, and what would come of it if it were imported now.

    `would` is None for messages about the day and for a sheet in an unconfirmed layout: they are
    shown, and nothing would come of them.
    """

    file: StatementFile
    read: Sequence[Read]
    would: Imported | None


def layouts_of(cashless: Service) -> Layouts:
    """The layouts of sheets beside our own: those of the file, and the saved ones."""
    further = cashless.config.layouts
    return cashless.database.read(lambda session: statements.layouts.in_use(session, further))


def import_statement(
    cashless: Service,
    received: Received,
    *,
    account: CollectionAccount | None,
    by: str,
    in_format: str | None = None,
    tell: Callable[[int], None] | None = None,
) -> Imported:
    """Reads a statement file and stores what is new in it; a refusal is kept, and raised.

    `tell` hears how many bytes have been read.

    Raises what `statements.read` and `statements.import_file` raise.
    """
    database = cashless.database
    before = database.read(lambda session: statements.known(session, received, account=account))
    if before is not None:
        return before
    with _refusals_kept(cashless, received, by=by):
        config = cashless.config
        read = statements.read(
            received,
            vault=cashless.vault,
            prefix=config.reference_prefix,
            ours=cashless.database.read(agencies.virtual_prefixes),
            in_format=in_format,
            layouts=layouts_of(cashless),
            tell=tell,
        )
        return database.write(_storing(received, read, account=account, by=by))


def offer_statement(
    cashless: Service, received: Received, *, account: CollectionAccount | None, by: str
) -> str:
    """Keeps a file to be looked at before it is imported; its public id. Nothing is booked.

    What would be refused is refused now: raises what `import_statement` raises, but for messages
    about the day and sheets in a layout that waits to be confirmed, since they may be shown.
    """
    with _refusals_kept(cashless, received, by=by):
        _would(cashless, received, _look(cashless, received), account=account, by=by)
    return cashless.database.write(
        lambda session: statements.offer(session, received, by=by, now=clock.now()).public_id
    )


def preview_statement(
    cashless: Service, public_id: str, *, account: CollectionAccount | None, by: str
) -> Preview:
    """What an offered file says, and what would come of it: imported, and not kept.

    Raises `NotOffered`, or what `import_statement` raises.
    """
    file, received = cashless.database.read(lambda session: statements.offered(session, public_id))
    read = _look(cashless, received)
    return Preview(file, read, _would(cashless, received, read, account=account, by=by))


def _would(
    cashless: Service,
    received: Received,
    read: Sequence[Read],
    *,
    account: CollectionAccount | None,
    by: str,
) -> Imported | None:
    """What would come of a file, in a unit of work that keeps nothing; None if it only is shown."""
    if any(one.start.message is not None for one in read):
        return None
    try:
        return cashless.database.read(_storing(received, read, account=account, by=by))
    except LayoutNotConfirmed:
        return None


def _look(cashless: Service, received: Received) -> list[Read]:
    config = cashless.config
    return statements.look(
        received,
        vault=cashless.vault,
        prefix=config.reference_prefix,
        ours=cashless.database.read(agencies.virtual_prefixes),
        layouts=layouts_of(cashless),
    )


def _storing(
    received: Received, read: Sequence[Read], *, account: CollectionAccount | None, by: str
) -> Callable[[Session], Imported]:
    return lambda session: statements.import_file(
        session, received, read, account=account, by=by, now=clock.now()
    )


@contextmanager
def _refusals_kept(cashless: Service, received: Received, *, by: str) -> Iterator[None]:
    """Notes why a file was refused within the block, and lets the refusal go on."""
    try:
        yield
    except (Invalid, NotFound, Conflict) as error:
        refused: CashlessError = error
        cashless.database.write(
            lambda session: statements.keep_refusal(
                session, received, refused, by=by, now=clock.now()
            )
        )
        raise
