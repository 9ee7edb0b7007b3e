"""`cashless config`: the settings this machine has, and whether they work."""

from __future__ import annotations

import os
from collections.abc import Iterable

import click
from sqlalchemy.engine import make_url

from payments.core import logs, schema, service, signers
from payments.core.config import PREFIX, Config
from payments.core.words import say
from reconciliation.formats import FORMATS, formats_with


@click.group()
def config() -> None:
    """Check the settings."""


@config.command()
def check() -> None:
    """Show every setting, secrets left out, and whether the database answers and is up to date."""
    logs.configure(level="WARNING")
    settings = Config.load(os.environ)
    further = formats_with(settings.layouts).keys() - FORMATS.keys()
    for name, value in _shown(settings, further).items():
        click.echo(f"{PREFIX}{name:<22}{value}")
    with service.opened():
        click.echo(say("config.works", revision=schema.newest()))


def _shown(settings: Config, layouts: Iterable[str]) -> dict[str, str]:
    return {
        "MODE": settings.mode,
        "DATABASE_URL": make_url(settings.database_url).render_as_string(hide_password=True),
        "BASE_URL": settings.base_url,
        "MASTER_KEY": say("config.keys", count=len(settings.master_keys)),
        **_signing(settings),
        "REFERENCE_PREFIX": settings.reference_prefix,
        "WEBHOOK_HOSTS": ",".join(sorted(settings.webhook_hosts)),
        "BANK_HOSTS": ",".join(sorted(settings.bank_hosts)),
        "LAYOUTS": ",".join(sorted(layouts)),
        "SECOND_FACTOR": settings.second_factor,
        "TRUSTED_PROXIES": str(settings.trusted_proxies),
        "LOG_LEVEL": settings.log_level,
        "CLOCK_OFFSET_SECONDS": str(settings.clock_offset_seconds),
    }


def _signing(settings: Config) -> dict[str, str]:
    """Who signs papers; the key itself is not shown."""
    if settings.signing is None:
        return {}
    signer = signers.load(*settings.signing)
    until = signer.certificate.not_valid_after_utc
    return {"SIGNING_CERT": say("config.certificate", name=signer.name, until=until)}
