"""A service on a test's database, with settings that guard nothing."""

from __future__ import annotations

from typing import Any

from payments.core.config import Config, FactorFor, Mode
from payments.core.database import Database
from payments.core.service import Service
from tests.builders import a_vault

BASE_URL = "https://pay.example.vn"


def a_config(**told: Any) -> Config:
    """The settings of a sandbox; `told` replaces some."""
    return Config(
        **{
            "mode": Mode.SANDBOX,
            "database_url": "sqlite:///nowhere",
            "base_url": BASE_URL,
            "master_keys": (b"k" * 32,),
            "reference_prefix": "TTHC",
            "webhook_hosts": frozenset({"127.0.0.1", "localhost"}),
            "bank_hosts": frozenset({"127.0.0.1"}),
            "second_factor": FactorFor.NOBODY,
            "trusted_proxies": 0,
            "log_level": "INFO",
            "clock_offset_seconds": 0,
            **told,
        }
    )


def a_service(database: Database, **told: Any) -> Service:
    """What a process works with, on this database."""
    return Service(a_config(**told), database, a_vault())
