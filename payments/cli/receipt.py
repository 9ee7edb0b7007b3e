"""`cashless receipt`: a paper checked on any machine, without network, database or settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import orjson
from cryptography.x509 import Certificate

from payments import documents
from payments.core import signers
from payments.core.errors import Conflict, Invalid
from payments.core.words import say
from payments.documents import MOST_BYTES, Finding, Verified

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


class UnreadableCertificate(Invalid):
    """The file holds no certificate in PEM."""

    code = "unreadable_certificate"


class PaperNotValid(Conflict):
    """The paper that was checked is not as one of those signed it who are trusted."""

    code = "paper_not_valid"


@click.group()
def receipt() -> None:
    """Check receipts and records of days."""


@receipt.command()
@click.argument("file", type=_FILE)
@click.option(
    "--certificate",
    type=_FILE,
    envvar="CASHLESS_SIGNING_CERT_FILE",
    help="The province's certificates, in PEM: the file at /verify/certificates.pem.",
)
@click.option("--json", "as_json", is_flag=True, help="As one line of JSON.")
def verify(file: Path, certificate: Path | None, as_json: bool) -> None:  # noqa: FBT001  click's flag
    """Say whether a PDF or XML is as it was signed; exit 2 if it is not."""
    trusted = [] if certificate is None else _trusted(certificate)
    with file.open("rb") as stream:
        found = documents.verify(stream.read(MOST_BYTES + 1), trusted)
    if as_json:
        click.echo(orjson.dumps(_told(found)))
    if found.finding is not Finding.VALID:
        why = say(f"verified.{found.finding}", signer=found.signer, fingerprint=found.fingerprint)
        raise PaperNotValid(why=why)
    if not as_json:
        click.echo(say("verified.valid", signer=found.signer, at=found.signed_at))
        click.echo(say("verified.practice" if found.practice else "verified.register"))


def _trusted(file: Path) -> Sequence[Certificate]:
    try:
        return signers.certificates(file.read_text(encoding="ascii"))
    except ValueError:
        raise UnreadableCertificate(file=str(file)) from None


def _told(found: Verified) -> dict[str, object]:
    at = found.signed_at
    return dataclasses.asdict(found) | {"signed_at": None if at is None else at.isoformat()}
