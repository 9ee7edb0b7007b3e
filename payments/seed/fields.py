"""Reading a seed file strictly: each field of its type, none missing, none too many."""

from __future__ import annotations

import json
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from payments.core.errors import Invalid
from payments.core.money import MOST, Dong

_LONGEST_TEXT: Final = 500
_MOST_BYTES: Final = 8 * 1024 * 1024

Choice = TypeVar("Choice", bound=StrEnum)


class UnreadableSeed(Invalid):
    """A file to fill the service from is not as it must be, at a place and in a field."""

    code = "unreadable_seed"


class Fields:
    """One object of a file, whose fields are read one by one, each of its type."""

    def __init__(self, path: Path, place: str, found: object) -> None:
        self._path, self._place, self._read = path, place, {"_about"}
        if not isinstance(found, dict):
            refuse(path, place, "object")
        self._found: dict[str, Any] = found

    def refuse(self, field: str) -> NoReturn:
        """Raises `UnreadableSeed` for a field."""
        refuse(self._path, self._place, field)

    def no_more(self) -> None:
        """Refuses fields that nobody asked for: most likely a slip of the pen."""
        for name in sorted(set(self._found) - self._read):
            self.refuse(name)

    def text(self, name: str) -> str:
        """A text that is there."""
        value = self._take(name)
        if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_TEXT:
            self.refuse(name)
        return value

    def text_or_none(self, name: str) -> str | None:
        """A text, or null."""
        return None if self._take(name) is None else self.text(name)

    def choice(self, name: str, choices: type[Choice]) -> Choice:
        """One of some codes."""
        value = self.text(name)
        if value not in set(choices):
            self.refuse(name)
        return choices(value)

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._take(name)
        if not isinstance(value, bool):
            self.refuse(name)
        return value

    def count(self, name: str, *, least: int, most: int) -> int:
        """A whole number within a range."""
        value = self._take(name)
        if type(value) is not int or not least <= value <= most:
            self.refuse(name)
        return value

    def amount_or_none(self, name: str, *, least: int) -> Dong | None:
        """Whole đồng, or null."""
        if self._take(name) is None:
            return None
        return Dong(self.count(name, least=least, most=int(MOST)))

    def day(self, name: str) -> date:
        """A day, `YYYY-MM-DD`."""
        try:
            return date.fromisoformat(self.text(name))
        except ValueError:
            self.refuse(name)

    def day_or_none(self, name: str) -> date | None:
        """A day, or null."""
        return None if self._take(name) is None else self.day(name)

    def nothing(self, name: str) -> None:
        """Null, and nothing else."""
        if self._take(name) is not None:
            self.refuse(name)

    def part(self, name: str) -> Fields:
        """An object inside this one."""
        return Fields(self._path, f"{self._place}/{name}", self._take(name))

    def parts(self, name: str) -> list[Fields]:
        """A list of objects inside this one, at least one."""
        return self.any_parts(name) or self.refuse(name)

    def any_parts(self, name: str) -> list[Fields]:
        """A list of objects inside this one, perhaps none."""
        value = self._take(name)
        if not isinstance(value, list):
            self.refuse(name)
        place = name if self._place == "top" else f"{self._place}/{name}"
        return [Fields(self._path, f"{place}/{at}", each) for at, each in enumerate(value)]

    def _take(self, name: str) -> Any:
        if name not in self._found:
            self.refuse(name)
        self._read.add(name)
        return self._found[name]


def content(path: Path) -> bytes:
    """The bytes of a file. Raises `UnreadableSeed`."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UnreadableSeed(file=path.name, place="-", field=error.strerror) from error
    if len(raw) > _MOST_BYTES:
        refuse(path, "file", "size")
    return raw


def json_of(path: Path, raw: bytes) -> object:
    """The JSON document that a file's bytes are. Raises `UnreadableSeed`."""
    try:
        text = raw.decode("utf-8-sig")
        found: object = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        refuse(path, "file", "json")
    return found


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field twice")
    return found


def refuse(path: Path, place: str, field: str) -> NoReturn:
    """Raises `UnreadableSeed`."""
    raise UnreadableSeed(file=path.name, place=place, field=field)
