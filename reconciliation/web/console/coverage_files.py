"""`/console/targets/figures`: bring a quarter's figures of account coverage, and every version.

A reconciler brings a file and proposes it, an approver takes it in: figures that are published are
treated as statements are. Whoever reads figures sees where they came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import IO, Final

from flask import Response, make_response, redirect, render_template, request, send_file, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from payments.agencies import Agency, Kind
from payments.core import clock, sheets
from payments.core.calendar import local_day
from payments.core.errors import Conflict, Invalid
from payments.core.service import Service
from payments.core.sheets import Heading
from payments.core.words import say
from payments.staff import Role
from payments.web import auth, problems
from payments.web.auth import StaffPages, staff_only
from reconciliation import jobs
from reconciliation.jobs.report_files import written
from reconciliation.reports import FileKind
from reconciliation.statements import Received
from reconciliation.targets import coverage_drafts, percentages, quarters
from reconciliation.targets.coverage_import import LONGEST_DOCUMENT, Told, gazetteer
from reconciliation.targets.coverage_refusals import DocumentDateImpossible, reasons
from reconciliation.targets.coverage_sheet import MOST_BYTES
from reconciliation.targets.coverage_tables import CoverageDraft, CoverageFigure, CoverageVersion
from reconciliation.targets.coverage_versions import figures_in, history, version_of
from reconciliation.targets.gazetteer import place
from reconciliation.targets.quarters import Quarter
from reconciliation.web.console.break_words import names_of
from reconciliation.web.console.parts import READERS, NotADay, brought_file, day_of

MOST_SHOWN: Final = 100
_OFFERED: Final = 12
"""So many quarters may be chosen in the form: three years back."""

_FORM_BYTES: Final = MOST_BYTES + (64 << 10)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows: what was taken in, what is on its way, and the people's names."""

    versions: Sequence[CoverageVersion]
    drafts: Sequence[tuple[CoverageDraft, bool]]
    names: Mapping[str, str]

    def newest(self, quarter: Quarter) -> CoverageVersion | None:
        """The version of a quarter that counts."""
        return next((one for one in self.versions if one.quarter == str(quarter)), None)


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page, its form, the template, and a version's own page."""

    @pages.get("/targets/figures", endpoint="coverage")
    @staff_only(*READERS)
    def shown() -> str:
        return _page(cashless)

    @pages.post("/targets/figures", endpoint="bring_coverage")
    @staff_only(Role.RECONCILER, most_bytes=_FORM_BYTES)
    def bring() -> AnyResponse:
        try:
            received = Received(*brought_file(most=_FORM_BYTES))
            made = jobs.draft_coverage(cashless, received, _told(), by=auth.who().actor)
        except (Invalid, Conflict) as refusal:
            told = problems.of_ours(refusal)
            if not problems.for_a_person():
                return problems.respond(told)
            return make_response(_page(cashless, reasons(refusal)), told.status)
        return redirect(url_for("console.coverage_draft", public_id=made), 303)

    @pages.get("/targets/figures/versions/<public_id>", endpoint="coverage_version")
    @staff_only(*READERS)
    def version(public_id: str) -> str:
        row, figures, names = cashless.database.read(lambda session: _version(session, public_id))
        return render_template(
            "console/coverage_version.html",
            row=row,
            figures=figures,
            names=names,
            percentages=percentages,
            place=place,
            quarters=quarters,
        )

    _add_template(pages, cashless)


def _add_template(pages: StaffPages, cashless: Service) -> None:
    @pages.get("/targets/figures/template.<any(csv, xlsx):kind>", endpoint="coverage_template")
    @staff_only(*READERS)
    def template(kind: str) -> Response:
        now, as_ = clock.now(), FileKind(kind)

        def writer(session: Session, to: IO[bytes]) -> None:
            rows = _template_rows(session, quarters.last_over(local_day(now)))
            if as_ is FileKind.CSV:
                sheets.write_csv(to, _headings(), rows)
            else:
                title = say("Template of figures")
                sheets.write_xlsx(to, _headings(), rows, title=title, made_at=now)

        return send_file(
            written(cashless.database, writer),
            mimetype=as_.media_type,
            as_attachment=True,
            download_name=f"so-lieu-tai-khoan-mau.{kind}",
        )


def _page(cashless: Service, refusals: Sequence[str] = ()) -> str:
    now = clock.now()
    last = quarters.last_over(local_day(now))
    return render_template(
        "console/coverage.html",
        shown=cashless.database.read(_shown),
        offered=[last.after(-back) for back in range(_OFFERED)],
        today=local_day(now),
        quarters=quarters,
        refusals=refusals,
        told=request.form,
        longest=LONGEST_DOCUMENT,
    )


def _shown(session: Session) -> Shown:
    versions = history(session, most=MOST_SHOWN)
    drafts = coverage_drafts.drafts(session, most=MOST_SHOWN)
    waiting = [(one, coverage_drafts.proposal(session, one) is not None) for one in drafts]
    people = [one.imported_by for one in versions] + [one.approved_by for one in versions]
    return Shown(versions, waiting, names_of(session, [*people, *(d.drafted_by for d in drafts)]))


def _version(
    session: Session, public_id: str
) -> tuple[CoverageVersion, Sequence[tuple[Agency, CoverageFigure]], Mapping[str, str]]:
    row = version_of(session, public_id)
    names = names_of(session, [row.imported_by, row.approved_by])
    return row, figures_in(session, row), names


def _told() -> Told:
    """What the form says of the file. Raises `NotAQuarter` or `DocumentDateImpossible`."""
    form = request.form
    quarter = quarters.read(form.get("quarter", ""), pointer="/quarter")
    return Told(
        quarter,
        form.get("document", ""),
        _dated(form.get("dated", ""), quarter),
        form.get("correction", "").strip() or None,
    )


def _dated(text: str, quarter: Quarter) -> date:
    try:
        return day_of(text)
    except NotADay:
        raise DocumentDateImpossible(
            pointer="/dated", dated=text[:20], first=quarter.first_day
        ) from None


def _headings() -> list[Heading]:
    texts, counts = ("code", "name", "district"), ("population", "accounts")
    return [
        *(Heading(say(f"coverage.column.{one}")) for one in texts),
        *(Heading(say(f"coverage.column.{one}"), sheets.Kind.COUNT) for one in counts),
    ]


def _template_rows(session: Session, quarter: Quarter) -> Iterator[Sequence[str | None]]:
    """A row for each commune, its figures left to be filled in."""
    nodes = gazetteer(session, quarter).nodes
    for node in nodes.values():
        if node.kind is Kind.COMMUNE:
            above = nodes.get(node.parent or "")
            district = place(above.name_vi) if above else None
            yield (node.code, place(node.name_vi), district, None, None)
