"""Stored files: kept once, as received, and found out when damaged."""

from __future__ import annotations

import hashlib
import os
import threading

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from payments.core import files
from payments.core.database import Database
from payments.core.files import FileDamaged, FileNotKept, StoredFile

CSV = "text/csv"


def count(session: Session) -> int:
    return session.scalars(select(func.count()).select_from(StoredFile)).one()


@pytest.mark.parametrize("content", [b"", b"a" * 1_000_000, bytes(range(256)), os.urandom(5000)])
def test_a_file_comes_back_as_it_came(session: Session, content: bytes) -> None:
    number = files.store(session, content, media_type=CSV)
    session.expire_all()
    kept = files.fetch(session, number)
    assert kept.content == content
    assert (kept.media_type, kept.sha256) == (CSV, hashlib.sha256(content).hexdigest())


def test_the_same_bytes_are_kept_once(session: Session) -> None:
    first = files.store(session, b"day", media_type=CSV)
    assert files.store(session, b"day", media_type="text/plain") == first
    assert files.find(session, hashlib.sha256(b"day").hexdigest()) == first
    assert count(session) == 1
    assert files.fetch(session, first).media_type == CSV


def test_a_large_plain_file_is_kept_small(session: Session) -> None:
    files.store(session, b"2026-11-24;150000;TTHC1234567894\n" * 30_000, media_type=CSV)
    assert session.scalars(select(func.length(StoredFile.content))).one() < 20_000


def test_a_number_nobody_gave_finds_nothing(session: Session) -> None:
    with pytest.raises(FileNotKept):
        files.fetch(session, 404)


@pytest.mark.parametrize("damage", [b"not compressed", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_a_damaged_file_is_told_not_handed_out(session: Session, damage: bytes) -> None:
    number = files.store(session, b"day", media_type=CSV)
    session.execute(update(StoredFile).values(content=damage))
    session.expire_all()
    with pytest.raises(FileDamaged):
        files.fetch(session, number)


@pytest.mark.committed
def test_many_store_the_same_file_at_once(database: Database) -> None:
    numbers: list[int] = []
    start = threading.Barrier(6)

    def store() -> None:
        start.wait()
        numbers.append(database.write(lambda s: files.store(s, b"day", media_type=CSV)))

    threads = [threading.Thread(target=store) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(numbers) == 6
    assert len(set(numbers)) == 1
    assert database.read(count) == 1


def test_many_files_are_kept_at_once_in_their_order(session: Session) -> None:
    """One that is kept already, or comes twice, has one row."""
    first = files.store(session, b"1", media_type=CSV)
    many = [str(number % 450).encode() for number in range(500)]
    numbers = files.store_all(session, many, media_type=CSV)
    assert [files.fetch(session, number).content for number in numbers] == many
    assert numbers[1] == first
    assert count(session) == 450
    assert files.store_all(session, [], media_type=CSV) == []
