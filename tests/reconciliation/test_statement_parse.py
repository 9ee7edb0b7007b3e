"""`cashless statement parse`: what a file says, as one object or as a table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciliation.cli import COMMANDS
from reconciliation.formats.layouts import WrongLayout
from reconciliation.formats.refusals import CutFile
from reconciliation.formats.spreadsheet import LayoutNotFound
from reconciliation.formats.vietinbank_va import WrongChecksum
from tests.bank_sheets import NEW_LAYOUT, NEW_SHEET
from tests.statement_files import Movement, camt
from tests.va_files import KEY, payment, va_file

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


@pytest.fixture
def new_bank(tmp_path) -> tuple[Path, Path]:
    """A sheet that no layout of ours fits, and a file of layouts with one that does."""
    sheet, layouts = tmp_path / "sheet.csv", tmp_path / "layouts.toml"
    sheet.write_text(NEW_SHEET, encoding="utf-8")
    layouts.write_text(NEW_LAYOUT, encoding="utf-8")
    return sheet, layouts


def test_further_layouts_are_handed_over_or_set(new_bank, monkeypatch):
    """By an option, or by the setting of this machine; without them the sheet is refused."""
    sheet, layouts = new_bank
    assert isinstance(run(sheet).exception, LayoutNotFound)
    told = run(sheet, "--json", "--layouts", layouts)
    assert json.loads(told.stdout)["statements"][0]["lines"][0]["amount"] == "50000"
    monkeypatch.setenv("CASHLESS_LAYOUTS_FILE", str(layouts))
    assert run(sheet, "--json").stdout == told.stdout
    assert run(sheet, "--json", "--format", "some_bank").stdout == told.stdout


def test_a_wrong_file_of_layouts_is_refused(new_bank):
    """With the layout and what is wrong in it."""
    sheet, layouts = new_bank
    layouts.write_text(NEW_LAYOUT.replace('"dot"', '"?"'), encoding="utf-8")
    refused = run(sheet, "--layouts", layouts).exception
    assert isinstance(refused, WrongLayout)
    assert refused.fields == {"layout": "some_bank", "what": "thousands = '?'"}
    layouts.write_bytes(b"\xff")
    assert isinstance(run(sheet, "--layouts", layouts).exception, WrongLayout)


def test_a_layout_is_drafted_from_a_file(new_bank):
    """It is printed, to be kept in a file, and says itself what is left to fill in."""
    sheet, _ = new_bank
    drafted = CliRunner().invoke(COMMANDS["statement"], ["layout", str(sheet), "--name", "moi"])
    assert drafted.exit_code == 0
    assert "[moi]" in drafted.stdout
    assert '"?" = ["Tiền vào", "Tiền ra"]' in drafted.stdout


def test_a_daily_file_of_virtual_accounts_says_whether_its_checksums_were_checked(tmp_path):
    """Without the bank's key they were not; with it a changed file is refused."""
    file, key = tmp_path / "20261125_TINHX_THUHOTKAO_IN.txt", tmp_path / "key"
    file.write_bytes(va_file([payment(), payment(status="02")]))
    key.write_text(f"{KEY}\n", encoding="utf-8")
    [told] = json.loads(run(file, "--json").stdout)["statements"]
    assert (told["message"], told["checksums_checked"]) == ("VietinBank VA", False)
    assert [line["result"] for line in told["lines"]] == ["00", "02"]
    checked = json.loads(run(file, "--json", "--key", key).stdout)
    assert checked["statements"][0]["checksums_checked"] is True
    assert "02 chỉ bên ta có" in run(file).stdout
    assert "không có khóa" in run(file).stdout
    key.write_text("another", encoding="utf-8")
    assert isinstance(run(file, "--key", key).exception, WrongChecksum)
