"""The treasury's console: what each account's day came to, its statements, who closes it."""

from __future__ import annotations

from payments.changes import OF_ACCOUNTS, OF_KEYS
from payments.core.service import Service
from payments.core.words import later
from payments.payment_requests import public_status
from payments.staff import Role
from payments.web.auth import Home, StaffPages
from reconciliation.web.console import (
    accounts,
    assignments,
    break_forms,
    breaks,
    changes_forms,
    changes_pages,
    claims,
    coverage_draft,
    coverage_files,
    credit_list,
    day,
    design,
    jobs_page,
    layout_draft,
    layouts,
    ledger_accounts,
    ledger_entry,
    line_list,
    list_files,
    match,
    movements,
    one_break,
    one_layout,
    one_payout,
    one_statement,
    payment_files,
    payouts,
    preview,
    receipts,
    refund_form,
    remittance_routes,
    remittances,
    report_files,
    reports,
    request_list,
    search,
    sources,
    statement_files,
    statement_progress,
    targets,
    tariff,
    three_way,
    today,
    webhooks,
)
from reconciliation.web.console.parts import READERS, reason, refusal

_ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})

HOMES = (
    Home("console.accounts", later("Reconciliation"), READERS),
    Home("console.keys", later("Keys of the portals"), _ADMINISTRATORS, OF_KEYS),
    Home(
        "console.connections",
        later("Bank accounts and connections"),
        _ADMINISTRATORS,
        OF_ACCOUNTS,
    ),
    Home("console.jobs", later("Jobs"), _ADMINISTRATORS),
)

_PAGES = (
    today,
    search,
    request_list,
    credit_list,
    line_list,
    list_files,
    ledger_accounts,
    ledger_entry,
    day,
    breaks,
    one_break,
    break_forms,
    claims,
    match,
    three_way,
    movements,
    assignments,
    statement_files,
    statement_progress,
    one_statement,
    preview,
    layouts,
    layout_draft,
    one_layout,
    payouts,
    one_payout,
    refund_form,
    payment_files,
    accounts,
    receipts,
    remittances,
    remittance_routes,
    reports,
    report_files,
    targets,
    webhooks,
    sources,
    jobs_page,
    tariff,
    changes_pages,
    changes_forms,
    coverage_files,
    coverage_draft,
    design,
)


def blueprint(cashless: Service) -> StaffPages:
    """Every page of the console, under `/console`."""
    pages = StaffPages("console", __name__, url_prefix="/console", template_folder="../templates")
    pages.context_processor(
        lambda: {"reason": reason, "refusal": refusal, "status_of": public_status}
    )
    for page in _PAGES:
        page.add(pages, cashless)
    return pages
