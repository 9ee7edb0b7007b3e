"""A receipt as PDF, drawn from what it says: the same content gives the same bytes.

It is an official paper, so it is in Vietnamese whoever asks. The signature is added to it
afterwards; the QR code leads to the page where anyone checks it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from payments import vietqr
from payments.core import pdf, words
from payments.core.money import grouped
from payments.core.pdf import Paper
from payments.core.sheets import Heading, Kind
from payments.core.words import say

_CODE: Final = 104
"""The QR code's side, somewhat over three and a half centimetres: any phone reads it."""


def receipt_pdf(content: Mapping[str, Any], *, verify: str, practice: bool) -> bytes:
    """The receipt, unsigned; one of sandbox mode (`practice`) is marked as worth nothing."""
    with words.speaking("vi"):
        return _drawn(content, verify=verify, practice=practice)


def _drawn(content: Mapping[str, Any], *, verify: str, practice: bool) -> bytes:
    named = say("receipt.paper.numbered", **_numbered(content))
    paper = Paper(
        f"{content['name']} {content['symbol']} {content['number']}",
        foot=named,
        page_words=lambda page, pages: say("paper.page", page=page, pages=pages),
        mark=say("receipt.paper.practice") if practice else None,
    )
    _head(paper, content, named)
    _payer(paper, content)
    _fees(paper, content)
    paper.gap(14)
    with paper.symbol(vietqr.symbol(verify), side=_CODE):
        paper.words(say("receipt.paper.signed", issuer=content["issuer"]["name"]), font=pdf.BOLD)
        paper.gap(3)
        paper.words(say("receipt.paper.verify", address=verify))
        paper.words(say("receipt.paper.code", code=content["code"]))
        paper.gap(3)
        paper.words(say("receipt.paper.no_screenshot"))
    return paper.finish()


def _head(paper: Paper, content: Mapping[str, Any], named: str) -> None:
    issuer = content["issuer"]
    paper.centred(issuer["name"], size=11, font=pdf.BOLD)
    if issuer["tax_code"] is not None:
        paper.centred(say("receipt.paper.tax_code", number=issuer["tax_code"]), size=9)
    paper.gap(16)
    paper.centred(content["name"].upper(), size=16, font=pdf.BOLD)
    paper.centred(say("receipt.paper.electronic"), size=9)
    paper.gap(5)
    paper.centred(named, size=10)
    day = date.fromisoformat(content["day"])
    paper.centred(
        say("receipt.paper.day", day=f"{day:%d}", month=f"{day:%m}", year=day.year), size=10
    )
    paper.gap(12)


def _payer(paper: Paper, content: Mapping[str, Any]) -> None:
    paid_at = say("receipt.paper.moment", moment=datetime.fromisoformat(content["paid_at"]))
    entries = [
        (say("receipt.paper.agency"), content["agency"]["name"]),
        (say("receipt.paper.payer"), say("receipt.paper.holder", dossier=content["dossier"])),
        (say("receipt.paper.reference"), content["reference"]),
        (say("receipt.paper.paid_at"), paid_at),
        (say("receipt.paper.means"), say("receipt.paper.transfer")),
    ]
    if content["replaces"] is not None:
        before = say("receipt.paper.numbered", **_numbered(content["replaces"]))
        entries.append((say("receipt.paper.replaces"), before))
    for name, value in entries:
        paper.entry(name, "", value, size=10)
    paper.gap(8)


def _fees(paper: Paper, content: Mapping[str, Any]) -> None:
    lines: Sequence[Mapping[str, Any]] = content["lines"]
    given_back = any(line["refunded"] for line in lines)
    headings = [
        Heading(say("receipt.paper.position"), Kind.COUNT),
        Heading(say("receipt.paper.fee")),
        Heading(say("receipt.paper.quantity"), Kind.COUNT),
        Heading(say("receipt.paper.rate"), Kind.AMOUNT),
        *([Heading(say("receipt.paper.given_back"), Kind.AMOUNT)] if given_back else []),
        Heading(say("receipt.paper.amount"), Kind.AMOUNT),
    ]
    rows = [
        [
            str(position),
            line["name"],
            str(line["quantity"]),
            grouped(line["unit_amount"]),
            *([grouped(line["refunded"])] if given_back else []),
            grouped(line["amount"]),
        ]
        for position, line in enumerate(lines, start=1)
    ]
    empty = [""] * (len(headings) - 3)
    total = ["", say("receipt.paper.total"), *empty, grouped(content["amount"])]
    paper.table(headings, rows, total=total, size=9)
    paper.gap(4)
    paper.words(say("receipt.paper.in_words", words=content["in_words"]), size=10, font=pdf.BOLD)


def _numbered(named: Mapping[str, Any]) -> dict[str, Any]:
    return {part: named[part] for part in ("form", "symbol", "number")}
