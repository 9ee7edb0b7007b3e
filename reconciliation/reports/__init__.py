"""Reports: the five cuts of Decision 31/2021/QĐ-TTg Art. 36, and what the treasury asks besides.

`definition` says what a report is, `asking` what it can be asked; `facts` is what the cuts add up.
`writing` makes files of a report, `day_record` draws the record of a day (biên bản đối soát) and
`day_papers` signs it, `ledger_export` gives the ledger to other programs.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from payments.core.errors import NotFound
from reconciliation.reports import ages, balances, cuts, detail
from reconciliation.reports.asking import (
    Asked,
    Basis,
    Cursor,
    Grain,
    PeriodReversed,
    every_account,
)
from reconciliation.reports.day_papers import Desk, sign_day_record
from reconciliation.reports.day_record import day_record
from reconciliation.reports.definition import Cells, Column, Report, Takes, Total
from reconciliation.reports.detail import entries
from reconciliation.reports.ledger_export import Format, Part, export
from reconciliation.reports.writing import (
    FileKind,
    ReportTooLong,
    heading,
    period,
    spoken,
    title,
    told,
    total_row,
    write,
)


class UnknownReport(NotFound):
    """There is no report of that name."""

    code = "unknown_report"


REPORTS: Final[Mapping[str, Report]] = MappingProxyType(
    {
        one.name: one
        for one in (
            cuts.UNITS,
            cuts.BANKS,
            cuts.FINDINGS,
            cuts.SUMMARY,
            detail.DETAIL,
            cuts.TIMES,
            detail.REQUESTS,
            balances.FEES,
            balances.BALANCES,
            ages.HELD,
            ages.HELD_ITEMS,
            ages.AGEING,
        )
    }
)
"""Every report by its name, in the order they are listed."""


def by_name(name: str) -> Report:
    """The report of that name. Raises `UnknownReport`."""
    if name not in REPORTS:
        raise UnknownReport(name=name[:40])
    return REPORTS[name]


__all__ = [
    "REPORTS",
    "Asked",
    "Basis",
    "Cells",
    "Column",
    "Cursor",
    "Desk",
    "FileKind",
    "Format",
    "Grain",
    "Part",
    "PeriodReversed",
    "Report",
    "ReportTooLong",
    "Takes",
    "Total",
    "UnknownReport",
    "by_name",
    "day_record",
    "entries",
    "every_account",
    "export",
    "heading",
    "period",
    "sign_day_record",
    "spoken",
    "title",
    "told",
    "total_row",
    "write",
]
