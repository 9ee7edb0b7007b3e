"""Stored files: statements, receipts, photos, kept as received, once, in the database.

A file is known by its SHA-256; the same bytes twice are one row. Content is compressed (zlib).
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import CheckConstraint, UniqueConstraint, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.core.columns import Bytes, Code, Count, Key
from payments.core.database import Row
from payments.core.errors import NotFound, Unavailable

_AT_ONCE: Final = 200


class FileNotKept(NotFound):
    """No file is kept under this number."""

    code = "file_not_found"


class FileDamaged(Unavailable):
    """What is kept is no longer what was received."""

    code = "file_damaged"


class StoredFile(Row):
    """A file as it came: its digest, media type, size in bytes, and compressed content."""

    __tablename__ = "stored_file"
    __table_args__ = (
        UniqueConstraint("sha256"),
        CheckConstraint("size >= 0", name="size"),
        {"sqlite_strict": True},
    )

    id: Mapped[int] = mapped_column(Key(), primary_key=True)
    sha256: Mapped[str] = mapped_column(Code())
    media_type: Mapped[str] = mapped_column(Code())
    size: Mapped[int] = mapped_column(Count())
    content: Mapped[bytes] = mapped_column(Bytes())


@dataclass(frozen=True)
class Kept:
    """A file taken out again: its bytes, media type and SHA-256."""

    content: bytes
    media_type: str
    sha256: str


def store(session: Session, content: bytes, *, media_type: str) -> int:
    """Keeps a file and returns its id; the id it already has if the same bytes are kept.

    The media type is the first one given for these bytes.
    """
    digest = hashlib.sha256(content).hexdigest()
    known = find(session, digest)
    if known is not None:
        return known
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    new = (
        insert(StoredFile)
        .values(
            sha256=digest,
            media_type=media_type,
            size=len(content),
            content=zlib.compress(content, 6),
        )
        .on_conflict_do_nothing(index_elements=[StoredFile.sha256])
        .returning(StoredFile.id)
    )
    kept = session.scalar(new) or find(session, digest)
    if kept is None:
        raise FileNotKept(sha256=digest)
    return kept


def store_all(session: Session, contents: Sequence[bytes], *, media_type: str) -> list[int]:
    """As `store`, for many files by few statements; the ids are in the order of the contents."""
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    known: dict[str, int] = {}
    for start in range(0, len(contents), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        rows = {
            digest: {
                "sha256": digest,
                "media_type": media_type,
                "size": len(content),
                "content": zlib.compress(content, 6),
            }
            for digest, content in zip(digests[part], contents[part], strict=True)
        }
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        session.execute(
            insert(StoredFile).on_conflict_do_nothing(index_elements=[StoredFile.sha256]),
            list(rows.values()),
        )
        found = select(StoredFile.sha256, StoredFile.id).where(StoredFile.sha256.in_(rows))
        known.update((row.sha256, row.id) for row in session.execute(found))
    return [known[digest] for digest in digests]


def find(session: Session, sha256: str) -> int | None:
    """The id of the file with this SHA-256 (lower-case hexadecimal), if it is kept."""
    return session.scalar(select(StoredFile.id).where(StoredFile.sha256 == sha256))


def fetch(session: Session, file_id: int) -> Kept:
    """The file with this id, its digest checked. Raises `FileNotKept` and `FileDamaged`."""
    row = session.get(StoredFile, file_id)
    if row is None:
        raise FileNotKept(id=file_id)
    try:
        content = zlib.decompress(row.content)
    except zlib.error as error:
        raise FileDamaged(id=file_id) from error
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise FileDamaged(id=file_id)
    return Kept(content, row.media_type, row.sha256)
