"""Measurements for Prometheus, from one process or from several on one machine.

Counters and histograms are kept by the process that counts. Where several processes serve
(gunicorn), each writes to files in `PROMETHEUS_MULTIPROC_DIR` and the page adds them up; the
variable has to be set before the first of them starts. What the database knows (balances, ages,
lags) is not kept at all: it is read when asked for and handed to `exposition` as readings.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds for durations, in seconds."""

_REGISTRY: Final = CollectorRegistry()
ProcessCollector(namespace="cashless", registry=_REGISTRY)


def counter(name: str, words: str, *, labels: Sequence[str] = ()) -> Counter:
    """A count that only grows. `name` has no prefix and no `_total`; both are added."""
    return Counter(name, words, labels, namespace="cashless", registry=_REGISTRY)


def histogram(
    name: str, words: str, *, labels: Sequence[str] = (), buckets: Sequence[float] = SECONDS
) -> Histogram:
    """A distribution, of seconds unless `buckets` say otherwise."""
    return Histogram(name, words, labels, namespace="cashless", registry=_REGISTRY, buckets=buckets)


@dataclass(frozen=True)
class Reading:
    """A figure as it is now, read from the database when the page is asked for."""

    name: str
    words: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def exposition(readings: Iterable[Reading] = ()) -> bytes:
    """The page `/metrics`: what the processes counted, then `readings`."""
    counted = _REGISTRY
    if FOLDER in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]  # the library's
    read = CollectorRegistry()
    read.register(_Readings(list(readings)))
    return generate_latest(counted) + generate_latest(read)


def wipe(folder: Path) -> None:
    """Removes what earlier processes counted; done once, before the first process starts."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.db"):
        path.unlink()


def forget_process(pid: int) -> None:
    """Tells that process `pid` has ended (gunicorn's `child_exit`); its counts are kept."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]  # the library's


class _Readings:
    """Readings of one name belong together, whatever order they came in."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families: dict[str, GaugeMetricFamily] = {}
        for reading in self._readings:
            names = sorted(reading.labels)
            family = families.setdefault(
                reading.name,
                GaugeMetricFamily(f"cashless_{reading.name}", reading.words, labels=names),
            )
            family.add_metric([reading.labels[name] for name in names], reading.value)
        yield from families.values()
