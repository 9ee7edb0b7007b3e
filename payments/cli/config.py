"""`cashless config`: the settings this machine has, and whether they work."""

from __future__ import annotations

import os

import click
from sqlalchemy.engine import make_url

from payments.core import logs, schema, service
from payments.core.config import PREFIX, Config
from payments.core.words import say


@click.group()
def config() -> None:
    """Check the settings."""


@config.command()
def check() -> None:
    """Show every setting, secrets left out, and whether the database answers and is up to date."""
    logs.configure(level="WARNING")
    settings = Config.load(os.environ)
    for name, value in _shown(settings).items():
        click.echo(f"{PREFIX}{name:<22}{value}")
    with service.opened():
        click.echo(say("config.works", revision=schema.newest()))


def _shown(settings: Config) -> dict[str, str]:
    return {
        "MODE": settings.mode,
        "DATABASE_URL": make_url(settings.database_url).render_as_string(hide_password=True),
        "BASE_URL": settings.base_url,
        "MASTER_KEY": say("config.keys", count=len(settings.master_keys)),
        "REFERENCE_PREFIX": settings.reference_prefix,
        "WEBHOOK_HOSTS": ",".join(sorted(settings.webhook_hosts)),
        "TRUSTED_PROXIES": str(settings.trusted_proxies),
        "LOG_LEVEL": settings.log_level,
        "CLOCK_OFFSET_SECONDS": str(settings.clock_offset_seconds),
    }
