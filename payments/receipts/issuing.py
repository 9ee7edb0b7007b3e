"""Issuing: the papers of numbered receipts, drawn and signed outside of any unit, then kept.

A request's receipts become `issued` together or stay as they are: what was signed of a request
whose receipts changed meanwhile is thrown away. Drawing again gives the same papers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from payments import documents
from payments.core.database import Rows, table_of
from payments.outbox import EventType
from payments.payment_requests import PaymentRequest
from payments.receipts.pdf_paper import receipt_pdf
from payments.receipts.snapshots import base_of, tell_all
from payments.receipts.tables import UNSIGNED, Receipt, State
from payments.receipts.xml_paper import receipt_xml

BY: Final = "job:receipts"

MOST_SIGNED: Final = 40
"""Receipts that are signed and kept at once, and those of the same requests: few megabytes."""

RECEIPT: Final = table_of(Receipt)


@dataclass(frozen=True, slots=True)
class Draft:
    """A numbered receipt whose papers are not signed: what it says and where it is checked."""

    id: int
    public_id: str
    payment_request_id: int
    content: Mapping[str, Any] = field(repr=False)
    verify: str
    replaces: int | None
    """The paper of the receipt it replaces, by its number."""


@dataclass(frozen=True, slots=True)
class Papers:
    """A draft's two papers, signed."""

    draft: Draft
    pdf: bytes = field(repr=False)
    xml: bytes = field(repr=False)


def unsigned(
    session: Session, *, after: int = 0, most: int = MOST_SIGNED
) -> tuple[Sequence[Draft], int | None]:
    """The numbered receipts of the requests that wait longest, all of a request or none of it.

    `after` is where the last look ended; returned is also where this one does, None at the end.
    """
    waiting = (
        select(RECEIPT.c.id, RECEIPT.c.payment_request_id)
        .where(UNSIGNED, RECEIPT.c.id > after)
        .order_by(RECEIPT.c.id)
        .limit(most)
    )
    seen = session.execute(waiting).all()
    if not seen:
        return [], None
    requests = sorted({row.payment_request_id for row in seen})
    return _drafts(session, requests), seen[-1].id


def _drafts(session: Session, requests: Sequence[int]) -> Sequence[Draft]:
    before = RECEIPT.alias("before")
    rows = session.execute(
        select(
            RECEIPT.c.id,
            RECEIPT.c.public_id,
            RECEIPT.c.payment_request_id,
            RECEIPT.c.content,
            PaymentRequest.page,
            before.c.document_id,
        )
        .join(PaymentRequest, PaymentRequest.id == RECEIPT.c.payment_request_id)
        .outerjoin(before, before.c.id == RECEIPT.c.replaces_id)
        .where(
            RECEIPT.c.payment_request_id.in_(requests),
            UNSIGNED,
            PaymentRequest.receipted_at.is_not(None),  # else more of them are to be numbered
        )
        .order_by(RECEIPT.c.id)
    )
    return [
        Draft(
            id=row.id,
            public_id=row.public_id,
            payment_request_id=row.payment_request_id,
            content=row.content,
            verify=documents.address(base_of(row.page), row.content["code"]),
            replaces=row.document_id,
        )
        for row in rows
    ]


def sign(draft: Draft, signer: documents.Signer, *, now: datetime) -> Papers:
    """The papers of a receipt, drawn and signed; asks no database."""
    pdf = receipt_pdf(draft.content, verify=draft.verify, practice=signer.practice)
    xml = receipt_xml(draft.content, verify=draft.verify)
    return Papers(
        draft,
        documents.sign_pdf(pdf, signer, at=now),
        documents.sign_xml(xml, signer, at=now),
    )


def issue_all(
    session: Session, papers: Sequence[Papers], signer: documents.Signer, *, now: datetime
) -> int:
    """Keeps signed papers, marks their receipts issued and tells the portals; how many receipts.

    Those of a request one of whose receipts ended meanwhile are left alone.
    """
    whole = _still_whole(session, papers)
    if not whole:
        return 0
    kept = documents.keep_all(
        session, [_paper(one) for one in whole], signer=signer, by=BY, now=now
    )
    paper_of = {one.draft.id: kept[one.draft.content["code"]] for one in whole}
    session.execute(
        update(RECEIPT)
        .where(RECEIPT.c.id.in_(list(paper_of)))
        .values(
            state=State.ISSUED.value,
            issued_at=now,
            document_id=case(paper_of, value=RECEIPT.c.id),
        )
    )
    _replace(session, whole, paper_of, now=now)
    ids: Rows = select(RECEIPT.c.id).where(RECEIPT.c.id.in_(list(paper_of)))
    tell_all(session, ids, EventType.RECEIPT_ISSUED, now=now)
    return len(whole)


def _paper(signed: Papers) -> documents.Paper:
    draft = signed.draft
    return documents.Paper(
        code=draft.content["code"],
        kind=documents.Kind.RECEIPT,
        subject=f"receipt:{draft.public_id}",
        facts=_facts(draft.content),
        pdf=signed.pdf,
        xml=signed.xml,
    )


def _replace(
    session: Session, whole: Sequence[Papers], paper_of: Mapping[int, int], *, now: datetime
) -> None:
    """Says of the papers that are replaced which ones count in their place."""
    successors = {
        one.draft.replaces: paper_of[one.draft.id]
        for one in whole
        if one.draft.replaces is not None
    }
    if successors:
        documents.replace_all(session, successors, reason="replaced", by=BY, now=now)


def _still_whole(session: Session, papers: Sequence[Papers]) -> list[Papers]:
    """The papers of requests all of whose receipts still wait for them; those rows are held."""
    ids = [one.draft.id for one in papers]
    held = set(
        session.scalars(
            select(RECEIPT.c.id)
            .where(RECEIPT.c.id.in_(ids), UNSIGNED)
            .order_by(RECEIPT.c.id)
            .with_for_update()
        )
    )
    owed = set(
        session.scalars(
            select(PaymentRequest.id).where(
                PaymentRequest.id.in_([one.draft.payment_request_id for one in papers]),
                PaymentRequest.receipted_at.is_(None),
            )
        )
    )
    of_request: dict[int, list[Papers]] = defaultdict(list)
    for one in papers:
        of_request[one.draft.payment_request_id].append(one)
    return [
        one
        for request, theirs in of_request.items()
        if request not in owed and all(one.draft.id in held for one in theirs)
        for one in theirs
    ]


def _facts(content: Mapping[str, Any]) -> dict[str, Any]:
    """What the public page tells of a receipt: nothing of its payer."""
    told = {name: content[name] for name in ("form", "symbol", "number", "amount")}
    return {"agency": content["agency"]["name"], **told, "issued_on": content["day"]}
