"""Files of the console's reports: CSV, XLSX and PDF, the ledger, and the record of a day."""

from __future__ import annotations

from typing import IO, Final

from flask import Response, send_file
from sqlalchemy.orm import Session

from payments.core.service import Service
from payments.web.auth import StaffPages, staff_only
from reconciliation import breaks, reports
from reconciliation.jobs.report_files import Writer, written
from reconciliation.reports import FileKind, Format, Part
from reconciliation.reports.inquiry import inquiry
from reconciliation.web.console.parts import READERS, account_of, day_of
from reconciliation.web.console.reports import question

_LEDGER_NAMES: Final = {
    Format.CSV: ("ledger.csv", FileKind.CSV.media_type),
    Format.HLEDGER: ("ledger.hledger", "text/plain; charset=utf-8"),
    Format.BEANCOUNT: ("ledger.beancount", "text/plain; charset=utf-8"),
}


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the files."""

    @pages.get("/reports/<name>.<any(csv, xlsx, pdf):kind>", endpoint="report_file")
    @staff_only(*READERS)
    def report_file(name: str, kind: str) -> Response:
        report, as_ = reports.by_name(name), FileKind(kind)
        asked = cashless.database.read(question).asked

        def writer(session: Session, to: IO[bytes]) -> None:
            reports.write(session, report, asked, as_=as_, to=to)

        called = f"{name}-{asked.first}-{asked.last}.{kind}"
        return _sent(cashless, writer, called=called, media_type=as_.media_type)

    @pages.get("/reports/ledger/<any(csv, hledger, beancount):form>", endpoint="ledger_file")
    @staff_only(*READERS)
    def ledger_file(form: str) -> Response:
        asked = cashless.database.read(question).asked
        part = Part(asked.accounts)

        def writer(session: Session, to: IO[bytes]) -> None:
            to.writelines(piece.encode() for piece in reports.export(session, part, Format(form)))

        called, media_type = _LEDGER_NAMES[Format(form)]
        return _sent(cashless, writer, called=called, media_type=media_type)

    @pages.get("/days/<public_id>/<on>/record.pdf", endpoint="day_record")
    @staff_only(*READERS)
    def record(public_id: str, on: str) -> Response:
        day = day_of(on)

        def writer(session: Session, to: IO[bytes]) -> None:
            to.write(reports.day_record(session, account_of(session, public_id), day))

        called, media_type = f"bien-ban-doi-soat-{on}.pdf", FileKind.PDF.media_type
        return _sent(cashless, writer, called=called, media_type=media_type)

    @pages.get("/breaks/<public_id>/notes/<note_id>/letter.pdf", endpoint="inquiry")
    @staff_only(*READERS)
    def letter(public_id: str, note_id: str) -> Response:
        def writer(session: Session, to: IO[bytes]) -> None:
            one = breaks.by_public_id(session, public_id)
            to.write(inquiry(session, one, breaks.letter(session, one, note_id)))

        return _sent(cashless, writer, called="tra-soat.pdf", media_type=FileKind.PDF.media_type)


def _sent(cashless: Service, writer: Writer, *, called: str, media_type: str) -> Response:
    """The file as an attachment; it is whole before its first byte is sent."""
    file = written(cashless.database, writer)
    return send_file(file, mimetype=media_type, as_attachment=True, download_name=called)
