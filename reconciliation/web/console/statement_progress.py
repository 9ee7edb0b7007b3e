"""`/console/statements/{file}/progress`: how far a large file has been read."""

from __future__ import annotations

from flask import jsonify, redirect, render_template, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from payments.agencies import CollectionAccount
from payments.core.service import Service
from payments.web import auth, problems
from payments.web.auth import StaffPages, staff_only
from reconciliation import jobs, statements
from reconciliation.statements import FileState, Received, StatementFile
from reconciliation.web.console.parts import READERS, to_files


def add(pages: StaffPages, cashless: Service) -> None:
    """Adds the page."""

    @pages.get("/statements/<public_id>/progress", endpoint="statement_progress")
    @staff_only(*READERS)
    def progress(public_id: str) -> str | Response:
        file = cashless.database.read(
            lambda session: session.scalar(
                select(StatementFile).where(StatementFile.public_id == public_id)
            )
        )
        if file is None or file.state != FileState.WAITING:
            return redirect(url_for("console.statements") + "#came")
        return render_template("console/statement_progress.html", file=file)


def put_in_line(
    cashless: Service, received: Received, account: CollectionAccount | None
) -> Response:
    """Keeps a large file for a loop to read, and leads to its progress."""
    before = cashless.database.read(
        lambda session: statements.known(session, received, account=account)
    )
    if before is not None:
        return to_files(before)
    public_id = jobs.put_in_line(cashless, received, account=account, by=auth.who().actor)
    address = url_for("console.statement_progress", public_id=public_id)
    if problems.for_a_person():
        return redirect(address, 303)
    answer: Response = jsonify({"state": FileState.WAITING.value, "progress": address})
    answer.status_code = 202
    return answer
