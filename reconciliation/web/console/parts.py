"""What the console's pages share: who may open them, whose account and day an address names."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

from flask import redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments.agencies import CollectionAccount, UnknownCollectionAccount
from payments.core.errors import Invalid, NotFound
from payments.core.service import Service
from payments.core.words import say
from payments.staff import Role
from payments.web.asking import AskedTwice, UnknownFilter, asked_once, known_filters
from payments.web.paging import UnreadableCursor
from reconciliation import day_close
from reconciliation.statements import Imported, StatementTooLarge

__all__ = [
    "MOST_DIGITS",
    "NUMBER",
    "READERS",
    "AskedTwice",
    "FileMissing",
    "NotADay",
    "UnknownFilter",
    "account_of",
    "asked_once",
    "brought_file",
    "chosen_account",
    "day_of",
    "doing",
    "known_filters",
    "line_after",
    "reason",
    "reason_given",
    "refusal",
    "to_files",
]

READERS: Final = frozenset({Role.VIEWER, Role.RECONCILER, Role.APPROVER, Role.AUDITOR})
"""Who may see figures; administrators have nothing to do with money."""


NUMBER: Final = f"int(min=1, max={2**63 - 1})"
"""A row's number in an address: what a database holds."""


MOST_DIGITS: Final = 18
"""Of a number that a database still holds."""


class NotADay(NotFound):
    """The address names no day."""

    code = "not_a_day"


class FileMissing(Invalid):
    """The form came without a file."""

    code = "file_missing"


def reason(code: str) -> str:
    """The words of a verdict's reason."""
    return say(day_close.reason_key(code))


def refusal(kept: Mapping[str, Any]) -> str:
    """Why a file was refused, in the reader's language."""
    return say(f"error.{kept['code']}", **kept["fields"])


def account_of(session: Session, public_id: str) -> CollectionAccount:
    """The account an address names. Raises `UnknownCollectionAccount`."""
    found = session.scalar(
        select(CollectionAccount).where(CollectionAccount.public_id == public_id)
    )
    if found is None:
        raise UnknownCollectionAccount(id=public_id[:40])
    return found


def day_of(text: str) -> date:
    """The day an address names, as `2026-11-24`. Raises `NotADay`."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise NotADay from None
    if not 2000 <= day.year < 2100 or day.isoformat() != text:
        raise NotADay
    return day


def line_after(text: str) -> int:
    """The line after which a page goes on. Raises `UnreadableCursor`."""
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise UnreadableCursor(pointer="query:after")
    return int(text)


def brought_file(*, most: int) -> tuple[bytes, str]:
    """The content and name of the file a form came with.

    Raises `FileMissing`, or `StatementTooLarge` for one of more than `most` bytes.
    """
    file = request.files.get("file")
    if file is None or not file.filename:
        raise FileMissing(pointer="/file")
    with contextlib.closing(file):
        content = file.read()
    if len(content) > most:
        raise StatementTooLarge(size=len(content), most=most)
    return content, file.filename


def to_files(done: Imported) -> Response:
    """To the page of files, which says so where the file was known."""
    came = "known" if done.again else None
    return redirect(url_for("console.statements", came=came) + "#came", 303)


def chosen_account(cashless: Service, public_id: str) -> CollectionAccount | None:
    """The account that a form names, None where it leaves that to the file."""
    if not public_id:
        return None
    return cashless.database.read(lambda session: account_of(session, public_id))


def doing(
    verb: Callable[..., object], **told: object
) -> Callable[[Session, Any, str, datetime], object]:
    """What a form asks: a verb about the one thing its page is about, by whom and when."""
    return lambda session, one, by, now: verb(session, one, by=by, now=now, **told)


def reason_given() -> str:
    """The reason written in the form."""
    return request.form.get("reason", "")
