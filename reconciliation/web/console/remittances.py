"""`/console/remittances`: how far the fees of each agency have come towards the treasury."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Final

from flask import Response, redirect, render_template, send_file, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Going

from payments import agencies, payouts
from payments.agencies import Agency, CollectionAccount
from payments.core import clock, sheets
from payments.core.calendar import local_day
from payments.core.service import Service
from payments.core.words import say
from payments.payouts import Forwarding, Payout, State
from payments.payouts.papers import PRINTED, listed, listed_headings, treasury_slip
from payments.staff import Role
from payments.web import auth
from payments.web.auth import StaffPages, staff_only
from reconciliation.jobs.report_files import Writer, written
from reconciliation.reports import FileKind
from reconciliation.web.console.parts import (
    READERS,
    account_of,
    asked_once,
    known_filters,
    line_after,
)

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class OfAccount:
    """An account with the fees of each agency; `due` says that something can be proposed."""

    account: CollectionAccount
    agencies: Sequence[Forwarding]

    @property
    def due(self) -> bool:
        """Whether something can be proposed."""
        return any(one.due for one in self.agencies)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows; `older` is the number behind which the list goes on.

    Remittances in the states `printed` have papers.
    """

    accounts: Sequence[OfAccount]
    names: Mapping[str, str]
    latest: Sequence[tuple[Payout, str]]
    older: int | None
    printed: Collection[State] = PRINTED


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page, its form, and the papers of a remittance."""

    @pages.get("/remittances", endpoint="remittances")
    @staff_only(*READERS)
    def shown() -> str:
        known_filters("before", "came")
        before, now = asked_once("before"), clock.now()
        until = line_after(before) if before else None
        found = cashless.database.read(lambda session: _shown(session, until, now=now))
        return render_template("console/remittances.html", shown=found, hours=hours)

    @pages.post("/remittances/<public_id>/propose", endpoint="propose_remittances")
    @staff_only(Role.RECONCILER)
    def propose(public_id: str) -> Going:
        by, now = auth.who().actor, clock.now()

        def unit(session: Session) -> int:
            account = account_of(session, public_id)
            made = payouts.propose_remittances(
                session, account, by=by, now=now, vault=cashless.vault
            )
            return len(made)

        came = "proposed" if cashless.database.write(unit) else "nothing"
        return redirect(url_for("console.remittances", came=came) + "#came", 303)

    _add_papers(pages, cashless)


def _add_papers(pages: StaffPages, cashless: Service) -> None:
    @pages.get("/remittances/<public_id>/c1-02.pdf", endpoint="treasury_slip")
    @staff_only(*READERS)
    def slip(public_id: str) -> Response:
        def writer(session: Session, to: IO[bytes]) -> None:
            to.write(treasury_slip(session, payouts.by_public_id(session, public_id)))

        return _sent(cashless, writer, called="giay-nop-tien.pdf", as_=FileKind.PDF)

    @pages.get("/remittances/<public_id>/list.<any(csv, xlsx):kind>", endpoint="remittance_list")
    @staff_only(*READERS)
    def listing(public_id: str, kind: str) -> Response:
        as_ = FileKind(kind)

        def writer(session: Session, to: IO[bytes]) -> None:
            payout = payouts.by_public_id(session, public_id)
            rows, headings = listed(session, payout), listed_headings()
            if as_ is FileKind.CSV:
                sheets.write_csv(to, headings, rows)
                return
            title = say("remittance.list", code=payout.code)
            sheets.write_xlsx(to, headings, rows, title=title, made_at=payout.proposed_at)

        return _sent(cashless, writer, called=f"bang-ke.{kind}", as_=as_)


def hours(age: timedelta) -> str:
    """A working time in words: in hours, in days of 24 hours from two of them on."""
    whole = int(age.total_seconds() // 3600)
    if whole < 48:
        return say("remittance.age.hours", hours=whole)
    return say("remittance.age.days", days=whole // 24)


def _shown(session: Session, before: int | None, *, now: datetime) -> Shown:
    today = local_day(now)
    accounts = [
        OfAccount(account, payouts.overview(session, account, now=now))
        for account in agencies.accounts(session, on=today)
    ]
    rows = (
        select(Payout, Agency.code)
        .join(Agency, Agency.id == Payout.agency_id)
        .where(Payout.kind == payouts.Kind.REMITTANCE)
        .order_by(Payout.id.desc())
        .limit(PAGE + 1)
    )
    if before is not None:
        rows = rows.where(Payout.id < before)
    latest = [(payout, code) for payout, code in session.execute(rows)]
    codes = {one.agency for of in accounts for one in of.agencies}
    codes |= {code for _, code in latest}
    goes_on = len(latest) > PAGE
    return Shown(
        accounts=accounts,
        names=_names(session, codes),
        latest=latest[:PAGE],
        older=latest[PAGE - 1][0].id if goes_on else None,
    )


def _names(session: Session, codes: set[str]) -> Mapping[str, str]:
    """What agencies are called, by code: the latest name of each."""
    rows = select(Agency.code, Agency.name_vi).where(Agency.code.in_(codes))
    found = session.execute(rows.order_by(Agency.valid_from)).all()
    return {row.code: row.name_vi for row in found}


def _sent(cashless: Service, writer: Writer, *, called: str, as_: FileKind) -> Response:
    file = written(cashless.database, writer)
    return send_file(file, mimetype=as_.media_type, as_attachment=True, download_name=called)
