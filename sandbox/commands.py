"""The command `sandbox`: `sandbox serve` runs a practice bank on this machine."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from typing import Any, Final

import click
from flask import Flask
from gunicorn.app.base import BaseApplication

from sandbox.app import create_app
from sandbox.config import LOOPBACK, SandboxConfig, WrongSetting, from_environment
from sandbox.words import LANGUAGES, say, say_problem

THREADS: Final = 16


class _Server(BaseApplication):  # type: ignore[misc] # gunicorn ships no types
    """gunicorn with one process, since the bank is in memory, and threads."""

    def __init__(self, config: SandboxConfig, *, host: str, port: int) -> None:
        self.sandbox_config = config
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": self.address,
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "keepalive": 30,
            "graceful_timeout": 2,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        for name, setting in settings.items():
            self.cfg.set(name, setting)

    def load(self) -> Flask:
        return create_app(self.sandbox_config)


@click.group()
def sandbox() -> None:
    """A bank to practise with; no money in it is real."""


@sandbox.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8100,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="The port to listen on.",
)
def serve(host: str, port: int) -> None:
    """Serves the practice bank until it is stopped."""
    language = _language()
    try:
        config = from_environment(os.environ)
    except WrongSetting as wrong:
        told = say_problem(wrong.code, language, **wrong.fields)
        raise click.ClickException(told) from None
    if host not in LOOPBACK:
        click.echo(say("serve.open", language), err=True)
        config = replace(config, hosts=(*config.hosts, host))
    if _is_busy(host, port):
        raise click.ClickException(say("serve.busy", language, host=host, port=port))
    server = _Server(config, host=host, port=port)
    click.echo(say("serve.address", language, address=f"http://{server.address}/"))
    server.run()


def _is_busy(host: str, port: int) -> bool:
    """Whether nobody could listen there: another does, or it is no address of this machine."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _language() -> str:
    """The language of the command that runs this one, which leaves it in `LANGUAGE`."""
    spoken = os.environ.get("LANGUAGE", "")[:2]
    return spoken if spoken in LANGUAGES else LANGUAGES[0]
