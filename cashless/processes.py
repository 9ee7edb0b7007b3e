"""Processes that are started together, watched, and stopped together."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final

from payments.core.errors import Unavailable

_LOOK_EVERY: Final = 0.1


class ProcessEnded(Unavailable):
    """A process ended by itself; the others were stopped."""

    code = "process_ended"


class PortInUse(Unavailable):
    """Somebody listens at the port already."""

    code = "port_in_use"


def refuse_busy(host: str, port: int) -> None:
    """Returns when nobody listens at that port. Raises `PortInUse`.

    Our own sockets let several workers share a port, so the system would not say so itself.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise PortInUse(host=host, port=port) from None


class ProcessSilent(Unavailable):
    """A process was started but does not answer."""

    code = "process_silent"


@dataclass(frozen=True)
class Patience:
    """How long, in seconds, a process may take to answer, and to end when asked to."""

    ready: float = 60.0
    stop: float = 20.0


_USUAL: Final = Patience()


@dataclass(frozen=True)
class Member:
    """A process to start: its name, command line, environment, and where it answers when ready.

    `ready` is an http address that answers 200; None for a process that serves none. What it
    prints goes to the end of the file `log`, or where ours goes.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: str | None = None
    log: Path | None = None


class Company:
    """Running processes, by name; made by `together`."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, member: Member) -> None:
        """Starts a process in a session of its own, so that Ctrl-C reaches only us."""
        with contextlib.ExitStack() as files:
            log = None if member.log is None else files.enter_context(member.log.open("ab"))
            self._running[member.name] = subprocess.Popen(  # noqa: S603  our own commands
                list(member.command),
                env=dict(member.environment),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self, member: Member) -> None:
        """Waits until the process answers. Raises `ProcessEnded` and `ProcessSilent`."""
        end = time.monotonic() + self._patience.ready
        while member.ready is not None and not _answers(member.ready):
            self._refuse_ended()
            if time.monotonic() > end:
                raise ProcessSilent(name=member.name, seconds=int(self._patience.ready))
            time.sleep(_LOOK_EVERY)
        self._refuse_ended()

    def watch(self) -> None:
        """Waits until this process is told to end. Raises `ProcessEnded` when one ends before."""
        while True:
            time.sleep(_LOOK_EVERY)
            self._refuse_ended()

    def pid(self, name: str) -> int:
        """The process id of a member, for whoever wants to kill it."""
        return self._running[name].pid

    def kill(self, name: str) -> None:
        """Ends a member and all it started at once, as a crash would; `start` begins it anew."""
        process = self._running[name]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """Asks every process to end, the last started first; kills what does not in time."""
        for process in reversed(self._running.values()):
            process.terminate()
        end = time.monotonic() + self._patience.stop
        for process in self._running.values():
            try:
                process.wait(timeout=max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _refuse_ended(self) -> None:
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ProcessEnded(name=name, status=process.returncode)


@contextmanager
def together(
    members: Sequence[Member], *, patience: Patience = _USUAL, cut_short: int = 0
) -> Iterator[Company]:
    """The members, each started once the one before it answers; all stopped at the end.

    SIGTERM and Ctrl-C end the block in order, whenever they come, and the process with the status
    `cut_short`; from the main thread only.
    """
    company = Company(patience)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, partial(_leave, cut_short))
    try:
        for member in members:
            company.start(member)
            company.wait_until_ready(member)
        yield company
    finally:
        company.stop()


def _leave(status: int, _signal: int, _frame: FrameType | None) -> None:
    """Leaves by way of every `finally`; told a second time, goes on stopping."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(status)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310  our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
