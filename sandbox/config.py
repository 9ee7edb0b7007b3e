"""What the practice bank can be told from outside: its clock, its lot, its patience, its names."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sandbox.refusals import Wrong

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
"""The only hosts that are this machine and nobody else's."""

_WHOLE: Final = re.compile(r"-?[0-9]{1,9}")
_MOST_FACTOR: Final = 10.0


class WrongSetting(Wrong):
    """A setting of the environment that can't be used; the fields name it and what it says."""

    code = "wrong_setting"


class NotAWholeSetting(WrongSetting):
    """A setting that must be a whole number and is not."""

    code = "not_a_whole_setting"


class NotAFactor(WrongSetting):
    """A factor for waiting that is not between 0 and 10."""

    code = "not_a_factor"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Settings of one practice bank.

    `retry_factor` times SePay's waits (1 to 13 minutes) gives the waits between attempts;
    `hosts` are the names under which it may be asked for, any port.
    """

    clock_offset_seconds: int = 0
    seed: int = 1
    retry_factor: float = 1 / 60
    hosts: tuple[str, ...] = LOOPBACK


def from_environment(environment: Mapping[str, str]) -> SandboxConfig:
    """Reads `SANDBOX_CLOCK_OFFSET_SECONDS`, `_SEED`, `_RETRY_FACTOR` and `_HOSTS` (with commas).

    Raises `WrongSetting`.
    """
    default = SandboxConfig()
    hosts = environment.get("SANDBOX_HOSTS", "")
    return SandboxConfig(
        clock_offset_seconds=_whole(environment, "CLOCK_OFFSET_SECONDS", default=0),
        seed=_whole(environment, "SEED", default=default.seed),
        retry_factor=_factor(environment, default=default.retry_factor),
        hosts=tuple(host.strip() for host in hosts.split(",") if host.strip()) or default.hosts,
    )


def _whole(environment: Mapping[str, str], name: str, *, default: int) -> int:
    text = environment.get(f"SANDBOX_{name}", "").strip()
    if text and not _WHOLE.fullmatch(text):
        raise NotAWholeSetting(name=f"SANDBOX_{name}", text=text[:40])
    return int(text) if text else default


def _factor(environment: Mapping[str, str], *, default: float) -> float:
    text = environment.get("SANDBOX_RETRY_FACTOR", "").strip()
    if not text:
        return default
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 0 <= factor <= _MOST_FACTOR:
        raise NotAFactor(name="SANDBOX_RETRY_FACTOR", text=text[:40])
    return factor
