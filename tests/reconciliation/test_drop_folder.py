"""The watched folder: taken once, refused with words, never half done."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import func, select

from payments.core import clock
from payments.core.database import Database
from payments.core.service import Service
from reconciliation import jobs
from reconciliation.jobs import drop_folder
from reconciliation.statements import StatementLine
from tests.bank import BankLine, camt
from tests.builders import NOON, a_province
from tests.logbook import a_book
from tests.services import a_service
from tests.statement_files import Movement, about_the_day

pytestmark = pytest.mark.committed

ACCOUNT = "0011001234567"
CONTENT = camt(ACCOUNT, [BankLine(50_000, "nop phi", "FT1")])


@pytest.fixture
def cashless(database: Database, tmp_path: Path) -> Service:
    """A service with an account and a folder that it watches."""
    database.write(lambda session: a_province(session, number=ACCOUNT) and None)
    return a_service(database, drop_folder=tmp_path)


def dropped(folder: Path, name: str, content: bytes, *, age: int = 60) -> None:
    """A file that the bank left there so many seconds ago."""
    path = folder / name
    path.write_bytes(content)
    then = NOON.timestamp() - age
    os.utime(path, (then, then))


def look(cashless: Service) -> str:
    """The job, once."""
    with time_machine.travel(NOON, tick=False):
        return jobs.take_dropped(cashless, clock.now()) or ""


def lines(cashless: Service) -> int:
    """How many statement lines are stored."""
    count = select(func.count()).select_from(StatementLine)
    return cashless.database.read(lambda session: session.scalar(count)) or 0


def left(folder: Path) -> list[str]:
    """Everything in the folder, by path within it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_is_imported_and_put_away(cashless: Service, tmp_path: Path) -> None:
    """What a bank leaves is imported once, and lies in `imported` afterwards."""
    dropped(tmp_path, "day.xml", CONTENT)

    assert [look(cashless), look(cashless)] == ["1 of 1 files", "0 of 0 files"]

    assert lines(cashless) == 1
    assert left(tmp_path) == ["imported/20261124T120000-day.xml"]


@pytest.mark.parametrize("content", [CONTENT, b"", b"%PDF-1.7"], ids=["right", "empty", "wrong"])
def test_a_name_in_an_old_encoding_keeps_nothing_waiting(
    cashless: Service, tmp_path: Path, content: bytes
) -> None:
    """The bank's server may write names that are no UTF-8; the files behind it are taken too."""
    dropped(tmp_path, os.fsdecode(b"a-k\xea.xml"), content)
    dropped(tmp_path, "b.xml", CONTENT.replace(b"M1", b"M2"))

    look(cashless)

    assert lines(cashless) == 1
    assert not any(path.is_file() for path in tmp_path.iterdir())


def test_a_refused_file_lies_beside_its_reason(cashless: Service, tmp_path: Path) -> None:
    """Another account or format, a cut file, a notice: nothing is stored, and a text says why."""
    dropped(tmp_path, "a.xml", camt("0099999999", [BankLine(1_000)]))
    dropped(tmp_path, "b.xml", CONTENT[:500])
    dropped(tmp_path, "c.pdf", b"%PDF-1.7")
    dropped(tmp_path, "d.xml", about_the_day("camt.054", [Movement(1_000)], account=ACCOUNT))

    assert look(cashless) == "0 of 4 files"

    assert lines(cashless) == 0
    refused = tmp_path / "refused"
    reasons = [path.read_text() for path in sorted(refused.glob("*.txt"))]
    assert len(left(tmp_path)) == 8
    assert "tài khoản" in reasons[0]
    assert "thông báo camt.054, không phải sao kê" in reasons[3]
    assert all(reason.strip() for reason in reasons)


def test_what_was_imported_before_changes_nothing(cashless: Service, tmp_path: Path) -> None:
    """The process died between storing and putting away, or the bank sent the file twice."""
    for name in ("day.xml", "again.xml"):
        dropped(tmp_path, name, CONTENT)

    assert look(cashless) == "2 of 2 files"

    assert lines(cashless) == 1
    assert len(left(tmp_path)) == 2


@pytest.mark.parametrize("name", [".hidden.xml", "day.xml.part", "day.filepart", "day.tmp"])
def test_what_is_still_on_its_way_is_left(cashless: Service, tmp_path: Path, name: str) -> None:
    """Names of uploads under way, and files that grew just now, wait."""
    dropped(tmp_path, name, CONTENT)
    dropped(tmp_path, "fresh.xml", CONTENT, age=3)

    assert look(cashless) == "0 of 0 files"

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "fresh.xml"])


def test_a_link_out_of_the_folder_is_not_followed(cashless: Service, tmp_path: Path) -> None:
    """Whoever may write into the folder may not have the service read elsewhere."""
    outside = tmp_path.parent / "outside.xml"
    outside.write_bytes(CONTENT)
    (tmp_path / "link.xml").symlink_to(outside)

    assert look(cashless) == "0 of 0 files"
    assert outside.exists()


def test_a_huge_file_is_not_read(cashless: Service, tmp_path: Path) -> None:
    """Larger than any statement of a day: refused by its size alone."""
    dropped(tmp_path, "huge.xml", b"")
    with (tmp_path / "huge.xml").open("r+b") as file:
        file.truncate(drop_folder.MOST_BYTES + 1)
    os.utime(tmp_path / "huge.xml", (0, 0))

    assert look(cashless) == "0 of 1 files"
    assert "byte" in next((tmp_path / "refused").glob("*.txt")).read_text()


def test_a_file_of_just_the_largest_size_is_read(cashless: Service, tmp_path: Path) -> None:
    """It is refused for what it says, not for its size."""
    dropped(tmp_path, "largest.xml", b"")
    with (tmp_path / "largest.xml").open("r+b") as file:
        file.truncate(drop_folder.MOST_BYTES)
    os.utime(tmp_path / "largest.xml", (0, 0))

    assert look(cashless) == "0 of 1 files"
    assert "byte" not in next((tmp_path / "refused").glob("*.txt")).read_text()


def test_without_a_folder_there_is_nothing_to_do(database: Database) -> None:
    """No setting, no work."""
    assert jobs.take_dropped(a_service(database), NOON) == "no folder is watched"


@pytest.mark.parametrize("content", [CONTENT[:-60], b""])
def test_a_log_line_does_not_name_the_file(
    cashless: Service, tmp_path: Path, content: bytes
) -> None:
    """It may be a payer's name, or an account's number: told is what the file is kept under."""
    name = f"NGUYEN VAN MAU {ACCOUNT}.xml"
    dropped(tmp_path, name, content)
    with a_book() as book:
        look(cashless)
    assert book.text
    assert "NGUYEN" not in book.text
    assert ACCOUNT not in book.text
    told = [json.loads(line) for line in book.text.splitlines() if "statement.refused" in line]
    kept = [path.name for path in (tmp_path / "refused").glob("*.xml")]
    assert [one["file"] for one in told] == [name.partition("-")[0] for name in kept]
