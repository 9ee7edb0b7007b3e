"""The stage: a folder, free ports, and the processes of service and practice bank upon it.

The service's clock is set off, so that the day lived is a past working day at any hour. Between
two times of that day web and scheduler are stopped and started again by another clock; the bank
keeps the day's own.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from cashless import processes
from cashless.processes import Company, Member
from payments.core import clock
from payments.core.calendar import VIETNAM, Calendar
from payments.core.errors import Unavailable

OPENS: Final = time(8, 0)
"""When the day begins, by the service's clock."""

EVE: Final = timedelta(hours=-24, minutes=-30)
DAY: Final = timedelta()
MORNING: Final = timedelta(hours=22, minutes=30)
NEXT_MORNING: Final = MORNING + timedelta(days=1)
"""The four times that are lived, from when the day begins: a request lives 24 hours."""

_OVER: Final = timedelta(hours=8)
"""So long after midnight nothing of a morning is still to come."""

CUT_SHORT: Final = 130
"""The status of a day that was stopped before its end: nothing was proved."""
_CASHLESS: Final = (sys.executable, "-m", "cashless")
_OURS: Final = ("CASHLESS_", "SANDBOX_")


class CommandFailed(Unavailable):
    """A command that the demonstration ran ended otherwise than it should."""

    code = "command_failed"


@dataclass(frozen=True)
class Stage:
    """Where the day is lived: folder, addresses, the day itself, and how far clocks run ahead."""

    folder: Path
    web_port: int
    bank_port: int
    day: date
    ahead: timedelta
    language: str
    settings: Mapping[str, str] = field(repr=False)
    stopped: int = CUT_SHORT
    """The status the process ends with when Ctrl-C stops what runs here."""

    @property
    def web(self) -> str:
        """The service's address."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def bank(self) -> str:
        """The practice bank's address."""
        return f"http://127.0.0.1:{self.bank_port}"

    def environment(self, *, at: timedelta = DAY) -> dict[str, str]:
        """The variables of every process, its clock at that time of the day."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(_OURS)}
        return kept | {
            "CASHLESS_MODE": "sandbox",
            "CASHLESS_DATABASE_URL": f"sqlite:///{self.folder / 'cashless.sqlite'}",
            "CASHLESS_BASE_URL": self.web,
            "CASHLESS_LOG_LEVEL": "WARNING",
            "CASHLESS_CLOCK_OFFSET_SECONDS": str(int((self.ahead + at).total_seconds())),
            **self.settings,
        }

    def now(self, *, at: timedelta = DAY) -> datetime:
        """What clocks of that time of the day show."""
        return (clock.now() + self.ahead + at).astimezone(VIETNAM)

    def members(self, *, at: timedelta) -> list[Member]:
        """Web and scheduler by the clock of a time of the day."""
        environment = self.environment(at=at)
        ready = f"{self.web}/healthz"
        port = ("--port", str(self.web_port))
        log = self.folder / "service.log"
        return [
            Member("web", (*_CASHLESS, "web", *port), environment, ready, log),
            Member("scheduler", (*_CASHLESS, "scheduler"), environment, None, log),
        ]

    @contextlib.contextmanager
    def banking(self, *, seed: int, retry_factor: float, at: timedelta = DAY) -> Iterator[None]:
        """The practice bank, by the day's clock, until the end of the block."""
        settings = {
            "SANDBOX_CLOCK_OFFSET_SECONDS": str(int((self.ahead + at).total_seconds())),
            "SANDBOX_SEED": str(seed),
            "SANDBOX_RETRY_FACTOR": str(retry_factor),
        }
        member = Member(
            "bank",
            (*_CASHLESS, "sandbox", "serve", "--port", str(self.bank_port)),
            self.environment() | settings,
            f"{self.bank}/healthz",
            self.folder / "bank.log",
        )
        with processes.together([member], cut_short=self.stopped):
            yield

    def before_a_minute(self, at: timedelta, *, seconds: int) -> timedelta:
        """That time of the day, up to a minute later: so long before the clock strikes one."""
        wait = (60 - seconds - self.now(at=at).second) % 60
        return at + timedelta(seconds=wait)

    @contextlib.contextmanager
    def serving(self, members: Sequence[Member]) -> Iterator[Company]:
        """Some of the service's processes, until the end of the block."""
        with processes.together(members, cut_short=self.stopped) as company:
            yield company

    def command(self, *words: str, at: timedelta, allowed: Sequence[int] = (0,)) -> str:
        """What a command of ours prints. Raises `CommandFailed` unless it ends as allowed."""
        ended = subprocess.run(  # noqa: S603  our own command
            [*_CASHLESS, "--language", self.language, *words],
            env=self.environment(at=at),
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode not in allowed:
            told = (ended.stderr or ended.stdout).strip()[-400:]
            raise CommandFailed(command=" ".join(words), status=ended.returncode, told=told)
        return ended.stdout

    def prepare(self, *, at: timedelta = EVE) -> dict[str, Any]:
        """Makes the database and what there is to practise with; what `seed --json` tells."""
        self.command("migrate", at=at)
        practice: dict[str, Any] = json.loads(self.command("seed", "--sample", "--json", at=at))
        return practice

    @property
    def kept(self) -> Path:
        """The file that keeps what there is to practise with, for this user alone."""
        return self.folder / "practice.json"

    def keep(self, practice: Mapping[str, Any]) -> None:
        """Keeps what there is to practise with, secrets and passwords included."""
        self.kept.touch(mode=0o600)
        self.kept.write_text(json.dumps(practice, ensure_ascii=False, indent=1), encoding="utf-8")


def build(
    folder: Path,
    *,
    language: str,
    now: datetime,
    web_port: int = 0,
    bank_port: int = 0,
    settings: Mapping[str, str] | None = None,
) -> Stage:
    """A stage in `folder` for the last working day followed by another, both over at `now`.

    Ports that are 0 are chosen; `settings` are environment variables that take the place of the
    stage's own.
    """
    day = last_two_working_days((now - _OVER).astimezone(VIETNAM).date())
    ahead = datetime.combine(day, OPENS, VIETNAM) - now
    return Stage(
        folder=folder,
        web_port=web_port or free_port(),
        bank_port=bank_port or free_port(),
        day=day,
        ahead=timedelta(seconds=int(ahead.total_seconds())),
        language=language,
        settings={"CASHLESS_MASTER_KEY": _master_key(folder)} if settings is None else settings,
    )


def last_two_working_days(today: date) -> date:
    """The last day on which banks worked, and on the day after too, both before `today`."""
    works = Calendar().works
    day = today - timedelta(days=2)
    while not (works(day) and works(day + timedelta(days=1))):
        day -= timedelta(days=1)
    return day


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _master_key(folder: Path) -> str:
    """The folder's own master key, made the first time."""
    kept = folder / "master.key"
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    return kept.read_text().strip()
