"""Measurements add up over one process and over several."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from payments.core import metrics

COUNTED = metrics.counter("test_callbacks", "Callbacks of this test.", labels=["source"])


def told(page: bytes) -> dict[str, float]:
    """Every sample of a page, by name and labels."""
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_a_count_is_on_the_page() -> None:
    """What was counted can be read."""
    COUNTED.labels("sepay").inc(3)
    page = told(metrics.exposition())
    assert page["cashless_test_callbacks_total[('source', 'sepay')]"] >= 3


def test_readings_are_shown_as_they_are_now() -> None:
    """A figure from the database is shown once per set of labels, in any order of labels."""
    page = told(
        metrics.exposition(
            [
                metrics.Reading("transit", "Told, not seen.", 5, {"account": "1", "day": "x"}),
                metrics.Reading("oldest_break", "Seconds.", 9),
                metrics.Reading("transit", "Told, not seen.", 7, {"day": "y", "account": "2"}),
            ]
        )
    )
    assert page["cashless_transit[('account', '1'), ('day', 'x')]"] == 5
    assert page["cashless_transit[('account', '2'), ('day', 'y')]"] == 7
    assert page["cashless_oldest_break[]"] == 9


WORKER = """
import sys
from payments.core import metrics
counted = metrics.counter("work", "Work.", labels=["kind"])
timed = metrics.histogram("work_seconds", "Work.")
counted.labels("a").inc(int(sys.argv[1]))
timed.observe(0.02)
"""


SHOW = """
import sys
from payments.core import metrics
sys.stdout.buffer.write(metrics.exposition())
"""


def test_several_processes_are_added_up(tmp_path: Path) -> None:
    """Two workers' counts are one figure, also after both have ended; wiping starts anew."""
    folder = tmp_path / "counts"
    metrics.wipe(folder)
    environment = {**os.environ, metrics.FOLDER: str(folder)}
    for amount in ("2", "3"):
        subprocess.run([sys.executable, "-c", WORKER, amount], env=environment, check=True)
    shown = subprocess.run(
        [
            sys.executable,
            "-c",
            SHOW,
        ],
        env=environment,
        check=True,
        capture_output=True,
    )
    page = told(shown.stdout)
    assert page["cashless_work_total[('kind', 'a')]"] == 5
    assert page["cashless_work_seconds_count[]"] == 2
    metrics.wipe(folder)
    assert list(folder.iterdir()) == []
