"""How fast requests are issued over HTTP, beside the same server's empty endpoint.

gunicorn (two workers) and PostgreSQL with fsync on, on this machine, with the load made here too.
Four portals ask for requests of a hundred units and every priced fee of the tariff, each with
an idempotency key of its own. Rounds alternate, so that a neighbour's noise falls on both. Goal:
at least 0.15 of the empty endpoint.

    python -m bench.bench_issue [--seconds 8] [--rounds 3] [--connections 16] [--steps]

The load is made by `wrk` where it is installed, else by threads of this process.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from payments import agencies, fees, portals, seed
from payments.app import create_app
from payments.core.calendar import local_day
from payments.core.config import Config, Mode
from payments.core.database import Database
from payments.core.errors import Invalid
from payments.core.migrations import migrate
from payments.core.vault import Vault
from payments.fees import Channel, Item
from tests.postgres import postgres_server

KEY = b"k" * 32
PORTALS = 4
GOAL = 0.15
PATH = "/api/v1/payment-requests"
EMPTY = "/healthz"

LUA = """
local count = 0
function setup(thread) count = count + 1; thread:set("id", count) end
function init(args)
  orders, keys, number = {}, {}, 0
  for line in io.lines(args[1]) do orders[#orders + 1] = line end
  for line in io.lines(args[2]) do keys[#keys + 1] = line end
end
function request()
  number = number + 1
  return wrk.format("POST", wrk.path, {
    ["Authorization"] = "Bearer " .. keys[number % #keys + 1],
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = string.format("%s-%02d-%012d", RUN, id, number),
  }, orders[number % #orders + 1])
end
"""


@dataclass(frozen=True)
class Load:
    """What is asked for and with which keys; `folder` holds both as files, one a line."""

    orders: list[str]
    keys: list[str]
    folder: Path


def main() -> None:
    """Print both rates and their ratio, round by round."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--seconds", type=int, default=8)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--connections", type=int, default=16)
    asked.add_argument("--steps", action="store_true", help="print where the time goes")
    options = asked.parse_args()
    with (
        postgres_server(durable=True) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        server.create("bench")
        url = server.url("bench")
        load = a_world(url, Path(folder))
        if options.steps:
            print_steps(url, load)
        with serving(url, Path(folder)) as port:
            measure(port, load, options)


def measure(port: int, load: Load, options: argparse.Namespace) -> None:
    """Alternates between both endpoints."""
    press(port, load, path=PATH, seconds=2, connections=options.connections)  # warm up
    ratios = []
    for number in range(1, options.rounds + 1):
        empty = press(port, None, path=EMPTY, seconds=4, connections=options.connections)
        issued = press(
            port, load, path=PATH, seconds=options.seconds, connections=options.connections
        )
        ratios.append(issued / empty)
        print(
            f"round {number}: empty {empty:6.0f}/s   issued {issued:6.0f}/s   "
            f"ratio {issued / empty:.3f}",
            flush=True,
        )
    median = statistics.median(ratios)
    verdict = "met" if median >= GOAL else "missed"
    print(f"median ratio {median:.3f}, goal {GOAL}: {verdict}")


def a_world(url: str, folder: Path) -> Load:
    """The province of the files, portals with keys, and orders that vary."""
    database, now = Database(url), datetime.now(UTC)
    migrate(database)

    def unit(session: Session) -> tuple[list[str], list[str]]:
        seed.load_units(session, seed.read_units(), by="bench", now=now)
        seed.load_tariff(session, seed.read_tariff(), by="bench", now=now)
        seed.practise(session, Vault([KEY]), mode=Mode.SANDBOX, by="bench", now=now)
        keys = []
        for number in range(PORTALS):
            portal = portals.add(session, f"portal {number}", by="bench", now=now)
            made = portals.new_key(
                session, portal.id, scopes=["requests:write"], by="bench", now=now
            )
            keys.append(made.text)
        return orders(session, now=now), keys

    asked, keys = database.write(unit)
    database.dispose()
    (folder / "orders").write_text("\n".join(asked))
    (folder / "keys").write_text("\n".join(keys))
    return Load(asked, keys, folder)


def orders(session: Session, *, now: datetime) -> list[str]:
    """A thousand orders: one to three fees that have a price, of any unit of the province."""
    today = local_day(now)
    codes = [node.code for node in agencies.tree(session, on=today)][:100]
    priced = [fee for entry in fees.tariff(session, on=today) if (fee := _item(session, entry))]
    draw = random.Random(2026)
    return [
        json.dumps(
            {
                "agency": draw.choice(codes),
                "dossier": f"000.00.12.H09-261124-{number:04}",
                "channel": "online",
                "lines": [
                    {"fee": code, "quantity": draw.randint(1, 3)}
                    for code in draw.sample(priced, draw.choice((1, 1, 1, 2, 3)))
                ],
            }
        )
        for number in range(1000)
    ]


def _item(session: Session, entry: fees.Entry) -> str | None:
    """The fee's code where one online unit of it has a price."""
    today = local_day(datetime.now(UTC))
    item = Item(entry.fee.code, quantity=3)
    try:
        (line,) = fees.price(session, [item], channel=Channel.ONLINE, on=today)
    except Invalid:
        return None
    return entry.fee.code if line.amount else None  # where nothing is due there is no QR code


@contextlib.contextmanager
def serving(url: str, folder: Path) -> Iterator[int]:
    """The service's own web command, two workers, its log in a file."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "cashless", "web", "--port", str(port), "--workers", "2"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment(url, port=port), stdout=log, stderr=log)
        try:
            _wait_until_ready(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def environment(url: str, *, port: int = 8000) -> dict[str, str]:
    """The settings of the service under load."""
    return os.environ | {
        "CASHLESS_DATABASE_URL": url,
        "CASHLESS_BASE_URL": f"http://127.0.0.1:{port}",
        "CASHLESS_MASTER_KEY": base64.b64encode(KEY).decode(),
    }


def _wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit("the server ended")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}{EMPTY}", timeout=1).close()
            return
        time.sleep(0.1)
    raise SystemExit("the server does not answer")


def press(port: int, load: Load | None, *, path: str, seconds: int, connections: int) -> float:
    """Answers a second under load; an answer that is not 2xx ends the bench."""
    by = _press_with_wrk if shutil.which("wrk") else _press_from_here
    return by(port, load, path=path, seconds=seconds, connections=connections)


def _press_with_wrk(
    port: int, load: Load | None, *, path: str, seconds: int, connections: int
) -> float:
    command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--latency"]
    arguments: list[str] = []
    if load is not None:
        script = load.folder / "orders.lua"
        script.write_text(LUA.replace("RUN", json.dumps(f"{time.time_ns():x}")))
        command += ["-s", str(script)]
        arguments = ["--", str(load.folder / "orders"), str(load.folder / "keys")]
    told = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}", *arguments],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    if "Non-2xx" in told:
        raise SystemExit(told)
    if load is not None:
        print("   " + " ".join(re.findall(r"^ +((?:50|99)% +\S+)$", told, re.MULTILINE)), end="   ")
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", told)[1])


def _press_from_here(
    port: int, load: Load | None, *, path: str, seconds: int, connections: int
) -> float:
    counts = [0] * connections
    ends = time.perf_counter() + seconds

    def call(who: int) -> None:
        line = http.client.HTTPConnection("127.0.0.1", port)
        while time.perf_counter() < ends:
            counts[who] += 1
            method, body, headers = "GET", None, {}
            if load is not None:
                method, body = "POST", load.orders[counts[who] % len(load.orders)]
                headers = _headers(load, who, counts[who])
            line.request(method, path, body=body, headers=headers)
            answer = line.getresponse()
            answer.read()
            if answer.status >= 300:
                raise SystemExit(f"answered {answer.status}")

    threads = [threading.Thread(target=call, args=(n,)) for n in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def _headers(load: Load, who: int, number: int) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {load.keys[number % len(load.keys)]}",
        "Content-Type": "application/json",
        "Idempotency-Key": f"{time.time_ns():x}-{who:02}-{number:09}",
    }


def print_steps(url: str, load: Load, *, many: int = 500) -> None:
    """One process, one request after another: where the time of each goes."""
    app = create_app(Config.load(environment(url)))
    client = app.test_client()
    spent: dict[str, list[float]] = {}
    _watch(app.extensions["cashless"].database, spent)

    def issue(number: int) -> None:
        order = load.orders[number % len(load.orders)]
        answer = client.post(PATH, data=order, headers=_headers(load, 99, number))
        assert answer.status_code == 201, answer.text

    def empty(_number: int) -> None:
        assert client.get(EMPTY).status_code == 200

    for number in range(200):
        issue(number)
    spent.clear()
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        for name, work in (("issue", issue), ("empty", empty)):
            wall, cpu = time.perf_counter(), time.process_time()
            for number in range(many):
                work(number)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(f"{name}: {1000 * wall / many:.2f} ms, of it {1000 * cpu / many:.2f} ms our CPU")
    for statement, times in sorted(spent.items(), key=lambda one: -sum(one[1])):
        each = 1000 * sum(times) / many
        print(f"   {each:6.3f} ms a request  {len(times) / many:5.2f} times  {statement[:110]}")


def _watch(database: Database, spent: dict[str, list[float]]) -> None:
    def before(connection: Any, *_: Any) -> None:
        connection.info["began"] = time.perf_counter()

    def after(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seconds = time.perf_counter() - connection.info["began"]
        spent.setdefault(" ".join(statement.split()), []).append(seconds)

    event.listen(database.engine, "before_cursor_execute", before)
    event.listen(database.engine, "after_cursor_execute", after)


if __name__ == "__main__":
    main()
