"""The audit trail brought elsewhere each night, and checked there by a program of its own."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from payments.cli import COMMANDS
from payments.core import audit
from payments.core.audit import AuditBroken, AuditCut, Finding, verify_audit
from payments.core.database import Database
from payments.core.service import Service
from payments.jobs.auditing import read_audit
from tests.builders import NOON
from tests.services import a_service
from tests.signed_papers import a_certificate, a_key
from tests.stores import POSTGRESQL, SQLITE

NIGHT = timedelta(days=1)
WITHOUT_GUARDS = {
    SQLITE: ["DROP TRIGGER {0}_refuses_update", "DROP TRIGGER {0}_refuses_delete"],
    POSTGRESQL: ["ALTER TABLE {0} DISABLE TRIGGER ALL"],
}


def a_chain(session: Session, length: int, *, of: str = "test") -> None:
    """So many entries, with words that have to be escaped."""
    for number in range(length):
        told = {"number": number, "words": 'Nguyễn "A"\n\x01\x7f', "list": [True, None, -7]}
        subject = f"{of}:{number}"
        audit.append(
            session, actor="staff:1", action="noted", subject=subject, details=told, now=NOON
        )


@pytest.fixture
def cashless(database: Database, tmp_path: Path) -> Service:
    """A service with a chain of nine entries and a folder to bring it to."""
    folder = tmp_path / "audit"
    folder.mkdir()
    database.write(lambda session: a_chain(session, 9))
    return a_service(database, audit_folder=folder)


def folder_of(cashless: Service) -> Path:
    assert cashless.config.audit_folder is not None
    return cashless.config.audit_folder


def names_in(cashless: Service) -> list[str]:
    return sorted(path.name for path in folder_of(cashless).iterdir())


def verified(
    *arguments: object, path: str | None = None, language: str = "--en"
) -> tuple[int, str]:
    """What the program says and ends with, run by Python alone: no packages, no settings."""
    found = subprocess.run(
        [sys.executable, "-I", "-S", verify_audit.__file__, language, *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
        encoding="utf-8",
        env={"PATH": os.environ["PATH"] if path is None else path},
    )
    assert found.stderr == ""
    return found.returncode, found.stdout


def test_each_night_brings_what_is_new_and_a_signed_head(cashless: Service) -> None:
    """The parts follow each other, and each head stands in the chain where it says."""
    read_audit(cashless, NOON)
    first = names_in(cashless)
    assert first == ["audit-0000000001-0000000009.jsonl", "head-0000000009.json"]
    read_audit(cashless, NOON)
    assert names_in(cashless) == first
    cashless.database.write(lambda session: a_chain(session, 2, of="later"))
    read_audit(cashless, NOON + NIGHT)
    assert names_in(cashless) == [
        first[0],
        "audit-0000000010-0000000011.jsonl",
        first[1],
        "head-0000000011.json",
    ]
    code, said = verified(*sorted(folder_of(cashless).iterdir()))
    assert (code, said.count("OK: ")) == (0, 5), said
    assert "11 entries, each following the one before" in said
    assert "NOT CHECKED: head-0000000011.json: whose certificate it is" in said
    later = [folder_of(cashless) / name for name in names_in(cashless)[1:]]
    code, said = verified(*later)
    assert code == 0
    assert "the entries before it are not here" in said


def test_what_was_read_is_kept(cashless: Service) -> None:
    """When, how far, and that it was brought."""
    read_audit(cashless, NOON)
    kept = cashless.database.read(audit.last)
    assert kept is not None
    assert (kept.finding, kept.entries, kept.brought, kept.read_at) == ("holds", 9, True, NOON)


def another_byte(lines: list[bytes]) -> None:
    lines[4] = lines[4].replace(b'"number":4', b'"number":5')


def another_space(lines: list[bytes]) -> None:
    lines[4] = lines[4].replace(b",", b", ", 1)


def without_one(lines: list[bytes]) -> None:
    del lines[4]


def without_the_first(lines: list[bytes]) -> None:
    del lines[0]


def swapped(lines: list[bytes]) -> None:
    lines[4], lines[5] = lines[5], lines[4]


def twice(lines: list[bytes]) -> None:
    lines.insert(4, lines[4])


def without_tail(lines: list[bytes]) -> None:
    del lines[7:]


def without_line_end(lines: list[bytes]) -> None:
    lines[-1] = lines[-1].rstrip()


def rewritten(lines: list[bytes]) -> None:
    """Whoever can compute hashes writes the whole chain anew, with another fourth entry."""
    previous = audit.GENESIS
    for number, line in enumerate(lines):
        entry = json.loads(line)
        del entry["hash"]
        entry["previous_hash"] = previous
        if number == 4:
            entry["actor"] = "staff:2"
        previous = audit.digest(entry)
        lines[number] = audit.canonical({**entry, "hash": previous}) + b"\n"


TAMPERINGS: dict[Callable[[list[bytes]], None], str] = {
    another_byte: "line 5: it does not have its own hash",
    another_space: "line 5: not an entry of the trail as it was written",
    without_one: "line 5: it does not follow",
    without_the_first: "line 1: it does not follow",
    swapped: "line 5: it does not follow",
    twice: "line 6: it does not follow",
    without_tail: "knows 9 entries, the export ends at entry 7",
    without_line_end: "line 9: not an entry",
    rewritten: "entry 9 does not have the hash that the head says",
}


@pytest.fixture
def brought(cashless: Service) -> tuple[Path, Path]:
    """An export and its head."""
    read_audit(cashless, NOON)
    lines, head = sorted(folder_of(cashless).iterdir())
    return lines, head


@pytest.mark.parametrize("tamper", TAMPERINGS, ids=lambda tamper: tamper.__name__)
def test_whatever_is_done_to_an_export_is_found(
    brought: tuple[Path, Path], tamper: Callable[[list[bytes]], None]
) -> None:
    """The program names the place."""
    export, head = brought
    lines = export.read_bytes().splitlines(keepends=True)
    tamper(lines)
    export.write_bytes(b"".join(lines))
    code, said = verified(export, head)
    assert code == 1, said
    assert f"WRONG: {head.name}" in said or f"WRONG: {export.name}" in said
    assert TAMPERINGS[tamper] in said


def test_a_head_is_believed_by_its_signature_alone(brought: tuple[Path, Path]) -> None:
    """One that says something else, and one of a signer whom the auditor does not know."""
    export, head = brought
    told = json.loads(head.read_bytes())
    known = export.with_name("known.pem")
    known.write_text(told["certificate"])
    assert verified("--certificate", known, export, head)[0] == 0
    stranger = a_certificate(a_key(), name="Ai đó")
    known.write_bytes(stranger.public_bytes(Encoding.PEM))
    code, said = verified("--certificate", known, export, head)
    assert (code, "none of those you trust" in said) == (1, True)
    told["head"]["made_at"] = "2027-01-01T00:00:00.000000Z"
    head.write_bytes(audit.canonical(told) + b"\n")
    code, said = verified(export, head)
    assert (code, "the signature is wrong" in said) == (1, True)


def test_a_folder_stands_for_what_was_brought_into_it(brought: tuple[Path, Path]) -> None:
    """Where a shell does not fill in names, as on Windows; nothing else in it is read."""
    export, head = brought
    folder = export.with_name("brought-by-hand")
    folder.mkdir()
    for one in (export, head):
        (folder / one.name).write_bytes(one.read_bytes())
    (folder / "notes.txt").write_text("for the auditor")
    assert verified(folder) == verified(export, head)
    (folder / export.name).write_bytes(b"".join(export.read_bytes().splitlines(True)[:-1]))
    assert verified(folder)[0] == 1


def test_what_could_not_be_checked_is_said(brought: tuple[Path, Path]) -> None:
    """No openssl, no head, lines found by a search; in Vietnamese unless asked otherwise."""
    export, head = brought
    code, said = verified(export, head, path="/nowhere")
    assert (code, "NOT CHECKED: head-0000000009.json: the signature" in said) == (0, True)
    code, said = verified(export, language="--")
    assert (code, "CHƯA KIỂM TRA: Phần đuôi có bị cắt hay không" in said) == (0, True)
    lines = export.read_bytes().splitlines(keepends=True)
    export.write_bytes(b"".join(lines[2:8:2]))
    code, said = verified("--selection", export)
    assert (code, "whether any is missing" in said) == (0, True)
    code, said = verified(export.with_name("none.jsonl"))
    assert (code, "can't be read" in said) == (2, True)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(told=st.dictionaries(texts, values, max_size=4))
def test_both_programs_write_json_alike(told: dict[str, object]) -> None:
    """The service and the program that checks it, each with a writer of its own."""
    assert verify_audit.canonical(told) == audit.canonical(told)


def edit(database: Database, engine: str, table: str, statement: str) -> None:
    """What somebody does who may do everything with the database."""
    for one in (*(guard.format(table) for guard in WITHOUT_GUARDS[engine]), statement):
        database.write(lambda session, one=one: session.connection().exec_driver_sql(one))


def test_a_chain_that_was_edited_is_brought_no_further(cashless: Service, engine: str) -> None:
    """The night's reading fails, says where, and says it once."""
    read_audit(cashless, NOON)
    before = names_in(cashless)
    edit(
        cashless.database,
        engine,
        "audit_entry",
        "UPDATE audit_entry SET actor = 'staff:2' WHERE subject = 'test:4'",
    )
    for _ in range(2):
        with pytest.raises(AuditBroken):
            read_audit(cashless, NOON + NIGHT)
    kept = cashless.database.read(audit.last)
    assert kept is not None
    assert (kept.finding, kept.entries) == (Finding.BROKEN, 4)
    assert names_in(cashless) == before


@pytest.mark.parametrize("covered", ["readings left", "readings cut too"])
def test_a_tail_that_was_cut_off_is_found(cashless: Service, engine: str, covered: str) -> None:
    """By the last reading, and by the folder even where readings went with it."""
    read_audit(cashless, NOON)
    cut = "DELETE FROM audit_entry WHERE subject = 'test:8'"
    edit(cashless.database, engine, "audit_entry", cut)
    if covered == "readings cut too":
        edit(cashless.database, engine, "audit_reading", "DELETE FROM audit_reading")
    with pytest.raises(AuditCut):
        read_audit(cashless, NOON + NIGHT)
    kept = cashless.database.read(audit.last)
    assert kept is not None
    assert kept.finding == Finding.CUT


def test_a_reading_stays_as_it_was_written(cashless: Service) -> None:
    """The table takes no edit."""
    read_audit(cashless, NOON)
    with pytest.raises(Exception, match="audit_reading is append-only"):
        cashless.database.write(
            lambda session: session.connection().exec_driver_sql("DELETE FROM audit_reading")
        )


@pytest.mark.committed
def test_the_command_exports_and_prints_the_program(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into a folder of one's choice; what it prints checks what it wrote."""
    monkeypatch.setenv("CASHLESS_DATABASE_URL", database_url)
    monkeypatch.setenv("CASHLESS_MASTER_KEY", base64.b64encode(b"k" * 32).decode())
    database.write(lambda session: a_chain(session, 3))
    done = run("export", "--to", str(tmp_path))
    assert (done.exit_code, "chuỗi có 3 mục" in done.stdout) == (0, True), done.output
    assert len(list(tmp_path.iterdir())) == 2
    assert run("verifier").stdout == Path(verify_audit.__file__).read_text(encoding="utf-8")
    assert run("verify").exit_code == 0


def run(*words: str) -> Result:
    return CliRunner().invoke(click.Group("cashless", commands=COMMANDS), ["audit", *words])
