"""`cashless demo`: lives one whole business day and proves it."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import click

from cashless.demo import stage
from cashless.demo.living import Life
from cashless.demo.report import report
from cashless.demo.telling import Teller
from payments.core import clock, words
from payments.core.words import later


@click.command()
@click.option(
    "--payments",
    type=click.IntRange(100, 10_000),
    default=300,
    show_default=True,
    help="How many payments are made.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of everything drawn by lot.")
@click.option(
    "--kills",
    type=click.IntRange(0, 1_000),
    default=0,
    show_default=True,
    help="How often web or scheduler are killed meanwhile.",
)
@click.option(
    "--end-state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file to write the day's end state to, as JSON.",
)
@click.option("--keep", is_flag=True, help="Keep the folder with database, statements and logs.")
def demo(*, payments: int, seed: int, kills: int, end_state: Path | None, keep: bool) -> None:
    """Live one whole business day, reconcile it and prove it; exit 0 only if all is as it must."""
    folder = Path(tempfile.mkdtemp(prefix="cashless-demo-"))
    teller = Teller()
    teller.heading(later("demo.title"), payments=payments)
    try:
        place = stage.build(folder, language=words.language.get(), now=clock.now())
        outcome = Life(place, teller, payments=payments, seed=seed, kills=kills).live()
        report(teller, outcome)
        if end_state is not None:
            end_state.write_text(json.dumps(outcome.end_state(), indent=1, sort_keys=True))
    finally:
        if keep:
            teller.sentence(later("demo.kept"), folder=folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if outcome.faults else 0)
