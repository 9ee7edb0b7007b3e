"""`/console/targets/figures/drafts/{draft}`: what a file of figures says, before it is taken in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from flask import redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments.core import clock
from payments.core.approvals import Approval
from payments.core.errors import Conflict, Invalid
from payments.core.service import Service
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, proved_only, staff_only
from reconciliation import jobs
from reconciliation.targets import coverage_drafts, coverage_import, percentages, quarters
from reconciliation.targets.coverage_import import Looked
from reconciliation.targets.coverage_refusals import spoken
from reconciliation.targets.coverage_sheet import Sheet
from reconciliation.targets.coverage_tables import CoverageDraft
from reconciliation.targets.gazetteer import place
from reconciliation.web.console.break_words import names_of
from reconciliation.web.console.parts import READERS, doing, reason_given

Act = Callable[[Session, CoverageDraft, str, datetime], object]


@dataclass(frozen=True, slots=True)
class Commune:
    """A row of the file beside what was known before; `change` is in shares, None if unknown."""

    line: int
    name: str
    population: int
    accounts: int
    coverage: Fraction
    change: Fraction | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A draft as the page shows it; `cannot` is why it can't be taken in any more."""

    row: CoverageDraft
    sheet: Sheet
    looked: Looked | None
    cannot: str | None
    communes: Sequence[Commune]
    waiting: Approval | None
    proposals: Sequence[Approval]
    names: Mapping[str, str]


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page and its forms."""

    @pages.get("/targets/figures/drafts/<public_id>", endpoint="coverage_draft")
    @staff_only(*READERS)
    def shown(public_id: str) -> str:
        return render_template(
            "console/coverage_draft.html",
            shown=_shown(cashless, public_id),
            percentages=percentages,
            quarters=quarters,
        )

    @pages.post("/targets/figures/drafts/<public_id>/propose", endpoint="propose_coverage")
    @staff_only(Role.RECONCILER)
    def propose(public_id: str) -> Response:
        _, sheet = jobs.drafted_sheet(cashless, public_id)
        confirmed = request.form.getlist("confirmed")
        verb = doing(coverage_drafts.propose, sheet=sheet, confirmed=confirmed)
        _act(cashless, public_id, verb)
        return _to_draft(public_id)

    @pages.post("/targets/figures/drafts/<public_id>/withdraw", endpoint="withdraw_coverage")
    @staff_only(Role.RECONCILER)
    def withdraw(public_id: str) -> Response:
        _act(cashless, public_id, doing(coverage_drafts.withdraw))
        return _to_draft(public_id)

    @pages.post("/targets/figures/drafts/<public_id>/discard", endpoint="discard_coverage")
    @staff_only(Role.RECONCILER)
    def discard(public_id: str) -> Response:
        _act(cashless, public_id, doing(coverage_drafts.discard))
        return _to_list()

    _add_second_person(pages, cashless)


def _add_second_person(pages: StaffPages, cashless: Service) -> None:
    @pages.post("/targets/figures/drafts/<public_id>/approve", endpoint="approve_coverage")
    @proved_only(Role.APPROVER)
    def approve(public_id: str) -> Response:
        _, sheet = jobs.drafted_sheet(cashless, public_id)
        _act(cashless, public_id, doing(coverage_drafts.approve, sheet=sheet))
        return _to_list()

    @pages.post("/targets/figures/drafts/<public_id>/decline", endpoint="decline_coverage")
    @proved_only(Role.APPROVER)
    def decline(public_id: str) -> Response:
        _act(cashless, public_id, doing(coverage_drafts.decline, reason=reason_given()))
        return _to_draft(public_id)


def _act(cashless: Service, public_id: str, act: Act) -> None:
    """Does what a form asks about a draft."""
    by, now = auth.who().actor, clock.now()
    cashless.database.write(
        lambda session: act(session, coverage_drafts.by_public_id(session, public_id), by, now)
    )


def _to_draft(public_id: str) -> Response:
    return redirect(url_for("console.coverage_draft", public_id=public_id), 303)


def _to_list() -> Response:
    return redirect(url_for("console.coverage") + "#taken", 303)


def _shown(cashless: Service, public_id: str) -> Shown:
    _, sheet = jobs.drafted_sheet(cashless, public_id)
    now = clock.now()
    return cashless.database.read(lambda session: _gathered(session, public_id, sheet, now=now))


def _gathered(session: Session, public_id: str, sheet: Sheet, *, now: datetime) -> Shown:
    row = coverage_drafts.by_public_id(session, public_id)
    told = coverage_drafts.told_of(row)
    looked, cannot = None, None
    try:
        looked = coverage_import.look(session, sheet, told, now=now)
    except (Invalid, Conflict) as refusal:
        cannot = spoken(refusal)
    proposals = coverage_drafts.proposals(session, row)
    people = [one for each in proposals for one in (each.maker, each.checker)]
    return Shown(
        row=row,
        sheet=sheet,
        looked=looked,
        cannot=cannot,
        communes=_communes(session, sheet, looked, row),
        waiting=coverage_drafts.proposal(session, row),
        proposals=proposals,
        names=names_of(session, [row.drafted_by, *people]),
    )


def _communes(
    session: Session, sheet: Sheet, looked: Looked | None, row: CoverageDraft
) -> Sequence[Commune]:
    nodes = coverage_import.gazetteer(session, coverage_drafts.told_of(row).quarter).nodes
    before = looked.before if looked else {}
    found = []
    for one in sheet.figures:
        coverage = Fraction(one.accounts, one.population)
        people, accounts = before.get(one.agency, (0, 0))
        change = coverage - Fraction(accounts, people) if people else None
        name = place(nodes[one.agency].name_vi)
        found.append(Commune(one.line, name, one.population, one.accounts, coverage, change))
    return found
