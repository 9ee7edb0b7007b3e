"""The command `cashless receipt verify`: a paper checked on a machine that has nothing of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from payments import documents
from payments.core.signers import Signer
from tests.builders import NOON
from tests.signed_papers import a_pdf, a_signer, an_xml


def run(*words: object, **settings: str) -> subprocess.CompletedProcess[str]:
    environ = {name: text for name, text in os.environ.items() if not name.startswith("CASHLESS_")}
    return subprocess.run(
        [sys.executable, *"-m cashless --language en receipt verify".split(), *map(str, words)],
        env={**environ, "CASHLESS_DATABASE_URL": "sqlite:////nowhere/at/all", **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def a_file(folder: Path, content: bytes, name: str = "paper") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def its_certificate(folder: Path, signer: Signer) -> Path:
    return a_file(folder, signer.certificate.public_bytes(Encoding.PEM), "certificate.pem")


def test_a_genuine_paper_is_told_without_a_database(tmp_path: Path) -> None:
    signer = a_signer()
    pem = its_certificate(tmp_path, signer)
    for content in (
        documents.sign_pdf(a_pdf(), signer, at=NOON),
        documents.sign_xml(an_xml(), signer, at=NOON),
    ):
        said = run(a_file(tmp_path, content), "--certificate", pem)
        assert (said.returncode, said.stderr) == (0, "")
        assert "Kho bạc Nhà nước" in said.stdout
        assert "24 Nov 2026, 12:00" in said.stdout
    said = run(tmp_path / "paper", "--json", CASHLESS_SIGNING_CERT_FILE=str(pem))
    told = json.loads(said.stdout)
    assert told["finding"] == "valid"
    assert told["signed_at"] == "2026-11-24T05:00:00+00:00"
    assert told["practice"] is False


def test_a_paper_that_is_not_valid_says_why_and_ends_with_two(tmp_path: Path) -> None:
    signer = a_signer()
    pem = its_certificate(tmp_path, signer)
    content = documents.sign_pdf(a_pdf(), signer, at=NOON)
    for wrong, words in (
        (content + b"\n", "altered"),
        (a_pdf(), "not signed"),
        (b"GIF89a", "neither a PDF nor an XML"),
        (documents.sign_pdf(a_pdf(), a_signer("rsa"), at=NOON), "not among the certificates"),
    ):
        said = run(a_file(tmp_path, wrong), "--certificate", pem)
        assert (said.returncode, said.stdout) == (2, "")
        assert words in said.stderr
    alone = run(a_file(tmp_path, content), "--json")
    assert alone.returncode == 2
    assert json.loads(alone.stdout)["finding"] == "unknown_signer"
    assert "--certificate" in alone.stderr


@pytest.mark.parametrize("wrong", [b"", b"no certificate", b"\xff\xfe"])
def test_a_certificate_that_is_none_is_told(tmp_path: Path, wrong: bytes) -> None:
    pem = a_file(tmp_path, wrong, "certificate.pem")
    said = run(a_file(tmp_path, a_pdf()), "--certificate", pem)
    assert said.returncode == 2
    assert "holds no certificate" in said.stderr
    assert run(tmp_path / "none.pdf").returncode == 2
