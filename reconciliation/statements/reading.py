"""A statement file read whole, before anything of it is stored.

Reading needs no database: it parses, seals the payers, finds the references and gives each line
its identity, so that the unit of work that stores the lines is short.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

from payments import credits, payouts, references
from payments.advice import Direction
from payments.core import calendar
from payments.core.errors import Invalid
from payments.core.money import Dong
from payments.core.vault import Vault
from reconciliation import formats
from reconciliation.formats import End, Line, Part, Start
from reconciliation.formats.refusals import NotAStatement, visible

_MIDNIGHT: Final = time(0)
_DIGEST: Final = 32
_TOLD_EVERY: Final = 1_000


MOST_BYTES: Final = 64 << 20
"""The largest file that is taken: about 100,000 lines of CAMT.053."""


class StatementTooLarge(Invalid):
    """A file larger than any statement of a day; `size` and `most` are bytes."""

    code = "statement_too_large"


class EmptyFile(Invalid):
    """A file that holds no statement."""

    code = "empty_statement_file"


class FileWithoutBytes(EmptyFile):
    """A file that was cut before its first byte; `name` is its own."""

    code = "statement_file_without_bytes"


class StatementWithoutDays(Invalid):
    """A statement that names no period and has no line: it says nothing of any day."""

    code = "statement_without_days"


@dataclass(frozen=True, slots=True)
class Received:
    """A file as it came."""

    content: bytes = field(repr=False)
    filename: str

    @property
    def sha256(self) -> str:
        """The digest by which the same file is known again."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Read:
    """One statement of a file: `lines` are rows ready to be stored, still without numbers.

    `found` holds the references of each line: for every code its kind.
    """

    start: Start
    end: End
    from_day: date
    to_day: date
    lines: Sequence[dict[str, Any]] = field(repr=False)
    found: Sequence[Mapping[str, str]] = field(repr=False)
    layout_id: int | None = None
    """The saved layout it was read by."""


@dataclass(frozen=True, slots=True)
class Layouts:
    """The layouts of sheets beside our own, in TOML, and which saved one each name stands for."""

    described: str = ""
    saved: Mapping[str, int] = field(default_factory=dict)


NO_FURTHER: Final = Layouts()


def read(
    received: Received,
    *,
    vault: Vault,
    prefix: str,
    ours: Collection[str] = (),
    in_format: str | None = None,
    layouts: Layouts = NO_FURTHER,
    tell: Callable[[int], None] | None = None,
) -> list[Read]:
    """Every statement in the file, in its order, for booking.

    Raises what `look` raises, and `NotAStatement` for a message that only tells of the day.
    """
    statements = look(
        received,
        vault=vault,
        prefix=prefix,
        ours=ours,
        in_format=in_format,
        layouts=layouts,
        tell=tell,
    )
    for message in filter(None, (one.start.message for one in statements)):
        raise NotAStatement(line=1, message=message)
    return statements


def look(
    received: Received,
    *,
    vault: Vault,
    prefix: str,
    ours: Collection[str] = (),
    in_format: str | None = None,
    layouts: Layouts = NO_FURTHER,
    tell: Callable[[int], None] | None = None,
) -> list[Read]:
    """What the file says, to be shown.

    `prefix` is that of our reference codes, `ours` are those of our virtual accounts, `layouts`
    further layouts of sheets. `tell` hears, now and then, how many bytes have been read. Raises
    `UnreadableFile` with line and reason, `WrongLayout`, `OtherCurrency`, `EmptyFile` or
    `StatementWithoutDays`.
    """
    if not received.content:
        raise FileWithoutBytes(name=visible(received.filename))
    stream = io.BytesIO(received.content)
    parts = formats.read(
        stream, format=in_format, filename=received.filename, layouts=layouts.described
    )
    statements = [
        _statement(start, lines, end, vault=vault, prefix=prefix, ours=ours, layouts=layouts)
        for start, lines, end in _whole(_heard(parts, stream, tell))
    ]
    if not statements:
        raise EmptyFile(filename=visible(received.filename))
    return statements


def _heard(
    parts: Iterable[Part], stream: io.BytesIO, tell: Callable[[int], None] | None
) -> Iterator[Part]:
    for place, part in enumerate(parts):
        if tell is not None and place % _TOLD_EVERY == 0:
            tell(stream.tell())
        yield part


def _whole(parts: Iterable[Part]) -> Iterable[tuple[Start, list[Line], End]]:
    start: Start | None = None
    lines: list[Line] = []
    for part in parts:
        if isinstance(part, Start):
            start, lines = part, []
        elif isinstance(part, Line):
            lines.append(part)
        elif start is not None:
            yield start, lines, part


def _statement(
    start: Start,
    lines: Sequence[Line],
    end: End,
    *,
    vault: Vault,
    prefix: str,
    ours: Collection[str],
    layouts: Layouts,
) -> Read:
    formats.in_dong(Decimal(0), currency=start.currency)
    moving = [line for line in lines if line.amount]
    paid_to = [references.of_virtual_account(line.virtual_account, ours, prefix) for line in moving]
    found = [
        references.find(line.memo, prefix) if named is None else [named]
        for line, named in zip(moving, paid_to, strict=True)
    ]
    rows = [
        _row(
            line,
            code=credits.code_of((one.code, one.kind) for one in some),
            virtual_account=None if named is None else line.virtual_account,
            vault=vault,
        )
        for line, some, named in zip(moving, found, paid_to, strict=True)
    ]
    _count(rows)
    from_day, to_day = _period(start, lines, end)
    return Read(
        start,
        end,
        from_day,
        to_day,
        lines=rows,
        found=[{one.code: one.kind.value for one in some} for some in found],
        layout_id=layouts.saved.get(start.format),
    )


def _period(start: Start, lines: Sequence[Line], end: End) -> tuple[date, date]:
    days = [line.day for line in lines]
    days += [day for day in (start.from_day, start.to_day, end.to_day) if day is not None]
    if not days:
        raise StatementWithoutDays
    return min(days), max(days)


def _row(
    line: Line, *, code: str | None, virtual_account: str | None, vault: Vault
) -> dict[str, Any]:
    booked_at = line.booked_at or calendar.at(line.day, _MIDNIGHT)
    balance = line.balance
    return {
        "number": line.number,
        "day": line.day,
        "value_day": line.value_day,
        "booked_at": booked_at,
        "timed": line.booked_at is not None,
        "direction": (Direction.CREDIT if line.credit else Direction.DEBIT).value,
        "amount": formats.in_dong(line.amount, currency=line.currency),
        "balance": None if balance is None else Dong(int(balance)),
        "bank_reference": line.bank_reference,
        "memo": line.memo,
        "code": code,
        "virtual_account": virtual_account,
        "payout_code": payouts.find_code(line.memo),
        "payer_key": credits.payer_key(line.payer_account, vault=vault),
        "payer": credits.sealed_payer(line.payer_account, line.payer_name, vault=vault),
        "counterparty": "".join(c for c in (line.payer_account or "").upper() if c.isalnum()),
        "reversal": line.reversal,
        "reverses": line.reverses,
        "identity": identity(line, booked_at=booked_at),
        "extractor": references.VERSION,
    }


def identity(line: Line, *, booked_at: datetime) -> str:
    """What a line is known by in another file of the same account and format.

    The bank's own id where the format declares it stable, else all the bank says of the movement:
    when, how much, the memo as received, and the running balance if given.
    """
    sign = "+" if line.credit else "-"
    told = (
        (line.day.isoformat(), "id", line.stable_id)
        if line.stable_id is not None
        else (
            line.day.isoformat(),
            booked_at.isoformat(),
            f"{sign}{line.amount}",
            line.memo,
            "" if line.balance is None else str(line.balance),
        )
    )
    return hashlib.sha256("\x1f".join(told).encode()).hexdigest()[:_DIGEST]


def _count(rows: Sequence[dict[str, Any]]) -> None:
    """Numbers lines of equal identity within the file: genuine repeats stay."""
    seen: Counter[str] = Counter()
    for row in rows:
        seen[row["identity"]] += 1
        row["occurrence"] = seen[row["identity"]]
