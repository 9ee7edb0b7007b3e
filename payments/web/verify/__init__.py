"""`/verify`: anyone who holds a paper of ours asks whether it counts, by its code or by its file.

No login, no cookie, nothing is changed. Only facts are told that stand on the paper; the signed
file itself is given to its payer alone, elsewhere. By hand `/verify` takes a code however it was
typed, or a file; the QR code on a paper leads to `/verify/<code>`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from payments import documents
from payments.core.database import Database
from payments.core.errors import NotFound
from payments.core.money import Dong
from payments.core.words import knows, say
from payments.documents import MOST_BYTES, Document, Finding, NoSuchCode
from payments.web import i18n
from payments.web.auth import for_anyone
from payments.web.headers import private
from payments.web.pace import Pace
from payments.web.verify.faces import BY_CODE, BY_FILE, Face

_AROUND_A_FILE: Final = 64 * 1024
"""What a form takes beside the file in it, in bytes."""

_GONE: Final = "-"


class NothingSigned(NotFound):
    """No paper has been signed yet, so there is no certificate to check one with."""

    code = "nothing_signed"


@dataclass(frozen=True, slots=True)
class Result:
    """What the page shows of a paper, in the reader's language."""

    finding: Finding
    face: Face
    headline: str
    sentences: Sequence[str]
    facts: Sequence[tuple[str, str]] = ()
    code: str = ""
    practice: bool = False
    ended_at: datetime | None = None
    successor: str = ""


def blueprint(database: Database, *, pace: Pace | None = None) -> Blueprint:
    """The pages under `/verify`; `pace` is how often one address may ask."""
    pages = Blueprint("verify", __name__, url_prefix="/verify")
    pages.after_request(private)
    asking = pace or Pace(per_second=2, store=40)

    @pages.before_request
    def spend() -> None:
        asking.spend(request.remote_addr or _GONE, at=time.monotonic())

    @pages.get("")
    def form() -> AnyResponse:
        typed = request.args.get("code", "").strip()
        if not typed:
            return make_response(render_template("verify/form.html", typed="", refused=None))
        try:
            return redirect(url_for("verify.paper", code=documents.read_code(typed)), 303)
        except NoSuchCode:
            return _form(typed=typed[:60], refused=say("error.no_such_code"))

    @pages.post("")
    @for_anyone(most_bytes=MOST_BYTES + _AROUND_A_FILE)
    def check() -> AnyResponse:
        given = request.files.get("file")
        if given is None or not given.filename:
            return _form(typed="", refused=say("Please choose a file first."))
        content = given.stream.read(MOST_BYTES + 1)
        result = database.read(lambda session: of_file(session, content))
        return make_response(render_template("verify/result.html", result=result, by_file=True))

    @pages.get("/<code>")
    def paper(code: str) -> AnyResponse:
        result = database.read(lambda session: of_code(session, code))
        shown = render_template("verify/result.html", result=result, by_file=False)
        return make_response(shown, 404 if result.finding is Finding.UNKNOWN else 200)

    @pages.get("/certificates.pem")
    def certificates() -> Response:
        pem = database.read(documents.certificates_pem)
        if not pem:
            raise NothingSigned
        return Response(pem, mimetype="application/x-pem-file")

    return pages


def of_code(session: Session, code: str) -> Result:
    """What the register says of a code."""
    try:
        document = documents.by_code(session, code)
    except NoSuchCode:
        return _result(Finding.UNKNOWN, BY_CODE[Finding.UNKNOWN])
    finding = documents.finding_of(document)
    return _of(session, document, finding, BY_CODE[finding])


def of_file(session: Session, content: bytes) -> Result:
    """What a file is, by its bytes and by the register."""
    checked = documents.check(session, content)
    face = BY_FILE[checked.finding]
    if checked.document is not None:
        return _of(session, checked.document, checked.finding, face)
    ours = checked.finding is Finding.UNKNOWN and checked.verified.practice
    return _result(checked.finding, face, practice=ours)


def _of(session: Session, document: Document, finding: Finding, face: Face) -> Result:
    successor = documents.successor(session, document)
    certified = documents.certificate_of(session, document)
    facts = [
        (say("verify.fact.kind"), say(f"document.{document.kind}")),
        *_told(document.facts),
        (say("verify.fact.signed_at"), i18n.moment(document.signed_at)),
        (say("verify.fact.signed_by"), certified.name),
    ]
    return _result(
        finding,
        face,
        facts=facts,
        code=document.code,
        practice=certified.practice,
        ended_at=document.ended_at,
        successor="" if successor is None else successor.code,
    )


def _result(finding: Finding, face: Face, **told: Any) -> Result:
    return Result(
        finding, face, say(face.headline), [say(sentence) for sentence in face.sentences], **told
    )


def _told(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts of a paper that have a name, each as people write it."""
    names = {key: f"verify.fact.{key}" for key in facts}
    return [
        (say(name), _written(key, facts[key]))
        for key, name in names.items()
        if knows(name) and facts[key] is not None
    ]


def _written(key: str, value: Any) -> str:
    if key == "amount":
        return i18n.dong(Dong(value))
    if key == "day" or key.endswith("_on"):
        return i18n.day(value)
    if key == "verdict":
        return say(f"verdict.{value}")
    return str(value)


def _form(*, typed: str, refused: str) -> AnyResponse:
    return make_response(render_template("verify/form.html", typed=typed, refused=refused), 422)
