"""The command `cashless`: both languages, clear refusals, and never a traceback."""

from __future__ import annotations

import base64
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from payments.core import audit, clock, schema
from payments.core.database import Database
from payments.core.words import TRANSLATIONS
from reconciliation.formats.descriptions import LAYOUTS
from tests.stores import SQLITE

KEY = base64.b64encode(b"k" * 32).decode()
COMMANDS = "audit config migrate portal qr reference run scheduler seed staff statement web".split()
QR = "qr encode --bin 970436 --account 0011001234567 --amount 150000".split()


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """What the command says and how it ends, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "cashless", *words],
        env=environment(**environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def environment(**settings: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), "LANG": "C.UTF-8", **settings}


def refused(ended: subprocess.CompletedProcess[str], *, status: int = 2) -> str:
    """What was told on standard error; nothing else was said, and no traceback."""
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    return ended.stderr


def test_help_names_every_command_of_both_halves() -> None:
    ended = run("--help")
    assert ended.returncode == 0
    named = [line.split()[0] for line in ended.stdout.splitlines() if line.startswith("  ")]
    assert set(COMMANDS) <= set(named)


@pytest.mark.parametrize(
    ("environ", "words", "usage"),
    [
        ({}, [], "Cách dùng:"),
        ({"LANG": "vi_VN.UTF-8"}, [], "Cách dùng:"),
        ({"LANG": "en_US.UTF-8"}, [], "Usage:"),
        ({"LANG": "fr_FR.UTF-8"}, [], "Cách dùng:"),
        ({"LANG": "vi_VN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, [], "Usage:"),
        ({"LANG": "en_US.UTF-8"}, ["--language", "vi"], "Cách dùng:"),
        ({}, ["--language", "en"], "Usage:"),
    ],
)
def test_it_speaks_the_language_of_the_machine_or_the_one_asked_for(
    environ: dict[str, str], words: list[str], usage: str
) -> None:
    told = refused(run(*words, "no-such-command", **environ))
    assert told.startswith(usage)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_rule_that_is_broken_is_told_in_a_sentence(language: str) -> None:
    bad = "qr encode --bin 1 --account 0011001234567".split()
    told = refused(run("--language", language, *bad))
    assert len(told.splitlines()) == 1
    assert "error." not in told


def test_all_settings_that_are_wrong_are_told_together() -> None:
    told = refused(run("config", "check", CASHLESS_MODE="live", CASHLESS_LOG_LEVEL="LOUD"))
    for name in ("DATABASE_URL", "BASE_URL", "MASTER_KEY", "LOG_LEVEL"):
        assert f"CASHLESS_{name}: " in told


@pytest.mark.parametrize(
    "address",
    ["sqlite:////no/such/folder/here.sqlite", "postgresql://nobody:wrong@127.0.0.1:1/none"],
)
@pytest.mark.parametrize("words", ["migrate", "config check", "audit verify", "web", "scheduler"])
def test_a_database_out_of_reach_is_told(address: str, words: str) -> None:
    ended = run(*words.split(), CASHLESS_DATABASE_URL=address, CASHLESS_MASTER_KEY=KEY)
    assert ended.returncode == 3, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "wrong" not in ended.stderr, "no password"


def test_an_empty_database_is_brought_up_to_date_and_checked(tmp_path: Path) -> None:
    settings = {
        "CASHLESS_DATABASE_URL": f"sqlite:///{tmp_path / 'new.sqlite'}",
        "CASHLESS_MASTER_KEY": KEY,
    }
    assert "cashless migrate" in refused_later("config", "check", settings=settings)
    for _ in range(2):
        ended = run("migrate", **settings)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert schema.newest() in ended.stdout
    ended = run("config", "check", **settings)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert KEY not in ended.stdout
    assert "CASHLESS_REFERENCE_PREFIX" in ended.stdout


@pytest.mark.parametrize("words", ["config check", "web", "scheduler"])
def test_layouts_that_cannot_be_read_stop_the_start(words: str, tmp_path: Path) -> None:
    """Layout and fault are told; with the fault mended the layout is shown among the settings."""
    layouts, shipped = tmp_path / "layouts.toml", LAYOUTS.read_text("utf-8")
    layouts.write_text(shipped.replace("[acb", "[new_bank").replace('"12h"', '"13h"'), "utf-8")
    settings = {
        "CASHLESS_DATABASE_URL": f"sqlite:///{tmp_path / 'new.sqlite'}",
        "CASHLESS_MASTER_KEY": KEY,
        "CASHLESS_LAYOUTS_FILE": str(layouts),
    }
    assert run("migrate", **settings).returncode == 0
    told = refused(run(*words.split(), **settings))
    assert "vib" in told
    assert "times = '13h'" in told
    layouts.write_text(layouts.read_text("utf-8").replace('"13h"', '"12h"'), "utf-8")
    assert "new_bank" in run("config", "check", **settings).stdout


def refused_later(*words: str, settings: dict[str, str]) -> str:
    ended = run(*words, **settings)
    assert ended.returncode == 3
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_passwords_are_not_shown(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://cashless:very-secret@127.0.0.1:1/cashless\n")
    ended = run("config", "check", CASHLESS_DATABASE_URL_FILE=str(secret), CASHLESS_MASTER_KEY=KEY)
    assert "cashless:***@127.0.0.1" in ended.stdout
    assert "very-secret" not in ended.stdout + ended.stderr


@pytest.mark.committed
def test_the_audit_chain_is_verified_by_a_command(
    database: Database, database_url: str, engine: str
) -> None:
    def note(session: audit.Session) -> str:
        return audit.append(
            session, actor="staff:1", action="noted", subject="test:1", now=clock.now()
        )

    head = [database.write(note) for _ in range(3)][-1]
    settings = {"CASHLESS_DATABASE_URL": database_url, "CASHLESS_MASTER_KEY": KEY}
    ended = run("audit", "verify", "--head", head, **settings)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert head in ended.stdout
    assert "0" * 60 not in refused(run("audit", "verify", "--head", "feed", **settings))
    unguarded = (
        ["DROP TRIGGER audit_entry_refuses_update"]
        if engine == SQLITE
        else ["ALTER TABLE audit_entry DISABLE TRIGGER ALL"]
    )
    edit = f"UPDATE audit_entry SET actor = 'staff:2' WHERE hash = '{head}'"
    for statement in (*unguarded, edit):
        database.write(lambda s, sql=statement: s.connection().exec_driver_sql(sql))
    refused(run("--language", "en", "audit", "verify", **settings))


def test_a_reader_that_goes_away_is_no_failure() -> None:
    """`cashless … | head -1`: the pipe breaks, and nothing is said about it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cashless", "reference", "make", "--count", "100000"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(30) in (0, 1, -signal.SIGPIPE)
    assert process.stderr.read() == b""
    process.stderr.close()


def test_ctrl_c_is_no_failure_to_explain() -> None:
    """`cashless reference find` waits for memos; Ctrl-C ends it, also where a shell in the
    background started the tests, which makes children deaf to it."""
    process = subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-m", "cashless", "reference", "find"],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "Traceback" not in told


def test_a_qr_code_needs_no_database_and_no_web() -> None:
    """What is not needed is not even loaded, so that the answer comes at once."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "cashless", *QR],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.split("|")[-1].strip() for line in ended.stderr.splitlines()}
    assert ended.stdout.startswith("000201")
    assert "payments.vietqr" in loaded
    assert loaded.isdisjoint({"sqlalchemy", "flask", "gunicorn", "alembic", "apscheduler"})


def test_clicks_own_words_are_compiled_as_edited() -> None:
    """After a change: pybabel compile -D click -d payments/translations."""
    source = TRANSLATIONS / "vi" / "LC_MESSAGES" / "click.po"
    with source.open("rb") as po:
        compiled = io.BytesIO()
        write_mo(compiled, read_po(po))
    assert source.with_suffix(".mo").read_bytes() == compiled.getvalue()
