"""`cashless statement parse`: what a file says, as one object or as a table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciliation.cli import COMMANDS
from reconciliation.formats.refusals import CutFile
from tests.statement_files import Movement, camt

FOLDER = Path(__file__).parents[1] / "samples" / "statements"
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))


def run(*arguments: object):
    return CliRunner().invoke(COMMANDS["statement"], ["parse", *map(str, arguments)])


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_is_told_as_one_object(name):
    """Format, statements, balances as decimal strings, lines with their direction."""
    result = run(FOLDER / name, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == EXPECTED[name]


def test_a_file_is_told_as_a_table():
    """Days and amounts as they are written in Viet Nam, one line for each line."""
    result = run(FOLDER / "vietcombank_personal.csv")
    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if line[:1].isdigit()]
    assert len(lines) == 5
    assert lines[3].split()[:2] == ["24/11/2026", "-"]
    assert "3.300" in lines[3]


def test_the_format_may_be_said():
    """A layout by its name reads its own files and refuses others."""
    assert (
        run(FOLDER / "vietcombank_personal.xlsx", "--format", "vietcombank_personal").exit_code == 0
    )
    assert run(FOLDER / "vietcombank_personal.xlsx", "--format", "camt053").exit_code != 0
    assert run(FOLDER / "vietcombank_personal.xlsx", "--format", "nonsense").exit_code == 2


@pytest.fixture
def cut(tmp_path) -> Path:
    """A file of 2,000 entries whose last bytes are lost."""
    path = tmp_path / "cut.xml"
    path.write_bytes(camt([Movement(1_000)] * 2_000)[:-30])
    return path


def test_a_file_that_cannot_be_read_is_told_with_its_line(cut):
    """Nothing is shown of it, not even the lines before the fault."""
    result = run(cut, "--json")
    assert isinstance(result.exception, CutFile)
    assert result.exception.fields["line"] == 2_005
    assert result.stdout == ""


def test_a_file_that_cannot_be_read_exits_2(cut):
    """The reason is one sentence on standard error."""
    command = ["-m", "cashless", "statement", "parse", str(cut), "--json"]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
