"""gunicorn's settings: `gunicorn --config python:cashless.web_server`.

gthread with eight threads a worker, and a socket of its own for each worker, so that connections
kept alive spread over all (stack.md 8). Every worker makes its own application after the fork;
the master holds no database connection. How many workers and where to listen is told by
`cashless web`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from gunicorn import glogging

from payments.core import logs, metrics


class Log(glogging.Logger):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's own lines, as part of our log."""

    def setup(self, cfg: Any) -> None:
        """Hands gunicorn's lines to our log; called again when settings are read anew."""
        super().setup(cfg)
        logs.configure()
        self.error_log.handlers.clear()
        self.error_log.propagate = True


logger_class = Log
wsgi_app = "wsgi:create_app()"
worker_class = "gthread"
threads = 8
reuse_port = True
control_socket_disable = True
keepalive = 30
timeout = 60
graceful_timeout = 20
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  heartbeats, in memory


def child_exit(_server: Any, worker: Any) -> None:
    """Keeps what an ended worker counted, and forgets that it lived."""
    metrics.forget_process(worker.pid)


def on_exit(_server: Any) -> None:
    """Removes the folder of measurements, where `cashless web` made it for this process."""
    folder = Path(os.environ[metrics.FOLDER])
    if folder.name.startswith(own_folder(os.getpid())):
        shutil.rmtree(folder, ignore_errors=True)


def own_folder(pid: int) -> str:
    """How the name begins of a folder of measurements that process `pid` made for itself."""
    return f"cashless-measurements-{pid}-"
