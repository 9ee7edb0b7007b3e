"""Which role opens which page and sends which form for staff: one table, walked through."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from payments.core.audit import AuditEntry
from payments.core.database import Database
from payments.staff import Role
from payments.web.auth import Opening
from tests.builders import NOON
from tests.console import SignIn, employ, whole_app

pytestmark = pytest.mark.committed

LETTERS = {
    "v": Role.VIEWER,
    "r": Role.RECONCILER,
    "a": Role.APPROVER,
    "c": Role.CLERK,
    "m": Role.ADMINISTRATOR,
    "u": Role.AUDITOR,
}
MATRIX = """
    page or form                      who
    account.begin_factor              v r a c m u  proof
    account.choose_password           v r a c m u
    account.confirm_factor            v r a c m u  proof
    account.end_others                v r a c m u
    account.end_session               v r a c m u
    account.factor                    v r a c m u
    account.me                        v r a c m u
    account.password                  v r a c m u
    account.renew_codes               v r a c m u  proof
    console.accounts                  v r a - - u
    console.amend_layout              - r - - - -
    console.ask_credits               v r a - - u
    console.ask_lines                 v r a - - u
    console.approve_change            - - - - m -  proof
    console.approve_coverage          - - a - - -  proof
    console.answer_claim              - r a - - -
    console.approve_decision          - - a - - -  proof
    console.approve_opening           - - a - - -  proof
    console.approve_payout            - - a - - -  proof
    console.approve_receipt           - - a - - -  proof
    console.approve_route             - - a - - -  proof
    console.approve_unassignment      - - a - - -  proof
    console.attachment                v r a - - u
    console.breaks                    v r a - - u
    console.breaks_file               v r a - - u
    console.breaks_file               v r a - - u
    console.bring_coverage            - r - - - -
    console.choose_day_record         v r a - - u
    console.choose_header             - r - - - -
    console.claim_photo               - r a - - u
    console.claims                    v r a - - u
    console.close_day                 - - a - - -  proof
    console.confirm_layout            - - a - - -  proof
    console.confirm_pattern           - - a - - -  proof
    console.confirm_setting_aside     - - a - - -  proof
    console.connections               - - - - m u
    console.coverage                  v r a - - u
    console.coverage_draft            v r a - - u
    console.coverage_template         v r a - - u
    console.coverage_version          v r a - - u
    console.credit                    v r a - - u
    console.credits                   v r a - - u
    console.credits_file              v r a - - u
    console.day                       v r a - - u
    console.day_record                v r a - - u
    console.decide_break              - r - - - -
    console.decide_breaks             - r - - - -
    console.decline_change            - - - - m -  proof
    console.decline_coverage          - - a - - -  proof
    console.decline_day               - - a - - -  proof
    console.decline_decision          - - a - - -  proof
    console.decline_layout            - - a - - -  proof
    console.decline_payout            - - a - - -  proof
    console.decline_receipt           - - a - - -  proof
    console.decline_route             - - a - - -  proof
    console.decline_setting_aside     - - a - - -  proof
    console.decline_suggestion        - r - - - -
    console.decline_unassignment      - - a - - -  proof
    console.delivery                  v r a - m u
    console.design                    v r a - m u
    console.discard_coverage          - r - - - -
    console.discard_layout            - r - - - -
    console.draft_layout              - r - - - -
    console.end_pattern               - r a - - -
    console.entry                     v r a - - u
    console.hand_break                - r a - - -
    console.import_offered            - r - - - -
    console.import_statement          - r - - - -
    console.inquiry                   v r a - - u
    console.jobs                      v r a - m u
    console.keys                      - - - - m u
    console.layout_draft              - r - - - -
    console.layouts                   v r a - - u
    console.ledger                    v r a - - u
    console.ledger_account            v r a - - u
    console.ledger_account_file       v r a - - u
    console.ledger_file               v r a - - u
    console.line                      v r a - - u
    console.lines                     v r a - - u
    console.lines_file                v r a - - u
    console.look                      v r a - - u
    console.make_payment_file         - r - - - -
    console.match                     v r a - - u
    console.note_break                - r a - - -
    console.one_break                 v r a - - u
    console.one_layout                v r a - - u
    console.one_receipt               v r a - - u
    console.one_statement             v r a - - u
    console.open_beneficiary          - r a - - -
    console.payment_file              v r a - - u
    console.payment_file_kept         - r a - - -
    console.payment_files             v r a - - u
    console.payout                    v r a - - u
    console.payouts                   v r a - - u
    console.payouts_file              v r a - - u
    console.payouts_file              v r a - - u
    console.preview_statement         - r - - - -
    console.propose_connection        - - - - m -  proof
    console.propose_coverage          - r - - - -
    console.propose_day               - r - - - -
    console.propose_key               - - - - m -  proof
    console.propose_opening           - r - - - -
    console.propose_pattern           - r - - - -
    console.propose_receipt           - r - - - -
    console.propose_refund            - r - - - -
    console.propose_remittances       - r - - - -
    console.propose_reopening         - r - - - -
    console.propose_route             - r - - - -
    console.propose_setting_aside     - r - - - -
    console.receipt_pdf               v r a - - u
    console.receipt_xml               v r a - - u
    console.receipts                  v r a - - u
    console.receipts_file             v r a - - u
    console.receipts_file             v r a - - u
    console.redeliver                 - - - - m -  proof
    console.refund                    - r - - - -
    console.reject_payout             - - a - - -  proof
    console.remittance_list           v r a - - u
    console.remittances               v r a - - u
    console.reopen_break              - r - - - -
    console.reopen_day                - - a - - -  proof
    console.report                    v r a - - u
    console.report_file               v r a - - u
    console.reports                   v r a - - u
    console.request                   v r a - - u
    console.requests                  v r a - - u
    console.requests_file             v r a - - u
    console.revise_layout             - r - - - -
    console.routes                    v r a - - u
    console.run_day                   - r a - - -
    console.save_layout               - r - - - -
    console.search                    v r a - - u
    console.sources                   v r a - m u
    console.statement_progress        v r a - - u
    console.statements                v r a - - u
    console.take_day_back             - r - - - -
    console.take_decision_back        - r - - - -
    console.take_receipt_back         - r - - - -
    console.take_unassignment_back    - r - - - -
    console.target_unit               v r a - - u
    console.targets                   v r a - - u
    console.tariff                    v r a - m u
    console.three_way                 v r a - - u
    console.three_way_file            v r a - - u
    console.treasury_slip             v r a - - u
    console.unassign                  - r - - - -
    console.units                     v r a - m u
    console.unmatch                   - r - - - -
    console.webhook                   v r a - m u
    console.webhooks                  v r a - m u
    console.withdraw_change           - - - - m -  proof
    console.withdraw_coverage         - r - - - -
    console.withdraw_layout           - r a - - -
    console.withdraw_offer            - r - - - -
    console.withdraw_payout           - r - - - -
    console.withdraw_route            - r - - - -
    counter.begin                     - - - c - -
    counter.cash_for_fees             - - - c - -
    counter.cash_for_request          - - - c - -
    counter.clear                     - - - c - -
    counter.display                   - - - c - -
    counter.display_state             - - - c - -
    counter.end                       - - - c - -
    counter.find                      - - - c - -
    counter.screen                    - - - c - -
    counter.show                      - - - c - -
    counter.start                     - - - c - -
    counter.state                     - - - c - -
    counter.take_for_fees             - - - c - -
    counter.take_for_request          - - - c - -
    counter.totals                    - - - c - -
    counter.void_cash                 - - - c - -
    people.add                        - - - - m -  proof
    people.approve_roles              - - - - m -  proof
    people.decline_roles              - - - - m -  proof
    people.disable                    - - - - m -  proof
    people.end_identity               - - - - m -  proof
    people.everybody                  - - - - m -
    people.give_roles                 - - - - m -  proof
    people.link_identity              - - - - m -  proof
    people.new                        - - - - m -
    people.one                        - - - - m -
    people.reset_factor               - - - - m -  proof
    people.reset_password             - - - - m -  proof
    people.take_roles_back            - - - - m -  proof
    trail.exported                    - - - - m u
    trail.shown                       - - - - m u
"""
"""Viewer, reconciler, approver, clerk, administrator, auditor; `proof` where a fresh one is asked.

Reconcilers propose and approvers approve, never one the other's; administrators have nothing to do
with money, auditors and viewers with no form but those of their own account (reliability.md 6.6)
and those by which something is looked for, whose words are not for an address.
"""


REFUSALS = select(AuditEntry).where(AuditEntry.action == "page.refused").order_by(AuditEntry.id)


def matrix() -> dict[str, tuple[set[Role], bool]]:
    """The table: who is let in at each endpoint, and whether a fresh proof is asked."""
    rows = [line.split() for line in MATRIX.strip().splitlines()[1:]]
    return {
        name: ({LETTERS[one] for one in told if one in LETTERS}, "proof" in told)
        for name, *told in rows
    }


@pytest.fixture
def app(database: Database, database_url: str) -> Iterator[Flask]:
    """The whole application with people of every role."""

    def unit(session: Session) -> None:
        employ(session, *Role)

    database.write(unit)
    with whole_app(database_url, NOON) as whole:
        yield whole


def rules(app: Flask) -> list[Rule]:
    """Every address of the console and the counter."""
    return [
        rule for rule in app.url_map.iter_rules() if rule.rule.startswith(("/console", "/counter"))
    ]


def address(rule: Rule) -> str:
    """One that fits the rule, of nothing that exists."""
    told = {"on": "2026-11-24", "kind": "csv", "form": "csv", "written_as": "xml"}
    told |= dict.fromkeys(("position", "number", "line"), 1)
    made = rule.build({name: told.get(name, "none") for name in rule.arguments})
    assert made is not None
    return made[1]


def test_every_page_and_form_stands_in_the_table(app: Flask) -> None:
    """A new one is added there, with who may open it; none stands there that is gone."""
    assert sorted({rule.endpoint for rule in rules(app)}) == sorted(matrix())


def test_a_fresh_proof_is_asked_where_the_table_says_so(app: Flask) -> None:
    """Whatever approvers or administrators alone may send is among it."""
    for rule in rules(app):
        opening = app.view_functions[rule.endpoint].staff_only  # type: ignore[attr-defined]
        assert isinstance(opening, Opening)
        assert opening.proved is matrix()[rule.endpoint][1], rule.endpoint
        if "POST" in (rule.methods or ()) and opening.roles <= {Role.APPROVER, Role.ADMINISTRATOR}:
            assert opening.proved, rule.endpoint


@pytest.mark.parametrize("role", [*Role, None])
def test_each_role_opens_what_the_table_says_and_nothing_else(
    app: Flask, sign_in: SignIn, database: Database, role: Role | None
) -> None:
    """A stranger opens nothing. What is open may not exist: it is not refused for the role.

    What is refused to somebody signed in is in the audit trail, and every form sent in vain.
    """
    refused: list[tuple[str, str]] = []
    client = app.test_client() if role is None else sign_in(role).client
    for rule in rules(app):
        allowed, _ = matrix()[rule.endpoint]
        for method in {"GET", "POST"} & (rule.methods or set()):
            answer = client.open(
                address(rule), method=method, headers={"Accept": "application/json"}
            )
            code = answer.json.get("code") if answer.is_json else None
            answer.close()
            expected = "not_signed_in" if role is None else "not_your_role"
            assert (code == expected) is (role not in allowed), (rule.endpoint, method, code)
            assert answer.status_code < 500, rule.endpoint
            if role is not None and code and (code == expected or method == "POST"):
                refused += [(f"page:{rule.endpoint}", code)]
    told = database.read(lambda session: session.scalars(REFUSALS).all())
    written = [(entry.subject, entry.details["code"]) for entry in told]
    assert written == [one for one in refused if one[1] != "proof_needed"]
