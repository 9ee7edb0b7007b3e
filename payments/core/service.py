"""What every process works with: its settings, the database, the vault.

with service.opened() as cashless:
cashless.database.write(lambda session: …)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError

from payments.core import clock, logs, schema, signers
from payments.core.config import Config
from payments.core.database import Database
from payments.core.errors import Unavailable
from payments.core.vault import Vault


class DatabaseUnreachable(Unavailable):
    """The database refuses the connection: a wrong name or password, a file out of reach."""

    code = "database_unreachable"


@dataclass(frozen=True)
class Service:
    """A process's settings, and what is made from them."""

    config: Config
    database: Database = field(repr=False)
    vault: Vault = field(repr=False)


def begin(config: Config, *, pool_size: int = 10) -> Service:
    """The service as `config` describes it; sets this process's clock.

    Raises `CertificateNotInForce`: papers could not be signed.
    """
    clock.set_offset(config.clock_offset_seconds)
    if config.signing is not None:
        signers.load(*config.signing).refuse_out_of_force(clock.now())
    return Service(
        config, Database(config.database_url, pool_size=pool_size), Vault(config.master_keys)
    )


@contextmanager
def opened() -> Iterator[Service]:
    """The service for one command: settings from the environment, the schema checked.

    Raises `SettingsWrong`, `DatabaseUnreachable`, `SchemaOutOfDate`.
    """
    logs.configure(level="WARNING")
    cashless = begin(Config.load(os.environ), pool_size=2)
    try:
        reachable(cashless.database)
        schema.check(cashless.database)
        yield cashless
    finally:
        cashless.database.dispose()


def reachable(database: Database) -> None:
    """Raises `DatabaseUnreachable` when no connection can be made, with the driver's reason."""
    try:
        database.read(lambda session: session.connection())
    except DBAPIError as error:
        reason = str(error.orig or error).strip().splitlines()[0]
        raise DatabaseUnreachable(reason=reason) from error
