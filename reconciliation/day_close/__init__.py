"""The day: run, bridge, verdict and closing of one account's bank day.

`running` matches its lines and concludes, `bridge` draws the balance, `verdict` judges, `figures`
are what is kept, `closing` closes it by two people, `due` says which days are to be run.
"""

from reconciliation.day_close.bridge import Bridge, bridge
from reconciliation.day_close.closing import (
    DayChanged,
    DayClosed,
    DayIncomplete,
    DayNotClosed,
    DayNotOver,
    DayNotProposed,
    EarlierDayOpen,
    ProposalChanged,
    close,
    decline,
    give_paper,
    propose,
    propose_reopening,
    reopen,
    reopening_of,
    take_back,
    tell_run,
    without_paper,
)
from reconciliation.day_close.due import Due, due
from reconciliation.day_close.running import (
    DayNotRun,
    DayNotToBeRun,
    Progress,
    RunTakenOver,
    RunUnderWay,
    Step,
    begin,
    find,
    lines_to_look_at,
    of,
    renew_breaks,
    run_chunk,
    standing,
)
from reconciliation.day_close.tables import AccountDay, Verdict
from reconciliation.day_close.verdict import Judged, Lack, judge, reason_key

__all__ = [
    "AccountDay",
    "Bridge",
    "DayChanged",
    "DayClosed",
    "DayIncomplete",
    "DayNotClosed",
    "DayNotOver",
    "DayNotProposed",
    "DayNotRun",
    "DayNotToBeRun",
    "Due",
    "EarlierDayOpen",
    "Judged",
    "Lack",
    "Progress",
    "ProposalChanged",
    "RunTakenOver",
    "RunUnderWay",
    "Step",
    "Verdict",
    "begin",
    "bridge",
    "close",
    "decline",
    "due",
    "find",
    "give_paper",
    "judge",
    "lines_to_look_at",
    "of",
    "propose",
    "propose_reopening",
    "reason_key",
    "renew_breaks",
    "reopen",
    "reopening_of",
    "run_chunk",
    "standing",
    "take_back",
    "tell_run",
    "without_paper",
]
