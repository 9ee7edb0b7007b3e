"""The record of an account's day (biên bản đối soát): a paper for two people to sign.

It says what the day came to: the bridge, matches by rule, breaks by kind, the verdict, and the
files it rests on by their SHA-256. A closed day is drawn from the record that was closed, with the
code by which anyone may check it, and signed once (`day_papers`); from then on the signed file is
given out. A day that is still open is drawn from its latest run and marked as a draft, one that is
closed and not signed yet says so. It is an official paper: in Vietnamese whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import banks, documents, vietqr
from payments.agencies import Agency, CollectionAccount
from payments.core import pdf, words
from payments.core.money import Dong, grouped
from payments.core.pdf import Paper, Signature
from payments.core.sheets import Heading, Kind
from payments.core.words import say
from payments.documents import Document
from payments.staff import Person
from reconciliation import day_close
from reconciliation.day_close import AccountDay
from reconciliation.statements import StatementFile

_BRIDGE: Final = (
    "opening",
    "posted",
    "credits_unbooked",
    "debits_unbooked",
    "explained",
    "closing",
    "residual",
    "transit",
    "unseen",
    "early",
    "transit_residual",
)
"""The figures of the bridge, in the order in which they are added up."""


_SYMBOL_SIDE: Final = 72
"""Of the QR code, in points."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What is printed on a record that is signed: its code, and the address its QR code carries."""

    code: str
    address: str


@dataclass(frozen=True, slots=True)
class _Known:
    """All that the paper says."""

    account: CollectionAccount
    agency: str
    row: AccountDay
    figures: Mapping[str, Any]
    files: Sequence[tuple[str, str]]
    maker: str
    checker: str
    seal: Seal | None

    @property
    def closed(self) -> bool:
        return self.row.record is not None


def day_record(session: Session, account: CollectionAccount, day: date) -> bytes:
    """The record of a day as a PDF: the signed file once there is one. Raises `DayNotRun`."""
    row = day_close.of(session, account.id, day)
    if row.document_id is not None:
        document = session.get_one(Document, row.document_id)
        return documents.signed_pdf(session, document).content
    return drawn(session, account, day, seal=None)


def drawn(session: Session, account: CollectionAccount, day: date, *, seal: Seal | None) -> bytes:
    """The record as a PDF that is not signed, with its `seal` if it is about to be.

    Raises `DayNotRun`.
    """
    known = _gather(session, account, day, seal=seal)
    with words.speaking("vi"):
        return _drawn(known)


def _gather(
    session: Session, account: CollectionAccount, day: date, *, seal: Seal | None
) -> _Known:
    row = day_close.of(session, account.id, day)
    figures = row.figures if row.record is None else row.record
    agency = session.get_one(Agency, account.agency_id)
    found = session.execute(
        select(StatementFile.sha256, StatementFile.filename)
        .where(StatementFile.sha256.in_(figures["inputs"]), StatementFile.state == "imported")
        .order_by(StatementFile.id)
    )
    return _Known(
        account=account,
        agency=agency.name_vi,
        row=row,
        figures=figures,
        files=[(one.filename, one.sha256) for one in found],
        maker=_who(session, row.proposed_by),
        checker=_who(session, row.closed_by),
        seal=seal,
    )


def _who(session: Session, actor: str | None) -> str:
    """The name of whoever acted; `staff:12` is a person, anything else stays as it is."""
    kind, _, number = (actor or "").partition(":")
    if kind != "staff" or not number.isdigit():
        return actor or ""
    person = session.get(Person, int(number))
    return actor or "" if person is None else person.name


def _drawn(known: _Known) -> bytes:
    number = known.account.number
    paper = Paper(
        say("record.title"),
        foot=say("record.foot", account=number, day=known.row.day),
        page_words=lambda page, pages: say("paper.page", page=page, pages=pages),
        mark=_mark(known),
    )
    _head(paper, known)
    _bridge(paper, known.figures["bridge"])
    _lines(paper, known.figures["lines"])
    _groups(paper, known.figures)
    _files(paper, known.files)
    _verdict(paper, known)
    hint = say("record.sign_here")
    paper.signatures(
        [
            Signature(say("record.maker"), hint, known.maker),
            Signature(say("record.checker"), hint, known.checker),
        ]
    )
    _seal(paper, known.seal)
    return paper.finish()


def _mark(known: _Known) -> str | None:
    if known.seal is not None:
        return None
    return say("record.unsigned") if known.closed else say("record.draft")


def _seal(paper: Paper, seal: Seal | None) -> None:
    if seal is None:
        return
    paper.gap(12)
    with paper.symbol(vietqr.symbol(seal.address), side=_SYMBOL_SIDE):
        paper.words(say("record.seal", code=seal.code))
        paper.words(seal.address, size=8)
        paper.words(say("record.seal_words"), size=8)


def _head(paper: Paper, known: _Known) -> None:
    account = known.account
    bank = banks.by_bin(account.bin)
    paper.centred("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", font=pdf.BOLD)
    paper.centred("Độc lập - Tự do - Hạnh phúc", font=pdf.BOLD)
    paper.gap(12)
    paper.centred(say("record.title"), size=15, font=pdf.BOLD)
    paper.centred(say("record.of_day", day=known.row.day))
    if not known.closed:
        paper.centred(say("record.draft_words"), size=9)
    elif known.seal is None:
        paper.centred(say("record.unsigned_words"), size=9)
    paper.gap(8)
    told = [
        ("record.agency", known.agency),
        ("record.account", f"{account.number} · {account.name}"),
        ("record.bank", bank.name if bank else account.bin),
    ]
    if not known.closed:  # a closed day may be proved again, and its paper stays the same
        run = say("record.run_told", at=known.row.run_at, count=known.row.runs)
        told.append(("record.run", run))
    for key, value in told:
        paper.words(f"{say(key)}: {value}")


def _bridge(paper: Paper, bridge: Mapping[str, Any]) -> None:
    paper.heading(say("record.bridge"))
    rows = [(say(f"bridge.{name}"), _dong(bridge[name])) for name in _BRIDGE]
    paper.table([Heading(say("record.figure")), _amounts()], rows)
    if bridge["closing_basis"]:
        paper.words(say(f"basis.{bridge['closing_basis']}"), size=8)


def _lines(paper: Paper, lines: Mapping[str, Any]) -> None:
    paper.heading(say("record.lines"))
    rows = [
        (
            say(f"direction.{name}"),
            str(lines.get(name, {}).get("count", 0)),
            _dong(lines.get(name, {}).get("sum", 0)),
        )
        for name in ("credit", "debit")
    ]
    paper.table([Heading(say("record.direction")), _counts(), _amounts()], rows)


def _groups(paper: Paper, figures: Mapping[str, Any]) -> None:
    """Matches by rule and breaks by kind, each with its total; nothing is said where none is."""
    tables = (
        ("matches", "rule", "rule", "sum", "record.rule"),
        ("breaks", "kind", "break", "amount", "record.kind"),
    )
    for name, key, group, amount, over in tables:
        paper.heading(say(f"record.{name}"))
        found = figures[name]
        if not found:
            paper.words(say("record.none"))
            continue
        rows = [
            (say(f"{group}.{one[key]}"), _count(one["count"]), _dong(one[amount])) for one in found
        ]
        total = (
            say("report.total"),
            _count(sum(one["count"] for one in found)),
            _dong(sum(one[amount] for one in found)),
        )
        paper.table([Heading(say(over)), _counts(), _amounts()], rows, total=total)


def _files(paper: Paper, files: Sequence[tuple[str, str]]) -> None:
    paper.heading(say("record.files"))
    if files:
        paper.table([Heading(say("record.file")), Heading("SHA-256")], files, size=7)
    else:
        paper.words(say("record.no_files"))


def _verdict(paper: Paper, known: _Known) -> None:
    row, figures = known.row, known.figures
    verdict = figures.get("verdict", row.verdict)
    paper.heading(say("record.verdict", verdict=say(f"verdict.{verdict}").upper()))
    for code in figures["reasons"]:
        paper.words(f"– {say(day_close.reason_key(code))}")
    paper.gap(4)
    if known.closed:
        paper.words(
            say("record.closed", proposed=known.maker, closed=known.checker, at=row.closed_at)
        )
        paper.words(say("record.sealed", hash=row.record_hash), size=8)
    paper.words(
        say("record.versions", rules=figures["rules"], extractor=figures["extractor"]), size=8
    )


def _counts() -> Heading:
    return Heading(say("record.count"), Kind.COUNT)


def _amounts() -> Heading:
    return Heading(say("record.amount"), Kind.AMOUNT)


def _count(many: int) -> str:
    return grouped(many)


def _dong(amount: int | None) -> str:
    return "–" if amount is None else grouped(Dong(amount))
