"""`/console/design`: the design system on one page; in sandbox mode only, for those who build."""

from __future__ import annotations

from flask import render_template

from payments.core.config import Mode
from payments.core.service import Service
from payments.web.auth import StaffPages, staff_only
from reconciliation.breaks import State
from reconciliation.day_close import Verdict
from reconciliation.web.console.watching import WATCHERS


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page where it is of use."""
    if cashless.config.mode is not Mode.SANDBOX:
        return

    @pages.get("/design", endpoint="design")
    @staff_only(*WATCHERS)
    def design() -> str:
        return render_template("console/design.html", verdicts=Verdict, states=State)
