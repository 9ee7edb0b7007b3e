"""Signatures on papers: good ones hold for every tool, and nothing altered passes."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from payments import documents
from payments.core.signers import CertificateNotInForce, Signer
from payments.documents import Finding, verify
from tests.builders import NOON
from tests.signed_papers import a_pdf, a_signer, an_xml

KINDS = ("ecdsa", "rsa")
TRIES = 1000


def signed(form: str, signer: Signer) -> bytes:
    if form == "pdf":
        return documents.sign_pdf(a_pdf(), signer, at=NOON)
    return documents.sign_xml(an_xml(), signer, at=NOON)


def told(*command: object) -> str:
    """What a tool says; it is done well."""
    done = subprocess.run(
        [str(one) for one in command], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["pdf", "xml"])
def test_a_signed_paper_is_valid_and_says_by_whom_and_when(form: str, kind: str) -> None:
    signer = a_signer(kind)
    found = verify(signed(form, signer), signer.chain)
    assert (found.finding, found.signer, found.practice) == (Finding.VALID, signer.name, False)
    assert found.signed_at == NOON
    assert found.media_type == f"application/{form}"


@pytest.mark.parametrize("kind", KINDS)
def test_pdfsig_and_pyhanko_say_the_same_of_a_pdf(kind: str, tmp_path: Path) -> None:
    """Tools that share no code with ours: the signature holds and covers the whole file."""
    file = tmp_path / "paper.pdf"
    file.write_bytes(signed("pdf", a_signer(kind)))
    said = told("pdfsig", "-nocert", file)
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said
    assert "Signer Certificate Common Name: Kho bạc Nhà nước" in said
    with file.open("rb") as stream:
        (one,) = PdfFileReader(stream).embedded_signatures
        context = ValidationContext(trust_roots=[one.signer_cert])
        with ThreadPoolExecutor(1) as other:  # a browser test may have left its loop running here
            checked = other.submit(validate_pdf_signature, one, signer_validation_context=context)
            status = checked.result()
    assert status.intact
    assert status.valid
    assert status.coverage.name == "ENTIRE_FILE"


@pytest.mark.parametrize("kind", KINDS)
def test_xmlsec_says_the_same_of_an_xml(kind: str, tmp_path: Path) -> None:
    file, pem = tmp_path / "paper.xml", tmp_path / "certificate.pem"
    signer = a_signer(kind)
    file.write_bytes(signed("xml", signer))
    pem.write_bytes(signer.certificate.public_bytes(Encoding.PEM))
    command = ["xmlsec1", "--verify", "--id-attr:Id", "Object", "--pubkey-cert-pem", pem]
    assert "2/2" in told(*command, file)
    file.write_bytes(file.read_bytes().replace(b"150000", b"950000"))
    assert subprocess.run([*command, file], check=False, capture_output=True).returncode != 0


def test_the_tools_are_here() -> None:
    """Else the tests above would say nothing."""
    assert shutil.which("pdfsig")
    assert shutil.which("xmlsec1")


@pytest.mark.parametrize("form", ["pdf", "xml"])
def test_one_altered_byte_of_what_is_signed_is_always_found(form: str) -> None:
    """In a thousand of a thousand tries; and nowhere else in the file does one pass either."""
    signer = a_signer()
    content = signed(form, signer)
    drawn, chance = random.Random(20261124), Counter[Finding]()
    start = content.index(b"<ds:Signature ") if form == "xml" else content.rindex(b"/Contents <")
    for number in range(2 * TRIES):
        place = drawn.randrange(start) if number < TRIES else drawn.randrange(len(content))
        altered = bytearray(content)
        altered[place] ^= drawn.randrange(1, 256)
        finding = verify(bytes(altered), signer.chain).finding
        if number < TRIES:
            chance[finding] += 1
        assert finding is not Finding.VALID, (form, place, altered[place])
    assert chance[Finding.ALTERED] + chance[Finding.UNREADABLE] == TRIES
    assert chance[Finding.UNREADABLE] < TRIES / 50  # its first bytes: it is no PDF or XML any more


@pytest.mark.parametrize("form", ["pdf", "xml"])
def test_something_appended_or_cut_off_is_found(form: str) -> None:
    signer = a_signer()
    content = signed(form, signer)
    for wrong in (content + b"\n", content + b" ", content + content, content[:-1], b" " + content):
        assert verify(wrong, signer.chain).finding in (Finding.ALTERED, Finding.UNREADABLE)


def test_a_second_signature_behind_the_first_is_found() -> None:
    """An update appended by somebody else may show another paper over ours."""
    ours, theirs = a_signer(), a_signer("rsa", name="Ai đó")
    content = signed("pdf", ours)
    with pytest.raises(ValueError, match="signed already"):
        documents.sign_pdf(content, theirs, at=NOON)
    forged = content + signed("pdf", theirs)[len(a_pdf()) :]
    assert verify(forged, ours.chain).finding == Finding.ALTERED


def test_a_signature_wrapped_around_other_content_is_found() -> None:
    """The signed paper hidden inside another one, or beside it, proves nothing of what is shown."""
    signer = a_signer()
    content = signed("xml", signer).split(b"\n", 1)[1].strip()
    start = content.index(b"<ds:Signature ")
    mark = content[start : content.index(b"</ds:Signature>") + len(b"</ds:Signature>")]
    head = b'<?xml version="1.0" encoding="UTF-8"?>\n'
    other = an_xml(1).split(b"?>")[1]
    inside = other.replace(b"</receipt>", content + b"</receipt>")
    moved = other.replace(b"</receipt>", mark + b"</receipt>")
    twice = content.replace(b"</receipt>", mark + b"</receipt>")
    held = mark.replace(
        b"</ds:Signature>", b"<ds:Object>" + content + b"</ds:Object></ds:Signature>"
    )
    objects = other.replace(b"</receipt>", held + b"</receipt>")
    for forged in (inside, moved, twice, objects):
        assert verify(head + forged + b"\n", signer.chain).finding == Finding.ALTERED


def test_who_is_not_trusted_is_told_from_who_is() -> None:
    """The same name on a certificate of one's own does not help."""
    ours, theirs = a_signer(), a_signer("rsa")
    for form in ("pdf", "xml"):
        found = verify(signed(form, theirs), ours.chain)
        assert (found.finding, found.signer) == (Finding.UNKNOWN_SIGNER, ours.name)
        assert verify(signed(form, theirs), [*ours.chain, *theirs.chain]).finding == Finding.VALID


def test_a_stranger_writes_nothing_on_the_screen_but_letters() -> None:
    theirs = a_signer("rsa", name="\x1b[2J\u202eVALID\r\n")
    found = verify(signed("pdf", theirs), ())
    assert (found.finding, found.signer) == (Finding.UNKNOWN_SIGNER, "[2JVALID")


def test_a_certificate_signs_only_while_it_is_in_force() -> None:
    day = timedelta(days=1)
    for span in ({"end": NOON - day}, {"start": NOON + day}):
        signer = a_signer(**span)
        with pytest.raises(CertificateNotInForce):
            documents.sign_pdf(a_pdf(), signer, at=NOON)
        with pytest.raises(CertificateNotInForce):
            documents.sign_xml(an_xml(), signer, at=NOON)


def test_a_paper_outlives_the_certificate_that_signed_it() -> None:
    """It was in force when the paper was signed, however long ago that was."""
    signer = a_signer(start=NOON - timedelta(days=1), end=NOON + timedelta(hours=1))
    for form in ("pdf", "xml"):
        assert verify(signed(form, signer), signer.chain).finding == Finding.VALID


def test_nothing_that_comes_in_raises() -> None:
    """Garbage, entities, half a file, and a file too large are each told as what they are."""
    signer = a_signer()
    pdf, xml = signed("pdf", signer), signed("xml", signer)
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
    cases = {
        b"": Finding.UNREADABLE,
        b"GIF89a": Finding.UNREADABLE,
        b"%PDF-1.4": Finding.UNSIGNED,
        a_pdf(): Finding.UNSIGNED,
        an_xml(): Finding.UNSIGNED,
        b"<": Finding.UNSIGNED,
        bomb: Finding.UNSIGNED,
        bomb.replace(b"<a>", b"<a>" + xml): Finding.ALTERED,
        pdf[: len(pdf) // 2]: Finding.UNSIGNED,
        xml[:-40]: Finding.ALTERED,
        b"%PDF-" + bytes(documents.MOST_BYTES): Finding.UNREADABLE,
        b"%PDF-1.7 /ByteRange [0 1 2 3]": Finding.ALTERED,
        b"%PDF-1.7 /ByteRange [0 0 0 0]": Finding.ALTERED,
    }
    for content, finding in cases.items():
        assert verify(content, signer.chain).finding == finding, content[:60]
    drawn = random.Random(7)
    for number in range(600):
        garbage = bytearray(pdf if number % 2 else xml)
        for _ in range(drawn.randrange(1, 40)):
            start = drawn.randrange(len(garbage))
            garbage[start : start + drawn.randrange(30)] = drawn.randbytes(drawn.randrange(30))
        assert verify(bytes(garbage), signer.chain).finding is not Finding.VALID
        head = (b"%PDF-", b"<", b"")[number % 3]
        assert verify(head + drawn.randbytes(200), signer.chain).finding is not Finding.VALID


def test_a_file_made_to_be_slow_is_answered_at_once() -> None:
    """Sixty thousand attributes, each sorted among the others, would take half a minute."""
    signer = a_signer()
    mark = signed("xml", signer).split(b"<ds:Signature ", 1)[1].rsplit(b"</receipt>", 1)[0]
    names = [b'a%x=""' % number for number in range(60_000)]
    random.Random(1).shuffle(names)
    bomb = b"<a " + b" ".join(names) + b"><ds:Signature " + mark + b"</a>"
    began = time.perf_counter()
    assert verify(bomb, signer.chain).finding == Finding.ALTERED
    assert verify(b"%PDF-" + b"/ByteRange [0 1 2 3]" * 250_000, ()).finding == Finding.ALTERED
    assert time.perf_counter() - began < 10


def test_only_papers_are_signed() -> None:
    signer = a_signer()
    for wrong in (b"", b"nothing", b"%PDF-1.4 nothing"):
        with pytest.raises(ValueError, match=r"."):
            documents.sign_pdf(wrong, signer, at=NOON)
    for wrong in (b"<a", b'<a Id="x"/>', b"<!DOCTYPE a><a/>", signed("xml", signer)):
        with pytest.raises(ValueError, match="XML"):
            documents.sign_xml(wrong, signer, at=NOON)


def test_a_chain_of_certificates_travels_with_the_paper() -> None:
    between = a_signer("rsa", name="CA")
    signer = Signer(a_signer().key, (a_signer().certificate, between.certificate))
    for form in ("pdf", "xml"):
        assert verify(signed(form, signer), [signer.certificate]).finding == Finding.VALID
        assert verify(signed(form, signer), [between.certificate]).finding == Finding.UNKNOWN_SIGNER
