"""The reconciliation half of what is done by timetable, and its long work, unit by unit.

Statements are imported and days are run by the scheduler, the command and the console alike,
through the functions here: each reads, matches and writes in short units of work.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time, timedelta
from typing import Final

from payments.core.scheduler import Job, Loop, daily, every
from reconciliation.jobs.claims import follow_claims
from reconciliation.jobs.coverage_files import (
    Brought,
    draft_coverage,
    drafted_sheet,
    import_coverage,
    look_at_coverage,
)
from reconciliation.jobs.day_papers import sign_closed
from reconciliation.jobs.days import run_day, run_due
from reconciliation.jobs.drop_folder import take_dropped
from reconciliation.jobs.fetching import Fetcher
from reconciliation.jobs.files import (
    Preview,
    import_statement,
    layouts_of,
    offer_statement,
    preview_statement,
)
from reconciliation.jobs.rollups import count_months, roll_up
from reconciliation.jobs.waiting import LARGE, Importer, put_in_line

JOBS: Final[Sequence[Job | Loop]] = (
    Job("dropped_files", every(1), take_dropped, once=False),
    Job("fetch_statements", every(15), Fetcher().fetch_due, once=False),
    Loop("import_waiting", timedelta(seconds=1), Importer().go_round),
    Job("days", every(1), run_due, once=False),
    Job("sign_day_records", every(1), sign_closed, once=False),
    Job("roll_up", every(5), roll_up, once=False),
    Job("count_months", daily(time(1, 30)), count_months, once=False),
    Job("claims", every(1), follow_claims, once=False),
)

__all__ = [
    "JOBS",
    "LARGE",
    "Brought",
    "Fetcher",
    "Importer",
    "Preview",
    "count_months",
    "draft_coverage",
    "drafted_sheet",
    "follow_claims",
    "import_coverage",
    "import_statement",
    "layouts_of",
    "look_at_coverage",
    "offer_statement",
    "preview_statement",
    "put_in_line",
    "roll_up",
    "run_day",
    "run_due",
    "sign_closed",
    "take_dropped",
]
