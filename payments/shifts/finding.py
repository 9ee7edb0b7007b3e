"""What a clerk typed or scanned: a payment's code, its QR text, its page's address, a dossier."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from payments import references
from payments.payment_requests import PaymentRequest, UnknownRequest
from payments.portals import Portal
from payments.references import Kind
from payments.shifts.keeping import NothingTyped

LONGEST_TYPED: Final = 600
"""A VietQR text has at most 512 characters, a page's address fewer."""

MOST_FOUND: Final = 20

_DIGITS: Final = re.compile(r"(?:[0-9][ .-]*){10}", re.ASCII)
_PAGE: Final = re.compile(r"/p/([A-Za-z0-9_-]{22})(?:[/?#]|$)")


def typed(session: Session, text: str, *, prefix: str) -> Sequence[PaymentRequest]:
    """The requests that `text` means, of any portal, the newest first, at most 20.

    Raises `NothingTyped`.
    """
    told = text.strip()[:LONGEST_TYPED]
    if not told:
        raise NothingTyped(pointer="/text")
    found = select(PaymentRequest).where(_means(told, prefix=prefix))
    return session.scalars(found.order_by(PaymentRequest.id.desc()).limit(MOST_FOUND)).all()


def by_code(session: Session, code: str) -> PaymentRequest:
    """The request of that very code, of any portal. Raises `UnknownRequest`."""
    found = session.scalar(select(PaymentRequest).where(PaymentRequest.reference == code))
    if found is None:
        raise UnknownRequest(reference=code[:40])
    return found


def _means(told: str, *, prefix: str) -> ColumnElement[bool]:
    page = _PAGE.search(told)
    if page is not None:
        return PaymentRequest.token == page[1]
    codes = _codes_in(told, prefix)
    if codes:
        return PaymentRequest.reference.in_(codes)
    known = PaymentRequest.portal_id.in_(select(Portal.id))  # so that the index is of use
    dossier = known & PaymentRequest.dossier.in_({told, told.upper()})
    if not _DIGITS.fullmatch(told):
        return dossier
    return dossier | PaymentRequest.reference.in_(_codes_in(prefix + told, prefix))


def _codes_in(text: str, prefix: str) -> Sequence[str]:
    """The whole codes in a text."""
    return [one.code for one in references.find(text, prefix) if one.kind is Kind.FULL]
