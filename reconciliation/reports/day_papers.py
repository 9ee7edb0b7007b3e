"""The signed record of a closed day: drawn with a code, signed once, kept; one that counts.

A day is closed without waiting for it: it is signed soon after, account by account. Reopening
the day cancels the paper (`day_close.reopen`); closed again, another takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy.orm import Session

from payments import agencies, documents
from payments.agencies import Agency, CollectionAccount
from payments.core.words import say
from payments.documents import Kind, Paper, Signer
from reconciliation import day_close
from reconciliation.day_close import AccountDay
from reconciliation.reports.day_record import Seal, drawn

BY: Final = "job:day_records"


@dataclass(frozen=True, slots=True)
class Desk:
    """Who signs, and the address of the page by which a paper is checked."""

    signer: Signer
    base_url: str


def sign_day_record(
    session: Session, collection_account_id: int, day: date, *, desk: Desk, now: datetime
) -> bool:
    """Signs and keeps the record of a closed day; False where there is none to sign any more."""
    agencies.lock(session, collection_account_id)
    row = day_close.of(session, collection_account_id, day)
    session.refresh(row)
    if row.closed_by is None or row.document_id is not None:
        return False
    account = session.get_one(CollectionAccount, collection_account_id)
    (code,) = documents.new_codes(1)
    seal = Seal(code, documents.address(desk.base_url, code))
    paper = Paper(
        code,
        Kind.DAY_RECORD,
        f"account_day:{collection_account_id}:{day.isoformat()}",
        _facts(session, account, row),
        pdf=documents.sign_pdf(drawn(session, account, day, seal=seal), desk.signer, at=now),
    )
    _keep(session, row, paper, desk=desk, now=now)
    return True


def _keep(session: Session, row: AccountDay, paper: Paper, *, desk: Desk, now: datetime) -> None:
    before = documents.latest(session, paper.subject)
    kept = documents.keep_all(session, [paper], signer=desk.signer, by=BY, now=now)
    if before is not None:
        why = say("record.closed_again", in_language="vi")
        documents.replace_all(session, {before.id: kept[paper.code]}, reason=why, by=BY, now=now)
    day_close.give_paper(session, row, kept[paper.code])


def _facts(session: Session, account: CollectionAccount, row: AccountDay) -> dict[str, str]:
    agency = session.get_one(Agency, account.agency_id)
    return {
        "agency": agency.name_vi,
        "account": account.number,
        "day": row.day.isoformat(),
        "verdict": row.record["verdict"] if row.record else row.verdict,
    }
