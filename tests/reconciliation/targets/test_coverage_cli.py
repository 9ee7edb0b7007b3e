"""The commands `cashless targets import` and `cashless targets set`."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click
import pytest
import time_machine
from click.testing import CliRunner, Result

from cashless.cli import cashless as root
from payments.core.database import Database
from payments.core.errors import CashlessError
from reconciliation.cli import COMMANDS
from reconciliation.targets.coverage import coverage
from reconciliation.targets.coverage_refusals import CoverageRefused, QuarterKnown
from tests.coverage_files import NOW, Q3, ROWS, a_small_province, csv_of

pytestmark = pytest.mark.committed

TOLD = ("--quarter", "2026Q3", "--document", "Báo cáo 12", "--dated", "2026-10-12")


@pytest.fixture
def here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, database: Database
) -> Iterator[Path]:
    """A machine with a small province, and a file of figures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CASHLESS_DATABASE_URL", database_url)
    monkeypatch.setenv("CASHLESS_MASTER_KEY", base64.b64encode(b"k" * 32).decode())
    database.write(a_small_province)
    (tmp_path / "figures.csv").write_bytes(csv_of(ROWS[:3]))
    with time_machine.travel(NOW, tick=True):
        yield tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(click.Group("cashless", commands=COMMANDS), ["targets", *words])


def brought(*words: str, file: str = "figures.csv") -> Result:
    return run("import", file, *TOLD, *words)


@pytest.mark.usefixtures("here")
def test_figures_are_taken_in_once_and_corrected_with_a_reason() -> None:
    """Looking changes nothing; the same file again says so; another needs a reason."""
    looked = brought("--dry-run")
    assert "Chưa có gì thay đổi" in looked.output
    first = brought()
    assert first.exit_code == 0, first.output
    assert "27.000/35.000" in first.output
    assert "Xã Minh Hoà" in first.output
    assert "Đã nạp làm bản 1" in first.output
    assert "không có gì thay đổi" in brought().output
    Path("more.csv").write_bytes(csv_of())
    assert isinstance(brought(file="more.csv").exception, QuarterKnown)
    told = brought("--correction", "thiếu một xã", "--json", file="more.csv")
    assert json.loads(told.output) == {
        "quarter": "2026Q3",
        "again": False,
        "imported": True,
        "version": 2,
        "communes": 4,
        "population": 39_001,
        "accounts": 29_000,
        "missing": [],
    }


@pytest.mark.usefixtures("here")
def test_every_reason_is_told_and_nothing_is_taken_in() -> None:
    """A sentence for each row, on standard error."""
    Path("bad.csv").write_bytes(csv_of([("H09.1", "", 9, 5), ("H09.25744", "", -9, 5)]))
    refused = brought(file="bad.csv")
    assert isinstance(refused.exception, CoverageRefused)
    assert refused.stderr.splitlines() == [
        "Dòng 2: không có đơn vị “H09.1” trong danh mục của tỉnh vào ngày cuối quý.",
        "Dòng 3: “-9” ở cột “Dân số từ 15 tuổi trở lên” là số âm.",
    ]


@pytest.mark.usefixtures("here")
def test_what_is_striking_is_confirmed() -> None:
    """It is told, and taken in only with --confirm."""
    assert brought().exit_code == 0
    Path("jump.csv").write_bytes(csv_of([("H09.25744", "", 50_000, 10)]))
    words = ("import", "jump.csv", *TOLD, "--correction", "nhầm")
    refused = run(*words)
    assert isinstance(refused.exception, CashlessError)
    assert "Phường Hiệp Thành: không có trong tệp" in refused.stderr
    assert run(*words, "--confirm").exit_code == 0


@pytest.mark.usefixtures("here")
def test_a_target_is_set() -> None:
    """In percent, for a unit and a year."""
    words = ("set", "H09.720", "--measure", "coverage", "--year", "2027", "--percent", "82,5")
    done = run(*words, "--basis", "Kế hoạch 12")
    assert "H09.720" in done.output
    assert "82,50\N{NO-BREAK SPACE}%" in done.output
    assert isinstance(run(*words[:-1], "120", "--basis", "x").exception, CashlessError)


@pytest.mark.usefixtures("here")
def test_practice_is_seeded_with_invented_figures(database: Database) -> None:
    """Each of them says so; a second time changes nothing."""
    for _ in range(2):
        seeded = CliRunner().invoke(root, ["seed", "--sample", "--json"])
        assert seeded.exit_code == 0, seeded.output
    found = database.read(lambda session: coverage(session, as_of=NOW + timedelta(days=1)))
    assert found.quarter == Q3
    assert [(one.version, "SỐ LIỆU THỬ" in one.document) for one in found.sources] == [
        (1, True)
    ] * 8
