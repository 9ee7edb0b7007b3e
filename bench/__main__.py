"""All measurements that docs/benchmarks.md records, short enough for a coffee.

    python -m bench [NAME …]        all, or some of: references qr formats settle issue intake …

Each is also a program of its own with more choices: `python -m bench.bench_intake --help`.
Nothing is written but standard output.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

BENCHES: dict[str, list[str]] = {
    "references": [],
    "qr": [],
    "formats": [],
    "settle": ["--many", "10000"],
    "issue": ["--rounds", "2", "--seconds", "5"],
    "intake": ["--rounds", "2", "--seconds", "4"],
    "steady": ["--seconds", "15"],
    "pages": ["--payments", "10"],
    "reconcile": ["--many", "20000"],
    "receipts": ["--many", "1000"],
    "precision": ["--many", "20000"],
    "targets": ["--payments", "20000"],
}
"""What each is asked here; without arguments it measures what the record states."""


def main() -> None:
    """Run the benches named, or all, one after another; nothing runs beside a measurement."""
    asked = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in asked if name not in BENCHES]
    if unknown:
        raise SystemExit(f"no such bench: {' '.join(unknown)}; there are {' '.join(BENCHES)}")
    print(f"{machine()}\n", flush=True)
    failed = [name for name in asked if not run(name)]
    if failed:
        raise SystemExit(f"failed: {' '.join(failed)}")


def run(name: str) -> bool:
    """One bench as a process of its own; whether it ended well."""
    command = [sys.executable, "-m", f"bench.bench_{name}", *BENCHES[name]]
    print(f"== {' '.join(['python', *command[1:]])}", flush=True)
    began = time.perf_counter()
    done = subprocess.run(command, check=False)
    print(f"   ({time.perf_counter() - began:.0f} s)\n", flush=True)
    return done.returncode == 0


def machine() -> str:
    """Processors, memory, how busy they are, and the commit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    busy = os.getloadavg()[0]
    here = Path(__file__).parent
    commit = subprocess.run(
        ["git", "-C", here, "rev-parse", "--short", "HEAD"],
        check=False,
        capture_output=True,
        text=True,
    ).stdout.strip()
    warning = "  Other work runs here: figures will be low." if busy > 0.5 else ""
    return (
        f"{os.cpu_count()} processors, {memory:.0f} GiB, Python {sys.version.split()[0]}, "
        f"commit {commit or 'unknown'}, load {busy:.1f}.{warning}"
    )


if __name__ == "__main__":
    main()
