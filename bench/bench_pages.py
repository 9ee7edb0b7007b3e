"""How soon "paid" stands on a payer's screen while a hundred payers' pages are open.

The web and the scheduler as production runs them, the database with fsync on. One page is open in
Chromium; 99 others are asked for as its script asks: every second, each on a connection
of its own, with the mark of what it shows. A signed callback pays for the page in Chromium, at any
moment of its turn; timed from the answer to the callback, when it is durable, to the moment at
which the page's headline has changed, by the page's own clock. Goal: each within 2 s.

    python -m bench.bench_pages [--engine postgresql] [--pages 100] [--payments 30]
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bench import serving
from bench.bench_steady import LIVED, Run, a_run, at_part
from bench.callers import Line, sign
from bench.world import a_database, callback_body
from cashless.processes import together
from payments.core.database import Database

ASKED_EVERY = 1.0
"""As often as the page's script asks (static/pay.js)."""

GOAL = 2.0
GIVEN_UP = 30.0

WATCHED = """() => {
  const shown = () => document.getElementById("headline").textContent;
  const before = shown();
  new MutationObserver((_, seen) => {
    if (shown() === before) return;
    seen.disconnect();
    requestAnimationFrame(() => { window.changed = Date.now(); });
  }).observe(document.getElementById("state"), {childList: true, subtree: true});
}"""
"""Notes when the headline has become another, at the first frame that shows it."""


def main() -> None:
    """Print how soon it is seen, on each engine."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--engine", choices=["sqlite", "postgresql"], action="append")
    asked.add_argument("--pages", type=int, default=100)
    asked.add_argument("--payments", type=int, default=30)
    options = asked.parse_args()
    for engine in options.engine or ["postgresql", "sqlite"]:
        with a_database(engine) as database, tempfile.TemporaryDirectory() as folder:
            measure(database, Path(folder), pages=options.pages, payments=options.payments)


def measure(database: Database, folder: Path, *, pages: int, payments: int) -> None:
    """One engine: open the pages, pay for one after another, and tell."""
    port = serving.free_port()
    run = a_run(database, serving.free_port(), rate=1, many=pages + payments)
    members = [
        serving.web(database, folder, port=port, workers=1 if database.is_sqlite else 2),
        serving.scheduler(database, folder, port=port),
    ]
    asked, over = [0], threading.Event()
    with together(members):
        time.sleep(2)  # the scheduler has nothing to be ready by
        waiting = [
            threading.Thread(target=wait, args=(port, token, over, asked))
            for _, token in run.requests[payments + 1 :]
        ]
        for thread in waiting:
            thread.start()
        began = time.perf_counter()
        try:
            seen = watch(run, port, payments=payments)
        finally:
            over.set()
        for thread in waiting:
            thread.join()
        tell(database, seen, pages=pages, asked=asked[0] / (time.perf_counter() - began))


def wait(port: int, token: str, over: threading.Event, asked: list[int]) -> None:
    """Asks for the state of a request as its open page does, until all is over."""
    line, tag = Line(port), None
    over.wait(random.uniform(0, ASKED_EVERY))
    while not over.is_set():
        tag = line.get(f"/p/{token}/state", tag=tag).tag or tag
        asked[0] += 1
        over.wait(ASKED_EVERY)


def watch(run: Run, port: int, *, payments: int) -> list[float]:
    """Opens the page of one request after another, pays it, and notes when it is seen."""
    chromium = os.environ.get("CASHLESS_TEST_BROWSER") or shutil.which("chromium")
    line, seen = Line(port), list[float]()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        for number, (reference, token) in enumerate(run.requests[:payments]):
            page.goto(f"http://127.0.0.1:{port}/p/{token}")
            page.evaluate(WATCHED)
            time.sleep(0.5 + random.uniform(0, ASKED_EVERY))
            seen.append(paid(run, page, line, reference, number=number))
        browser.close()
    return seen


def paid(run: Run, page: Page, line: Line, reference: str, *, number: int) -> float:
    """Seconds from the durable callback to the frame that shows it."""
    body = callback_body(run.province, reference, number=LIVED + number, at=datetime.now(UTC))
    answer = line.post(run.path, sign(body))
    durable = time.time()
    if answer.status != 200:
        raise SystemExit(f"a callback was answered {answer.status}")
    while (changed := page.evaluate("window.changed ?? null")) is None:
        if time.time() - durable > GIVEN_UP:
            raise SystemExit(f"not seen after {GIVEN_UP} s")
        time.sleep(0.05)
    return float(changed) / 1000 - durable


def tell(database: Database, seen: list[float], *, pages: int, asked: float) -> None:
    """Print the figures of one engine."""
    engine = "sqlite" if database.is_sqlite else "postgresql"
    met = "met" if max(seen) <= GOAL else "MISSED"
    print(
        f"{engine:12} {pages} pages open ({asked:.0f} asked a second): durable to the screen p50 "
        f"{at_part(seen, 0.5):.2f} s, p95 {at_part(seen, 0.95):.2f} s, longest {max(seen):.2f} s "
        f"(goal {GOAL}: {met}), {sum(one <= GOAL for one in seen)} of {len(seen)} within it",
        flush=True,
    )


if __name__ == "__main__":
    main()
